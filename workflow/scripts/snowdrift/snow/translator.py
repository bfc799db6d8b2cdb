"""The interface of all ways of making winter: a picture goes in, its winter version of the same size comes out."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import torch
from PIL import Image

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.sections import read_section
from snowdrift.runtime.weights import read_weights, write_weights
from snowdrift.snow.names import translator_modules
from snowdrift.snow.networks.generator import Generator
from snowdrift.snow.networks.inference import accelerated, translate
from snowdrift.snow.pixels import to_picture, to_tensor


class Frame(NamedTuple):
    """Where a picture comes from, for translators whose winter differs from video to video."""

    frame_id: str
    video: str


Translate = Callable[[Sequence[Image.Image], Sequence[Frame]], list[Image.Image]]
"""Makes winter versions of RGB pictures, each of its own size, in their order."""


class Translator(ABC):
    """A way of making winter.

    One of your own derives from this, in a module of its own name in `translators/`, and takes its settings from the
    config section of that name; `matched` is a short example.

    Attributes:
        name: as in the config, and of the module.
        settings_type: frozen dataclass of its settings, whose names and types are checked.
        at_network_size: whether it gets pictures at `winterize.size`, or always at their own.
        settings: an instance of `settings_type`.
        seed: the study's, for what is random in a picture.
    """

    name: ClassVar[str]
    settings_type: ClassVar[type]
    at_network_size: ClassVar[bool] = False
    settings: Any
    seed: int

    def __init__(self, settings: Any, seed: int) -> None:
        self.settings, self.seed = settings, seed

    @classmethod
    def from_config(cls, section: Mapping[str, Any], seed: int) -> Self:
        """One that has learned nothing yet.

        Raises:
            SnowdriftError: a setting is missing, unknown, of another type, or out of its range.
        """
        return cls(read_section(cls.settings_type, section, cls.name), seed)

    def fit(self, style: Sequence[Path]) -> None:  # noqa: B027, most have nothing to learn
        """Learn from style pictures what `state` holds.

        Args:
            style: paths of the pictures that this study's translators learn from.
        """

    def state(self) -> dict[str, Any]:
        """What it has learned: tensors, numbers and texts by name."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Take over what `state` gave."""

    def save(self, path: Path | str) -> None:
        """Write what it has learned."""
        write_weights(self.state(), path)

    def load(self, path: Path | str) -> None:
        """Read what `save` wrote.

        Raises:
            SnowdriftError: no such file, or not one of this translator.
        """
        hint = "delete the file and run again: the workflow makes it again"
        content = read_weights(path, hint)
        try:
            self.restore(content)
        except (KeyError, TypeError, AttributeError) as error:
            raise SnowdriftError(
                f"{path}: was not made by the translator {self.name}: {error}", hint
            ) from error

    @property
    def batch_size(self) -> int:
        """Pictures that `start` wants at a time, if there are so many of one size."""
        return 1

    @abstractmethod
    def start(self, device: torch.device) -> Translate:
        """What makes winter; several threads call it at a time, each on one core.

        Args:
            device: the job's, for translators that compute on it.
        """


class NetworkTranslator(Translator):
    """A translator that is one network from pictures to pictures, which a GPU may run in batches.

    Attributes:
        network: (n, 3, h, w) in [-1, 1] to the same, in evaluation mode, in float32, on the CPU; it has the attribute
            `stride`, which sides are padded to a multiple of.
    """

    at_network_size: ClassVar[bool] = True
    network: Generator

    def start(self, device: torch.device) -> Translate:
        """Run the network, on the CPU, on one picture after the other."""
        network = accelerated(self.network)

        def make(pictures: Sequence[Image.Image], frames: Sequence[Frame]) -> list[Image.Image]:
            return [to_picture(translate(network, to_tensor(picture)[None])[0]) for picture in pictures]

        return make


@dataclass(frozen=True)
class NoSettings:
    """Nothing: what a trained translator is made with is the settings of its training, and its weights say the rest."""


class TrainedTranslator(NetworkTranslator):
    """A network that a rule of its own trains, or that a weight file gives; its subclass reads such a file.

    Attributes:
        generator: what the weight files call it, as in `<epoch>_net_<generator>.pth`.
    """

    settings_type: ClassVar[type] = NoSettings
    generator: ClassVar[str]

    @classmethod
    def from_config(cls, section: Mapping[str, Any], seed: int) -> Self:
        """One without its network, which `load` reads; the section is that of its training."""
        return cls(NoSettings(), seed)

    def save(self, path: Path | str) -> None:
        """Write the network's weights."""
        write_weights(self.network.state_dict(), path)


def load_translator(name: str) -> type[Translator]:
    """The class of that name.

    Raises:
        SnowdriftError: there is none.
    """
    modules = translator_modules()
    if name not in modules:
        raise SnowdriftError(f"there is no translator {name}", f"there are {', '.join(modules)}")
    module = importlib.import_module("snowdrift." + modules[name].replace("/", "."))
    for each in vars(module).values():
        if isinstance(each, type) and issubclass(each, Translator) and getattr(each, "name", "") == name:
            return each
    raise SnowdriftError(
        f'{module.__file__}: no class with `name = "{name}"` is a Translator',
        "derive it from snowdrift.snow.translator.Translator, as matched.py does",
    )

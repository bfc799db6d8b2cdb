"""The CycleGAN as a translator: the generator that the training, or a file of the user's, gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from snowdrift.snow.translator import NetworkTranslator
from snowdrift.snow.translators.cyclegan.weights import load_generator


@dataclass(frozen=True)
class Settings:
    """Nothing: its config section is that of its training, and the weights say how large the generator is."""


class CycleGANTranslator(NetworkTranslator):
    """Zhu et al., ICCV 2017, arXiv:1703.10593, with weights of the reference's names."""

    name = "cyclegan"
    settings_type = Settings

    @classmethod
    def from_config(cls, section: Mapping[str, Any], seed: int) -> Self:
        """One without its generator, which `load` reads."""
        return cls(Settings(), seed)

    def load(self, path: Path | str) -> None:
        """Read a generator, see `weights.load_generator`."""
        self.network = load_generator(path)

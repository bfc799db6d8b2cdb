"""What a model of X-rays is: it trains on images and makes new ones."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from snowdrift.runtime.devices import memory_limit
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.resume import JobState
from snowdrift.runtime.sections import read_section
from snowdrift.runtime.seeds import derive_seed
from snowdrift.runtime.weights import load_weights, read_weights, write_weights

_SAMPLE_BATCH = 64


class GenerativeModel(ABC):
    """A model of square images: `train` on real ones, `sample` new ones.

    A model of your own derives from this, in a module of its own name in this folder, and takes its config section as
    keyword arguments of `settings_type`; `pca` is a short example.

    Attributes:
        name: as in the config, and of the module.
        settings_type: frozen dataclass of the model's settings, with at least image_size, channels, latent_size and
            epochs. Their names and types are checked, and its `__post_init__` may raise a SnowdriftError.
        settings: an instance of it.
        network: what makes images of latent vectors, (n, latent_size) to (n, c, h, w).
        device: where it computes.
    """

    name: ClassVar[str]
    settings_type: ClassVar[type]
    settings: Any
    network: nn.Module
    device: torch.device

    @abstractmethod
    def __init__(self, settings: Any, *, seed: int, device: torch.device) -> None:
        """Initial weights, drawn from `seed`."""

    @classmethod
    def from_config(cls, section: Mapping[str, Any], *, seed: int, device: torch.device) -> Self:
        """An untrained model with the settings of its config section, see `check`."""
        return cls(cls.check(section), seed=seed, device=device)

    @classmethod
    def check(cls, section: Mapping[str, Any]) -> Any:
        """The model's settings, of `settings_type`, from its config section.

        Raises:
            SnowdriftError: a setting is missing, unknown or of another type.
        """
        return read_section(cls.settings_type, section, f"xray.{cls.name}")

    @abstractmethod
    def train(
        self,
        images: Tensor,
        *,
        seed: int,
        after_epoch: Callable[[Mapping[str, float]], None] = lambda row: None,
        state: JobState | None = None,
    ) -> pd.DataFrame:
        """Learn from real images.

        Args:
            images: (n, channels, image_size, image_size) uint8.
            seed: of the order of the images and of all noise.
            after_epoch: called with each finished epoch's row.
            state: what a killed training continues from, to the same result; saved after an epoch when it is due.

        Returns:
            One row an epoch: epoch, one column for each loss, seconds.

        Raises:
            SnowdriftError: too few images, losses that are no longer finite, or too little memory.
        """

    @torch.no_grad()
    def sample(self, n: int, seed: int) -> Tensor:
        """Make `n` images, (n, channels, image_size, image_size) float32 in [-1, 1], on the CPU.

        The first m of n images do not depend on n: a small sample is the beginning of a large one.
        """
        random = np.random.default_rng(derive_seed(seed, "latents"))
        latents = torch.from_numpy(random.standard_normal((n, self.settings.latent_size), np.float32))
        self.network.eval()
        # Always whole batches, because a kernel may sum in another order for another batch size.
        padding = -n % _SAMPLE_BATCH
        batches = torch.cat([latents, latents.new_zeros(padding, latents.shape[1])]).split(_SAMPLE_BATCH)
        images = [self.network(batch.to(self.device)).cpu() for batch in batches]
        return torch.cat(images)[:n].clamp(-1, 1)

    def save(self, path: Path) -> None:
        """Write the weights of `network`."""
        write_weights(self.network.state_dict(), path)

    def load(self, path: Path) -> None:
        """Read what `save` wrote, from a model with the same settings.

        Raises:
            SnowdriftError: no weight file, or one of another architecture.
        """
        hint = f"delete the file and run again: the workflow trains the {self.name} again"
        load_weights(self.network, read_weights(path, hint), path, hint)

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """Say which settings to lower where the device's memory does not do."""
        what = f"xray.{self.name}: a batch of {self.settings.batch_size} images"
        with memory_limit(what, f"lower xray.{self.name}.batch_size or xray.{self.name}.image_size"):
            yield


def check_batch(name: str, batch_size: int, images: Tensor) -> None:
    """Raise a SnowdriftError where there are fewer images than a training step takes."""
    if len(images) < batch_size:
        raise SnowdriftError(
            f"xray.{name}.batch_size is {batch_size}, but there are {len(images)} training images",
            f"lower xray.{name}.batch_size",
        )


def check_losses(name: str, row: Mapping[str, float]) -> None:
    """Raise a SnowdriftError where a loss of this epoch is not finite."""
    broken = [key for key, value in row.items() if not np.isfinite(value)]
    if broken:
        raise SnowdriftError(
            f"the training of {name} failed in epoch {row['epoch']}: {', '.join(broken)} is no longer finite",
            f"lower xray.{name}.learning_rate",
        )

"""What a score looks at: a network's features and class logits of images."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

_BATCH = 64


class Features(NamedTuple):
    """Of n images: `features`, (n, d) float64, and `logits`, (n, classes) float64."""

    features: np.ndarray
    logits: np.ndarray


class Extractor(Protocol):
    """A network that turns images into `Features`.

    Attributes:
        name: as in the config, `scores.extractors`.
    """

    name: str

    def extract(self, images: Tensor) -> Features:
        """Features of (n, 1 or 3, h, w) uint8 images."""
        ...


@torch.no_grad()
def in_batches(
    images: Tensor, compute: Callable[[Tensor], tuple[Tensor, Tensor]], device: torch.device
) -> Features:
    """Run `compute`, which gives features and logits of a batch, over all images."""
    parts = [compute(batch.to(device)) for batch in images.split(_BATCH)]
    features, logits = (torch.cat(part).double().cpu().numpy() for part in zip(*parts, strict=True))
    return Features(features, logits)

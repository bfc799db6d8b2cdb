"""Unpaired training images: a content image (summer frame) and a random style image (snow photograph)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.runtime.seeds import derive_seed
from snowdrift.snow.pixels import to_tensor


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes a training image.

    Attributes:
        resize: `square` scales both sides to `load_size` and loses the aspect, as the study did; `short_side`
            scales the shorter side to it and keeps the aspect.
        load_size: side after scaling, in pixels.
        crop_size: side of the random square crop, in pixels; at most `load_size`.
    """

    resize: str
    load_size: int
    crop_size: int

    def scaled_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height after scaling."""
        if self.resize == "square":
            return self.load_size, self.load_size
        factor = self.load_size / min(width, height)
        return max(self.load_size, round(width * factor)), max(self.load_size, round(height * factor))

    def crop(self, image: Image.Image, generator: torch.Generator) -> Image.Image:
        """Bicubic scaling, a random crop, and a mirror image half of the time."""
        image = image.resize(self.scaled_size(*image.size), Image.Resampling.BICUBIC)
        left = int(torch.randint(image.width - self.crop_size + 1, (), generator=generator))
        top = int(torch.randint(image.height - self.crop_size + 1, (), generator=generator))
        image = image.crop((left, top, left + self.crop_size, top + self.crop_size))
        mirrored = torch.rand((), generator=generator) < 0.5
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image


class UnpairedImages(Dataset[tuple[Tensor, Tensor]]):
    """Pairs of a content and a style image; an epoch is as long as the longer list.

    Item i takes content image i and a random style image. All that is random in an item follows from the seed,
    the epoch (`set_epoch`) and i, so neither the number of loader processes nor the order matters.

    Args:
        content: paths of domain A.
        style: paths of domain B.
        preprocessing: scaling and crop, the same for both.
        seed: of the crops and the pairing.
    """

    def __init__(
        self, content: Sequence[Path], style: Sequence[Path], preprocessing: Preprocessing, seed: int
    ) -> None:
        self.content, self.style = list(content), list(style)
        self.preprocessing, self.seed, self.epoch = preprocessing, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Draw other crops and pairs from now on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return max(len(self.content), len(self.style))

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Two float32 tensors (3, crop_size, crop_size) in [-1, 1]."""
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "item", self.epoch, index))
        partner = int(torch.randint(len(self.style), (), generator=generator))
        paths = self.content[index % len(self.content)], self.style[partner]
        content, style = (to_tensor(self.preprocessing.crop(open_picture(path), generator)) for path in paths)
        return content, style

    def require_readable(self) -> None:
        """Decode every picture once.

        Raises:
            SnowdriftError: names the first that has gone or broken since it was indexed.
        """
        for path in (*self.content, *self.style):
            open_picture(path)

    def order(self) -> list[int]:
        """This epoch's random order of all items."""
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "order", self.epoch))
        return torch.randperm(len(self), generator=generator).tolist()

"""A fixed set of pictures, translated after each snapshot, so that progress can be seen by eye."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.selection import evenly
from snowdrift.runtime.files import atomic_path
from snowdrift.snow.networks.resnet import ResnetGenerator
from snowdrift.snow.pixels import to_picture, to_tensor
from snowdrift.snow.unpaired import UnpairedImages

if TYPE_CHECKING:
    from snowdrift.snow.unpaired_training import UnpairedModel


class FixedSamples:
    """Evenly spaced content and style images, scaled as in training and cut only to what the network takes.

    Args:
        images: the training images.
        count: of each domain.
    """

    def __init__(self, images: UnpairedImages, count: int = 4) -> None:
        self.summer = [self._whole(images, path) for path in evenly(images.content, count)]
        self.winter = [self._whole(images, path) for path in evenly(images.style, count)]

    @staticmethod
    def _whole(images: UnpairedImages, path: Path) -> Tensor:
        picture = open_picture(path)
        picture = picture.resize(images.preprocessing.scaled_size(*picture.size), Image.Resampling.BICUBIC)
        stride = ResnetGenerator.stride
        width, height = (side - side % stride for side in picture.size)
        return to_tensor(picture.crop((0, 0, width, height)))

    @torch.no_grad()
    def write_sheet(self, path: Path, model: "UnpairedModel") -> None:
        """One row a picture with what the model makes of it: summer frames, and below them the snow photographs."""
        rows = [_row(image, model, summer=True) for image in self.summer]
        rows += [_row(image, model, summer=False) for image in self.winter]
        rows = [row for row in rows if row]
        columns = max(map(len, rows))
        width = columns * max(row[0].width for row in rows)
        sheet = Image.new("RGB", (width, sum(row[0].height for row in rows)), "white")
        top = 0
        for row in rows:
            for column, picture in enumerate(row):
                sheet.paste(picture, (column * width // columns, top))
            top += row[0].height
        with atomic_path(path) as temporary:
            sheet.save(temporary, quality=90)


def _row(image: Tensor, model: "UnpairedModel", *, summer: bool) -> list[Image.Image]:
    return [to_picture(step[0]) for step in model.sheet_row(image[None].to(model.device), summer=summer)]

"""A fixed set of pictures, translated after each snapshot, so that progress can be seen by eye."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from snowdrift.data.pictures import open_picture
from snowdrift.data.selection import evenly
from snowdrift.runtime.files import atomic_path
from snowdrift.snow.networks.resnet import ResnetGenerator
from snowdrift.snow.pixels import to_picture, to_tensor
from snowdrift.snow.unpaired import UnpairedImages


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
    def write_sheet(self, path: Path, g_a: nn.Module, g_b: nn.Module, device: torch.device) -> None:
        """One row a picture: summer, its winter, and back again; below them the snow photographs likewise."""
        rows = [_cycle(image, g_a, g_b, device) for image in self.summer]
        rows += [_cycle(image, g_b, g_a, device) for image in self.winter]
        width = 3 * max(row[0].width for row in rows)
        sheet = Image.new("RGB", (width, sum(row[0].height for row in rows)), "white")
        top = 0
        for row in rows:
            for column, picture in enumerate(row):
                sheet.paste(picture, (column * width // 3, top))
            top += row[0].height
        with atomic_path(path) as temporary:
            sheet.save(temporary, quality=90)


def _cycle(image: Tensor, there: nn.Module, back: nn.Module, device: torch.device) -> list[Image.Image]:
    """The picture, its translation, and the translation's way back."""
    translated = there(image[None].to(device))
    return [to_picture(step) for step in (image, translated[0], back(translated)[0])]

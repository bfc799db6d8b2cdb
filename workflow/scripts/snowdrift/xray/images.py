"""X-rays as arrays: read to squares, scaled between uint8 and [-1, 1], laid out on sheets."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate, pad

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.runtime.files import atomic_path

SHEET_COLUMNS = 10
_GAP = 2


def load_images(paths: Sequence[Path], size: int, channels: int = 1) -> Tensor:
    """Read X-rays as gray, each stretched to a square whole, since the lungs reach the picture's borders.

    Args:
        paths: the files.
        size: side, in pixels.
        channels: 1, or 3 equal ones.

    Returns:
        (n, channels, size, size) uint8.

    Raises:
        SnowdriftError: a file has gone or broken since it was indexed.
    """
    gray = np.stack([_load_gray(path, size) for path in paths])
    return torch.from_numpy(gray)[:, None].repeat(1, channels, 1, 1)


def _load_gray(path: Path, size: int) -> np.ndarray:
    # Twice the size is left for the filter.
    gray = open_picture(path, "L", at_least=(2 * size, 2 * size))
    return np.asarray(gray.resize((size, size), Image.Resampling.BICUBIC))


def to_float(images: Tensor) -> Tensor:
    """uint8 in [0, 255] to float32 in [-1, 1], the range of tanh."""
    return images.float() / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """Floats in [-1, 1] to uint8, rounded."""
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def resize_images(images: Tensor, size: int) -> Tensor:
    """(n, c, h, w) uint8 to (n, c, size, size), bicubic and antialiased; as they are where they fit."""
    if images.shape[-2:] == (size, size):
        return images
    resized = interpolate(images.float(), (size, size), mode="bicubic", antialias=True)
    return resized.round().clamp(0, 255).to(torch.uint8)


def to_picture(image: Tensor) -> Image.Image:
    """One (1 or 3, h, w) uint8 image as a Pillow picture, gray or RGB."""
    array = image.permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def write_sheet(images: Tensor, path: Path) -> None:
    """Write (n, c, h, w) uint8 images as one PNG, ten to a row."""
    save_png(_grid(images, min(SHEET_COLUMNS, len(images))), path)


def _grid(images: Tensor, columns: int) -> Tensor:
    """One (c, h, w) image of all, with white gaps. By hand: to import torchvision takes a job 5 seconds."""
    rows = -(-len(images) // columns)
    framed = pad(images, (_GAP, 0, _GAP, 0), value=255)
    framed = pad(framed, (0, 0, 0, 0, 0, 0, 0, rows * columns - len(images)), value=255)
    _, channels, height, width = framed.shape
    grid = framed.view(rows, columns, channels, height, width).permute(2, 0, 3, 1, 4)
    return pad(grid.reshape(channels, rows * height, columns * width), (0, _GAP, 0, _GAP), value=255)


def save_png(image: Tensor, path: Path) -> None:
    """Write one (c, h, w) uint8 image, atomically."""
    buffer = io.BytesIO()
    to_picture(image).save(buffer, format="PNG")
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())

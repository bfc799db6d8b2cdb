"""How every job opens a picture with Pillow: upright, and as RGB or gray."""

import io
from pathlib import Path

from PIL import Image

from snowdrift.data.decoding.orientation import stored_orientation, turn
from snowdrift.runtime.errors import SnowdriftError

FORMATS = ("JPEG", "PNG")


def open_picture(path: Path | str, mode: str = "RGB", at_least: tuple[int, int] | None = None) -> Image.Image:
    """Decode a picture, upright.

    Args:
        path: the file, JPEG or PNG.
        mode: Pillow's name for the pixels: `RGB`, or `L` for gray.
        at_least: width and height in pixels that suffice. A JPEG file then decodes at a half, a quarter or an
            eighth of its size, but not below this.

    Raises:
        SnowdriftError: it is not there, or cannot be decoded.
    """
    try:
        return decode_picture(Path(path).read_bytes(), mode, at_least)
    except (OSError, SyntaxError, ValueError) as error:
        raise SnowdriftError(
            f"{path}: cannot be read as a picture any more: {error}",
            "it has changed since it was indexed or made: restore it, or delete it if the workflow made it, "
            "and run again",
        ) from error


def decode_picture(data: bytes, mode: str = "RGB", at_least: tuple[int, int] | None = None) -> Image.Image:
    """Decode the bytes of a picture, upright, as `open_picture` does; errors are Pillow's own."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if at_least:
            image.draft(image.mode, at_least)
        return turn(image.convert(mode), stored_orientation(data))

"""Does a picture decode from its first to its last byte?"""

import io
import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
MIN_SIDE = 10
"""Smallest side in pixels: the detector refuses anything below."""
MAX_PIXELS = 89_000_000
"""Most pixels of a picture: below Pillow's own decompression-bomb limit, ten times an 8-megapixel frame."""
MAX_BYTES = 256 * 1024**2
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "YCbCr", "CMYK"})
_ORIENTATION = 274
_JPEG_START, _JPEG_END, _PNG_START = b"\xff\xd8\xff", b"\xff\xd9", b"\x89PNG\r\n\x1a\n"


class FaultyFile(Exception):
    """One file that is left out of the study, with its reason.

    A reason is written "kind" or "kind: detail"; summaries count by kind.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fault_kind(reason: str) -> str:
    """The part of a reason that is the same for every file with this fault."""
    return reason.split(":", 1)[0]


def probe_image(path: Path, *, upright: bool = True) -> tuple[int, int]:
    """Decode a JPEG or PNG file completely and return its width and height in pixels.

    JPEG files are decoded at an eighth of their size: the whole compressed stream is still read, so a missing
    tail is found, at about half the time.

    Args:
        path: The picture.
        upright: Also refuse a picture that is only turned upright by its EXIF orientation. Boxes and pixels
            would disagree, because some libraries turn such a picture and others do not.

    Raises:
        FaultyFile: Empty, truncated, damaged, no picture, or of an impossible size or pixel format.
    """
    data = _read(path)
    # Checked first, because a copy that broke off may end in zeros, which some decoders take for grey pixels.
    if data.startswith(_JPEG_START) and _JPEG_END not in data:
        raise FaultyFile("is truncated: no end-of-image marker")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
    except Image.DecompressionBombError:
        raise FaultyFile(f"is too large: more than {MAX_PIXELS // 10**6} million pixels") from None
    except UnidentifiedImageError:
        if data.startswith((_JPEG_START, _PNG_START)):
            raise FaultyFile("is damaged: its header cannot be read") from None
        raise FaultyFile("is not an image: neither JPEG nor PNG") from None
    except Exception as error:  # a decoder fed with damaged bytes may raise anything
        raise _decoding_fault(error) from error
    with image:
        _check_header(image, upright)
        size = image.size
        image.draft("L", (1, 1))
        try:
            image.load()
            if image.format == "PNG":  # checksums, which loading leaves aside
                Image.open(io.BytesIO(data), formats=("PNG",)).verify()
        except Exception as error:
            raise _decoding_fault(error) from error
    return size


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size == 0:
            raise FaultyFile("is empty (0 bytes)")
        if size > MAX_BYTES:
            raise FaultyFile(f"is too large: more than {MAX_BYTES // 1024**2} MB")
        return path.read_bytes()
    except OSError as error:
        raise FaultyFile(f"cannot be read: {error.strerror}") from error


def _check_header(image: Image.Image, upright: bool) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise FaultyFile(f"is too large: {width}x{height}, more than {MAX_PIXELS // 10**6} million pixels")
    if min(width, height) < MIN_SIDE:
        raise FaultyFile(f"is too small: {width}x{height}, at least {MIN_SIDE}x{MIN_SIDE} is needed")
    if image.mode not in _MODES:
        raise FaultyFile(f"has an unsupported pixel format: {image.mode}, 8 bits per channel are needed")
    if upright and (orientation := _orientation(image)) > 1:
        raise FaultyFile(f"is stored turned: EXIF orientation {orientation}, turn the pixels themselves")


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF data say nothing about the orientation, and the pixels may be sound
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _decoding_fault(error: Exception) -> FaultyFile:
    text = " ".join(str(error).split()) or type(error).__name__
    return FaultyFile(f"is {'truncated' if 'truncated' in text.lower() else 'damaged'}: {text}")

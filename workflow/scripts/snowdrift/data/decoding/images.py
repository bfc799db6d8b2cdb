"""What a picture is: its size, how it is stored, and whether all of it is there for every later reader."""

import io
import warnings
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from snowdrift.data.decoding import jpeg, png
from snowdrift.data.decoding.containers import JPEG_START, PNG_START
from snowdrift.data.decoding.orientation import UNCLEAR, UPRIGHT, stored_orientation
from snowdrift.data.decoding.pictures import FORMATS, decode_picture
from snowdrift.data.decoding.readers import decode_with_opencv, find_disagreement

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
MIN_SIDE = 10
"""Smallest side in pixels: the detector refuses anything below."""
MAX_PIXELS = 89_000_000
"""Most pixels of a picture: below Pillow's own decompression-bomb limit, ten times an 8-megapixel frame."""
MAX_BYTES = 256 * 1024**2
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "YCbCr", "CMYK"})
_TURNED_SIDEWAYS = 5


class Picture(NamedTuple):
    """A picture that every reader can read, and reads alike."""

    width: int
    """In pixels, as stored."""
    height: int
    orientation: int
    """How it is stored, 1 to 8 as EXIF counts; 1 is upright."""
    mode: str
    """Pillow's name for its pixels, such as RGB or L."""

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height once it is turned upright, as `open_picture` does."""
        if self.orientation >= _TURNED_SIDEWAYS:
            return self.height, self.width
        return self.width, self.height


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


def probe_image(path: Path) -> Picture:
    """Read a JPEG or PNG file to its last byte and say what it is.

    The jobs read it with Pillow, the detector with OpenCV. A picture of a common kind is known to be the same for
    both. Any other is decoded by both and compared.

    Args:
        path: The picture.

    Raises:
        FaultyFile: Empty, truncated, damaged, no picture, of an impossible size or pixel format, or not the same
            picture for every reader.
    """
    data = _read(path)
    if data.startswith(JPEG_START):
        return _probe_jpeg(data)
    if data.startswith(PNG_START):
        return _probe_png(data)
    raise FaultyFile("is not an image: neither JPEG nor PNG")


def require_upright(picture: Picture) -> None:
    """Refuse a picture that is only turned upright by its EXIF orientation: its boxes may mean either way.

    Raises:
        FaultyFile: It is stored turned.
    """
    if picture.orientation != UPRIGHT:
        raise FaultyFile(
            f"is stored turned: EXIF orientation {picture.orientation}, turn the pixels themselves"
        )


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


def _probe_jpeg(data: bytes) -> Picture:
    layout = jpeg.read_layout(data)
    if not layout.ended:
        raise FaultyFile("is truncated: no end-of-image marker")
    size, mode = _read_header(data)
    verdict = jpeg.find_fault(data, layout)
    if verdict.fault:
        raise FaultyFile(verdict.fault)
    common = verdict.sure and jpeg.is_common(data, layout)
    return Picture(*size, _agreed_orientation(data, common), mode)


def _probe_png(data: bytes) -> Picture:
    chunks = png.read_chunks(data)
    fault = png.find_fault(data, chunks)
    try:
        size, mode = _read_header(data)
    except FaultyFile as error:
        raise FaultyFile(
            error.reason if fault_kind(error.reason) != "is damaged" else fault or error.reason
        ) from error
    if fault:
        raise FaultyFile(fault)
    common = png.is_common(data, chunks)
    # OpenCV's decoder misses rows and checksums that Pillow's does not, so what passes here passes there.
    if common and decode_with_opencv(data) is None:
        raise FaultyFile("is damaged: its compressed data do not hold all rows")
    return Picture(*size, _agreed_orientation(data, common), mode)


def _read_header(data: bytes) -> tuple[tuple[int, int], str]:
    """Size and mode by Pillow, both checked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                size, mode = image.size, image.mode
    except Image.DecompressionBombError:
        raise FaultyFile(f"is too large: more than {MAX_PIXELS // 10**6} million pixels") from None
    except UnidentifiedImageError:
        raise FaultyFile("is damaged: its header cannot be read") from None
    except Exception as error:  # a decoder fed with damaged bytes may raise anything
        raise _decoding_fault(error) from error
    width, height = size
    if width * height > MAX_PIXELS:
        raise FaultyFile(f"is too large: {width}x{height}, more than {MAX_PIXELS // 10**6} million pixels")
    if min(size) < MIN_SIDE:
        raise FaultyFile(f"is too small: {width}x{height}, at least {MIN_SIDE}x{MIN_SIDE} is needed")
    if mode not in _MODES:
        raise FaultyFile(f"has an unsupported pixel format: {mode}, 8 bits per channel are needed")
    return size, mode


def _agreed_orientation(data: bytes, common: bool) -> int:
    """The orientation on which all readers of the picture agree.

    A turned picture goes to Pillow only, and always through `open_picture`, so there it is enough that it decodes.

    Raises:
        FaultyFile: They do not agree, or one of them cannot read it.
    """
    orientation = stored_orientation(data)
    if common and orientation != UNCLEAR:
        return orientation
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if orientation > UPRIGHT:
                decode_picture(data)
                return orientation
            fault = find_disagreement(data)
    except Exception as error:  # a decoder fed with damaged bytes may raise anything
        raise _decoding_fault(error) from error
    if fault:
        raise FaultyFile(fault)
    return UPRIGHT


def _decoding_fault(error: Exception) -> FaultyFile:
    text = " ".join(str(error).split()) or type(error).__name__
    return FaultyFile(f"is {'truncated' if 'truncated' in text.lower() else 'damaged'}: {text}")

"""Which way up a picture is stored: what its header says, where every reader understands it alike."""

from collections.abc import Sequence
from typing import Literal

from PIL import Image

from snowdrift.data.decoding.containers import APP1, JPEG_START, PNG_START, jpeg_segments, png_chunks

UPRIGHT = 1
UNCLEAR = 0
"""Something in the header may turn the picture, in a form that readers understand in different ways."""
ORIENTATION_TAG = 274
_EXIF = b"Exif\0\0"
_Order = Literal["little", "big"]
_ORDERS: dict[bytes, _Order] = {b"II*\0": "little", b"MM\0*": "big"}
"""Of the bytes in a number, by how an EXIF block begins."""
_SHORT = 3
_ENTRY = 12
_XMP_ORIENTATION = b"tiff:Orientation"
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def stored_orientation(data: bytes) -> int:
    """The EXIF orientation of a JPEG or PNG file, 1 to 8, or `UNCLEAR`.

    Only one form is clear: a single EXIF block whose first directory is intact, with at most one orientation,
    which is a SHORT. A value outside 1 to 8 turns nothing anywhere. XMP may give an orientation too, and counts
    for some readers if EXIF gives none, so it is unclear then.
    """
    if data.startswith(JPEG_START):
        exif, others = _jpeg_blocks(data)
    elif data.startswith(PNG_START):
        exif, others = _png_blocks(data)
    else:
        return UPRIGHT
    if len(exif) > 1:
        return UNCLEAR
    orientation = _exif_orientation(exif[0]) if exif else None
    if orientation is None:
        return UNCLEAR if any(map(_may_turn, others)) else UPRIGHT
    return orientation


def turn(picture: Image.Image, orientation: int) -> Image.Image:
    """The picture upright, given how it is stored. Nothing but its pixels is looked at.

    `ImageOps.exif_transpose` also rewrites the EXIF data, and fails where these are damaged.
    """
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def _jpeg_blocks(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """EXIF blocks, without their name, and the other APP1 segments."""
    blocks = [data[segment.start : segment.end] for segment in jpeg_segments(data) if segment.marker == APP1]
    exif = [block.removeprefix(_EXIF) for block in blocks if block.startswith(_EXIF)]
    return exif, [block for block in blocks if not block.startswith(_EXIF)]


def _png_blocks(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """EXIF blocks, and all texts."""
    exif, texts = [], []
    for chunk in png_chunks(data):
        if chunk.kind == b"eXIf":
            exif.append(data[chunk.start : chunk.end])
        elif chunk.kind in (b"tEXt", b"zTXt", b"iTXt"):
            texts.append(data[chunk.start : chunk.end])
    return exif, texts


def _may_turn(block: bytes) -> bool:
    """Whether a block that is not EXIF may give an orientation: XMP, or EXIF as text in a PNG file."""
    keyword = block[:30].lower()
    return _XMP_ORIENTATION in block or keyword.startswith(
        (b"raw profile", b"exif", b"xmp", b"xml:com.adobe")
    )


def _exif_orientation(tiff: bytes) -> int | None:
    """The orientation in the first directory of an EXIF block; None without one; or `UNCLEAR`."""
    order = _ORDERS.get(tiff[:4])
    if order is None:
        return UNCLEAR
    entries = _entries(tiff, order)
    if entries is None:
        return UNCLEAR
    found = [entry for entry in entries if int.from_bytes(entry[:2], order) == ORIENTATION_TAG]
    if not found:
        return None
    kind, count = int.from_bytes(found[0][2:4], order), int.from_bytes(found[0][4:8], order)
    if len(found) > 1 or (kind, count) != (_SHORT, 1):
        return UNCLEAR
    value = int.from_bytes(found[0][8:10], order)
    return value if value in _TURNS else UPRIGHT


def _entries(tiff: bytes, order: _Order) -> Sequence[bytes] | None:
    """The entries of the first directory, or None if it does not lie within the block."""
    start = int.from_bytes(tiff[4:8], order)
    first = start + 2
    end = first + _ENTRY * int.from_bytes(tiff[start:first], order)
    if start < 8 or first > len(tiff) or end > len(tiff):
        return None
    return [tiff[position : position + _ENTRY] for position in range(first, end, _ENTRY)]

"""Is a PNG file whole? Its chunks are walked and their checksums compared."""

import zlib
from collections.abc import Sequence

from snowdrift.data.decoding.containers import PNG_START, Chunk, png_chunks

_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
_COMMON_COLOURS = frozenset({0, 2, 4, 6})
"""Gray and RGB, with alpha or without, but no palettes."""
_COMMON_CHUNKS = frozenset(
    {
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"iCCP",
        b"sBIT",
        b"bKGD",
        b"pHYs",
        b"tIME",
    }
    | {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}
)


def read_chunks(data: bytes) -> list[Chunk]:
    """All chunks of the file, up to IEND or to where it breaks off."""
    return list(png_chunks(data))


def find_fault(data: bytes, chunks: Sequence[Chunk]) -> str:
    """The reason to reject the file, or nothing. Whether all rows are there is left to a decoder."""
    view = memoryview(data)
    for chunk in chunks:
        checksum = int.from_bytes(view[chunk.end : chunk.end + 4], "big")
        if zlib.crc32(view[chunk.start - 4 : chunk.end]) != checksum:
            return f"is damaged: the checksum of its chunk {_name(chunk.kind)} is wrong"
    if not chunks or chunks[-1].kind != b"IEND":
        return "is truncated: no end chunk"
    if _ANIMATION.intersection(chunk.kind for chunk in chunks):
        return "is an animated PNG: readers take different pictures of it, save the one that is meant"
    return ""


def is_common(data: bytes, chunks: Sequence[Chunk]) -> bool:
    """Whether the file is of the kind that all readers read alike, so that their results need no comparison.

    It has 8 bits per channel, no palette and no transparent colour, is not interlaced, and has nothing between
    its pixels and its end.
    """
    kinds = [chunk.kind for chunk in chunks]
    if kinds[0] != b"IHDR" or kinds.count(b"IHDR") > 1 or not set(kinds) <= _COMMON_CHUNKS:
        return False
    # Pillow reads what follows the pixels only while it decodes them, and may choke on it.
    if kinds[-2:] != [b"IDAT", b"IEND"]:
        return False
    start = len(PNG_START) + 8
    depth, colour, *_, interlaced = data[start + 8 : start + 13]
    return depth == 8 and colour in _COMMON_COLOURS and not interlaced


def _name(kind: bytes) -> str:
    return kind.decode("ascii", "backslashreplace")

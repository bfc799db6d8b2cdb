"""What JPEG and PNG files are made of: segments and chunks, found without decoding anything."""

import re
from collections.abc import Iterator
from typing import NamedTuple

JPEG_START, PNG_START = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
APP0, APP1, APP2, APP15 = 0xE0, 0xE1, 0xE2, 0xEF
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})
_MARKER = re.compile(rb"\xff+[^\x00\xff]")
_MARKER_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""In entropy-coded data a zero follows each 255 that is data, and restart markers belong to the scan.

With a + after the 255, as above, the search takes twenty times as long.
"""


class Segment(NamedTuple):
    """One segment of a JPEG file."""

    marker: int
    """Second byte of its marker, such as 0xE1 for APP1."""
    start: int
    """Offset of its payload, after the length."""
    end: int
    """Offset of the byte after it."""
    adjoins: bool
    """Whether its marker follows at once, without stray or fill bytes."""


class Chunk(NamedTuple):
    """One chunk of a PNG file: its type and where its payload lies. The checksum follows at `end`."""

    kind: bytes
    start: int
    end: int


def jpeg_segments(data: bytes, position: int = 2) -> Iterator[Segment]:
    """The segments from `position` on, up to and with the next start of a scan or the end of the image.

    Stray bytes between segments are skipped, as libjpeg skips them. A segment that reaches beyond the file's end
    is not given, and ends the walk, and so does the start of another picture.
    """
    while found := _MARKER.search(data, position):
        marker, start = data[found.end() - 1], found.end()
        if marker == SOI:  # another picture begins here, and this one has not ended
            return
        adjoins = found.start() == position and found.end() == position + 2
        position = start
        if marker not in _WITHOUT_LENGTH:
            position = start + int.from_bytes(data[start : start + 2], "big")
            start += 2
            if not start <= position <= len(data):
                return
        yield Segment(marker, start, position, adjoins)
        if marker in (SOS, EOI):
            return


def scan_end(data: bytes, start: int) -> int:
    """Offset of what ends the entropy-coded data from `start` on: a marker with its fill bytes, or the file's end."""
    found = _MARKER_AFTER_SCAN.search(data, start)
    end = found.start() if found else len(data)
    while end > start and data[end - 1] == 0xFF:
        end -= 1
    return end


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks up to and with IEND. One that reaches beyond the file's end is not given, and ends the walk."""
    position = len(PNG_START)
    while position + 12 <= len(data):
        start = position + 8
        end = start + int.from_bytes(data[position : position + 4], "big")
        if end + 4 > len(data):
            return
        kind = data[position + 4 : start]
        yield Chunk(kind, start, end)
        if kind == b"IEND":
            return
        position = end + 4

"""Is a JPEG file whole? Its segments are walked, and libjpeg-turbo's warnings are taken seriously."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import simplejpeg

from snowdrift.data.decoding.containers import APP0, APP2, APP15, EOI, SOS, Segment, jpeg_segments, scan_end

_DHT, _DRI, _DQT, _DAC, _COMMENT = 0xC4, 0xDD, 0xDB, 0xCC, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, _DAC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_ARITHMETIC = frozenset({0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_COMMON_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_RESTARTS = frozenset(range(0xD0, 0xD8))
_TABLES = frozenset({_DHT, _DRI, _DQT, _DAC})
_APPLICATION = frozenset(range(APP0, APP15 + 1))
_COEFFICIENTS = 64

_EXTRA = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-f]{2})")
_LOST = re.compile(r"premature end", re.IGNORECASE)
_CORRUPT = re.compile(r"bad (Huffman|arithmetic) code|instead of RST|Inconsistent progression")
_STRAY = 256
"""Most bytes left over after a scan that a camera may have put there. Lost data leave more, as a rule."""
_SPENT = 16
"""Most bytes that leave no doubt: zeros at a scan's end that became pixels, or bytes left over before a restart."""
_ATTEMPTS = 24
_HOLE = bytes(64)
_ZEROS = 4096
"""Bytes put after an arithmetic code."""


class Layout(NamedTuple):
    """How a JPEG file is put together."""

    segments: list[Segment]
    """Up to the first end of an image; what a tool appended after it is left aside."""
    scans: list[tuple[int, int]]
    """Where the entropy-coded data lie: offsets of the first byte and of the one after the last."""
    ended: bool
    """Whether there is an end-of-image marker in its place, not in a thumbnail."""


class Verdict(NamedTuple):
    """What was found in the entropy-coded data."""

    fault: str = ""
    """The reason to reject the file, or empty."""
    sure: bool = True
    """False if the decoder says something that is not known here, so that others have to decode the file."""


def read_layout(data: bytes) -> Layout:
    """Walk a JPEG file from marker to marker."""
    segments: list[Segment] = []
    scans: list[tuple[int, int]] = []
    position = 2
    while True:
        found = list(jpeg_segments(data, position))
        segments += found
        if not found or found[-1].marker != SOS:
            return Layout(segments, scans, bool(found) and found[-1].marker == EOI)
        position = scan_end(data, found[-1].end)
        scans.append((found[-1].end, position))


def is_common(data: bytes, layout: Layout) -> bool:
    """Whether the file is of the kind that all readers read alike, so that their results need no comparison.

    It is an 8-bit baseline or progressive JPEG in gray or three colours, without a stray byte between its
    segments, with all metadata ahead of the first scan and a single picture in it.
    """
    markers = [segment.marker for segment in layout.segments]
    frames = [segment for segment in layout.segments if segment.marker in _FRAMES]
    if len(frames) != 1 or not layout.scans or not all(segment.adjoins for segment in layout.segments):
        return False
    header = markers[: markers.index(SOS)]
    allowed = _TABLES | {SOS, EOI}
    return (
        _is_common_frame(data, frames[0])
        and {_DHT, _DQT} <= set(header)
        and set(header) <= allowed | _APPLICATION | {_COMMENT, frames[0].marker}
        and set(markers[len(header) :]) <= allowed
        and not any(_is_multi_picture(data, segment) for segment in layout.segments)
    )


def find_fault(data: bytes, layout: Layout) -> Verdict:
    """What is missing from a JPEG file or broken in it.

    libjpeg fills in what is missing and only warns of it; Pillow and OpenCV drop the warnings. Here the file is
    decoded at an eighth of its size, which reads the whole compressed stream, and each warning counts.
    """
    if not layout.ended:
        return Verdict("is truncated: no end-of-image marker")
    frame = next((segment for segment in layout.segments if segment.marker in _FRAMES), None)
    if frame is None or not layout.scans:
        return Verdict(sure=False)
    if fault := _missing_scans(data, layout, frame):
        return Verdict(fault)
    pieces = _pieces(data, layout, frame)
    if frame.marker in _ARITHMETIC:
        return _arithmetic_verdict(pieces)
    symbols = _first_symbols(data, layout)
    if frame.marker not in _PROGRESSIVE and (fault := _hole_fault(data, layout, symbols)):
        return Verdict(fault)
    # With such tables a large part of one colour may be zeros in a whole file.
    return _verdict(pieces, zeros_are_flat=all(_is_flat(symbol) for _, symbol in symbols))


def _is_common_frame(data: bytes, frame: Segment) -> bool:
    payload = data[frame.start : frame.end]
    if frame.marker not in _COMMON_FRAMES or len(payload) < 6:
        return False
    return payload[0] == 8 and payload[5] in (1, 3) and len(payload) == 6 + 3 * payload[5]


def _is_multi_picture(data: bytes, segment: Segment) -> bool:
    return segment.marker == APP2 and data[segment.start : segment.end].startswith(b"MPF\0")


class _Scan(NamedTuple):
    """A scan's header: which components, which coefficients, and up to which bit."""

    components: bytes
    first: int
    last: int
    low_bit: int


def _scan_headers(data: bytes, layout: Layout) -> Iterator[_Scan]:
    for segment in layout.segments:
        payload = data[segment.start : segment.end]
        if segment.marker == SOS and payload and len(payload) >= 4 + 2 * payload[0]:
            first, last, bits = payload[1 + 2 * payload[0] :][:3]
            yield _Scan(payload[1 : 1 + 2 * payload[0] : 2], first, last, bits & 15)


def _missing_scans(data: bytes, layout: Layout, frame: Segment) -> str:
    """A reason if whole scans are missing, of which the decoder does not warn."""
    components = data[frame.start + 6 : frame.end : 3]
    scans = list(_scan_headers(data, layout))
    if set(components) - set(b"".join(scan.components for scan in scans)):
        return "is truncated: a colour channel has no data"
    if frame.marker not in _PROGRESSIVE:
        return ""
    missing = np.full((256, _COEFFICIENTS), 16)
    for scan in scans:
        for component in scan.components:
            missing[component, scan.first : scan.last + 1] = scan.low_bit
    return "is truncated: its last scans are missing" if missing[list(components)].any() else ""


def _pieces(data: bytes, layout: Layout, frame: Segment) -> list[bytes]:
    """The file cut up for the decoder: what precedes each scan and the scan, in turn, and the end marker.

    Only what decoding needs is kept, so that no warning of something else comes first: the decoder stops at the
    first one.
    """
    pieces, head, scans = [], [b"\xff\xd8"], iter(layout.scans)
    for segment in layout.segments:
        if segment.marker in _FRAMES or segment.marker in _TABLES:
            head.append(data[segment.start - 4 : segment.end])
        elif segment.marker == SOS:
            header = data[segment.start - 4 : segment.end]
            # Some cameras write nonsense into the last three bytes, which only progressive files use.
            head.append(header if frame.marker in _PROGRESSIVE else header[:-3] + b"\x00\x3f\x00")
            start, end = next(scans)
            pieces += [b"".join(head), data[start:end]]
            head = []
    return [*pieces, b"".join(head) + b"\xff\xd9"]


def _complaint(pieces: Sequence[bytes]) -> str:
    """The decoder's first warning or error, or nothing."""
    try:
        simplejpeg.decode_jpeg(b"".join(pieces), "gray", min_height=1, min_width=1, strict=True)
    except ValueError as error:
        return str(error)
    return ""


def _first_symbols(data: bytes, layout: Layout) -> list[tuple[int, int]]:
    """Of each Huffman table its class, 0 for DC and 1 for AC, and what it decodes a code of zeros to."""
    symbols = []
    for segment in layout.segments:
        position = segment.start
        while segment.marker == _DHT and position + 17 < segment.end:
            symbols.append((data[position] >> 4, data[position + 17]))
            position += 17 + sum(data[position + 1 : position + 17])
    return symbols


def _is_flat(symbol: int) -> bool:
    """Whether a symbol means that nothing changes: its lower half, the bits of a difference, is 0."""
    return not symbol & 15


def _hole_fault(data: bytes, layout: Layout, symbols: Sequence[tuple[int, int]]) -> str:
    """A reason if zeros stand within a scan for a coefficient that differs from 0, again and again.

    A copy that lost a block in the middle has zeros there. Each block of a sequential file has such a coefficient
    or says that there is none, while a scan of a progressive one may hold neither. Zeros at the end are looked
    at elsewhere, for they may be padding.
    """
    if any(_is_flat(symbol) for kind, symbol in symbols if kind):
        return ""
    holed = any(_HOLE in data[start:end].rstrip(b"\0") for start, end in layout.scans)
    return "is damaged: zeros in place of picture data" if holed else ""


def _verdict(pieces: list[bytes], zeros_are_flat: bool) -> Verdict:
    complaint = _complaint(pieces)
    for _ in range(_ATTEMPTS):
        extra = _EXTRA.search(complaint)
        if not extra:
            break
        count, marker = int(extra[1]), int(extra[2], 16)
        if fault := _leftover_fault(pieces[-2], count, marker, zeros_are_flat):
            return Verdict(fault)
        # The decoder stopped there: what it would say of the rest shows once these bytes are gone.
        shorter = _without_leftover(pieces, count, marker, complaint)
        if shorter is None:
            return Verdict(sure=False)
        pieces, complaint = shorter
    if not complaint:
        return Verdict()
    if _LOST.search(complaint):
        return Verdict(f"is truncated: {complaint}")
    if _CORRUPT.search(complaint):
        return Verdict(f"is damaged: {complaint}")
    return Verdict(sure=False)


def _leftover_fault(last_scan: bytes, count: int, marker: int, zeros_are_flat: bool) -> str:
    """A reason if the bytes that the decoder had left over before a marker show that some were lost before them.

    A few stray bytes, or padding by equal ones, are harmless. Zeros that a broken copy left at the end are not:
    the decoder takes them for picture data, and is done with the picture before it is done with them.
    """
    if marker in _RESTARTS:
        return f"is damaged: {count} bytes are left over in the middle" if count > _SPENT else ""
    if marker != EOI:
        return ""
    zeros = len(last_scan) - len(last_scan.rstrip(b"\0"))
    if zeros >= count and zeros - count > _SPENT and not zeros_are_flat:
        return f"is truncated: {zeros} zeros in place of its last rows"
    if count > _STRAY and len(set(last_scan[-count:])) > 1:
        return f"is damaged: {count} bytes are left over after its last row"
    return ""


def _without_leftover(
    pieces: list[bytes], count: int, marker: int, complaint: str
) -> tuple[list[bytes], str] | None:
    """The pieces without the bytes that a scan had left over before `marker`, and the decoder's next complaint.

    Several scans may be followed by this marker: it is the one whose loss the decoder notices.
    """
    for index in range(1, len(pieces), 2):
        if pieces[index + 1][1] == marker:
            shorter = [*pieces[:index], pieces[index][:-count], *pieces[index + 1 :]]
            if (found := _complaint(shorter)) != complaint:
                return shorter, found
    return None


def _arithmetic_verdict(pieces: list[bytes]) -> Verdict:
    """Whether the decoder needs more data than there are in an arithmetic code.

    It goes on with zeros at the end of its data, as its standard wants it, and never warns. So zeros are put
    there, which change nothing, and it says how many of them it had left over. A whole file needs few of them.
    """
    verdict = _verdict(pieces, zeros_are_flat=True)
    if verdict.fault:
        return verdict
    extra = _EXTRA.search(_complaint([*pieces[:-2], pieces[-2] + bytes(_ZEROS), pieces[-1]]))
    used = _ZEROS - int(extra[1]) if extra else _ZEROS
    return Verdict("is truncated: its arithmetic code ends early" if used > _SPENT else "", sure=False)

"""Whether a user's data folder still holds what was read from it.

Names, sizes and time stamps of all files are compared with those of the last reading. Where they alone differ, and
not the sizes, the content decides, so that copied or touched data are no reason to run again.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from snowdrift.runtime.folders import walk
from snowdrift.runtime.progress import track

SUFFIXES = (".jpg", ".jpeg", ".png", ".xml", ".txt", ".yaml", ".yml", ".json", ".names", ".labels")
"""What counts as data: pictures, and annotations in any layout."""
logger = logging.getLogger(__name__)
_CHUNK = 256


class Stamp(NamedTuple):
    """What a file shows without being read."""

    size: int
    mtime_ns: int


class Contents(NamedTuple):
    """All data files below a folder, by their path relative to it."""

    stamps: dict[str, Stamp]
    digests: dict[str, str]


def folder_fingerprint(root: Path | str, table: Path | str) -> str:
    """A word that changes when the data do. Meant for the plan: it reads files only where it must.

    Args:
        root: the data folder.
        table: the table that was made from it, beside which `record_fingerprints` leaves its record.
    """
    listing = _listing_digest(_stamps(root))
    record = _record(table)
    if not record.is_file():
        return listing
    with open(record, encoding="ascii") as stream:
        state: str
        state, recorded_listing = json.loads(stream.readline())
        if listing == recorded_listing:
            return state
        contents = Contents(*json.loads(stream.readline()))
    stamps = file_fingerprints(root)
    if not _equal(root, stamps, contents):
        return listing
    with suppress(OSError):  # then the next plan compares again
        _write(record, state, Contents(stamps, contents.digests))
    return state


def file_fingerprints(root: Path | str) -> dict[str, Stamp]:
    """The stamps of all data files below `root`, for `record_fingerprints`: to be taken before the files are read."""
    return dict(_stamps(root))


def record_fingerprints(
    root: Path | str,
    stamps: dict[str, Stamp],
    state: str | None,
    table: Path | str,
    *,
    threads: int,
    known: Mapping[str, str] | None = None,
) -> None:
    """Leave what was read beside the table that was made from it, under the state that the plan gave it.

    The plan gives no state for a rendered folder, since the manifest of the job that rendered it says what the folder
    holds. Then nothing is left.

    Args:
        root: the data folder.
        stamps: from `file_fingerprints`.
        state: from `folder_fingerprint`.
        table: the table.
        threads: readers.
        known: SHA-256 of files that have been read already, by their path relative to `root`; all others are read.
    """
    if state is None:
        return
    digests = {path: digest for path, digest in (known or {}).items() if digest and path in stamps}
    digests |= _digests(root, [path for path in stamps if path not in digests], threads)
    _write(_record(table), state, Contents(stamps, digests))


def _record(table: Path | str) -> Path:
    return Path(table).with_suffix(".files")


def _write(record: Path, state: str, contents: Contents) -> None:
    """Two lines of JSON, the first of which is all that a plan needs as long as nothing has changed."""
    temporary = record.with_name(f".{record.name}.{os.getpid()}")
    try:
        with open(temporary, "w", encoding="ascii") as stream:
            stream.write(json.dumps([state, _listing_digest(contents.stamps.items())]) + "\n")
            stream.write(json.dumps(contents) + "\n")
        os.replace(temporary, record)
    finally:
        temporary.unlink(missing_ok=True)


def _stamps(folder: Path | str) -> Iterator[tuple[str, Stamp]]:
    """(path, Stamp) of every data file below `folder`, sorted, as `folders.walk` finds them."""
    for below, files in walk(folder):
        for entry in files:
            if entry.name.lower().endswith(SUFFIXES) and _is_file(entry):
                status = entry.stat()
                path = f"{below}/{entry.name}" if below else entry.name
                yield path, Stamp(status.st_size, status.st_mtime_ns)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _listing_digest(stamps: Iterable[tuple[str, Stamp]]) -> str:
    # As they come: a plan need not hold half a million names.
    digest = hashlib.sha256()
    for path, (size, mtime_ns) in stamps:
        digest.update(f"{path}\0{size}\0{mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _equal(root: Path | str, stamps: Mapping[str, Stamp], contents: Contents) -> bool:
    """Whether the same files hold the same bytes, although their time stamps have moved."""
    recorded = contents.stamps
    sizes = {path: stamp[0] for path, stamp in recorded.items()}
    if {path: stamp.size for path, stamp in stamps.items()} != sizes:
        return False
    moved = {path: stamp for path, stamp in stamps.items() if stamp.mtime_ns != recorded[path][1]}
    size = sum(stamp.size for stamp in moved.values()) / 1e9
    logger.warning(
        "%s: %d files have new time stamps; their content (%.1f GB) decides", root, len(moved), size
    )
    digests = _digests(root, list(moved), os.cpu_count() or 1)
    return all(digests[path] == contents.digests[path] for path in moved)


def _digests(root: Path | str, paths: Sequence[str], threads: int) -> dict[str, str]:
    chunks = [paths[start : start + _CHUNK] for start in range(0, len(paths), _CHUNK)]
    with ThreadPoolExecutor(threads) as pool:
        # Many files a task, because to start a task takes longer than to read a small file.
        parts = pool.map(lambda chunk: [_digest(f"{root}/{path}") for path in chunk], chunks)
        digests = track(chain.from_iterable(parts), "reading data", len(paths), "files")
        return dict(zip(paths, digests, strict=True))


def _digest(path: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""What counts as data in a user's folder: one rule for frames, style pictures, X-rays and the look for changes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

JUNK = frozenset(
    {
        "@eadir",  # thumbnails of a Synology NAS
        "#recycle",  # its waste bin
        "@recycle",  # that of a QNAP NAS
        "$recycle.bin",  # that of Windows
        "system volume information",
        "__macosx",  # what macOS adds to archives
        "lost+found",  # what fsck finds, at the top of every ext file system
    }
)
"""Folders that file systems, NAS devices and archives add to data, in lower case."""


def is_data(name: str) -> bool:
    """Whether an entry of this name may be data: it is not hidden, as `.ipynb_checkpoints` is, and no junk."""
    return not name.startswith(".") and name.lower() not in JUNK


def entries(folder: Path | str, skipped: Callable[[str, str], None] | None = None) -> list[os.DirEntry[str]]:
    """The entries of `folder` that may be data, sorted by name.

    Args:
        folder: Where to look.
        skipped: Is told of this folder, with the reason, if it cannot be read; None raises instead.

    Raises:
        OSError: The folder cannot be read, and nobody wants to be told.
    """
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if is_data(entry.name)), key=lambda entry: entry.name)
    except OSError as error:
        if skipped is None:
            raise
        skipped(os.fspath(folder), f"it cannot be read ({error.strerror})")
        return []


def walk(
    folder: Path | str, skipped: Callable[[str, str], None] = lambda path, reason: None
) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Every folder below `folder`, itself first, with the files in it; both in the order of their names.

    Links to folders are followed. A link that leads back to a folder above it is left out, since it has no end.

    Args:
        folder: Where to start.
        skipped: Is told of each folder that is left out, with the reason.

    Yields:
        The path relative to `folder` ("" for itself, with "/" between its parts), and the entries that are no folders,
        broken links among them.
    """
    yield from _walk(os.fspath(folder), "", frozenset(), skipped)


def _walk(
    folder: str, below: str, above: frozenset[tuple[int, int]], skipped: Callable[[str, str], None]
) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    path = os.path.join(folder, below)
    found = entries(path, skipped)
    try:
        above |= {_identity(path)}
    except OSError:  # it cannot be read, which `entries` has said
        return
    inner: list[os.DirEntry[str]] = []
    files: list[os.DirEntry[str]] = []
    for entry in found:
        (inner if is_folder(entry) else files).append(entry)
    yield below, files
    for entry in inner:
        if entry.is_symlink() and _identity(entry.path) in above:
            skipped(entry.path, f"it is a link to {os.path.realpath(entry.path)}, a folder that it lies in")
            continue
        yield from _walk(folder, f"{below}/{entry.name}" if below else entry.name, above, skipped)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; a link that leads to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino

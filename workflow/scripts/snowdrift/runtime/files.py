"""Files that appear whole or not at all, and their digests."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from snowdrift.runtime.errors import SnowdriftError

_MAX_NAME = 255
"""Bytes of a file's name on the usual file systems."""


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`, renamed to it when the block ends well and removed when not.

    The temporary name keeps the suffix, because writers choose their format by it. It is the same every time, so
    that the next run takes the place of what a killed one has left.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    # In a folder that several people write to, it can be another's file, or a link, which a writer would follow.
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a failed write does not say where
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    name = f".{path.stem}.tmp{path.suffix}"
    if (
        len(os.fsencode(name)) > _MAX_NAME
    ):  # the name itself fits, which is all that may be asked of a picture's
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}.tmp{path.suffix}"
    return path.with_name(name)


@contextmanager
def atomic_folder(path: Path | str) -> Iterator[Path]:
    """Yield a new folder beside `path` that takes its place when the block ends well and vanishes when not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def empty_folder(path: Path | str) -> Path:
    """Make a folder, without what an earlier run has left in it."""
    path = Path(path)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


@contextmanager
def scratch_folder(path: Path | str) -> Iterator[Path]:
    """Make an empty folder that vanishes at the block's end; what a killed run left of it goes first."""
    path = empty_folder(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def write_table(table: pd.DataFrame, path: Path | str) -> None:
    """Write `table` to `path` as CSV or Parquet, by the suffix, atomically and without the index."""
    with atomic_path(path) as temporary:
        if temporary.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False)


def read_table(path: Path | str) -> pd.DataFrame:
    """Read a CSV or Parquet table, by its suffix."""
    path = Path(path)
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's fault, not the table's
            raise
        raise SnowdriftError(
            f"{path}: cannot be read as a table: {error}",
            "delete the file and run again: the workflow makes it again",
        ) from error


def _read_csv(path: Path) -> pd.DataFrame:
    # Only an empty cell is missing: a class or a video may be called "None" or "NA".
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def digest_file(path: Path | str) -> str:
    """SHA-256 of the file's content, as 64 hex digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

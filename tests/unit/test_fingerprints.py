"""When a user's data folder counts as changed, and when not."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from snowdrift.data.decoding.images import SUFFIXES as PICTURES
from snowdrift.runtime.fingerprints import (
    SUFFIXES,
    file_fingerprints,
    folder_fingerprint,
    record_fingerprints,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two videos of three frames with labels."""
    for video in ("A", "B"):
        for part, suffix in (("images", "jpg"), ("clean_xml", "xml")):
            folder = tmp_path / "data" / video / part
            folder.mkdir(parents=True)
            for frame in range(3):
                (folder / f"{frame}.{suffix}").write_text(f"{video}{frame}")
    return tmp_path / "data"


@pytest.fixture
def table(root: Path, tmp_path: Path) -> Path:
    """The table made from them, which has been read."""
    path = tmp_path / "frames.parquet"
    record_fingerprints(root, file_fingerprints(root), folder_fingerprint(root, path), path, threads=2)
    return path


def rewrite(path: Path, text: str) -> None:
    path.write_text(text)
    os.utime(path, ns=(0, 0))


CHANGES: dict[str, Callable[[Path], object]] = {
    "content of the same size": lambda root: rewrite(root / "A/images/1.jpg", "A9"),
    "content of another size": lambda root: rewrite(root / "A/images/1.jpg", "A10"),
    "label": lambda root: rewrite(root / "B/clean_xml/2.xml", "XX"),
    "new frame": lambda root: (root / "A/images/3.jpg").write_text("A3"),
    "removed frame": lambda root: (root / "A/images/2.jpg").unlink(),
    "renamed frame": lambda root: (root / "A/images/2.jpg").rename(root / "A/images/4.jpg"),
    "video by a link": lambda root: (root / "C").symlink_to(root / "A"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_data_change_the_state(root: Path, table: Path, change: str):
    before = folder_fingerprint(root, table)
    CHANGES[change](root)
    assert folder_fingerprint(root, table) != before


def touch_all(root: Path) -> None:
    for path in root.rglob("*"):
        os.utime(path)


HARMLESS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda root: None,
    "new time stamps": touch_all,
    "a hidden file": lambda root: (root / "A/images/._1.jpg").touch(),
    "a file of another kind": lambda root: (root / "A/notes.docx").touch(),
    "a link to itself": lambda root: (root / "A/again").symlink_to(root),
}


@pytest.mark.parametrize("change", HARMLESS)
def test_what_changes_no_data_leaves_the_state(root: Path, table: Path, change: str):
    before = folder_fingerprint(root, table)
    HARMLESS[change](root)
    assert folder_fingerprint(root, table) == before


def test_content_decides_once_for_each_touch(root: Path, table: Path, caplog: pytest.LogCaptureFixture):
    touch_all(root)
    state = folder_fingerprint(root, table)
    assert "12 files have new time stamps" in caplog.text
    caplog.clear()
    assert folder_fingerprint(root, table) == state
    assert not caplog.text


def test_the_state_survives_another_reading_of_touched_data(root: Path, table: Path):
    """A job that reads touched data again, because its code has changed, must not look changed afterwards."""
    touch_all(root)
    state = folder_fingerprint(root, table)
    record_fingerprints(root, file_fingerprints(root), state, table, threads=2)
    assert folder_fingerprint(root, table) == state


def test_files_that_are_known_are_not_read_again(root: Path, table: Path):
    state = folder_fingerprint(root, table)
    record_fingerprints(
        root,
        file_fingerprints(root),
        state,
        table,
        threads=1,
        known={"A/images/0.jpg": "0" * 64, "none": "0"},
    )
    assert folder_fingerprint(root, table) == state
    touch_all(root)
    assert folder_fingerprint(root, table) != state, "what was said to be known is no longer what is there"


def test_data_that_were_never_read_are_told_by_their_listing(root: Path, tmp_path: Path):
    nothing = tmp_path / "none.parquet"
    assert folder_fingerprint(root, nothing) == folder_fingerprint(root, nothing)
    before = folder_fingerprint(root, nothing)
    touch_all(root)
    assert folder_fingerprint(root, nothing) != before


def test_every_kind_of_picture_counts():
    assert set(SUFFIXES) >= PICTURES


def test_ten_thousand_files_are_looked_at_in_a_moment(tmp_path: Path):
    for video in range(10):
        (tmp_path / f"data/{video}/images").mkdir(parents=True)
        for frame in range(1000):
            (tmp_path / f"data/{video}/images/{frame}.jpg").touch()
    table = tmp_path / "frames.parquet"
    data = tmp_path / "data"
    record_fingerprints(data, file_fingerprints(data), folder_fingerprint(data, table), table, threads=2)
    began = time.process_time()
    folder_fingerprint(tmp_path / "data", table)
    assert time.process_time() - began < 0.5

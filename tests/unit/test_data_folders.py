"""What counts as data: the same for frames, style pictures, X-rays and the look for changes."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import layout_sets as sets
import pytest
from PIL import Image
from test_data_annotations import write_videos
from test_layouts import LISTS, index

from snowdrift.data.style import index_style, list_style
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.fingerprints import file_fingerprints
from snowdrift.xray.index import index_xray, list_xrays

JUNK = ["@eaDir", "__MACOSX", ".ipynb_checkpoints", "lost+found", "#recycle", "$RECYCLE.BIN", ".Trashes"]


def frames(folder: Path) -> Path:
    return write_videos(folder)


def style(folder: Path) -> Path:
    for name in ("a", "b"):
        picture(folder / f"dawn/Snow/Snow/{name}.jpg")
    return folder / "dawn"


def xrays(folder: Path) -> Path:
    for split in ("train", "test"):
        for kind in ("NORMAL", "PNEUMONIA"):
            picture(folder / f"xray/{split}/{kind}/a.jpeg")
    return folder / "xray"


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 24)).save(path)


def count(place: Path) -> int:
    """How many pictures the index finds."""
    if (place / "images").is_dir():
        return len(index(place, "yolo", LISTS).frames)
    return len(list_style(place) if place.name == "dawn" else list_xrays(place, "NORMAL"))


@pytest.mark.parametrize("make", [frames, style, xrays])
def test_what_file_systems_and_tools_add_is_no_data(tmp_path: Path, make: Callable[[Path], Path]):
    place = make(tmp_path)
    expected, stamps = count(place), file_fingerprints(place)
    folders = [place, *(path for path in place.rglob("*") if path.is_dir())]
    for folder in folders:
        for junk in JUNK:
            picture(folder / junk / "a.jpg")
            picture(folder / junk / "images/cam/a.jpg")
            picture(folder / junk / "b.jpg/SYNOPHOTO_THUMB_M.jpg")
        (folder / "._a.jpg").write_bytes(b"macOS")
    assert count(place) == expected
    assert file_fingerprints(place) == stamps


@pytest.mark.parametrize("make", [frames, style])
def test_a_link_back_to_a_folder_above_is_left_out_and_named(tmp_path: Path, caplog, make):
    place = make(tmp_path)
    expected = count(place)
    top = place / "images" if make is frames else place / "Snow"
    (top / "all").symlink_to(".")
    (
        next(path for path in sorted(top.iterdir()) if path.is_dir() and not path.is_symlink()) / "up"
    ).symlink_to(top)
    (top / "itself").symlink_to("itself")
    with caplog.at_level(logging.WARNING):
        assert count(place) == expected
    assert (
        "all is left out: it is a link to" in caplog.text and "up is left out: it is a link to" in caplog.text
    )
    assert file_fingerprints(place)


def test_links_to_other_folders_are_followed(tmp_path: Path):
    place = style(tmp_path)
    picture(tmp_path / "elsewhere/c.jpg")
    (place / "Snow/more").symlink_to(tmp_path / "elsewhere")
    assert list_style(place) == ["Snow/Snow/a.jpg", "Snow/Snow/b.jpg", "Snow/more/c.jpg"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read a folder")
def test_a_folder_that_cannot_be_read_is_left_out_and_named(tmp_path: Path):
    place = frames(tmp_path)
    for folder in (tmp_path, *tmp_path.parents[:3], place):
        folder.chmod(0o755)
    secret = place / "images/secret"
    picture(secret / "a.jpg")
    secret.chmod(0o700)
    program = f"""
import os, sys, logging
logging.basicConfig(format="%(message)s")
from pathlib import Path
import snowdrift.data.index
from snowdrift.data.index import Reading, list_dataset
from snowdrift.runtime.fingerprints import file_fingerprints
os.setuid(65534)
place = Path({str(place)!r})
print(len(list_dataset(place, Reading("yolo", ("normal", "fallen")), None)[0].frames), len(file_fingerprints(place)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.stdout.split() == ["12", "24"], done.stderr
    assert "images/secret is left out: it cannot be read (Permission denied)" in done.stderr


def rename(folder: Path, *names: str) -> None:
    for old, new in zip(names[::2], names[1::2], strict=True):
        (folder / old).rename(folder / new)


def test_capitals_of_the_layouts_own_folders_do_not_matter(tmp_path: Path):
    place = frames(tmp_path / "yolo")
    rename(place, "images", "Images", "labels", "LABELS")
    assert len(index(place, "yolo", LISTS).boxes) == 12
    reference = sets.write_vfp290k(sets.draw(tmp_path / "drawn"), tmp_path / "vfp")
    rename(reference / "A", "images", "IMAGES", "clean_xml", "Clean_XML")
    assert len(index(reference, "vfp290k", LISTS).boxes) == 12
    snow = style(tmp_path)
    rename(snow, "Snow", "snow")
    picture(snow / "Fog/f.jpg")
    assert list_style(snow) == ["snow/Snow/a.jpg", "snow/Snow/b.jpg"]
    chest = xrays(tmp_path)
    rename(chest, "train", "Train", "test", "TEST")
    rename(chest / "Train", "NORMAL", "Normal")
    assert {(file.split, file.class_name) for file in list_xrays(chest, "NORMAL")} == {
        (split, kind) for split in ("train", "test") for kind in ("NORMAL", "PNEUMONIA")
    }


def test_two_folders_that_differ_in_capitals_are_an_error_that_names_both(tmp_path: Path):
    place = frames(tmp_path)
    (place / "Images").mkdir()
    with pytest.raises(SnowdriftError, match="has the folders Images and images"):
        index(place, "yolo", LISTS)


@pytest.mark.parametrize("make", [frames, style, xrays])
def test_names_that_are_not_utf8_are_left_out_with_their_reason(tmp_path: Path, make):
    place = make(tmp_path)
    first = sorted(place.rglob("*.jp*g"))[0]
    picture(first.with_name("z" + first.suffix))
    os.rename(
        first.with_name("z" + first.suffix), os.fsencode(first.parent) + b"/\xff" + first.suffix.encode()
    )
    options = {"max_rejected": 0.9, "rejected": tmp_path / "rejected.csv"}
    if make is frames:
        index(place, "yolo", LISTS, max_rejected=0.9)
    elif make is style:
        index_style(place, **options)
    else:
        index_xray(place, class_name="NORMAL", held_out=0.0, seed=0, **options)
    written = (tmp_path / "rejected.csv").read_text()
    assert r"\udcff" in written and "name is not valid UTF-8" in written


@pytest.mark.parametrize(("layout", "suffix"), [("yolo", ".txt"), ("vfp290k", ".xml")])
def test_an_annotation_that_is_a_pipe_is_not_waited_for(tmp_path: Path, layout: str, suffix: str):
    place = (
        frames(tmp_path)
        if layout == "yolo"
        else sets.write_vfp290k(sets.draw(tmp_path / "x"), tmp_path / "vfp")
    )
    path = sorted(place.rglob(f"*{suffix}"))[0]
    path.unlink()
    os.mkfifo(path)
    assert len(index(place, layout, LISTS, max_rejected=0.5).rejected) == 1

"""Pictures that are stored turned: rejected, or turned with their boxes into a copy."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps
from test_layouts import index

from snowdrift.data.decoding.upright import turned_box
from snowdrift.detection.datasets import Pictures, write_dataset
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import digest_file

SIZE = (80, 48)
MARK = (8, 4, 28, 16)
"""Left, top, right and bottom of a bright rectangle, in pixels of the stored picture."""
SPLITS = {"train": ["A"], "val": ["B"], "test": ["C"]}


def stored(orientation: int, seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 60, (SIZE[1], SIZE[0], 3), np.uint8)
    pixels[MARK[1] : MARK[3], MARK[0] : MARK[2]] = 250
    picture = Image.fromarray(pixels)
    picture.getexif()[274] = orientation
    return picture


def fractions(box=MARK, size=SIZE) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    width, height = size
    return (
        (left + right) / 2 / width,
        (top + bottom) / 2 / height,
        (right - left) / width,
        (bottom - top) / height,
    )


def upright_mark(orientation: int) -> tuple[float, float, float, float]:
    """Where the rectangle is once Pillow has turned the picture."""
    picture = ImageOps.exif_transpose(stored(orientation, 0))
    rows, columns = np.nonzero(np.asarray(picture)[..., 0] > 200)
    return fractions((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), picture.size)


def write(root: Path, orientation: int, box: tuple[float, ...], suffix: str = ".jpg") -> Path:
    for number, video in enumerate("ABC"):
        for kind in ("images", "labels"):
            (root / kind / video).mkdir(parents=True)
        picture = stored(orientation, number)
        picture.save(root / f"images/{video}/a{suffix}", exif=picture.getexif(), quality=98)
        (root / f"labels/{video}/a.txt").write_text("0 " + " ".join(map(str, box)))
    return root


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_with_their_pixels(orientation: int):
    assert turned_box((0, *fractions()), orientation) == pytest.approx((0, *upright_mark(orientation)))


def test_turned_pictures_are_rejected_unless_the_config_says_otherwise(tmp_path: Path):
    with pytest.raises(SnowdriftError, match="3 x is stored turned"):
        index(write(tmp_path / "set", 6, fractions()), "yolo", SPLITS)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", [3, 6, 7])
@pytest.mark.parametrize("turn", ["upright", "upright_pixels"])
def test_pixels_and_boxes_are_turned_once_into_a_copy(
    tmp_path: Path, orientation: int, suffix: str, turn: str
):
    box = fractions() if turn == "upright" else upright_mark(orientation)
    place = write(tmp_path / "set", orientation, box, suffix)
    before = {path: digest_file(path) for path in place.rglob(f"*{suffix}")}
    frames, boxes, rejected = index(place, "yolo", SPLITS, turn=turn, upright=tmp_path / "results/upright")
    assert rejected.empty and before == {path: digest_file(path) for path in place.rglob(f"*{suffix}")}
    assert frames["image"].tolist() == [f"../results/upright/{video}/a{suffix}" for video in "ABC"]
    assert frames["digest"].tolist() == [digest_file(place / image) for image in frames["image"]]
    for row, found in zip(frames.itertuples(), boxes.itertuples(index=False), strict=True):
        with Image.open(place / row.image) as picture:
            assert picture.size == (row.width, row.height) and not picture.getexif().get(274)
            rows, columns = np.nonzero(np.asarray(picture)[..., 0] > 150)
        mark = fractions((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), picture.size)
        assert found[2:] == pytest.approx(mark, abs=0.02)


def test_the_size_that_an_annotation_states_decides_which_picture_its_boxes_are_of(tmp_path: Path):
    mark = ImageOps.exif_transpose(stored(6, 0))
    rows, columns = np.nonzero(np.asarray(mark)[..., 0] > 200)
    upright = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    tables = []
    for name, size, corners in (("stored", SIZE, MARK), ("upright", SIZE[::-1], upright)):
        root = tmp_path / name
        for number, video in enumerate("ABC"):
            (root / video).mkdir(parents=True)
            picture = stored(6, number)
            picture.save(root / video / "a.png", exif=picture.getexif())
            tags = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
            box = "".join(f"<{tag}>{value}</{tag}>" for tag, value in tags)
            (root / video / "a.xml").write_text(
                f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>"
                f"<object><name>normal</name><bndbox>{box}</bndbox></object></annotation>"
            )
        tables.append(index(root, "voc", SPLITS, turn="upright", upright=tmp_path / "results" / name).boxes)
    pd.testing.assert_frame_equal(*tables)


def test_a_copy_is_found_from_a_data_folder_that_is_a_link(tmp_path: Path, monkeypatch):
    write(tmp_path / "disk/deep/set", 6, fractions())
    (tmp_path / "project/data").mkdir(parents=True)
    (tmp_path / "project/data/set").symlink_to(tmp_path / "disk/deep/set")
    monkeypatch.chdir(tmp_path / "project")
    place = Path("data/set")
    found = index(place, "yolo", SPLITS, turn="upright", upright=Path("results/upright"))
    assert found.frames["digest"].tolist() == [digest_file(place / image) for image in found.frames["image"]]
    images = found.frames[["frame_id", "image", "digest"]].assign(source="original", cached=None)
    pictures = Pictures(found.frames, found.boxes, {"original": place}, images, ("normal", "fallen"))
    selection = found.frames[["frame_id", "video"]].assign(source="original")
    write_dataset("results/dataset", pictures, {"train": selection})
    links = sorted(Path("results/dataset").glob("images/train/*/*.jpg"))
    assert [digest_file(link) for link in links] == found.frames["digest"].tolist()

"""Style images: DAWN's folders, plain folders, duplicates and faulty files."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from snowdrift.data import style as module
from snowdrift.data.tables import STYLE_COLUMNS, STYLE_REJECTED_COLUMNS
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import digest_file


def index_style(root: Path, max_rejected: float) -> module.StyleIndex:
    return module.index_style(root, max_rejected=max_rejected, rejected=root.parent / "rejected.csv")


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (32, 24)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).save(path)


def pictures(root: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        picture(root / name, seed)
    return root


def images(root: Path, **options) -> list[str]:
    return index_style(root, **{"max_rejected": 0.0, **options}).style["image"].tolist()


@pytest.mark.parametrize("snow", ["Snow/Snow", "Snow"])
def test_dawn_snow_alone_is_taken(tmp_path, snow):
    pictures(
        tmp_path,
        f"{snow}/snow_storm-9.jpg",
        f"{snow}/snow_storm-10.jpg",
        "Fog/Fog/foggy-001.jpg",
        "Snow_plots/p.png",
    )
    assert images(tmp_path) == [f"{snow}/snow_storm-10.jpg", f"{snow}/snow_storm-9.jpg"]


def test_parent_of_dawn_is_accepted(tmp_path):
    pictures(tmp_path, "DAWN/Snow/Snow/a.jpg", "DAWN/Rain/Rain/b.jpg", "c.jpg")
    assert images(tmp_path) == ["DAWN/Snow/Snow/a.jpg"]


def test_plain_folder_is_searched_in_any_depth(tmp_path):
    pictures(tmp_path, "b.JPG", "a.png", "deep/er/c.jpeg")
    (tmp_path / "._b.JPG").write_bytes(b"macOS")
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder.jpg").mkdir()
    assert images(tmp_path) == ["a.png", "b.JPG", "deep/er/c.jpeg"]


def test_sizes_and_tables(tmp_path):
    picture(tmp_path / "style/a.png", size=(40, 20))
    index = index_style(tmp_path / "style", max_rejected=0.0)
    digest = digest_file(tmp_path / "style/a.png")
    assert index.style.to_dict("records") == [{"image": "a.png", "width": 40, "height": 20, "digest": digest}]
    assert list(index.style) == STYLE_COLUMNS
    assert list(pd.read_csv(tmp_path / "rejected.csv")) == STYLE_REJECTED_COLUMNS


def test_same_content_is_kept_once_and_is_no_fault(tmp_path):
    for name in ("Snow/Snow/a.png", "Snow/b.png", "Snow/c.png"):
        picture(tmp_path / name)
    index = index_style(tmp_path, max_rejected=0.0)
    assert index.style["image"].tolist() == ["Snow/Snow/a.png"]
    assert index.rejected.to_dict("records") == [
        {"file": "Snow/b.png", "reason": "same content as Snow/Snow/a.png"},
        {"file": "Snow/c.png", "reason": "same content as Snow/Snow/a.png"},
    ]


def test_faulty_pictures_are_listed_and_logged(tmp_path, caplog):
    pictures(tmp_path, "a.png", "b.png", "c.png")
    (tmp_path / "d.jpg").touch()
    with caplog.at_level(logging.INFO):
        index = index_style(tmp_path, max_rejected=0.25)
    assert len(index.style) == 3
    assert index.rejected.to_dict("records") == [{"file": "d.jpg", "reason": "is empty (0 bytes)"}]
    assert f"1 of 4 style images in {tmp_path} are faulty and left out" in caplog.text
    assert "1 x is empty (0 bytes)" in caplog.text


def test_too_many_faulty_pictures(tmp_path):
    pictures(tmp_path, "a.png", "b.png", "c.png")
    (tmp_path / "d.jpg").touch()
    with pytest.raises(SnowdriftError, match=r"1 of 4 style images .* are faulty \(25.0%\)") as caught:
        index_style(tmp_path, max_rejected=0.2)
    assert "d.jpg: is empty (0 bytes)" in caught.value.message
    assert str(tmp_path.parent / "rejected.csv") in caught.value.message
    assert len(pd.read_csv(tmp_path.parent / "rejected.csv")) == 1


def test_none_left(tmp_path):
    (tmp_path / "d.jpg").touch()
    with pytest.raises(SnowdriftError, match="none is left"):
        index_style(tmp_path, max_rejected=1.0)


def test_no_picture(tmp_path):
    (tmp_path / "Snow").mkdir()
    with pytest.raises(SnowdriftError, match=r"data.dawn: no picture found below .*/Snow"):
        index_style(tmp_path, max_rejected=0.0)


def test_missing_folder(tmp_path):
    with pytest.raises(SnowdriftError, match=r"data.dawn: .*/nowhere does not exist"):
        index_style(tmp_path / "nowhere", max_rejected=0.0)

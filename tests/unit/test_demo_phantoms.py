"""The demo's X-ray phantoms: the chest X-ray set's layout, and anatomy that can be measured."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snowdrift.demo.chest_xray import render_chest_xray
from snowdrift.demo.phantoms import phantom
from snowdrift.runtime.files import digest_file
from snowdrift.xray.index import index_xray

PATIENTS = 12


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("xray") / "chest_xray"
    render_chest_xray(folder, images=24, size=48, seed=3, workers=1)
    return folder


def _mean(finding: str, rows: slice, columns: slice) -> np.ndarray:
    """Mean grays of a window of many patients' pictures, which are 100 px on a side."""
    pictures = [phantom(finding, 100, 100, np.random.default_rng(seed)) for seed in range(PATIENTS)]
    return np.array([picture[rows, columns].mean() for picture in pictures])


def test_layout_is_the_chest_xray_sets(root: Path, tmp_path: Path) -> None:
    index = index_xray(
        root, class_name="NORMAL", max_rejected=0.0, held_out=0.25, seed=0, rejected=tmp_path / "rejected.csv"
    )
    images = index.images
    assert (images.loc[images["split"] == "held_out", "class_name"].value_counts() == 6).all()
    assert (images["patient"] != images["image"]).all(), "names tell patients, as the real set's do"
    images = images.assign(split=images["split"].replace("held_out", "train"))
    counts = Counter(zip(images["split"], images["finding"], strict=True))
    assert counts == {
        ("train", "normal"): 24,
        ("train", "bacteria"): 12,
        ("train", "virus"): 12,
        ("val", "normal"): 4,
        ("val", "bacteria"): 2,
        ("val", "virus"): 2,
        ("test", "normal"): 6,
        ("test", "bacteria"): 3,
        ("test", "virus"): 3,
    }
    assert len(index.rejected) == 0, "no two phantoms are alike"
    assert set(index.images["mode"]) == {"L", "RGB"}
    assert (index.images["mode"] == "L").mean() > 0.8
    assert (index.images["width"] >= index.images["height"]).all()
    assert index.images["width"].nunique() > 5


def test_bytes_depend_on_the_seed_and_not_on_the_workers(root: Path, tmp_path: Path) -> None:
    render_chest_xray(tmp_path / "again", images=24, size=48, seed=3, workers=2)
    render_chest_xray(tmp_path / "other", images=24, size=48, seed=4, workers=2)
    files = sorted(path.relative_to(root) for path in root.rglob("*.jpeg"))
    assert [digest_file(root / name) for name in files] == [
        digest_file(tmp_path / "again" / name) for name in files
    ]
    assert all(digest_file(root / name) != digest_file(tmp_path / "other" / name) for name in files)


def test_every_file_decodes(root: Path) -> None:
    for path in root.rglob("*.jpeg"):
        with Image.open(path) as image:
            image.load()
            assert image.height == 48


def test_lungs_are_dark_and_the_heart_is_on_the_patients_left() -> None:
    right_lung = _mean("normal", slice(30, 55), slice(26, 38))
    spine = _mean("normal", slice(30, 55), slice(47, 53))
    assert (spine - right_lung > 60).all()
    beside_right = _mean("normal", slice(58, 66), slice(30, 38))
    beside_left = _mean("normal", slice(58, 66), slice(60, 68))
    assert (beside_left - beside_right > 25).mean() > 0.9


def test_a_haze_is_on_both_sides_and_a_lobe_on_one() -> None:
    def lungs(finding: str) -> np.ndarray:
        sides = (slice(24, 38), slice(62, 76))
        return np.stack([_mean(finding, slice(20, 66), side) for side in sides], 1)

    clear = lungs("normal")
    haze, lobe = lungs("virus") - clear, lungs("bacteria") - clear
    assert (haze > 15).mean() > 0.9
    assert (lobe.max(1) > 12).mean() > 0.7
    assert (lobe.min(1) < 5).mean() > 0.8

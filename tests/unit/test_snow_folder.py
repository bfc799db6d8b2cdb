"""Winter versions of a plain folder of pictures by one call: what is kept, made again, and not touched."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import digest_file
from snowdrift.snow.folder import translate_folder
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise
from snowdrift.snow.translator import Translator, load_translator
from snowdrift.snow.translators.cyclegan.weights import save_network
from snowdrift.snow.translators.rendered import RenderedTranslator

SIZES = {
    "a.jpg": (64, 48),
    "b.png": (31, 57),
    "b.jpg": (40, 40),
    "B.JPG": (40, 30),
    "trip/day 1/c.jpeg": (120, 16),
    "trip/day 2/c.jpeg": (50, 50),
    "여행/눈.PNG": (33, 21),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures at several depths and of any shape, some with one name but for the suffix or the folder."""
    for number, (name, (width, height)) in enumerate(SIZES.items()):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        another_picture(path, number, (width, height))
    return tmp_path / "photos"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "winter"


def another_picture(path: Path, number: int, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(number).integers(0, 200, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).save(path)


def rendered(strength: float = 0.5, seed: int = 0) -> Translator:
    return load_translator("rendered").from_config({"least": strength, "most": strength}, seed)


def generator(folder: Path, seed: int) -> Translator:
    network = ResnetGenerator(4, 1)
    initialise(network, torch.Generator().manual_seed(seed))
    save_network(network, folder / "latest_net_G_A.pth")
    translator = load_translator("cyclegan").from_config({}, 0)
    translator.load(folder / "latest_net_G_A.pth")
    return translator


def make(folder: Path, output: Path, translator: Translator | None = None, **options) -> pd.DataFrame:
    return translate_folder(folder, output, translator or rendered(), threads=2, **options)


def digests(folder: Path) -> dict[str, str]:
    """Of what a user sees in a folder."""
    visible = (path for path in folder.rglob("*") if ".snowdrift" not in path.parts)
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in visible if path.is_file()}


def test_names_sizes_and_formats_stay_and_originals_are_not_touched(folder: Path, output: Path):
    before = digests(folder)
    table = make(folder, output)
    for name, size in SIZES.items():
        with Image.open(output / name) as winter, Image.open(folder / name) as original:
            assert winter.size == size and winter.format == original.format
            assert np.abs(np.asarray(winter, int) - np.asarray(original, int)).mean() > 1
    assert digests(folder) == before
    assert digests(output) == dict(zip(table["image"], table["digest"], strict=True))


def test_an_interrupted_call_goes_on(folder: Path, output: Path, tmp_path: Path, monkeypatch):
    straight = make(folder, tmp_path / "straight")
    paint, painted = RenderedTranslator._paint, []

    def dies_at_the_fourth(self, picture, frame):
        painted.append(frame.frame_id)
        if len(painted) == 4:
            raise InterruptedError
        return paint(self, picture, frame)

    monkeypatch.setattr(RenderedTranslator, "_paint", dies_at_the_fourth)
    with pytest.raises(InterruptedError):
        translate_folder(folder, output, rendered(), threads=1)
    pd.testing.assert_frame_equal(translate_folder(folder, output, rendered(), threads=1), straight)
    assert len(painted) < 4 + len(SIZES) and digests(output) == digests(tmp_path / "straight")


def test_what_is_missing_is_put_back_and_nothing_is_made_twice(folder: Path, output: Path, monkeypatch):
    make(folder, output)
    before = digests(output)
    (output / "a.jpg").unlink()
    monkeypatch.setattr(RenderedTranslator, "_paint", None)
    make(folder, output)
    assert digests(output) == before


CHANGES: dict[str, Callable[[Path], dict]] = {
    "the translator's settings": lambda folder: {"translator": rendered(1.0)},
    "the seed": lambda folder: {"translator": rendered(seed=1)},
    "another translator": lambda folder: {"translator": generator(folder.parent, 0)},
    "the quality": lambda folder: {"quality": 60},
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_made_otherwise_is_made_again(folder: Path, output: Path, tmp_path: Path, change: str):
    make(folder, output)
    changed = CHANGES[change](folder)
    make(folder, output, **changed)
    make(folder, tmp_path / "fresh", **changed)
    assert digests(output) == digests(tmp_path / "fresh")


def test_other_weights_or_another_size_make_all_again(folder: Path, output: Path, tmp_path: Path):
    seen = []
    for seed, size in ((0, "native"), (1, "native"), (1, 32)):
        make(folder, output, generator(tmp_path, seed), size=size)
        seen.append(digests(output)["a.jpg"])
    assert len(set(seen)) == 3


def test_a_changed_original_has_another_winter(folder: Path, output: Path, tmp_path: Path):
    make(folder, output)
    another_picture(folder / "a.jpg", 99, SIZES["a.jpg"])
    make(folder, output)
    make(folder, tmp_path / "fresh")
    assert digests(output) == digests(tmp_path / "fresh")


@pytest.mark.parametrize("kind", ["before the first call", "a link", "after it"])
def test_nothing_of_another_origin_is_overwritten(folder: Path, output: Path, tmp_path: Path, kind: str):
    target = output / "trip/day 1/c.jpeg"
    if kind == "after it":
        make(folder, output)
        target.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    if kind == "a link":
        (tmp_path / "elsewhere").write_text("the user's own")
        target.symlink_to(tmp_path / "elsewhere")
    else:
        target.write_text("the user's own")
    before = digests(output)
    with pytest.raises(
        SnowdriftError, match=re.escape(f"1 files are in the way, which were not made here: {target}")
    ):
        make(folder, output, rendered(1.0))
    assert digests(output) == before and target.read_text() == "the user's own"
    target.unlink()
    make(folder, output, rendered(1.0))
    assert set(digests(output)) == set(SIZES)


def test_without_links_pictures_are_copied(folder: Path, output: Path, monkeypatch):
    def refuses(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuses)
    make(folder, output)
    first = digests(output)
    times = {name: (output / name).stat().st_mtime_ns for name in first}
    make(folder, output)
    assert {name: (output / name).stat().st_mtime_ns for name in first} == times, "whole copies stay"
    make(folder, output, rendered(1.0))
    assert all(digest != first[name] for name, digest in digests(output).items())


def test_a_winter_picture_that_is_gone_is_named(folder: Path, output: Path, monkeypatch):
    monkeypatch.setattr("snowdrift.snow.folder.winterize_shard", lambda *_, **__: None)
    work = output / ".snowdrift/shards"
    work.mkdir(parents=True)
    rows = pd.DataFrame([("a.jpg", "a.jpg", "0" * 64, 9, 64, 48)])
    rows.columns = ["frame_id", "image", "digest", "bytes", "width", "height"]
    rows.to_parquet(work / "0.parquet")
    with pytest.raises(SnowdriftError, match=r"frames/a\.jpg: this winter picture is gone"):
        make(folder, output)


def test_turned_pictures_come_out_upright(folder: Path, output: Path):
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, :20] = 200
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pixels).save(folder / "turned.jpg", exif=exif)
    make(folder, output, rendered(0.01))
    with Image.open(output / "turned.jpg") as winter:
        assert winter.size == (20, 60) and not winter.getexif()
        assert np.asarray(winter)[:15].mean() > 150 > 60 > np.asarray(winter)[30:].mean()


def test_pictures_that_nobody_reads_are_counted(folder: Path, output: Path, caplog: pytest.LogCaptureFixture):
    for name in ("phone.HEIC", "trip/scan.tif", "notes.txt"):
        (folder / name).write_bytes(b"x")
    make(folder, output)
    assert "2 pictures are neither JPEG nor PNG" in caplog.text

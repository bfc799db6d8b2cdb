"""Which epoch makes the winter: how near to the style, and how true to the labels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageFilter

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.snow.best_epoch import best_epoch, chosen_epoch
from snowdrift.snow.epochs import (
    LabelledFrame,
    compare_epochs,
    frames_to_compare,
    snapshot_files,
)
from snowdrift.snow.networks.resnet import ResnetGenerator
from snowdrift.snow.style_distance import StyleDistance
from snowdrift.snow.translator import load_translator
from snowdrift.snow.winterize import WinterSettings

SETTINGS = WinterSettings(size=48, format="jpeg", quality=95, batch_size=1)


def pictures(count: int, level: int, spread: int, seed: int = 0) -> list[Image.Image]:
    random = np.random.default_rng(seed)
    noise = random.normal(level, spread, (count, 40, 60, 3)).clip(0, 255).astype(np.uint8)
    return [Image.fromarray(each) for each in noise]


@pytest.mark.parametrize("size", [(60, 40), (30, 90), (500, 300)])
def test_style_pictures_are_at_no_distance_from_themselves_whatever_their_size(size: tuple[int, int]):
    style = [picture.resize(size) for picture in pictures(6, 200, 20)]
    assert StyleDistance(style, seed=1).of(style) == 0


def test_the_distance_sees_brightness_colour_and_texture_and_grows_with_them():
    style = pictures(12, 200, 20)
    distance = StyleDistance(style, seed=1)
    same = distance.of(pictures(9, 200, 20, seed=1))
    assert same < distance.of(pictures(12, 190, 20)) < distance.of(pictures(12, 150, 20))
    smooth = [picture.filter(ImageFilter.GaussianBlur(2)) for picture in style]
    yellow = [
        Image.merge("RGB", (*picture.split()[:2], picture.split()[2].point(lambda v: v // 2)))
        for picture in style
    ]
    assert distance.of(smooth) > 3 * same and distance.of(yellow) > 3 * same


@pytest.mark.parametrize(
    ("reached", "kept", "epoch"),
    [
        ([0.3, 0.5, 0.7], [0.8, 0.8, 0.8], 30),
        ([0.3, 0.5, 0.9], [0.8, 0.7, 0.2], 20),  # the last has painted over the people
        ([0.0, 0.5, 0.4], [1.0, 0.5, 0.5], 20),  # the first has left the frames as they were
        ([0.5, 0.5, 0.5], [0.7, 0.6, 0.5], 10),
    ],
)
def test_the_epoch_that_makes_snow_and_leaves_people_is_the_best(reached: list, kept: list, epoch: int):
    table = pd.DataFrame({"epoch": [10, 20, 30], "style_reached": reached, "edges_kept": kept})
    assert best_epoch(table) == epoch


def snapshots(folder: Path) -> Path:
    """Three generators with other weights, and the last once more as `latest`."""
    for epoch in (2, 10, 9):
        torch.manual_seed(epoch)
        torch.save(ResnetGenerator(4, 1).state_dict(), folder / f"{epoch}_net_G_A.pth")
    torch.save(ResnetGenerator(4, 1).state_dict(), folder / "latest_net_G_A.pth")
    torch.save(ResnetGenerator(4, 1).state_dict(), folder / "9_net_G_B.pth")
    return folder


def test_snapshots_come_in_the_order_of_their_epochs(tmp_path: Path):
    assert list(snapshot_files(snapshots(tmp_path), "G_A")) == [2, 9, 10]


def test_every_snapshot_gets_a_row_and_one_is_chosen(tmp_path: Path):
    frames, style = [], []
    for number, picture in enumerate(pictures(3, 120, 30)):
        picture.resize((90, 60)).save(tmp_path / f"{number}.png")
        frames.append(LabelledFrame(tmp_path / f"{number}.png", [(0.2, 0.2, 0.5, 0.7), (0.6, 0.1, 0.9, 0.5)]))
    for number, picture in enumerate(pictures(4, 220, 10)):
        picture.save(tmp_path / f"style{number}.png")
        style.append(tmp_path / f"style{number}.png")
    translator = load_translator("cyclegan").from_config({}, seed=3)
    arguments = (translator, snapshots(tmp_path), frames, style, SETTINGS, torch.device("cpu"))
    table = compare_epochs(*arguments)
    assert list(table["epoch"]) == [2, 9, 10]
    assert table["edges_kept"].between(0, 1).all() and (table["style_distance"] > 0).all()
    assert table["style_reached"].between(0, 1).all()
    assert chosen_epoch(table) == best_epoch(table)
    pd.testing.assert_frame_equal(compare_epochs(*arguments), table)


def test_only_validation_frames_with_people_are_compared(tmp_path: Path):
    names = ["a/0", "a/1", "b/0", "c/0"]
    frames = pd.DataFrame(
        {
            "frame_id": names,
            "video": [name[0] for name in names],
            "image": [f"{name}.jpg" for name in names],
            "split": ["val", "val", "train", "val"],
            "status": ["ok", "ok", "ok", "faulty"],
            "boxes": [1, 0, 1, 1],
        }
    )
    boxes = pd.DataFrame(
        {
            "frame_id": ["a/0", "b/0", "c/0"],
            "class_id": 0,
            "x_center": 0.5,
            "y_center": 0.5,
            "box_width": 0.2,
            "box_height": 0.4,
        }
    )
    ((path, corners),) = frames_to_compare(frames, boxes, tmp_path)
    assert path == tmp_path / "a/0.jpg" and corners == [pytest.approx((0.4, 0.3, 0.6, 0.7))]
    with pytest.raises(SnowdriftError, match="no validation frame shows a person"):
        frames_to_compare(frames.assign(boxes=0), boxes, tmp_path)

"""The CycleGAN's content images: training videos alone, spread evenly."""

import logging

import numpy as np
import pandas as pd
import pytest

from snowdrift.data.selection import choose_style_images, choose_training_frames
from snowdrift.data.tables import FRAME_COLUMNS
from snowdrift.runtime.errors import SnowdriftError


def frames(sizes: dict[str, int], split: str = "train", status: str = "ok") -> pd.DataFrame:
    rows = [
        (
            f"{video}/{number:04d}",
            video,
            video,
            f"{video}/images/{number:04d}.jpg",
            64,
            48,
            split,
            1,
            status,
            f"{number:064x}",
        )
        for video, size in sizes.items()
        for number in range(size)
    ]
    return pd.DataFrame(rows, columns=FRAME_COLUMNS)


def counts(chosen: pd.DataFrame) -> dict[str, int]:
    return chosen["frame_id"].str.split("/").str[0].value_counts().to_dict()


def test_only_usable_frames_of_training_videos():
    parts = [frames({"A": 5}), frames({"B": 9}, "test"), frames({"C": 9}, "val"), frames({"D": 9}, "unused")]
    parts.append(frames({"E": 9}, status="rejected"))
    chosen = choose_training_frames(pd.concat(parts), 100, seed=0)
    assert counts(chosen) == {"A": 5}
    assert list(chosen) == ["frame_id", "image", "digest"]


def test_videos_share_evenly_and_short_ones_give_all():
    chosen = choose_training_frames(frames({"A": 3, "B": 1000, "C": 50, "D": 10}), 43, seed=0)
    found = counts(chosen)
    assert found["A"] == 3
    assert found["D"] == 10
    assert {found["B"], found["C"]} == {15}
    assert sum(found.values()) == len(set(chosen["frame_id"])) == 43


def test_a_remainder_goes_to_different_videos():
    found = counts(choose_training_frames(frames(dict.fromkeys("ABCDE", 100)), 13, seed=0))
    assert sorted(found.values()) == [2, 2, 3, 3, 3]


def test_fewer_frames_than_videos():
    assert len(choose_training_frames(frames(dict.fromkeys("ABCDE", 10)), 2, seed=0)) == 2


@pytest.mark.parametrize(("size", "count"), [(100, 7), (10, 7), (3, 2), (9, 9)])
def test_one_frame_from_each_stretch_of_time(size, count):
    edges = np.arange(count + 1) * size // count
    for seed in range(30):
        chosen = choose_training_frames(frames({"A": size}), count, seed)
        numbers = chosen["frame_id"].str[-4:].astype(int).to_numpy()
        assert ((edges[:-1] <= numbers) & (numbers < edges[1:])).all()


def test_seed_decides_and_row_order_does_not():
    table = frames({"A": 100, "B": 100})
    first = choose_training_frames(table, 20, seed=0)
    pd.testing.assert_frame_equal(
        first, choose_training_frames(table.sample(frac=1, random_state=1), 20, seed=0)
    )
    assert not first.equals(choose_training_frames(table, 20, seed=1))


def test_too_few_frames_are_all_taken_and_said(caplog):
    with caplog.at_level(logging.INFO):
        chosen = choose_training_frames(frames({"A": 5, "B": 2}), 9000, seed=0)
    assert len(chosen) == 7
    assert "cyclegan.frames: 9000 asked for, the training videos have 7: takes all" in caplog.text


def test_no_training_frame():
    with pytest.raises(SnowdriftError, match=r"splits.train: no training video has a usable frame"):
        choose_training_frames(frames({"A": 5}, "test"), 10, seed=0)


def test_full_scale_is_quick():
    table = frames({f"V{number}": 1656 for number in range(178)})
    chosen = choose_training_frames(table, 9000, seed=0)
    assert len(chosen) == 9000
    assert set(counts(chosen).values()) == {50, 51}


def test_style_images_are_drawn_by_seed_and_all_taken_where_few():
    style = pd.DataFrame({"image": [f"{number}.jpg" for number in range(30)]})
    chosen = [choose_style_images(style, 10, seed)["image"].tolist() for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(set(chosen[0])) == 10
    assert style["image"][style["image"].isin(chosen[0])].tolist() == chosen[0]
    assert choose_style_images(style, 200, 0).equals(style)

"""Splits by video: drawn or named, never two for one video."""

import random
from collections import Counter

import pytest

from snowdrift.data import splits as module
from snowdrift.runtime.errors import SnowdriftError

VIDEOS = [f"GOPR{number:04d}" for number in range(20)]


def assign_splits(videos, train, val, test, seed) -> dict[str, str]:
    """With every video alone."""
    wanted = {"train": train, "val": val, "test": test, "group": None}
    return module.assign_splits({video: video for video in videos}, wanted, seed)


def message(*arguments) -> SnowdriftError:
    with pytest.raises(SnowdriftError) as caught:
        assign_splits(*arguments)
    return caught.value


def test_counts_are_met_and_every_video_has_one_split():
    splits = assign_splits(VIDEOS, 10, 4, 3, seed=0)
    assert list(splits) == VIDEOS
    assert Counter(splits.values()) == {"train": 10, "val": 4, "test": 3, "unused": 3}


def test_order_of_the_videos_does_not_matter():
    shuffled = random.Random(1).sample(VIDEOS, len(VIDEOS))
    assert assign_splits(shuffled + shuffled[:3], 10, 4, 3, seed=0) == assign_splits(VIDEOS, 10, 4, 3, seed=0)


def test_seed_decides():
    drawn = {tuple(assign_splits(VIDEOS, 10, 4, 3, seed=seed).items()) for seed in range(10)}
    assert len(drawn) == 10


def test_more_test_videos_leave_training_as_it_is():
    few, many = (assign_splits(VIDEOS, 10, 4, count, seed=0) for count in (1, 6))
    assert all(many[video] == split for video, split in few.items() if split != "unused")


def test_lists_are_kept_and_counts_drawn_from_the_rest():
    test = VIDEOS[:3]
    for seed in range(20):
        splits = assign_splits(VIDEOS, 15, 2, test, seed=seed)
        assert [video for video, split in splits.items() if split == "test"] == test
        assert Counter(splits.values()) == {"train": 15, "val": 2, "test": 3}


def test_all_lists():
    splits = assign_splits(VIDEOS[:4], VIDEOS[:1], VIDEOS[1:2], VIDEOS[2:3], seed=0)
    assert list(splits.values()) == ["train", "val", "test", "unused"]


def test_too_many_asked_for():
    error = message(VIDEOS, 36, 12, 10, 0)
    assert error.message == "splits: train 36 + val 12 + test 10 = 58 videos asked for, the dataset has 20"
    assert "20" in error.hint


def test_too_many_asked_for_beside_a_list():
    error = message(VIDEOS, 15, 4, VIDEOS[:2], 0)
    assert error.message == "splits: train 15 + val 4 + test 2 = 21 videos asked for, the dataset has 20"


def test_unknown_video():
    error = message(VIDEOS, 1, 1, ["GOPR00l7"], 0)
    assert error.message == "splits.test: the dataset has no usable video 'GOPR00l7'"
    assert "did you mean GOPR0017" in error.hint
    assert "20 videos" in error.hint


def test_unknown_video_unlike_any():
    assert message(VIDEOS, ["street"], 1, 1, 0).hint == (
        "the dataset's 20 videos with a usable frame: GOPR0000, GOPR0001, GOPR0002, GOPR0003, GOPR0004, ..."
    )


def test_video_in_two_splits():
    error = message(VIDEOS, ["GOPR0001"], 2, ["GOPR0001"], 0)
    assert error.message == "splits: video 'GOPR0001' is in splits.train and in splits.test"


def test_video_named_twice():
    error = message(VIDEOS, ["GOPR0001", "GOPR0001"], 2, 2, 0)
    assert error.message == "splits: video 'GOPR0001' is in splits.train twice"

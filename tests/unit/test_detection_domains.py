"""Which pictures a training set and a test set show."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from snowdrift.data.sets import Gate, in_words
from snowdrift.detection import domains
from snowdrift.detection.domains import training_selections
from snowdrift.runtime.errors import SnowdriftError

HALF = {"original": 0.5, "cyclegan": 0.5}
UNION = {"original": 1, "cyclegan": 1}


def frame_table(videos: int = 7, split: str = "train") -> pd.DataFrame:
    names = [f"v{number}" for number in range(videos) for _ in range(3)]
    ids = [f"{name}/{name}_{index % 3}" for index, name in enumerate(names)]
    columns = {"frame_id": ids, "video": names, "split": split, "status": "ok", "origin": "original"}
    return pd.DataFrame(columns)


def with_true_winter(frames: pd.DataFrame, videos: int = 4) -> pd.DataFrame:
    """The frames and others of true winter, whose videos have the same names."""
    parts = [frame_table(videos, split) for split in ("train", "val", "test")]
    more = pd.concat(parts).assign(origin="true_winter")
    return pd.concat([frames, more.assign(frame_id="true_winter/" + more["split"] + more["frame_id"])])


def choose(frames: pd.DataFrame, shares: Mapping[str, float], seed: int = 0) -> dict[str, pd.DataFrame]:
    """The selections of a training set; a split that `frames` lacks has two videos more."""
    for split in {"train", "val"} - set(frames.loc[frames["origin"] == "original", "split"]):
        frames = pd.concat([frames, frame_table(2, split)])
    return training_selections(frames, "mine", shares, seed=seed)


def wintry(chosen: pd.DataFrame) -> set[str]:
    return set(chosen.loc[chosen["source"] == "cyclegan", "video"])


def test_a_set_of_one_source_takes_every_frame_of_the_split_from_it():
    frames = pd.concat([frame_table(), frame_table(split="test").assign(video="t", frame_id="t/0")])
    for source in ("original", "cyclegan"):
        chosen = choose(frames, {source: 1})["train"]
        assert list(chosen.columns) == ["frame_id", "video", "source"]
        assert list(chosen["frame_id"]) == sorted(frame_table()["frame_id"])
        assert set(chosen["source"]) == {source}


def test_rejected_frames_are_left_out():
    frames = frame_table()
    frames.loc[4, "status"] = "rejected"
    assert frames.loc[4, "frame_id"] not in set(choose(frames, UNION)["train"]["frame_id"])


def test_shares_replace_whole_videos_and_keep_the_number_of_frames():
    chosen = choose(frame_table(), HALF)["train"]
    sources = chosen.groupby("video")["source"].agg(set)
    assert len(chosen) == len(frame_table())
    assert chosen["frame_id"].is_unique
    assert sorted(sources.map(lambda source: "".join(source))) == ["cyclegan"] * 3 + ["original"] * 4


def test_the_videos_of_the_mixture_are_those_that_earlier_versions_drew():
    expected = {7: {"v1", "v4", "v5"}, 12: {"v1", "v2", "v3", "v4", "v5", "v8"}}
    for videos, drawn in expected.items():
        assert wintry(choose(frame_table(videos), HALF)["train"]) == drawn
    assert wintry(choose(frame_table(5, "val"), HALF)["val"]) == {"v0", "v2"}


def test_videos_are_drawn_from_the_seed_and_the_split():
    frames = pd.concat([frame_table(20), frame_table(20, "val")])
    first, again, other = (choose(frames, HALF, seed) for seed in (1, 1, 2))
    assert wintry(first["train"]) == wintry(again["train"])
    assert wintry(first["train"]) != wintry(other["train"])
    assert wintry(first["train"]) != wintry(first["val"])


def test_the_order_of_the_table_and_of_the_sources_does_not_matter():
    frames, backwards = frame_table(10), dict(reversed(HALF.items()))
    pd.testing.assert_frame_equal(choose(frames, HALF)["train"], choose(frames[::-1], backwards)["train"])


@pytest.mark.parametrize(("share", "count"), [(0.25, 5), (0.5, 10), (0.01, 1), (0.99, 19), (0.3, 6)])
def test_every_source_shows_its_share_of_the_videos_and_at_least_one(share: float, count: int):
    chosen = choose(frame_table(20), {"original": 1 - share, "cyclegan": share})["train"]
    assert len(wintry(chosen)) == count
    assert chosen["frame_id"].is_unique


def test_a_smaller_share_is_a_part_of_a_larger_one():
    shares = ({"original": 1 - share, "cyclegan": share} for share in (0.25, 0.5, 0.75))
    quarter, half, most = (wintry(choose(frame_table(20), each)["train"]) for each in shares)
    assert quarter < half < most


def test_three_sources_share_the_videos_among_them():
    chosen = choose(frame_table(10), {"original": 0.2, "painted": 0.7, "cyclegan": 0.1})["train"]
    videos = chosen.groupby("source")["video"].nunique().to_dict()
    assert videos == {"cyclegan": 1, "original": 2, "painted": 7}


def test_shares_of_1_show_every_frame_from_each_source():
    chosen = choose(frame_table(), UNION)["train"]
    each = chosen.groupby("frame_id")["source"].agg(list)
    assert all(sources == ["cyclegan", "original"] for sources in each)


@pytest.mark.parametrize(("share", "videos"), [(1, 4), (0.5, 2), (0.1, 1)])
def test_true_winter_gives_a_share_of_its_own_videos(share: float, videos: int):
    shares = {"true_winter": share} | ({} if share == 1 else {"original": 1 - share})
    chosen = choose(with_true_winter(frame_table(10)), shares)["train"]
    true = chosen[chosen["source"] == "true_winter"]
    assert true["video"].nunique() == videos and true["frame_id"].str.startswith("true_winter/").all()
    others = chosen[chosen["source"] == "original"]
    assert others["video"].nunique() == round((1 - share) * 10)
    assert not others["frame_id"].str.startswith("true_winter/").any()


def test_true_winter_is_in_no_other_set():
    frames = with_true_winter(frame_table(10))
    for shares in (HALF, UNION, {"cyclegan": 1}):
        chosen = choose(frames, shares)["train"]
        pd.testing.assert_frame_equal(chosen, choose(frame_table(10), shares)["train"])


def test_true_winter_without_training_videos_names_its_key():
    with pytest.raises(SnowdriftError, match=r"data\.true_winter\.train"):
        choose(frame_table(), {"true_winter": 1})


def test_one_video_for_two_sources_is_refused_for_training_only():
    with pytest.raises(SnowdriftError, match=r"training_sets\.mine: .* need a training video each"):
        choose(frame_table(1), HALF)
    assert set(choose(pd.concat([frame_table(), frame_table(1, "val")]), HALF)["val"]["source"]) == {
        "original"
    }


def test_an_empty_split_names_its_key():
    with pytest.raises(SnowdriftError, match=r"splits\.val"):
        training_selections(frame_table(), "original", {"original": 1}, seed=0)


@pytest.mark.parametrize(("test_set", "source"), [("original", "original"), ("winter", "cyclegan")])
def test_a_test_set_shows_every_frame_of_the_test_videos(test_set: str, source: str):
    frames = pd.concat([frame_table(3, "test"), frame_table(4).assign(frame_id="other")])
    chosen = domains.testing_selection(with_true_winter(frames), test_set)
    assert list(chosen["frame_id"]) == list(frame_table(3)["frame_id"])
    assert set(chosen["source"]) == {source}


def test_the_test_set_of_true_winter_shows_its_own_test_videos():
    chosen = domains.testing_selection(with_true_winter(frame_table(3, "test"), videos=2), "true_winter")
    assert set(chosen["source"]) == {"true_winter"} and chosen["video"].nunique() == 2


def test_a_set_is_put_into_words():
    assert in_words(HALF) == "50 % original, 50 % cyclegan"
    assert in_words({"cyclegan": 1}) == "100 % cyclegan"
    assert in_words(UNION) == "original and cyclegan, every video from each"


@pytest.mark.parametrize("by", ["edges_kept", "random"])
def test_a_gate_leaves_out_training_frames_of_its_translator_alone(by: str):
    val = frame_table(4, "val")
    val = val.assign(frame_id="val" + val["frame_id"], video="val" + val["video"])
    frames = pd.concat([frame_table(10), val], ignore_index=True)
    shares = {"original": 0.5, "cyclegan": 0.5}
    plain = training_selections(frames, "x", shares, seed=0)
    winter = plain["train"].query("source == 'cyclegan'")["frame_id"].tolist()
    quality = pd.DataFrame({"frame_id": winter, "box": 0, "edges_kept": np.linspace(0, 1, len(winter))})
    gates = {"cyclegan": Gate(0.8, by)}
    gated = training_selections(frames, "x", shares, seed=0, gates=gates, quality={"cyclegan": quality})
    assert gated["val"].equals(plain["val"])
    left_out = {*plain["train"]["frame_id"]} - {*gated["train"]["frame_id"]}
    assert len(left_out) == len(winter) // 5 and left_out < {*winter}
    assert (left_out == {*winter[: len(left_out)]}) == (by == "edges_kept")

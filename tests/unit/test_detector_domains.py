"""Which pictures make up a domain."""

import pandas as pd
import pytest

from snowdrift.detector.domains import domain_frames, training_selections
from snowdrift.runtime.errors import SnowdriftError


def frame_table(videos: int = 7, split: str = "train") -> pd.DataFrame:
    names = [f"v{number}" for number in range(videos) for _ in range(3)]
    ids = [f"{name}/{name}_{index % 3}" for index, name in enumerate(names)]
    return pd.DataFrame({"frame_id": ids, "video": names, "split": split, "status": "ok"})


def choose(
    frames: pd.DataFrame, domain: str, split: str = "train", mixed: str = "half", seed: int = 0
) -> pd.DataFrame:
    return domain_frames(frames, domain, split=split, mixed=mixed, seed=seed)


def test_single_domains_take_every_frame_of_the_split_from_one_source():
    frames = pd.concat([frame_table(), frame_table(split="test").assign(video="t", frame_id="t/0")])
    for domain in ("vfp", "winter"):
        chosen = choose(frames, domain)
        assert list(chosen.columns) == ["frame_id", "video", "source"]
        assert list(chosen["frame_id"]) == sorted(frame_table()["frame_id"])
        assert set(chosen["source"]) == {domain}


def test_rejected_frames_are_left_out():
    frames = frame_table()
    frames.loc[4, "status"] = "rejected"
    assert frames.loc[4, "frame_id"] not in set(choose(frames, "mixed", mixed="union")["frame_id"])


def test_half_replaces_whole_videos_and_keeps_the_number_of_frames():
    chosen = choose(frame_table(), "mixed")
    sources = chosen.groupby("video")["source"].agg(set)
    assert len(chosen) == len(frame_table())
    assert chosen["frame_id"].is_unique
    assert sorted(sources.map(lambda source: "".join(source))) == ["vfp"] * 4 + ["winter"] * 3


def test_half_is_drawn_from_the_seed_and_the_split():
    def winter(**options):
        chosen = choose(frame_table(20, options.get("split", "train")), "mixed", **options)
        return set(chosen.loc[chosen["source"] == "winter", "video"])

    assert winter(seed=1) == winter(seed=1)
    assert winter(seed=1) != winter(seed=2)
    assert winter(seed=1) != winter(seed=1, split="val")


def test_half_does_not_depend_on_the_order_of_the_table():
    frames = frame_table(10)
    pd.testing.assert_frame_equal(choose(frames, "mixed"), choose(frames[::-1], "mixed"))


@pytest.mark.parametrize(("share", "count"), [(0.25, 5), (0.5, 10), (0.01, 1), (0.99, 19)])
def test_a_share_of_the_videos_is_shown_in_winter_at_least_one_and_never_all(share, count):
    chosen = choose(frame_table(20), "mixed", mixed=share)
    assert chosen.loc[chosen["source"] == "winter", "video"].nunique() == count
    assert chosen["frame_id"].is_unique


def test_union_takes_both_versions_of_every_frame():
    chosen = choose(frame_table(), "mixed", mixed="union")
    assert all(sources == ["vfp", "winter"] for sources in chosen.groupby("frame_id")["source"].agg(list))


def test_half_of_one_video_is_refused_for_training_only():
    with pytest.raises(SnowdriftError, match="two training videos"):
        choose(frame_table(1), "mixed")
    assert set(choose(frame_table(1, "val"), "mixed", split="val")["source"]) == {"vfp"}


def test_an_empty_split_names_its_key():
    with pytest.raises(SnowdriftError, match=r"splits\.val"):
        training_selections(frame_table(), "vfp", mixed="half", seed=0)


def test_the_test_split_is_never_mixed():
    with pytest.raises(ValueError, match="mixed"):
        choose(frame_table(split="test"), "mixed", split="test")

"""The study's scores of each video: both versions, as many frames of each, against the style pictures."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from torch import Tensor

from snowdrift.scores.features import Features
from snowdrift.snow.video_scores import SCORE_COLUMNS, pairs_of_videos, score_videos


class Colours:
    """Mean and spread of the colours as features, and a class for bright pictures and one for dark ones."""

    name = "colours"

    def extract(self, images: Tensor) -> Features:
        values = images.double().flatten(2)
        features = np.concatenate([values.mean(2), values.std(2)], axis=1)
        bright = 10 * (features[:, 0] / 127.5 - 1)
        return Features(features, np.stack([bright, -bright], axis=1))


def picture(path: Path, level: int, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(level, 10, (12 + seed % 3, 16, 3))
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(path)
    return path


def test_winter_that_looks_like_the_style_has_the_smaller_distance_and_variety_the_higher_score(
    tmp_path: Path,
):
    style = [picture(tmp_path / f"style/{n}.png", 200, n) for n in range(5)]
    videos = {}
    for video, levels in {"varied": (50, 220), "dark": (50, 60)}.items():
        videos[video] = [
            (
                picture(tmp_path / f"{video}/{n}.png", levels[n % 2], n),
                picture(tmp_path / f"{video}/winter{n}.png", 200, n + 10),
            )
            for n in range(4)
        ]
    table = score_videos(videos, style, Colours())
    assert list(table.columns) == SCORE_COLUMNS and list(table["scored"]) == [4, 4]
    assert (table["fid_winter"] < 0.1 * table["fid_original"]).all()
    varied, dark = table["inception_score_original"]
    assert varied > 1.8 and dark == pytest.approx(1, abs=0.01)
    assert list(table["inception_score_winter"]) == pytest.approx([1, 1], abs=0.01)


def test_only_whole_frames_of_videos_with_several_are_scored_and_at_most_thirty(tmp_path: Path):
    names = [f"long/{n:02}" for n in range(40)] + [
        "two/0",
        "two/1",
        "one/0",
        "faulty/0",
        "faulty/1",
        "unseen/0",
    ]
    frames = pd.DataFrame({"frame_id": names, "status": "ok"})
    frames["video"], frames["image"] = frames["frame_id"].str.partition("/")[0], frames["frame_id"] + ".jpg"
    frames.loc[frames["frame_id"] == "faulty/1", "status"] = "faulty"
    manifest = frames[frames["video"] != "unseen"].assign(image=lambda rows: rows["frame_id"] + ".png")
    videos = pairs_of_videos(frames, manifest, tmp_path / "a", tmp_path / "b")
    assert {video: len(pairs) for video, pairs in videos.items()} == {"long": 30, "two": 2}
    assert videos["two"][0] == (tmp_path / "a/two/0.jpg", tmp_path / "b/two/0.png")

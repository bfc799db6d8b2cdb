"""The gate: how far labels of winter frames are still true, and which frames are left out."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from snowdrift.data.tables import Corners
from snowdrift.demo.dataset import render_vfp290k
from snowdrift.snow.quality import (
    Versions,
    by_video,
    confidence_at,
    edges_kept,
    frame_quality,
    kept_frames,
    measure_quality,
    versions_of,
)

BOX = (0.4, 0.4, 0.6, 0.6)


def versions(folder: Path, name: str, strength: float, boxes=(BOX,)) -> Versions:
    """A dark person on grey ground, and a winter version with `strength` of that contrast in and outside the box."""
    paths = []
    for version, contrast in (("original", 1.0), ("winter", strength)):
        picture = Image.new("L", (100, 100), 200)
        picture.paste(round(200 - 150 * contrast), (40, 40, 60, 60))
        picture.paste(0, (0, 0, 10, 10))  # far from the box
        paths.append(folder / f"{name}_{version}.png")
        picture.save(paths[-1])
    return Versions(name, *paths, boxes)


def kept(one: Versions, boxes: Sequence[Corners] | None = None) -> list[float]:
    return edges_kept(Image.open(one.original), Image.open(one.winter), boxes or one.boxes)


def test_faded_edges_count_by_their_strength_and_turned_ones_in_full(tmp_path: Path):
    for strength in (0.0, 0.5, 1.0):
        assert kept(versions(tmp_path, "a", strength)) == [pytest.approx(strength, abs=0.01)]
    assert kept(versions(tmp_path, "pale", -0.3)) == [pytest.approx(0.3, abs=0.01)]


def test_noise_keeps_no_edges_and_every_box_has_its_own(tmp_path: Path):
    one = versions(tmp_path, "a", 1.0)
    noise = np.random.default_rng(0).integers(0, 255, (100, 100), dtype=np.uint8)
    winter = np.asarray(Image.open(one.winter)).copy()
    Image.fromarray(noise).save(one.winter)
    assert kept(one)[0] < 0.2
    winter[:20, :20] = 200
    Image.fromarray(winter).save(one.winter)
    there, gone = kept(one, [BOX, (0.0, 0.0, 0.1, 0.1)])
    assert there > 0.95 and gone == 0


def test_a_table_has_a_row_for_each_box_and_the_judges_view_of_it(tmp_path: Path):
    both = [versions(tmp_path, "a", 1.0, (BOX, (0.0, 0.0, 0.1, 0.1))), versions(tmp_path, "b", 0.2)]
    seen = {both[0].original: 0.9, both[0].winter: 0.6, both[1].original: 0.8, both[1].winter: 0.1}

    def judge(picture: Path) -> np.ndarray:
        return np.array([[*BOX, seen[picture]], [0.7, 0.7, 0.9, 0.9, 1.0]])

    table = measure_quality(both, judge=judge, threads=2)
    assert table[["frame_id", "box"]].to_numpy().tolist() == [["a", 0], ["a", 1], ["b", 0]]
    assert table["seen_before"].tolist() == [0.9, 0.0, 0.8] and table["seen_after"].tolist() == [
        0.6,
        0.0,
        0.1,
    ]
    agreement = frame_quality(table, "agreement")
    assert agreement.to_dict() == {"a": pytest.approx(2 / 3), "b": pytest.approx(1 / 8)}
    assert measure_quality(both)[["seen_before", "seen_after"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("detection", "confidence"),
    [
        ((0.4, 0.4, 0.6, 0.6), 0.7),
        ((0.4, 0.4, 0.6, 0.51), 0.7),
        ((0.4, 0.4, 0.6, 0.49), 0.0),
        ((0, 0, 0.3, 0.3), 0.0),
    ],
)
def test_a_detection_counts_from_half_an_overlap(detection: tuple, confidence: float):
    assert confidence_at(BOX, np.array([[*detection, 0.7]])) == confidence
    assert confidence_at(BOX, np.zeros((0, 5))) == 0


def test_the_worst_frames_are_left_out_and_empty_ones_never_are():
    ids = [f"f{number}" for number in range(10)]
    quality = pd.DataFrame({"frame_id": ids[:6], "box": 0, "edges_kept": [0.9, 0.1, 0.5, 0.2, 0.8, 0.7]})
    assert kept_frames(ids, quality, 0.8, "edges_kept", seed=0) == [i for i in ids if i not in ("f1", "f3")]
    assert kept_frames(ids, quality, 1.0, "edges_kept", seed=0) == ids
    chance = kept_frames(ids, quality, 0.8, "random", seed=0)
    assert len(chance) == 8 and chance == sorted(chance) == kept_frames(ids, quality, 0.8, "random", seed=0)
    assert chance != kept_frames(ids, quality, 0.8, "random", seed=1)


def test_quality_is_summed_up_for_each_video():
    ids = ["a/0", "a/1", "b/0"]
    frames = pd.DataFrame({"frame_id": [*ids, "b/1"], "video": ["a", "a", "b", "b"], "split": "train"})
    boxes = {"frame_id": ["a/0", "a/0", "a/1", "b/0"], "box": [0, 1, 0, 0]}
    quality = pd.DataFrame(
        boxes | {"edges_kept": [0.9, 0.3, 0.7, 0.2], "seen_before": np.nan, "seen_after": np.nan}
    )
    table = by_video(quality, frames).set_index("video")
    assert table["frames"].to_dict() == {"a": 2, "b": 1} and table["boxes"].to_dict() == {"a": 3, "b": 1}
    assert table["edges_kept"].to_dict() == pytest.approx({"a": 0.5, "b": 0.2})
    assert table["edges_kept_low"]["a"] == pytest.approx(0.32) and table["agreement"].isna().all()
    seen = by_video(
        quality.assign(seen_before=[0.8, 0.8, 0.8, 0.01], seen_after=[0.8, 0.4, 0.2, 0.0]), frames
    )
    assert seen.set_index("video")["agreement"].to_dict() == pytest.approx({"a": (0.5 + 0.25) / 2, "b": 1})


def test_frames_of_a_manifest_that_have_boxes_are_judged():
    frames = pd.DataFrame({"frame_id": ["a", "b", "c"], "image": ["a.jpg", "b.jpg", "c.jpg"]})
    boxes = pd.DataFrame(
        {
            "frame_id": ["b", "b", "c"],
            "class_id": 0,
            "x_center": 0.5,
            "y_center": 0.5,
            "box_width": 0.2,
            "box_height": 0.2,
        }
    )
    manifest = pd.DataFrame({"frame_id": ["a", "b"], "image": ["w/a.jpg", "w/b.jpg"]})
    (only,) = versions_of(frames, boxes, manifest, Path("root"), Path("winter"))
    assert only[:3] == ("b", Path("root/b.jpg"), Path("winter/w/b.jpg"))
    assert np.allclose(only.boxes, [BOX, BOX])


def test_people_who_are_painted_over_are_found(tmp_path: Path):
    """Bleached renderings with people painted over in every tenth: nearly all of these are the worst."""
    render_vfp290k(tmp_path / "frames", videos=20, frames=10, width=320, height=180, seed=3, workers=2)
    random = np.random.default_rng(0)
    all_versions, painted = [], set()
    for number, picture in enumerate(sorted((tmp_path / "frames").glob("*/images/*.jpg"))):
        boxes = boxes_of(picture)
        if not boxes:
            continue
        pixels = np.asarray(Image.open(picture).convert("RGB"), float)
        winter = np.clip(0.55 * pixels + 90 + random.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8)
        if number % 10 == 5:
            painted.add(str(picture))
            winter = paint_over(winter, boxes[0])
        Image.fromarray(winter).save(tmp_path / f"{number}.png")
        all_versions.append(Versions(str(picture), picture, tmp_path / f"{number}.png", boxes))
    assert (len(painted), len(all_versions)) == (20, 200)
    worst = frame_quality(measure_quality(all_versions, threads=2), "edges_kept").nsmallest(len(painted))
    assert len(painted & {*worst.index}) >= 18


def boxes_of(picture: Path, width: int = 320, height: int = 180) -> list[Corners]:
    annotation = picture.parents[1] / "clean_xml" / f"{picture.stem}.xml"
    edges = [
        [int(entry.findtext(f"bndbox/{tag}")) for tag in ("xmin", "ymin", "xmax", "ymax")]
        for entry in ElementTree.parse(annotation).getroot().iter("object")
    ]
    return [
        (left / width, top / height, right / width, bottom / height) for left, top, right, bottom in edges
    ]


def paint_over(pixels: np.ndarray, box: tuple) -> np.ndarray:
    """The picture without what is in a box: its surroundings go on there."""
    height, width = pixels.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    left, top, right, bottom = (round(part) for part in np.array(box) * [width, height, width, height])
    mask[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2] = 255
    return cv2.inpaint(pixels, mask, 3, cv2.INPAINT_TELEA)

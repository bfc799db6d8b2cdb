"""The rendered demo data: layout, repeatability, labels."""

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from snowdrift.demo.dataset import (
    draw_cast,
    photograph,
    render_dawn,
    render_true_winter,
    render_vfp290k,
    video_frames,
    video_name,
)
from snowdrift.demo.layouts import LAYOUTS
from snowdrift.demo.scene import random_scene
from snowdrift.demo.takes import random_take

SIZE = {"width": 160, "height": 90}


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def boxes_in(xml: Path) -> list[tuple[str, tuple[int, ...]]]:
    found = []
    for entry in ElementTree.parse(xml).getroot().iter("object"):
        bounds = entry.find("bndbox")
        edges = tuple(int(bounds.findtext(tag)) for tag in ("xmin", "ymin", "xmax", "ymax"))
        found.append((entry.findtext("name"), edges))
    return found


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "vfp290k"
    render_vfp290k(root, videos=3, frames=4, **SIZE, seed=5, workers=1)
    return root


@pytest.fixture(scope="module")
def snow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "dawn"
    render_dawn(root, images=8, **SIZE, seed=5, workers=1)
    return root


def test_videos_are_laid_out_as_vfp290k(videos: Path) -> None:
    names = sorted(path.name for path in videos.iterdir())
    assert len(names) == 3 and all(re.fullmatch(r"GOPR\d{4}", name) for name in names)
    expected = {f"{n}/images/{n}_{i:05d}.jpg" for n in names for i in range(4)}
    expected |= {f"{n}/clean_xml/{n}_{i:05d}.xml" for n in names for i in range(4)}
    assert set(contents(videos)) == expected


def test_video_names_never_collide() -> None:
    assert len({video_name(index) for index in range(500)}) == 500


def test_annotations_describe_their_frame(videos: Path) -> None:
    for xml in videos.glob("*/clean_xml/*.xml"):
        root = ElementTree.parse(xml).getroot()
        with Image.open(xml.parent.parent / "images" / root.findtext("filename")) as image:
            size = (int(root.findtext("size/width")), int(root.findtext("size/height")))
            assert image.size == size == (160, 90) and image.mode == "RGB"
        boxes = boxes_in(xml)
        assert 1 <= len(boxes) <= 4
        for name, (left, top, right, bottom) in boxes:
            assert name in ("0", "1")
            assert 0 <= left < right <= 160 and 0 <= top < bottom <= 90


def test_photographs_are_laid_out_as_dawn_with_gaps(snow: Path) -> None:
    names = sorted(contents(snow))
    assert len(names) == 8 and all(re.fullmatch(r"Snow/Snow/snow_storm-\d{3}\.jpg", name) for name in names)
    numbers = [int(name[-7:-4]) for name in names]
    assert numbers[-1] - numbers[0] + 1 > len(numbers)


def test_workers_do_not_change_a_byte(videos: Path, snow: Path, tmp_path: Path) -> None:
    render_vfp290k(tmp_path / "v", videos=3, frames=4, **SIZE, seed=5, workers=2)
    render_dawn(tmp_path / "d", images=8, **SIZE, seed=5, workers=2)
    assert contents(tmp_path / "v") == contents(videos)
    assert contents(tmp_path / "d") == contents(snow)


@pytest.mark.parametrize("tested", [(1,), (0, 2), ()])
def test_true_winter_has_the_tested_scenes_and_others_to_learn_from(
    videos: Path, tmp_path: Path, tested: tuple[int, ...]
) -> None:
    same = {video_name(index) for index in tested}
    render_true_winter(tmp_path / "winter", same=same, videos=3, frames=4, **SIZE, seed=5, workers=2)
    mild, winter = contents(videos), contents(tmp_path / "winter")
    assert mild.keys() == winter.keys(), "as many frames, of the same names"
    names = [name for name in mild if name.endswith(".xml")]
    labels = [{name: boxes_in(root / name) for name in names} for root in (videos, tmp_path / "winter")]
    for name in names:
        if name.split("/")[0] in same:
            assert labels[0][name] == labels[1][name]
        else:
            assert labels[1][name] not in labels[0].values(), "a scene that no other video shows"


def test_true_winter_is_the_same_world_under_snow(videos: Path, tmp_path: Path) -> None:
    same = {video_name(index) for index in range(3)}
    render_true_winter(tmp_path / "winter", same=same, videos=3, frames=4, **SIZE, seed=5, workers=2)
    for name in (name for name in contents(videos) if name.endswith(".jpg")):
        pictures = [Image.open(root / name).convert("HSV") for root in (videos, tmp_path / "winter")]
        ground = [np.asarray(picture, float)[50:] for picture in pictures]
        assert ground[1][..., 2].mean() > ground[0][..., 2].mean(), "snow is brighter"
        assert ground[1][..., 1].mean() < ground[0][..., 1].mean(), "and paler"


def test_true_winter_leaves_people_where_they_are() -> None:
    for index in range(3):
        both = [[people for _, people in video_frames(index, 12, 160, 90, 5, snow=snow)] for snow in (0, 1)]
        assert both[0] == both[1]


def test_seed_changes_every_picture(videos: Path) -> None:
    other = next(video_frames(0, 4, 160, 90, 6))[0]
    with Image.open(videos / video_name(0) / "images" / f"{video_name(0)}_00000.jpg") as image:
        assert np.abs(np.asarray(image, float) - np.asarray(other, float)).mean() > 5


def test_rendering_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "dawn").mkdir()
    (tmp_path / "dawn" / "stale.jpg").write_bytes(b"")
    render_dawn(tmp_path / "dawn", images=1, **SIZE, seed=0, workers=1)
    assert list(contents(tmp_path / "dawn")) == ["Snow/Snow/snow_storm-001.jpg"]
    assert [path.name for path in tmp_path.iterdir()] == ["dawn"]


def test_boxes_in_files_are_the_bounds_of_the_drawn_people(videos: Path) -> None:
    labels = [people for _, people in video_frames(1, 4, 160, 90, 5)]
    for number, people in enumerate(labels):
        xml = videos / video_name(1) / "clean_xml" / f"{video_name(1)}_{number:05d}.xml"
        assert boxes_in(xml) == [(str(int(person.fallen)), person.box) for person in people]


@pytest.mark.parametrize("index", range(5))
def test_boxes_are_tight_and_people_not_hidden(index: int) -> None:
    rng = np.random.default_rng(index)
    scene = random_scene(rng, 320, 180, LAYOUTS[index], winter=False)
    cast = random_take(rng, scene.camera, 6)
    for number in range(6):
        masks = []
        for figure, _ in draw_cast(scene, cast, number)[0]:
            black, white = np.zeros((180, 320, 3)), np.ones((180, 320, 3))
            figure.paste(black)
            figure.paste(white)
            mask = (1 - (white - black)[..., 0]) >= 0.5 - 1e-6
            rows, columns = np.nonzero(mask)
            assert figure.box() == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            masks.append(mask)
        for far in range(len(masks)):
            nearer = np.any(masks[far + 1 :], axis=0)
            assert (masks[far] & nearer).sum() <= 0.6 * masks[far].sum()


def test_every_video_has_both_classes_about_equally_often() -> None:
    total: Counter[bool] = Counter()
    for index in range(20):
        rng = np.random.default_rng(100 + index)
        scene = random_scene(rng, 320, 180, LAYOUTS[index % 5], winter=False)
        cast = random_take(rng, scene.camera, 10)
        classes = Counter(actor.poses[number].fallen for actor in cast for number in range(10))
        assert 1 <= len(cast) <= 4 and len(classes) == 2
        total += classes
    assert 0.4 < total[True] / total.total() < 0.62


def test_photographs_mostly_show_people_or_cars() -> None:
    plain, peopled = 0, 0
    for index in range(12):
        picture = np.asarray(photograph(index, 160, 90, 1).convert("HSV"), float)[30:]
        colourful = (picture[..., 1] > 90) & (picture[..., 2] > 40)
        peopled += colourful.mean() > 0.004
        plain += colourful.mean() <= 0.004
    assert peopled > plain


@pytest.mark.parametrize(("width", "height"), [(64, 64), (64, 200), (400, 64), (97, 131)])
def test_any_size_from_64_pixels_works(width: int, height: int) -> None:
    for index in range(3):
        frames = list(video_frames(index, 2, width, height, 3))
        assert all(picture.size == (width, height) and len(people) >= 1 for picture, people in frames)
        assert {person.fallen for _, people in frames for person in people} == {False, True}
    assert photograph(0, width, height, 3).size == (width, height)

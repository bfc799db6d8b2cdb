"""The embedded default as files: fallen-person videos laid out as VFP290K, in summer and in winter, and snow
photographs as DAWN.
"""

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from snowdrift.demo.figures import Figure, cast_shadow, draw_figure
from snowdrift.demo.layouts import LAYOUTS
from snowdrift.demo.output import JPEG_QUALITY, spread
from snowdrift.demo.people import body
from snowdrift.demo.scene import Scene, paint_background, random_scene, under_snow
from snowdrift.demo.takes import Actor, random_take
from snowdrift.demo.weather import expose, falling_snow
from snowdrift.runtime.files import atomic_folder
from snowdrift.runtime.seeds import derive_seed

TAKE_FRAMES = 10
"""Frames after which the people of a video change; the scene stays."""
_PEOPLED = 0.85


@dataclass(frozen=True)
class Label:
    """A person in a frame: whether fallen, and its box (left, top, right, bottom) in pixels, as in XML."""

    fallen: bool
    box: tuple[int, int, int, int]


def render_vfp290k(
    root: Path, *, videos: int, frames: int, width: int, height: int, seed: int, workers: int
) -> None:
    """Render snow-free videos into `root`, laid out as VFP290K.

    `<root>/GOPRdddd/images/GOPRdddd_00000.jpg` and `<root>/GOPRdddd/clean_xml/GOPRdddd_00000.xml` (Pascal
    VOC, class `0` normal, `1` fallen). Boxes count from 0; xmax and ymax are exclusive. Both sides of a frame
    must be at least 64 pixels. The bytes depend on the sizes and the seed, not on `workers`.
    """
    scenes = {video_name(index): index for index in range(videos)}
    _render_videos(root, scenes, frames, width, height, seed, workers, snow=False)


def render_true_winter(
    root: Path,
    *,
    same: Collection[str],
    videos: int,
    frames: int,
    width: int,
    height: int,
    seed: int,
    workers: int,
) -> None:
    """Render as many videos as `render_vfp290k` under snow, with the same names and layout.

    Those that are tested on are the same videos once more: scenes, cameras, people and poses are the same, and so the
    labels are, so that only the weather differs. All others show scenes that no video of `render_vfp290k` shows: what
    learns from them has seen the weather, and not the scenes.

    Args:
        root: See `render_vfp290k`.
        same: Names of the videos whose scenes stay.
        videos: See `render_vfp290k`, as all that follow.
        frames: Of each video.
        width: Pixels.
        height: Pixels.
        seed: The study's.
        workers: Processes.
    """
    names = [video_name(index) for index in range(videos)]
    scenes = {name: index if name in same else videos + index for index, name in enumerate(names)}
    _render_videos(root, scenes, frames, width, height, seed, workers, snow=True)


def _render_videos(
    root: Path,
    scenes: Mapping[str, int],
    frames: int,
    width: int,
    height: int,
    seed: int,
    workers: int,
    *,
    snow: bool,
) -> None:
    """Render a video of each name, which shows the scene of that index; see `video_frames`."""
    logging.getLogger(__name__).info(
        "rendering %d videos of %d frames, %dx%d", len(scenes), frames, width, height
    )
    with atomic_folder(root) as folder:
        task = partial(_render_video, folder, frames, width, height, seed, snow)
        spread(task, list(scenes.items()), workers)


def render_dawn(root: Path, *, images: int, width: int, height: int, seed: int, workers: int) -> None:
    """Render snow photographs of other scenes into `root`, laid out as DAWN.

    `<root>/Snow/Snow/snow_storm-NNN.jpg`, with gaps in the numbers. The bytes do not depend on `workers`.
    """
    logging.getLogger(__name__).info("rendering %d snow photographs, %dx%d", images, width, height)
    with atomic_folder(root) as folder:
        (folder / "Snow" / "Snow").mkdir(parents=True)
        task = partial(_render_photograph, folder / "Snow" / "Snow", width, height, seed)
        spread(task, range(images), workers)


def video_name(index: int) -> str:
    """The folder of video `index`; like a camera's own numbers, not quite consecutive."""
    return f"GOPR{1701 + index * 2 + index % 3 // 2:04d}"


def photograph_name(index: int) -> str:
    """The file of photograph `index`; every seventh number is left out."""
    return f"snow_storm-{index + 1 + index // 6:03d}.jpg"


def video_frames(
    index: int, frames: int, width: int, height: int, seed: int, *, snow: bool = False
) -> Iterator[tuple[Image.Image, list[Label]]]:
    """The frames of video `index`, in order, with the people in them; with `snow` the same ones in winter."""
    rng = np.random.default_rng(derive_seed(seed, "vfp290k", index))
    # Apart, so that scenes, people and the sensor are drawn alike in both seasons.
    weather = np.random.default_rng(derive_seed(seed, "true_winter", index))
    scene = random_scene(rng, width, height, LAYOUTS[index % len(LAYOUTS)], winter=False)
    if snow:
        scene = under_snow(weather, scene)
    background = paint_background(scene)
    for first in range(0, frames, TAKE_FRAMES):
        length = min(TAKE_FRAMES, frames - first)
        cast = random_take(rng, scene.camera, length)
        for number in range(length):
            picture, labels = compose(scene, background, cast, number)
            if snow:
                picture = falling_snow(weather, picture, scene.camera)
            yield expose(rng, picture, scene.light), labels


def photograph(index: int, width: int, height: int, seed: int) -> Image.Image:
    """Snow photograph `index`; most show people or cars, so that a translator learns to keep them."""
    rng = np.random.default_rng(derive_seed(seed, "dawn", index))
    scene = random_scene(rng, width, height, LAYOUTS[index % len(LAYOUTS)], winter=True)
    cast = random_take(rng, scene.camera, 1) if rng.random() < _PEOPLED else []
    picture, _ = compose(scene, paint_background(scene), cast, 0)
    return expose(rng, falling_snow(rng, picture, scene.camera), scene.light)


def compose(
    scene: Scene, background: np.ndarray, cast: list[Actor], number: int
) -> tuple[np.ndarray, list[Label]]:
    """Frame `number` of a take: the background with shadows and people, and a label per person in view."""
    figures, shade = draw_cast(scene, cast, number)
    picture = background * (1 - shade[..., None] * np.array([1.0, 0.97, 0.9], np.float32))
    labels = []
    for figure, fallen in figures:
        figure.paste(picture)
        box = figure.box()
        if box is not None:
            labels.append(Label(fallen, box))
    return picture, labels


def draw_cast(scene: Scene, cast: list[Actor], number: int) -> tuple[list[tuple[Figure, bool]], np.ndarray]:
    """The people of frame `number`, far ones first, and whether fallen; and their shade (height, width)."""
    shade = np.zeros((scene.camera.height, scene.camera.width), np.float32)
    figures = []
    for actor in sorted(cast, key=lambda actor: -actor.poses[number].position[1]):
        capsules = body(actor.person, actor.poses[number])
        cast_shadow(shade, scene.camera, scene.light, capsules)
        figure = draw_figure(scene.camera, scene.light, capsules)
        if figure is not None:
            figures.append((figure, actor.poses[number].fallen))
    return figures, shade


def _render_video(
    folder: Path, frames: int, width: int, height: int, seed: int, snow: bool, video: tuple[str, int]
) -> None:
    name, index = video
    images, labels = folder / name / "images", folder / name / "clean_xml"
    images.mkdir(parents=True)
    labels.mkdir()
    for number, (picture, people) in enumerate(video_frames(index, frames, width, height, seed, snow=snow)):
        stem = f"{name}_{number:05d}"
        picture.save(images / f"{stem}.jpg", quality=JPEG_QUALITY)
        _write_voc(labels / f"{stem}.xml", f"{stem}.jpg", picture.size, people)


def _render_photograph(folder: Path, width: int, height: int, seed: int, index: int) -> None:
    photograph(index, width, height, seed).save(folder / photograph_name(index), quality=JPEG_QUALITY)


def _write_voc(path: Path, image: str, size: tuple[int, int], people: list[Label]) -> None:
    """Write a Pascal VOC annotation as VFP290K has them, the class an integer in a string."""
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "folder").text = "images"
    ElementTree.SubElement(root, "filename").text = image
    extent = ElementTree.SubElement(root, "size")
    for tag, value in zip(("width", "height", "depth"), (*size, 3), strict=True):
        ElementTree.SubElement(extent, tag).text = str(value)
    for person in people:
        entry = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(entry, "name").text = "1" if person.fallen else "0"
        bounds = ElementTree.SubElement(entry, "bndbox")
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), person.box, strict=True):
            ElementTree.SubElement(bounds, tag).text = str(value)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(path, encoding="utf-8")

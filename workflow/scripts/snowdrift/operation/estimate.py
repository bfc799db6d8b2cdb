"""How long a study takes and how much it writes, from what the demo was measured to take."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snowdrift.data.sets import shows_true_winter
from snowdrift.data.splits import SPLITS
from snowdrift.detection.sources import shown_splits
from snowdrift.operation.resources import YOLO, generator_multiplications
from snowdrift.snow.names import used_translators

SOURCE = "the demo's stages on one core of an AMD EPYC, docs/operating.md"
"""What the rates below were taken from: CPU seconds of `make demo`, over the work of each stage there."""

_RENDERED_BYTES = 0.38
"""Of a rendered JPEG, for each pixel."""

_PARAMETERS = {"yolov5n": 2.7e6, "yolov5s": 9.2e6, "yolov5m": 25.1e6, "yolov5l": 53.2e6, "yolov5x": 97.3e6}
"""Of Ultralytics' networks of 80 classes; fewer classes make less."""

DEMO_SECONDS = {"CycleGAN": 401.0, "winter frames": 30.0, "detectors": 600.0, "attack, at most": 115.0}
"""CPU seconds of all jobs of a stage in the demo."""


@dataclass(frozen=True)
class Data:
    """What the study's data folders hold, or will hold when they are rendered.

    Attributes:
        frames: pictures in all videos.
        videos: folders of them.
        frame_bytes: of all frames together.
        width, height: of a frame, in pixels.
        in_splits: frames of the videos in a split; None if only the config's counts of videos tell.
        in_training: frames of training videos; None likewise.
        style: style pictures; None if the config's number is all that is known.
    """

    frames: int
    videos: int
    frame_bytes: int
    width: int
    height: int
    in_splits: int | None = None
    in_training: int | None = None
    style: int | None = None


def stage_work(config: Mapping[str, Any], data: Data) -> dict[str, float]:
    """Work of each long stage, in units that mean something for that stage alone."""
    cyclegan, winterize, detector = config["cyclegan"], config["winterize"], config["detector"]
    work: dict[str, float] = {}
    training = data.in_training
    if training is None:
        training = round(_share(config["splits"]["train"], data.videos) * data.frames)
    if cyclegan["pretrained"] is None:
        asked = cyclegan["style_images"]
        style = asked if data.style is None else min(asked, data.style)
        pairs = max(min(cyclegan["frames"], training), style) * (
            cyclegan["epochs"] + cyclegan["decay_epochs"]
        )
        work["CycleGAN"] = pairs * _network(config, cyclegan["crop_size"] ** 2)
    short = min(data.width, data.height)
    side = short if winterize["size"] == "native" else winterize["size"]
    # The study's translator alone: what others cost is theirs, and those that learn nothing cost little.
    translated = data.frames * _translated_share(config, data)
    work["winter frames"] = translated * _network(config, data.width * data.height * (side / short) ** 2)
    pictures = training * _shown(config) * len(detector["seeds"]) * detector["epochs"]
    work["detectors"] = pictures * detector["image_size"] ** 2 * YOLO[detector["model"]]
    if "attack" in config["chapters"]:
        attack = config["attack"]
        queries = attack["images"] * (
            attack["queries"] * len(attack["methods"]) + 6 * attack["ceiling_steps"]
        )
        work["attack, at most"] = queries * _network(config, attack["size"] ** 2)
    return work


def core_hours(config: Mapping[str, Any], data: Data, demo: Mapping[str, Any]) -> dict[str, float]:
    """Hours that each long stage takes on one core like the one that ran the demo.

    Args:
        config: a complete one.
        data: of the study.
        demo: the demo's complete config, to compare with.
    """
    known = stage_work(demo, rendered_data(demo))
    work = stage_work(config, data)
    return {stage: amount / known[stage] * DEMO_SECONDS[stage] / 3600 for stage, amount in work.items()}


def disk_bytes(config: Mapping[str, Any], data: Data) -> dict[str, float]:
    """Bytes that each part of the results takes at most."""
    winter = data.frame_bytes * 1.5 if config["winterize"]["format"] == "jpeg" else _raw(data)
    winter *= _translated_share(config, data) * len(used_translators(config))
    parts = {"winter frames": winter, "datasets": _shown(config) * 2 * 4096.0 * data.frames}
    if config["data"]["vfp290k"] is None:
        parts["rendered frames"] = float(data.frame_bytes)
        if shows_true_winter(config) and config["data"]["true_winter"]["folder"] is None:
            parts["rendered winter"] = float(data.frame_bytes)
    if config["detector"]["cache"]:
        parts["frames at the detectors' size"] = cache_bytes(config, data)
    cyclegan = config["cyclegan"]
    if cyclegan["pretrained"] is None:
        scale = (cyclegan["filters"] / 64) ** 2
        total = cyclegan["epochs"] + cyclegan["decay_epochs"]
        snapshots = total // cyclegan["snapshot_every"] + 2
        # Four networks a snapshot, once in the state and once in the results; the state itself twice while it is saved.
        parts["CycleGAN"] = scale * (2 * snapshots * 113e6 + 2 * 654e6)
    detector = config["detector"]
    # Two files of 16-bit weights, and the state: network, averages, momentum, gradients and the best weights so far.
    trainings = len(config["training_sets"]) * len(detector["seeds"])
    parts["detectors"] = trainings * 40 * _PARAMETERS[detector["model"]]
    return parts


def cache_bytes(config: Mapping[str, Any], data: Data) -> float:
    """Bytes that `detector.cache` takes; pictures of true winter count as the study's own frames."""
    longer = config["detector"]["image_size"]
    pixels = longer**2 * min(data.width, data.height) / max(data.width, data.height)
    shown = (split for splits in shown_splits(config).values() for split in splits)
    shares = sum(_share(config["splits"][split], data.videos) for split in shown)
    return float(3 * pixels * data.frames * shares)


def part_done(config: Mapping[str, Any], results: Path) -> dict[str, float]:
    """The share of each part of `disk_bytes` whose jobs have ended, 0 to 1, by the manifests that they leave.

    What a job that has not ended has written counts as nothing.
    """
    jobs = {
        "winter frames": (
            "winterize_shard/*/*",
            config["winterize"]["shards"] * len(used_translators(config)),
        ),
        "frames at the detectors' size": (
            "cache_frames/*/*",
            config["winterize"]["shards"] * len(shown_splits(config)),
        ),
        "datasets": ("build_dataset/*", len(config["training_sets"])),
        "rendered frames": ("render_vfp290k", 1),
        "rendered winter": ("render_true_winter", 1),
        "CycleGAN": ("train_cyclegan", 1),
        "detectors": (
            "train_detector/*",
            len(config["training_sets"]) * len(config["detector"]["seeds"]),
        ),
    }
    return {
        part: min(1.0, sum(1 for _ in (results / "digests").glob(f"{name}.csv")) / count)
        for part, (name, count) in jobs.items()
    }


def rendered_data(config: Mapping[str, Any]) -> Data:
    """The frames that are rendered where `data.vfp290k` is null."""
    demo = config["demo"]
    frames, pixels = demo["videos"] * demo["frames"], demo["width"] * demo["height"]
    size = round(frames * pixels * _RENDERED_BYTES)
    return Data(frames, demo["videos"], size, demo["width"], demo["height"], style=demo["snow_images"])


def _network(config: Mapping[str, Any], pixels: float) -> float:
    return pixels * generator_multiplications(config["cyclegan"]["filters"], config["cyclegan"]["blocks"])


def _shown(config: Mapping[str, Any]) -> float:
    """How many times all training sets together show each training video."""
    return sum(sum(shares.values()) for shares in config["training_sets"].values())


def _translated_share(config: Mapping[str, Any], data: Data) -> float:
    """Which share of the frames gets winter versions."""
    return 1.0 if config["winterize"]["frames"] == "all" else share_in_splits(config, data)


def share_in_splits(config: Mapping[str, Any], data: Data) -> float:
    """Which share of the frames is of videos in a split, 0 to 1; the detectors see no others."""
    if data.in_splits is not None:
        return data.in_splits / max(data.frames, 1)
    return min(1.0, sum(_share(config["splits"][name], data.videos) for name in SPLITS))


def _share(split: int | list[str], videos: int) -> float:
    return min(1.0, (split if isinstance(split, int) else len(split)) / max(videos, 1))


def _raw(data: Data) -> float:
    """Bytes without compression, which PNG does not exceed."""
    return 3.0 * data.frames * data.width * data.height

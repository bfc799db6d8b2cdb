"""Memory and time that each rule asks a cluster for, and what the jobs of a finished study took of it.

The estimates come from small studies on two cores of an AMD EPYC without a GPU, scaled by what decides them: frames,
pixels, and the multiplications of networks. Nothing at full scale and nothing on a GPU has checked them. So jobs ask
for more, and for as much again with each attempt.
"""

import csv
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from snowdrift.data.splits import SPLITS
from snowdrift.settings.config import load_schema, read_config
from snowdrift.snow.memory import training_megabytes
from snowdrift.snow.names import MOST_COMPARED

# Measured: memory in MB, time in seconds of one thread.
_PLAIN = 200  # Python with pandas and matplotlib
_TORCH = 800  # Python with torch and a small network
_ULTRALYTICS = 900
_ROW = 0.0025  # of the frame table, joined with those of boxes and winter frames
_RATE = 15e9  # multiplications a second; 20e9 to 44e9 in convolutions of 16 to 24 filters
_MEGAPIXEL = 0.03  # to decode or encode a picture, with what is done to it on the way
_FOUND = 76  # detections a frame at a confidence of 0.001, nearly all wrong
_DETECTION = 0.001, 1.5e-6  # MB and seconds each time the metrics of a detection's test set are computed
_WRITTEN = 0.01  # a frame at a detector's size, without compression, and its digest
_STEP = 0.02  # a step of a small network's training, beside its multiplications

# Assumed, since no study has run on a GPU.
_CUDA = 2500  # of the machine's memory, for a process that uses CUDA
_LOADER = 800  # for each process that loads frames
_GPU_RATE = 10e12  # multiplications a second: 20 TFLOP/s, as large cards of 2020 reach in TF32 convolutions
_HOPE = 7200.0  # what `device: auto` may take where it finds no GPU

# What is asked for beyond the estimate. Time has a start, for an import of torch from a busy network disk, and an end,
# since partitions have limits, above which a job waits for ever: what takes several days resumes with each attempt.
_MORE_MEMORY, _MORE_TIME, _START, _END = 1.5, 2, 600.0, 3 * 86400.0

# VFP290K, and the chest X-rays, whose size the plan does not know where they are a user's folder.
_FRAMES, _VIDEOS, _FRAME_SIZE = 294_713, 178, (1920, 1080)
_XRAYS, _NORMAL, _XRAY_MEGAPIXELS = 5856, 1341, 2.0
# Multiplications of a picture of 640x640, by Ultralytics' own count.
YOLO = {"yolov5n": 3.9e9, "yolov5s": 12e9, "yolov5m": 32.1e9, "yolov5l": 67.5e9, "yolov5x": 123.2e9}

_GENEROUS = 8  # times as much as was used, and more than jobs of little need ask for: an estimate that is off
_LITTLE = 300  # MB, and seconds


class Need(NamedTuple):
    """What the largest job of a rule is expected to take.

    Attributes:
        memory: of the machine, MB.
        seconds: from its start to its end.
    """

    memory: float
    seconds: float

    def mem_mb(self, attempt: int) -> int:
        """The memory to ask for, MB."""
        return attempt * math.ceil(_MORE_MEMORY * self.memory / 100) * 100

    def minutes(self, attempt: int) -> int:
        """The time to ask for."""
        return math.ceil(min(attempt * (_START + _MORE_TIME * self.seconds), _END) / 60)


def needs(config: Mapping[str, Any]) -> dict[str, Need]:
    """What every rule that has a script needs, in a study with this (complete) config."""
    study = _Study(config)
    return study.data() | study.snow() | study.detection() | study.xray() | study.attack() | study.rest()


def generator_multiplications(filters: int, blocks: int) -> int:
    """Multiplications of the ResNet generator for each pixel: 49.6e9 at 256x256 with 64 filters and 9 blocks."""
    return 294 * filters + 18 * (1 + blocks) * filters**2


class _Study:
    """Sizes of a study, and what they mean for each chapter's rules."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config, demo = config, config["demo"]
        own = config["data"]["vfp290k"] is not None
        width, height = _FRAME_SIZE if own else (demo["width"], demo["height"])
        self.frames = _FRAMES if own else demo["videos"] * demo["frames"]
        self.per_video = self.frames / (_VIDEOS if own else demo["videos"])
        self.megapixels = width * height / 1e6
        self.table = self.frames * _ROW
        own = config["data"]["chest_xray"] is not None
        self.xrays: int = _XRAYS if own else demo["xray_images"]
        self.normal: int = _NORMAL if own else demo["xray_images"]
        self.xray_megapixels = _XRAY_MEGAPIXELS if own else demo["xray_size"] ** 2 / 1e6
        cyclegan = config["cyclegan"]
        self.generator = generator_multiplications(cyclegan["filters"], cyclegan["blocks"])
        self.activations = (
            24 * cyclegan["filters"]
        )  # MB for a megapixel: six tensors of so many float32 channels

    def split(self, name: str) -> float:
        """Frames of a split."""
        videos = self.config["splits"][name]
        return self.per_video * (videos if isinstance(videos, int) else len(videos))

    def compute(self, multiplications: float, threads: int, gpus: int = 1) -> float:
        """Seconds on the config's device."""
        cpu, gpu = multiplications / (_RATE * threads), multiplications / (_GPU_RATE * gpus)
        return {"cpu": cpu, "cuda": gpu, "auto": max(gpu, min(cpu, _HOPE))}[self.config["device"]]

    def memory(self, base: float, activations: float, loaders: int = 0, gpus: int = 1) -> float:
        """MB of a job on the config's device; with GPUs its activations are not in the machine's memory."""
        on_cpu = self.config["device"] == "cpu"
        return base + activations if on_cpu else gpus * (base + _CUDA + loaders * _LOADER)

    def data(self) -> dict[str, Need]:
        demo = self.config["demo"]
        drawn = demo["width"] * demo["height"]
        few = Need(_PLAIN + self.table, 5 + self.frames * 1e-5)
        return {
            "render_vfp290k": Need(2 * _PLAIN, demo["videos"] * demo["frames"] * drawn * 0.5e-6),
            "render_true_winter": Need(2 * _PLAIN, demo["videos"] * demo["frames"] * drawn * 0.7e-6),
            "render_dawn": Need(2 * _PLAIN, demo["snow_images"] * drawn * 3e-6),
            "render_chest_xray": Need(2 * _PLAIN, demo["xray_images"] * demo["xray_size"] ** 2 * 4e-6),
            # 16 processes; each file is read twice, once for its digest.
            "index_frames": Need(16 * 50 + 2 * self.table, self.frames * self.megapixels * _MEGAPIXEL / 8),
            "index_style": Need(_PLAIN, 60),
            "list_pictures": Need(16 * 50, 60),
            # At worst each is copied to another disk.
            "pictures": Need(_TORCH, 20 + self.frames * self.megapixels * _MEGAPIXEL / 3),
            # Of a user's own folder nobody knows the size: it counts as the frames.
            "index_true_winter": Need(
                16 * 50 + 2 * self.table, self.frames * self.megapixels * _MEGAPIXEL / 8
            ),
            "index_xray": Need(2 * _PLAIN, 5 + self.xrays * self.xray_megapixels * _MEGAPIXEL),
            "choose_training_images": few,
            "choose_attack_images": few,
            # A link, a label, and a look at the picture's end, on a network disk.
            "cache_frames": self._cache(),
            "build_dataset": Need(few.memory, 5 + 0.02 * 2 * (self.split("train") + self.split("val"))),
        }

    def _cache(self) -> Need:
        """A shard of the original frames, or of one of their versions; nobody knows of how many true winter is."""
        detector = self.config["detector"]
        frames = math.ceil(sum(self.split(name) for name in SPLITS) / self.config["winterize"]["shards"])
        pictures = 2 * detector["threads"] * 12 * max(self.megapixels, detector["image_size"] ** 2 / 1e6)
        return Need(
            _ULTRALYTICS + self.table + pictures,
            20 + frames * self.megapixels * _MEGAPIXEL + frames * _WRITTEN,
        )

    def snow(self) -> dict[str, Need]:
        config, winter = self.config["cyclegan"], self.config["winterize"]
        translated = self.frames
        if winter["frames"] == "splits":
            translated = min(translated, sum(self.split(name) for name in SPLITS))
        frames, seen = math.ceil(translated / winter["shards"]), self.megapixels
        if winter["size"] != "native":
            seen = min(seen, winter["size"] ** 2 * 16 / 9 / 1e6)
        videos = self.frames / self.per_video
        shard = Need(
            self.memory(_TORCH + self.table, winter["threads"] * seen * 2 * self.activations),
            20
            + self.compute(frames * seen * 1e6 * self.generator, winter["threads"])
            + frames * self.megapixels * 3 * _MEGAPIXEL,
        )
        return {
            "train_cyclegan": self._unpaired_training(self.config["cyclegan"]),
            # A CUT's step is less work than a CycleGAN's, and its layers are wider: it counts as one.
            "train_cut": self._unpaired_training(self.config["cut"]),
            "compare_epochs": self._compared_epochs(seen),
            "choose_generator": Need(_TORCH, 20),
            # Both versions of a frame are decoded, and their gradients taken.
            "measure_quality": Need(
                _TORCH + 2 * self.table, 20 + frames * self.megapixels * 6 * _MEGAPIXEL / winter["threads"]
            ),
            # 30 frames of each video in both versions; Inception takes 5.7e9 multiplications a picture.
            "score_videos": Need(
                self.memory(2 * _TORCH + self.table, 100 * self.megapixels),
                30
                + videos * 60 * (self.compute(5.7e9, winter["threads"]) + self.megapixels * _MEGAPIXEL)
                + config["style_images"] * self.compute(5.7e9, winter["threads"]),
            ),
            "sum_up_quality": Need(_PLAIN + 2 * self.table, 20),
            "fit_translator": Need(_TORCH, 20 + config["style_images"] * self.megapixels * _MEGAPIXEL),
            # On the CPU each thread has a frame of its own, and transformed tiles beside it.
            "winterize_shard": shard,
            # Of a plain folder nobody knows the size: a shard counts as one of the frames.
            "winterize_pictures": shard,
        }

    def _compared_epochs(self, seen: float) -> Need:
        """Of the training with the most snapshots; frames stay in memory in both versions, three bytes a pixel."""
        trainings = (self.config["cyclegan"], self.config["cut"])
        snapshots = max(
            (each["epochs"] + each["decay_epochs"]) / each["snapshot_every"] for each in trainings
        )
        frames = min(MOST_COMPARED, self.split("val"))
        return Need(
            self.memory(_TORCH + 2 * self.table, seen * 2 * self.activations)
            + 6 * MOST_COMPARED * self.megapixels,
            30
            + snapshots * self.compute(frames * seen * 1e6 * self.generator, 1)
            + snapshots * frames * self.megapixels * 6 * _MEGAPIXEL,
        )

    def _unpaired_training(self, config: Mapping[str, Any]) -> Need:
        threads, pixels = config["threads"], config["crop_size"] ** 2
        critic, filters = config["discriminator_filters"], config["filters"]
        frames = min(self.config["cyclegan"]["frames"], self.split("train"))
        pairs = frames * (config["epochs"] + config["decay_epochs"])
        generator = generator_multiplications(filters, config["blocks"])
        # Six passes through a generator, and as many through a discriminator, each with gradients the work of three.
        work = 18 * pairs * pixels * (generator + 14 * critic + 12 * critic**2)
        kept = training_megabytes(config)
        return Need(
            self.memory(_TORCH, kept, threads, config["gpus"]),
            20
            + self.compute(work, threads, config["gpus"])
            + 2 * pairs * self.megapixels * _MEGAPIXEL / threads
            + pairs / config["batch_size"] * 3 * _STEP,
        )

    def detection(self) -> dict[str, Need]:
        config, threads = self.config["detector"], self.config["detector"]["threads"]
        image = YOLO[config["model"]] * (config["image_size"] / 640) ** 2
        # Of the largest training set: as many times all videos as its shares add up to.
        versions = max(sum(shares.values()) for shares in self.config["training_sets"].values())
        trained = versions * self.split("train")
        tested = len(self.config["test_sets"]) * self.split("test")
        chosen = versions * self.split("val")
        validated = chosen if config["validate"] else 0
        loaders = max(1, config["workers"])
        decoded = 0 if config["cache"] else self.megapixels * _MEGAPIXEL
        loading = (decoded + _STEP) / loaders
        found, (megabytes, seconds) = _FOUND * tested, _DETECTION
        videos = self.config["splits"]["test"]
        videos = videos if isinstance(videos, int) else len(videos)
        kept = config["batch_size"] * image * 90e-9  # MB, as yolov5n; larger ones keep less for their work
        return {
            "train_detector": Need(
                self.memory(_ULTRALYTICS + self.table, kept, loaders, config["gpus"]),
                30
                + self.compute(config["epochs"] * image * (3 * trained + validated), threads, config["gpus"])
                + config["epochs"] * (trained + validated) * loading,
            ),
            "evaluate_detector": Need(
                self.memory(_ULTRALYTICS + self.table, kept / 2, loaders),
                25 + self.compute((tested + chosen) * image, threads) + (tested + chosen) * loading,
            ),
            # Each detector once on all videos, and once without each.
            "cross_domain": Need(
                _ULTRALYTICS + megabytes * found,
                20
                + len(self.config["training_sets"]) * len(config["seeds"]) * found * (1 + videos) * seconds,
            ),
        }

    def xray(self) -> dict[str, Need]:
        config, scores = self.config["xray"], self.config["scores"]
        # A generator of the user's own counts as a DCGAN where its settings do not say more.
        known = {"gan", "dcgan", "vae", "dcgan_augmented", "flow"}
        models = [
            config[name] if name in known else config["dcgan"] | config[name] for name in config["models"]
        ]
        reading = self.xrays * self.xray_megapixels * _MEGAPIXEL
        passes = max(m["epochs"] * _small(m) for m in models) * self.normal
        steps = max(m["epochs"] * self.normal / m["batch_size"] for m in models)
        held_out = round(config["held_out"] * self.normal)
        drawn = max(config["samples"], scores["redraws"] * held_out)
        learning = self.xrays * scores["classifier"]["epochs"] * _small(scores["classifier"])
        inception = "inception" in scores["extractors"]
        sets = len(models) + 3  # and the baselines
        # Multiplications of Inception v3, and of pictures of 64 px with training images at 81 shifts.
        seen = (
            6e9 * (drawn * sets + self.normal) if inception else 0
        ) + 81 * 56**2 * self.normal * drawn * sets
        seen += (
            (sets + 1)
            * scores["two_sample_epochs"]
            * (self.normal + drawn / 2)
            * _small(scores["classifier"])
        )
        return {
            "train_xray_generator": Need(
                self.memory(_TORCH + 100, max(map(_held, models))),
                20 + self.compute(passes, config["threads"]) + steps * _STEP + reading,
            ),
            "sample_xray": Need(
                self.memory(_TORCH, 0), 20 + self.compute(drawn * max(map(_drawn, models)), 1)
            ),
            "train_xray_classifier": Need(
                self.memory(_TORCH + 100, 0), 20 + self.compute(learning, config["threads"]) + reading
            ),
            "export_xray": Need(
                self.memory(_TORCH + 2000, 0),
                60 + self.compute(6e9 * (drawn * len(models) + self.normal), config["threads"]),
            ),
            "score_xray": Need(
                self.memory(_TORCH + (2000 if inception else 200), 0),
                60 + self.compute(seen, config["threads"]),
            ),
        }

    def attack(self) -> dict[str, Need]:
        config = self.config["attack"]
        each = len(config["methods"]) * config["queries"] + 3 * config["ceiling_steps"]
        queries = math.ceil(config["images"] / config["shards"]) * each
        pixels = config["size"] ** 2
        kept = config["batch_size"] * pixels / 1e6 * 2 * self.activations
        work = self.compute(queries * pixels * self.generator, config["threads"])
        return {"attack_shard": Need(self.memory(_TORCH + 250, kept), 30 + work)}

    def rest(self) -> dict[str, Need]:
        """Tables, figures and the check of all files."""
        plot = Need(_PLAIN, 10)
        pictures = Need(_PLAIN + self.table, 30 + 20 * self.megapixels)
        return {
            "plot_losses": plot,
            "contact_sheet": pictures,
            "draw_true_winter": pictures,
            "plot_cross_domain": plot,
            "draw_detections": pictures,
            "draw_xray": Need(_TORCH, 30),
            "summarise_attack": Need(1.5 * _PLAIN, 30),
            "draw_attack": pictures,
            "make_report": Need(_TORCH + self.table, 60),
            "verify": Need(_PLAIN + 2 * self.table, 5 + self.frames * self.megapixels * 0.006),
        }


def _small(network: Mapping[str, Any]) -> float:
    """Multiplications that count for a pass with gradients through one of the X-rays' networks."""
    if "width" in network:  # a U-Net
        narrow = 117e6 * (network["width"] / 32) ** 2
    else:
        narrow = 40e6 * (network.get("filters", 16) / 16) ** 2
    return float(narrow * (network["image_size"] / 64) ** 2)


def _held(network: Mapping[str, Any]) -> float:
    """MB that a training step holds beyond what the smallest networks do: 200 for 32 images of a U-Net's defaults."""
    if "width" not in network:
        return 0
    return float(6 * network["batch_size"] * network["width"] / 32 * (network["image_size"] / 64) ** 2)


def _drawn(network: Mapping[str, Any]) -> float:
    """Multiplications that count for an image that an X-ray generator makes: a third of `_small` for each pass."""
    return _small(network) / 3 * 2 * float(network.get("steps", 1.5))


class Comparison(NamedTuple):
    """A rule's largest job beside what it asked for: MB and seconds."""

    rule: str
    jobs: int
    memory: float
    memory_asked: int
    seconds: float
    seconds_asked: int

    @property
    def faults(self) -> list[str]:
        """What is wrong with the estimate."""
        found = []
        for what, used, asked in (
            ("memory", self.memory, self.memory_asked),
            ("time", self.seconds, self.seconds_asked),
        ):
            if used > asked:
                found.append(f"too little {what}")
            elif asked > _GENEROUS * max(used, _LITTLE):
                found.append(f"far too much {what}")
        return found


def compare(results: Path, config: Mapping[str, Any]) -> list[Comparison]:
    """Hold the benchmarks of a study's folder against what its rules ask for at the first attempt.

    Jobs too short for Snakemake to see their memory count as using none.
    """
    asked = needs(config)
    used: dict[str, list[tuple[float, float]]] = {}
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        with open(path, encoding="ascii") as stream:
            row = list(csv.DictReader(stream, delimiter="\t"))[-1]
        memory = 0.0 if row["max_rss"] in ("NA", "-") else float(row["max_rss"])
        rule = path.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv")
        used.setdefault(rule, []).append((memory, float(row["s"])))
    return [
        Comparison(
            rule,
            len(jobs),
            max(memory for memory, _ in jobs),
            asked[rule].mem_mb(1),
            max(seconds for _, seconds in jobs),
            60 * asked[rule].minutes(1),
        )
        for rule, jobs in used.items()
    ]


def _main(results: str, schema: str, *configs: str) -> None:
    config = read_config([Path(path) for path in configs], load_schema(schema))
    print(f"{'rule':24}{'jobs':>5}{'MB':>7}{'asked':>7}{'min':>8}{'asked':>7}")
    rows = compare(Path(results), config)
    for row in rows:
        print(
            f"{row.rule:24}{row.jobs:5}{row.memory:7.0f}{row.memory_asked:7}"
            f"{row.seconds / 60:8.1f}{row.seconds_asked // 60:7}  {', '.join(row.faults)}".rstrip()
        )
    sys.exit(any(row.faults for row in rows))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit("usage: python -m snowdrift.operation.resources RESULTS SCHEMA CONFIG ...")
    _main(*sys.argv[1:])

"""Whether a study can run here, before it does: `python -m snowdrift.operation.doctor [CONFIG ...]`, as for Snakemake.

Each line is ok, a warning, or an error with a hint; the status is 1 where there is an error. Nothing is written, and no
picture is opened but one, or as many as it takes to find one that can be read.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parents[4]
_SCHEMA = REPOSITORY / "workflow/schemas/config.schema.yaml"
PUBLISHED = {
    "vfp290k": {"the published set": {"frames": 294_713, "videos": 178}},
    "dawn": {"the published set": {"snow photographs": 200}},
    "chest_xray": {
        "the Kaggle release, the study's": {"training images of the class": 1_341},
        "the Mendeley release": {"training images of the class": 1_349},
    },
}
"""What the releases of the study's own sets hold. A folder is taken for one of them where it, or the link
to it, has its name."""
_NAMES = {"vfp290k": "VFP290K", "dawn": "DAWN", "chest_xray": "chest_xray"}
_OK, _WARNING, _ERROR = "ok", "warning", "error"
_TRIED = 20  # frames that are opened until one can be read
_PATIENCE = 120.0  # seconds for an import of torch from a busy network disk, and the start of CUDA
_LONG = 48.0  # core hours from which on a study without a GPU is worth a warning


class Finding(NamedTuple):
    """One line of the diagnosis."""

    level: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f"\n           Hint: {self.hint}" if self.hint else ""
        return f"{self.level:>8}   {self.what}{hint}"


Check = Callable[[Mapping[str, Any]], Generator[Finding, None, Any]]
"""Yields what it finds in a config, and returns what later checks need."""


def examine(configs: Sequence[Path]) -> Iterator[Finding]:
    """All findings, in an order in which each makes sense; those that follow from an error are left out."""
    yield check_python()
    environment = list(check_environment())
    yield from environment
    if any(finding.level == _ERROR for finding in environment):
        return
    from snowdrift.runtime.errors import SnowdriftError, hint_for

    try:
        config = read_config([REPOSITORY / "config/config.yaml", *configs])
        demo = read_config([REPOSITORY / "config/config.yaml", REPOSITORY / "config/demo.yaml"])
    except SnowdriftError as error:
        yield Finding(_ERROR, error.message, error.hint)
        return
    yield Finding(
        _OK, f"config: study {config['study']}, side studies: {', '.join(config['chapters']) or 'none'}"
    )
    yield Finding(_OK, f"detectors: {_detectors(config)}")
    logging.disable(logging.INFO)
    devices = yield from check_devices(config)
    yield from check_memory(config, devices)
    found: dict[Check, Any] = {}
    checks: tuple[Check, ...] = (
        check_frames,
        check_true_winter,
        check_style,
        check_xrays,
        check_xray_generators,
        check_weights,
    )
    for check in checks:
        try:
            found[check] = yield from check(config)
        except (SnowdriftError, OSError) as error:
            hint = hint_for(error) if isinstance(error, OSError) else error.hint
            yield Finding(_ERROR, getattr(error, "message", str(error)), hint)
    if data := found.get(check_frames):
        data = replace(data, style=found.get(check_style, data.style) or data.style)
        yield from check_translated(config, data, demo)
        yield from check_space(config, data)
        yield from check_cache(config, data)
        short = any(path.resolve() == REPOSITORY / "config/demo.yaml" for path in configs)
        yield from check_time(config, data, demo, devices, short=short)


def _detectors(config: Mapping[str, Any]) -> str:
    from snowdrift.data.sets import in_words

    sets = "; ".join(f"{name} ({in_words(shares)})" for name, shares in config["training_sets"].items())
    return f"{sets}; tested on {', '.join(config['test_sets'])}"


def check_python() -> Finding:
    """The version, which a package would complain of less clearly."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):  # noqa: UP036 - also run by a Python that is
        return Finding(
            _ERROR, f"Python {version} is too old", "3.11 or newer: make env PYTHON=/path/to/python3.11"
        )
    return Finding(_OK, f"Python {version}")


def check_environment() -> Iterator[Finding]:
    """Whether what the workflow imports is installed, as it is pinned."""
    from snowdrift.runtime.libraries import installed

    lock = (REPOSITORY / "envs/requirements.lock").read_text()
    pins: dict[str, list[str]] = {}  # a package has several where they differ by Python's version
    for name, pinned in re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE):
        pins.setdefault(name, []).append(pinned)
    missing, other = [], []
    for name in ("snakemake", "torch", "torchvision", "ultralytics", "numpy", "pandas", "jsonschema", "rich"):
        found = installed([name])
        if not found:
            missing.append(name)
        elif found.get(name, "").split("+")[0] not in pins[name]:
            there = ", ".join(f"{own} {version}" for own, version in found.items())
            other.append(f"{there} instead of {' or '.join(pins[name])}")
    if not missing and (finding := _check_opencv()):
        yield finding
    if missing:
        free = shutil.disk_usage(REPOSITORY).free / 1e9
        space = f"{free:.0f} GB are free here" + ("" if free > 8 else ", which does not do")
        yield Finding(_ERROR, f"not installed: {', '.join(missing)}", f"make env (6 GB, once; {space})")
    elif other:
        yield Finding(
            _WARNING, f"not as pinned: {', '.join(other)}", "make env; results may differ from others'"
        )
    else:
        yield Finding(_OK, "the environment is as pinned")


def _check_opencv() -> Finding | None:
    """Its wheel is linked to libraries of the system, and the first job that needs it is hours away."""
    if importlib.util.find_spec("cv2") is None:
        return None
    try:
        importlib.import_module("cv2")
    except ImportError as error:
        return Finding(
            _ERROR,
            f"OpenCV (cv2) is installed and cannot be loaded: {error}",
            "on Debian or Ubuntu: apt install libgl1 libglib2.0-0",
        )
    return None


def read_config(files: Sequence[Path]) -> dict[str, Any]:
    """See `config.read_config`."""
    from snowdrift.settings import config

    return config.read_config(files, config.load_schema(_SCHEMA))


def check_devices(config: Mapping[str, Any]) -> Generator[Finding, None, int]:
    """The GPUs that jobs will find; returns how many."""
    from snowdrift.runtime.leases import visible_devices

    devices = visible_devices()
    models = ", ".join(filter(None, devices.values())) or f"{len(devices)} without a name"
    if config["device"] == "cpu":
        yield Finding(_OK, "device: cpu, so no GPU is used")
        return 0
    # Where nvidia-smi is not there, no model is known, and whether CUDA starts is for the job to say.
    if any(devices.values()) and (fault := _cuda_fault()):
        yield Finding(
            _ERROR,
            f"GPUs: {models}, which torch cannot use: {fault}",
            "renew the driver (nvidia-smi shows the CUDA that it knows), or set `device: cpu`",
        )
        return 0
    if devices:
        hint = f"run with --resources gpu={len(devices)}"
        yield Finding(_OK, f"GPUs: {models}", hint)
    elif config["device"] == "cuda" and (submits := _scheduler()):
        yield Finding(
            _WARNING,
            f"device: cuda, and there is no GPU here; {submits} is, so this may be a login node",
            "jobs have to go to nodes with GPUs, see docs/clusters.md",
        )
    elif config["device"] == "cuda":
        yield Finding(
            _ERROR, "device: cuda, but there is no GPU here", "check the driver, or set `device: auto`"
        )
    else:
        there = "jobs on nodes use those that they are given" if _scheduler() else "all runs on the CPU"
        yield Finding(_OK, f"no GPU here: {there}")
    return len(devices)


def check_memory(config: Mapping[str, Any], devices: int) -> Iterator[Finding]:
    """Whether a step of each training between unpaired pictures is expected to fit the GPUs."""
    from snowdrift.runtime.leases import smallest_memory, visible_devices
    from snowdrift.snow.memory import memory_advice
    from snowdrift.snow.names import TRAINED, used_translators

    card = smallest_memory(visible_devices()) if devices else None
    for name in set(TRAINED) & set(used_translators(config)):
        section = config[name]
        if section["pretrained"] is None and (advice := memory_advice(name, section, section["gpus"], card)):
            yield Finding(_WARNING, *advice.split("; ", 1))


def _cuda_fault() -> str | None:
    """Why torch finds no GPU; None where it does. Asked in another process: here CUDA would stay in memory."""
    code = (
        "import torch; print(torch.cuda.is_available(), torch.version.cuda)\n"
        "for index in range(torch.cuda.device_count()): torch.ones(1, device=index).add(1).item()"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"it does not answer within {_PATIENCE:.0f} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"it ends with status {done.returncode}"])[-1]
    available, cuda = done.stdout.split()[-2:]
    if available == "True":
        return None
    if cuda == "None":
        return "this torch is made for the CPU alone"
    return f"the driver is too old for this torch, which is made for CUDA {cuda}, or does not work"


def _scheduler() -> str | None:
    return next((name for name in ("sbatch", "qsub", "bsub") if shutil.which(name)), None)


def check_frames(config: Mapping[str, Any]) -> Generator[Finding, None, Any]:
    """The frames, their layout, number and splits; returns an `estimate.Data`."""
    from snowdrift.data.index import Reading, list_dataset
    from snowdrift.data.places import data_root
    from snowdrift.data.splits import SPLITS, UNUSED, assign_splits
    from snowdrift.operation.estimate import Data, rendered_data
    from snowdrift.runtime.errors import SnowdriftError

    if config["data"]["vfp290k"] is None:
        data = rendered_data(config)
        yield Finding(_OK, f"frames: {data.frames:,} in {data.videos} videos will be rendered")
        return data
    place = Path(config["data"]["vfp290k"])
    root = Path(data_root(place))
    split_file = config["splits"]["file"]
    reading = Reading(
        config["data"]["layout"],
        config["data"]["class_names"],
        config["data"]["other_classes"],
        own_splits=split_file is None,
    )
    try:
        dataset, groups = list_dataset(place, reading, config["splits"]["group"])
    except SnowdriftError as error:
        yield Finding(_ERROR, error.message, _proposal(place, config["data"]["layout"]) or error.hint)
        return None
    files = dataset.frames
    yield _count("vfp290k", root, {"frames": len(files), "videos": len(groups)})
    if lone := sum(frame.alone for frame in files):
        yield Finding(
            _WARNING,
            f"{lone:,} frames belong to no video, so that near-copies of one may be trained on and tested on",
            "if some belong together, say so with `splits.group`",
        )
    if faults := [frame for frame in files if frame.fault]:
        share = len(faults) / len(files)
        first = f"{faults[0].fault_file}: {faults[0].fault}"
        level = _ERROR if share > config["data"]["max_rejected"] else _WARNING
        yield Finding(
            level, f"{len(faults):,} frames will be left out, such as {first}", "mend or remove them"
        )
    assigned = assign_splits(groups, config["splits"], config["seed"], dataset.splits, split_file)
    counts = Counter(assigned[frame.video] for frame in files)
    shown = ", ".join(f"{split} {counts[split]:,} frames" for split in (*SPLITS, UNUSED) if counts[split])
    if dataset.splits or split_file:
        whose = split_file or "the dataset's own files"
        yield Finding(_OK, f"splits of {whose} are taken: {shown}")
    else:
        yield Finding(_OK, f"splits: {shown}")
    pictures = [frame.image for frame in files if not frame.fault]
    # From all over the set, since frames of one video may be damaged together.
    tried = pictures[:: max(1, len(pictures) // _TRIED)][:_TRIED]
    damaged, (width, height) = _first_size(root, tried, config["data"]["turn"] != "reject")
    if not width:
        first = f", such as {damaged[0]}" if damaged else ""
        yield Finding(
            _ERROR,
            f"data.vfp290k: {root}: none of {len(tried)} frames that were looked at can be read{first}",
            "copy the set again, or mend it",
        )
        return None
    if damaged:
        yield Finding(
            _WARNING,
            f"frames that cannot be read will be left out, such as {damaged[0]}",
            "mend or remove them; `snakemake data` looks at every frame",
        )
    size = sum(_bytes(root / name) for name in pictures)
    in_splits = sum(counts[split] for split in SPLITS)
    return Data(len(files), len(groups), size, width, height, in_splits, counts["train"])


def _proposal(place: Path, layout: str) -> str:
    """The config lines for a dataset that looks like another layout than `layout`; empty if it looks like none."""
    from snowdrift.data.layouts import recognise

    found = recognise(place) if place.is_dir() else None
    if found is None or found[0] == layout:
        return ""
    name, listed = found
    classes = f", class_names: [{', '.join(listed)}]" if listed else ""
    return f"this looks like the layout {name}; try `data: {{layout: {name}, vfp290k: {place}{classes}}}`"


def check_true_winter(config: Mapping[str, Any]) -> Generator[Finding, None, None]:
    """The pictures of winter that no translator made."""
    from snowdrift.data.index import Reading, list_dataset
    from snowdrift.data.sets import shows_true_winter
    from snowdrift.data.true_winter import under_own_keys
    from snowdrift.runtime.errors import SnowdriftError

    own = config["data"]["true_winter"]
    if not shows_true_winter(config):
        hint = "labelled pictures of winter as data.true_winter.folder would answer the question"
        yield Finding(_OK, "true winter: none, so detectors are tested on generated winter alone", hint)
        return
    if own["folder"] is None:
        yield Finding(_OK, "true winter: the test videos will be rendered under snow, and others to train on")
        return
    reading = Reading(own["layout"], own["class_names"] or config["data"]["class_names"])
    try:
        dataset, groups = list_dataset(Path(own["folder"]), reading, None)
    except SnowdriftError as error:
        raise under_own_keys(error) from error
    found = {"pictures": len(dataset.frames), "videos": len(groups)}
    yield Finding(_OK, f"data.true_winter.folder: {own['folder']}: {_listing(found)}")


def _first_size(root: Path, pictures: Sequence[str], turned: bool) -> tuple[list[str], tuple[int, int]]:
    """Width and height of the first picture that a run would take, and what is wrong with those before it.

    Both are 0 if there is none. `turned` is whether a picture that is stored turned is one that a run would take.
    """
    from snowdrift.data.decoding.images import FaultyFile, probe_image, require_upright

    faults: list[str] = []
    for name in pictures:
        try:
            picture = probe_image(root / name)
            if not turned:
                require_upright(picture)
            return faults, picture.upright_size
        except FaultyFile as fault:
            faults.append(f"{root / name}: {fault.reason}")
    return faults, (0, 0)


def _bytes(path: Path) -> int:
    """Of a file; 0 where it is none, such as a link to nothing."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def check_style(config: Mapping[str, Any]) -> Generator[Finding, None, int | None]:
    """The style pictures; returns how many the user has."""
    from snowdrift.data.style import list_style

    folder = config["data"]["dawn"]
    if config["cyclegan"]["pretrained"] is not None:
        return None
    if folder is None:
        yield Finding(_OK, f"style: {config['demo']['snow_images']} snow photographs will be rendered")
        return None
    count = len(list_style(Path(folder)))
    yield _count("dawn", Path(folder), {"snow photographs": count})
    return count


def check_xrays(config: Mapping[str, Any]) -> Generator[Finding, None, None]:
    """The X-rays of the class that is learned."""
    from snowdrift.xray.enough import check_count
    from snowdrift.xray.index import list_xrays
    from snowdrift.xray.patients import HELD_OUT

    folder, name = config["data"]["chest_xray"], config["xray"]["class_name"]
    if "xray" not in config["chapters"]:
        return
    if folder is None:
        yield Finding(
            _OK, f"X-rays: {config['demo']['xray_images']} phantoms of each finding will be rendered"
        )
        return
    listed = list_xrays(Path(folder), name)
    counts = Counter((file.split, file.class_name) for file in listed)
    learned = counts["train", name]
    found = {"training images of the class": learned}
    if name == "NORMAL":
        yield _count("chest_xray", Path(folder), found)
    else:
        yield Finding(_OK, f"data.chest_xray: {folder}: {_listing(found)}")
    held_out = round(config["xray"]["held_out"] * learned)
    for split, count in {"train": learned, HELD_OUT: held_out, "test": counts["test", name]}.items():
        check_count(split, name, count, config["scores"])


def _count(key: str, root: Path, found: Mapping[str, int]) -> Finding:
    where = f"data.{key}: {root}: {_listing(found)}"
    releases = PUBLISHED[key]
    if _NAMES[key] not in (root.absolute().name, root.resolve().name):
        return Finding(_OK, where)
    if same := [name for name, counts in releases.items() if counts == found]:
        return Finding(_OK, f"{where}, as in {same[0]}")
    wanted = "; ".join(f"{name} has {_listing(counts)}" for name, counts in releases.items())
    fewer = any(count < min(counts[what] for counts in releases.values()) for what, count in found.items())
    rest = "get the rest, or " if fewer else ""
    hint = f"{rest}go on with what there is; rename the folder if it is another set"
    return Finding(_WARNING, f"{where}; {wanted}", hint)


def _listing(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())


def check_xray_generators(config: Mapping[str, Any]) -> Generator[Finding, None, None]:
    """Models of the user's own, of whose settings the config's schema knows nothing."""
    from snowdrift.runtime.errors import SnowdriftError
    from snowdrift.settings.config import load_schema

    known = load_schema(_SCHEMA)["properties"]["xray"]["properties"]
    for name in config["xray"]["models"] if "xray" in config["chapters"] else ():
        if name in known:
            continue
        from snowdrift.xray.generators import load_model  # with torch, which takes seconds

        try:
            load_model(name).check(config["xray"][name])
        except SnowdriftError:
            raise
        except Exception as error:  # whatever a module of the user's own does when it is imported
            yield Finding(
                _ERROR,
                f"xray.models: {name}: its module cannot be loaded: {type(error).__name__}: {error}",
                f"mend workflow/scripts/snowdrift/xray/generators/{name}.py",
            )
        else:
            yield Finding(_OK, f"xray.{name}: a model of your own, with the settings that it needs")


def check_weights(config: Mapping[str, Any]) -> Generator[Finding, None, None]:
    """Weight files that the config names; those of generators and detectors are read."""
    generators = {"cyclegan.pretrained": config["cyclegan"]["pretrained"]}
    if "attack" in config["chapters"]:
        generators["attack.transfer"] = config["attack"]["transfer"]
    for key, path in generators.items():
        if path is not None:
            from snowdrift.snow.translators.cyclegan.weights import load_generator

            filters = load_generator(path).state_dict()["model.1.weight"].shape[0]
            yield Finding(_OK, f"{key}: {path}: a generator of {filters} filters")
    if (path := config["detector"]["pretrained"]) is not None:
        from snowdrift.detection.weights import read_weights

        yield Finding(_OK, f"detector.pretrained: {path}: {len(read_weights(path))} tensors")
    if "xray" in config["chapters"] and "inception" in config["scores"]["extractors"]:
        yield _check_inception(config["scores"]["inception_weights"])


def _check_inception(given: str | None) -> Finding:
    name = "pt_inception-2015-12-05-6726825d.pth"
    cache = Path(os.environ.get("TORCH_HOME", Path.home() / ".cache/torch")) / "hub/checkpoints" / name
    if given is not None and not Path(given).is_file():
        return Finding(
            _ERROR, f"scores.inception_weights: {given}: there is no such file", f"a copy of {name}"
        )
    if given is not None or cache.is_file():
        return Finding(_OK, f"Inception's weights: {given or cache}")
    return Finding(
        _WARNING,
        "Inception's weights are not here: they will be fetched (92 MB), or else its scores are left out",
        "set scores.inception_weights to a copy, or `scores: {extractors: [domain]}`",
    )


def check_translated(config: Mapping[str, Any], data: Any, demo: Mapping[str, Any]) -> Iterator[Finding]:
    """Which frames get winter versions, and what both choices cost, if they are not the same."""
    from snowdrift.operation.estimate import core_hours, disk_bytes, share_in_splits

    share = share_in_splits(config, data)
    if share == 1:
        return
    costs = {}
    for frames in ("all", "splits"):
        chosen = {**config, "winterize": {**config["winterize"], "frames": frames}}
        hours = core_hours(chosen, data, demo)["winter frames"]
        costs[frames] = (
            f"{_hours(hours)} of one CPU core and {_size(disk_bytes(chosen, data)['winter frames'])}"
        )
    known, other = ("all", "splits") if config["winterize"]["frames"] == "all" else ("splits", "all")
    counts = {"all": data.frames, "splits": round(share * data.frames)}
    yield Finding(
        _OK,
        f"winterize.frames: {known}: {counts[known]:,} of {data.frames:,} frames get winter versions, {costs[known]}",
        f"`{other}` are {counts[other]:,}, {costs[other]}; detectors see those of videos in `splits` alone",
    )


def check_space(config: Mapping[str, Any], data: Any) -> Iterator[Finding]:
    """Free space against what the results take at most, less the part that is there."""
    from snowdrift.operation.estimate import disk_bytes, part_done

    results = Path("results", config["study"])
    place = next(path for path in (results, *results.absolute().parents) if path.exists()).absolute()
    done = part_done(config, results)
    parts = {what: size * (1 - done[what]) for what, size in disk_bytes(config, data).items()}
    needed, free = sum(parts.values()), shutil.disk_usage(place).free
    listing = (
        ", ".join(f"{what} {_size(part)}" for what, part in parts.items() if part) or "tables and figures"
    )
    begun = (results / "digests").is_dir()
    beside = f" beside what is in {results}" if begun else ""
    text = f"disk: up to {_size(needed)}{beside} ({listing}); {_size(free)} are free at {place}"
    if needed < 0.9 * free:
        yield Finding(_OK, text)
    else:
        # Jobs that have not ended may have written a part of it.
        yield Finding(_WARNING if begun else _ERROR, text, _larger_disk())


def check_cache(config: Mapping[str, Any], data: Any) -> Iterator[Finding]:
    """What the frames at the detectors' size would take, where they are smaller than the frames and not kept."""
    from snowdrift.operation.estimate import cache_bytes

    detector = config["detector"]
    if not detector["cache"] and detector["image_size"] < max(data.width, data.height):
        size = _size(cache_bytes(config, data))
        yield Finding(
            _OK,
            f"detector.cache: false: frames of {data.width}x{data.height} are decoded again in every epoch",
            f"`detector: {{cache: true}}` takes up to {size} of disk, and the same detectors train faster",
        )


def _larger_disk() -> str:
    results = Path("results")
    first = "mv results /big/" if results.is_dir() and not results.is_symlink() else "mkdir -p /big/results"
    link = f"`{first} && ln -s /big/results results`"
    return f"make `results` a link to a folder on a larger disk ({link}), or free space"


def check_time(
    config: Mapping[str, Any], data: Any, demo: Mapping[str, Any], devices: int, *, short: bool
) -> Iterator[Finding]:
    """What the long stages take on the CPU; `short` is whether the demo's config is one of those given."""
    from snowdrift.operation.estimate import SOURCE, core_hours

    hours = core_hours(config, data, demo)
    listing = ", ".join(f"{stage} {_hours(count)}" for stage, count in hours.items())
    text = f"time: about {_hours(sum(hours.values()))} of one CPU core ({listing}; from {SOURCE})"
    if devices:
        hint = "a GPU takes less: `make watch` shows the time left as soon as a stage has begun"
        yield Finding(_OK, text, hint)
    elif sum(hours.values()) / (os.cpu_count() or 1) > _LONG:
        less = "train for fewer epochs" if short else "take config/demo.yaml below your config"
        yield Finding(_WARNING, text, f"use a machine with GPUs, or {less}")
    else:
        yield Finding(_OK, text)


def _size(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"


def _hours(hours: float) -> str:
    return (
        f"{hours / 24:,.0f} days"
        if hours >= 48
        else f"{hours:.0f} h"
        if hours >= 2
        else f"{hours * 60:.0f} min"
    )


def main(configs: Sequence[str], show: Callable[[Finding], object] = print) -> int:
    """Show the findings as they come; 1 where there is an error."""
    worst = _OK
    for finding in examine([Path(config) for config in configs]):
        show(finding)
        worst = max(worst, finding.level, key=[_OK, _WARNING, _ERROR].index)
    return 1 if worst == _ERROR else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The study's 294,713 frames through the real workflow: time, memory and files of each stage.

    PYTHONPATH=workflow/scripts python benchmarks/full_count.py /data/full --cores 2

The frames are small ones in the VFP290K layout, each a file of its own, and the generator is tiny, so that what is
measured is the work around the network. All videos are in a split, so that the three label trees hold as many frames
as can be. The same is done with a hundredth and a tenth of the frames. Ends with status 1 where another frame costs a
stage more at the full count than it did at a tenth of it, or where a stage takes 2 GB of memory.

It takes 8 GB and 2.3 million files below the given folder, which go at the end, and half an hour of one core. What has
been measured is kept in costs.csv there, so that a run that was stopped goes on with the next count.
"""

import argparse
import io
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import yaml
from measure import print_machine
from PIL import Image
from plan import call_snakemake

from snowdrift.runtime.files import write_table
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise
from snowdrift.snow.translators.cyclegan.weights import save_network

FRAMES, VIDEOS = 294_713, 178
DISTINCT, WIDTH, HEIGHT = 2_000, 64, 36
DOMAINS = ("original", "winter", "mixed")
PARTS = (100, 10, 1)
"""What of all frames is measured: a hundredth, a tenth, and all."""
MEGABYTES = 2_000
GROWTH = 1.3
"""How much dearer one more frame may be at the full count than at a tenth of it."""
NOISE = 5.0
"""CPU seconds by which a stage may differ from run to run."""


class Stage(NamedTuple):
    """A part of the study that is made and measured by itself. Paths and patterns are relative to the results."""

    name: str
    targets: Sequence[str]
    """What Snakemake is asked for: paths, or names of targets and options."""
    makes: Sequence[str] = ()
    """Folders that its files lie in."""
    benchmarks: str = ""
    """Pattern of its jobs' benchmark files."""


class Cost(NamedTuple):
    """What one stage took at one count of frames."""

    stage: str
    frames: int
    seconds: float
    cpu_seconds: float
    megabytes: float
    """Of its largest process or, where it is more, of its largest job with all processes."""
    files: int
    """Files, links and folders that it made."""


def main() -> None:
    """Measure all counts, print the table, and check it."""
    options = _options()
    print_machine()
    generator = options.folder / "generator.pth"
    network = ResnetGenerator(filters=2, blocks=1)
    initialise(network, torch.Generator().manual_seed(0))
    options.folder.mkdir(parents=True, exist_ok=True)
    save_network(network, generator)
    record = options.folder / "costs.csv"
    costs = [Cost(*row) for row in pd.read_csv(record).itertuples(index=False)] if record.exists() else []
    for part in PARTS:
        frames, study = options.frames // part, options.folder / f"{part}"
        if frames in {cost.frames for cost in costs}:
            continue
        shutil.rmtree(study, ignore_errors=True)
        costs += _measure(study, frames, generator, options)
        write_table(pd.DataFrame(costs), record)
        if not options.keep:
            shutil.rmtree(study)
    print(pd.DataFrame(costs).round(1).to_string(index=False))
    faults = list(_faults(costs))
    print("\n".join(faults) or f"no stage is worse than linear, none takes {MEGABYTES} MB")
    sys.exit(bool(faults))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to work; with --keep, what is made stays")
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--shards", type=int, default=8, help="fewer than a study's 64, so each is larger")
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args()


def _measure(folder: Path, frames: int, generator: Path, options: argparse.Namespace) -> Iterator[Cost]:
    """Make a dataset of so many frames below `folder`, and take it through all stages."""
    data, results = folder / "VFP290K", folder / "results/full"
    write_dataset(data, frames)
    config = folder / "full.yaml"
    config.write_text(yaml.safe_dump(_config(data.resolve(), generator.resolve(), options.shards)))
    for stage in _stages(options.shards):
        before = _count(results, stage)
        call = call_snakemake(folder, *stage.targets, "--configfile", str(config), cores=options.cores)
        sampled = _sampled_megabytes(results / "benchmarks", stage)
        megabytes = max([call.megabytes, *sampled])
        files = _count(results, stage) - before
        cost = Cost(stage.name, frames, call.seconds, call.cpu_seconds, megabytes, files)
        print(cost, flush=True)
        yield cost


def _sampled_megabytes(folder: Path, stage: Stage) -> list[float]:
    """The most memory that each job and its processes had together, as often as Snakemake has looked."""
    jobs = folder.glob(stage.benchmarks) if stage.benchmarks else ()
    # NA for a job that was over before the first look.
    return [pd.read_csv(job, sep="\t")["max_rss"].fillna(0).max() for job in jobs]


def write_dataset(root: Path, frames: int) -> None:
    """Write so many small noisy frames in the VFP290K layout, of some thousand contents, with up to 3 people each."""
    random = np.random.default_rng(0)
    pictures, notes = [], []
    for _ in range(DISTINCT):
        coarse = Image.fromarray(random.integers(0, 256, (9, 16, 3), np.uint8))
        buffer = io.BytesIO()
        coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        pictures.append(buffer.getvalue())
        notes.append(_annotation(random).encode())
    for index, count in enumerate(np.diff(np.linspace(0, frames, VIDEOS + 1).round().astype(int))):
        video = f"GOPR{index:04d}"
        for part in ("images", "clean_xml"):
            (root / video / part).mkdir(parents=True)
        for frame, choice in enumerate(random.integers(0, DISTINCT, count)):
            name = f"{video}_{frame:05d}"
            (root / video / f"images/{name}.jpg").write_bytes(_signed(pictures[choice], name))
            (root / video / f"clean_xml/{name}.xml").write_bytes(notes[choice])


def _signed(picture: bytes, name: str) -> bytes:
    """The JPEG file with its name as a comment, since equal pictures in two splits are refused."""
    comment = name.encode()
    return picture[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + picture[2:]


def _annotation(random: np.random.Generator) -> str:
    people = []
    for _ in range(random.integers(1, 4)):
        left, top = random.integers(0, WIDTH - 16), random.integers(0, HEIGHT - 16)
        corners = {"xmin": left, "ymin": top, "xmax": left + 12, "ymax": top + 14}
        box = "".join(f"<{name}>{value}</{name}>" for name, value in corners.items())
        people.append(f"<object><name>{random.integers(2)}</name><bndbox>{box}</bndbox></object>")
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
    return f"<annotation>{size}{''.join(people)}</annotation>"


def _config(data: Path, generator: Path, shards: int) -> dict:
    """A study of frames alone, with a generator of its own."""
    return {
        "study": "full",
        "device": "cpu",
        "chapters": [],
        "data": {"vfp290k": str(data), "dawn": None, "chest_xray": None},
        "splits": {"train": 100, "val": 40, "test": 38},
        "cyclegan": {"pretrained": str(generator)},
        "winterize": {"shards": shards, "batch_size": 32, "threads": 1},
    }


def _stages(shards: int) -> list[Stage]:
    results = Path("results/full")
    manifests = [str(results / f"snow/cyclegan/shards/{shard}.parquet") for shard in range(shards)]
    sheet, trees = results / "snow/contact_sheet.jpg", results / "detection/datasets"
    everything = [str(sheet), *(str(trees / domain) for domain in DOMAINS)]
    return [
        Stage("plan", [*everything, "--dry-run"]),
        Stage("index, split", [str(results / "data/frames.parquet")], ["data"], "index_frames.tsv"),
        Stage(
            "winter shards",
            manifests,
            ["snow/cyclegan/frames", "snow/cyclegan/shards"],
            "winterize_shard/*.tsv",
        ),
        Stage("contact sheet", [str(sheet)], [], "contact_sheet.tsv"),
        *(
            Stage(
                f"label tree, {domain}",
                [str(trees / domain)],
                [f"detection/datasets/{domain}"],
                f"build_dataset/{domain}.tsv",
            )
            for domain in DOMAINS
        ),
        Stage("verify", ["verify"]),
        Stage("nothing to do", everything),
    ]


def _count(results: Path, stage: Stage) -> int:
    """Files, links and folders below what a stage makes."""
    folders = [results / name for name in stage.makes]
    return sum(len(names) + len(files) for folder in folders for _, names, files in os.walk(folder))


def _faults(costs: Sequence[Cost]) -> Iterator[str]:
    """What is above the limits."""
    for cost in costs:
        if cost.megabytes > MEGABYTES:
            yield f"{cost.stage}: {cost.megabytes:.0f} MB with {cost.frames} frames"
    for name in dict.fromkeys(cost.stage for cost in costs):
        small, middle, full = sorted(
            (cost for cost in costs if cost.stage == name), key=lambda cost: cost.frames
        )
        # Less for more frames is chance, where a stage hardly depends on them.
        first = max(0.0, (middle.cpu_seconds - small.cpu_seconds) / (middle.frames - small.frames))
        allowed = GROWTH * first * (full.frames - middle.frames) + NOISE
        if full.cpu_seconds - middle.cpu_seconds > allowed:
            second = (full.cpu_seconds - middle.cpu_seconds) / (full.frames - middle.frames)
            yield f"{name}: {1e6 * second:.0f} us of CPU for another frame, {1e6 * first:.0f} us before"


if __name__ == "__main__":
    main()

"""Reading and scoring: tables of 294,713 frames, 1920x1080 JPEG files, and the X-rays' scores at the study's sizes.

    PYTHONPATH=workflow/scripts python benchmarks/tables.py

Each line holds what Snowdrift does against the plain way to the same result, both in one run, turn by turn: the medians
and the ratio of medians, with the range of the rounds' ratios.
"""

import argparse
import hashlib
import statistics
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from measure import print_machine, seconds_of
from PIL import Image
from plan import SIZES, write_tables
from pytorch_fid.fid_score import calculate_frechet_distance
from scipy.linalg import LinAlgWarning

from snowdrift.data.decoding.images import probe_image
from snowdrift.data.tables import read_frames
from snowdrift.runtime.files import digest_file, read_table, write_table
from snowdrift.scores.fid import frechet_distance

SAMPLES, REAL = 30, 1341
"""The study's generated X-rays a model, and its real ones."""
EXTRACTORS = {"xray_classifier": 128, "inception": 2048}
"""Features of each."""
PICTURES = 8


class Work(NamedTuple):
    """What is timed, and the plain way to the same result."""

    name: str
    ours: Callable[[], object]
    plain: Callable[[], object] | None = None


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print_machine()
    print(f"{'':62}  {'ours':>9}  {'plain':>9}  ratio")
    with tempfile.TemporaryDirectory() as place:
        for work in [*_reading(Path(place)), *_scoring()]:
            print(f"{work.name:62}  {_measure(work, options.rounds)}", flush=True)


def _measure(work: Work, rounds: int) -> str:
    ours, plain = [], []
    for _ in range(rounds):
        ours.append(seconds_of(work.ours))
        if work.plain:
            plain.append(seconds_of(work.plain))
    text = f"{1e3 * statistics.median(ours):6.1f} ms"
    if not work.plain:
        return text
    ratios = [other / own for own, other in zip(ours, plain, strict=True)]
    ratio = statistics.median(plain) / statistics.median(ours)
    return f"{text}  {1e3 * statistics.median(plain):6.1f} ms  {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _reading(folder: Path) -> list[Work]:
    """Tables against CSV files; the index's look at a frame against decoding it; a digest against one in memory."""
    write_tables(folder, *SIZES["294,713"])
    for name in ("frames", "boxes"):
        write_table(read_table(folder / f"{name}.parquet"), folder / f"{name}.csv")
    paths = _write_pictures(folder)
    contents = [path.read_bytes() for path in paths]
    size = sum(map(len, contents)) / len(paths) / 1e6
    return [
        Work(
            "table of 294,713 frames, Parquet / CSV",
            lambda: read_frames(folder / "frames.parquet"),
            lambda: pd.read_csv(folder / "frames.csv"),
        ),
        Work(
            "table of 589,426 boxes, Parquet / CSV",
            lambda: read_table(folder / "boxes.parquet"),
            lambda: pd.read_csv(folder / "boxes.csv"),
        ),
        Work(
            f"check of {PICTURES} frames (1920x1080, {size:.1f} MB) / full decoding",
            lambda: [probe_image(path) for path in paths],
            lambda: [Image.open(path).convert("RGB") for path in paths],
        ),
        Work(
            f"SHA-256 of the {PICTURES} files / of their bytes in memory",
            lambda: [digest_file(path) for path in paths],
            lambda: [hashlib.sha256(content).hexdigest() for content in contents],
        ),
    ]


def _write_pictures(folder: Path) -> list[Path]:
    """Frames with as much detail as photographs have, to judge by their size."""
    random, paths = np.random.default_rng(0), []
    for index in range(PICTURES):
        coarse = Image.fromarray(random.integers(0, 256, (135, 240, 3), np.uint8))
        picture = np.asarray(coarse.resize((1920, 1080), Image.Resampling.BICUBIC), np.int16)
        noisy = np.clip(picture + random.integers(-6, 7, picture.shape), 0, 255).astype(np.uint8)
        paths.append(folder / f"{index}.jpg")
        Image.fromarray(noisy).save(paths[-1], quality=85)
    return paths


def _scoring() -> list[Work]:
    """The score that takes its time, against the tool of its authors."""
    works = []
    for name, width in EXTRACTORS.items():
        random = np.random.default_rng(0)
        fake, real = random.normal(0.1, 1, (SAMPLES, width)), random.normal(0, 1, (REAL, width))
        works += [
            Work(
                f"FID, {SAMPLES} against {REAL}, {name} / pytorch-fid",
                partial(frechet_distance, fake, real),
                partial(_pytorch_fid, fake, real),
            ),
        ]
    return works


def _pytorch_fid(fake: np.ndarray, real: np.ndarray) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)
        gaussians = [(features.mean(0), np.cov(features, rowvar=False)) for features in (fake, real)]
        return float(calculate_frechet_distance(*gaussians[0], *gaussians[1]))


if __name__ == "__main__":
    main()

"""What showing a job's progress costs it: `python benchmarks/progress_cost.py [FOLDER]`.

CycleGAN steps small enough for dozens a second, far more than a real training has, with each step reported and
without, in turns. Then a report and a write alone, in FOLDER, such as one on a network disk.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from snowdrift.runtime.progress import _Report, _Writer, report, shown
from snowdrift.snow.translators.cyclegan.training import CycleGAN, TrainingSettings

ROUNDS, STEPS = 15, 200
SETTINGS = TrainingSettings(
    resize="square",
    load_size=32,
    crop_size=32,
    batch_size=1,
    precision="float32",
    filters=2,
    blocks=1,
    discriminator_filters=2,
    epochs=1,
    decay_epochs=0,
    learning_rate=0.0002,
    lambda_cycle=10,
    lambda_identity=0.5,
    pool_size=50,
    upsampling="transposed",
    snapshot_every=1,
)


def seconds_of_steps(model: CycleGAN, images: torch.Tensor, reported: bool) -> float:
    """Time of STEPS steps."""
    started = time.perf_counter()
    for step in range(STEPS):
        losses = model.step(images, -images)
        if reported:
            report("training", step + 1, STEPS, "steps", {"epoch": "1 of 1", **losses})
    return time.perf_counter() - started


def main(folder: Path) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    model, images = CycleGAN(SETTINGS, 0, torch.device("cpu")), torch.rand(1, 3, 32, 32)
    seconds_of_steps(model, images, False)
    plain, reported = [], []
    for _ in range(ROUNDS):
        plain.append(seconds_of_steps(model, images, False))
        with shown(folder / "logs/job.log"):
            reported.append(seconds_of_steps(model, images, True))
    ratios = [one / other for one, other in zip(reported, plain, strict=True)]
    print(f"{STEPS / statistics.median(plain):.0f} steps a second")
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(
        f"reported / not reported: median {middle:.4f}, middle half of {ROUNDS} rounds {low:.4f} to {high:.4f}"
    )
    with shown(folder / "logs/job.log"):
        started = time.thread_time()
        for step in range(100_000):
            report("training", step, 100_000, "steps")
        print(f"one report: {(time.thread_time() - started) * 10:.2f} us")
    writer = _Writer(folder / "progress/job.json")
    latest = _Report(
        "training", 1, 2, "steps", {name: torch.tensor(0.5) for name in "abcdefgh"}, time.monotonic()
    )
    started, processor = time.perf_counter(), time.process_time()
    for _ in range(1000):
        writer._write(latest)
    print(
        f"one write: {time.perf_counter() - started:.3f} ms, {time.process_time() - processor:.3f} ms of them CPU"
    )
    os.unlink(writer.path)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))

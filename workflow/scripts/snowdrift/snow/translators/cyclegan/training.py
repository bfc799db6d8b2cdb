"""CycleGAN training: the schedule and the loop of Zhu et al. (ICCV 2017, arXiv:1703.10593)."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from snowdrift.runtime.devices import memory_limit
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import write_table
from snowdrift.runtime.progress import report
from snowdrift.runtime.ranks import Ranks, run_ranks
from snowdrift.runtime.resume import JobState, Training
from snowdrift.snow.translators.cyclegan.model import CycleGAN, TrainingSettings
from snowdrift.snow.translators.cyclegan.samples import FixedSamples
from snowdrift.snow.unpaired import Preprocessing, UnpairedImages

logger = logging.getLogger(__name__)


@dataclass
class _Progress:
    """How far a training is.

    Attributes:
        rows: of the loss table, one a finished epoch.
        step: batches done of the epoch under way.
        totals: sums of their losses.
        seconds: that they took.
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    step: int = 0
    totals: dict[str, Tensor] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """The epoch under way."""
        return len(self.rows) + 1

    def end_epoch(self, rate: float) -> None:
        """Turn the sums into the epoch's row."""
        means = {name: float(total) / self.step for name, total in self.totals.items()}
        row = {"epoch": self.epoch, **means, "learning_rate": rate, "seconds": round(self.seconds, 2)}
        self.rows, self.step, self.totals, self.seconds = [*self.rows, row], 0, {}, 0.0


def train_cyclegan(
    content: Sequence[Path],
    style: Sequence[Path],
    settings: TrainingSettings,
    *,
    snapshots: Path,
    samples: Path,
    losses: Path,
    state: JobState,
    seed: int,
    devices: Sequence[torch.device],
    workers: int = 0,
) -> None:
    """Train on unpaired pictures and write weights, sample sheets and the loss table.

    Args:
        content: summer frames (domain A).
        style: snow photographs (domain B).
        settings: network sizes, schedule, loss weights.
        snapshots: folder for `<epoch>_net_{G_A,G_B,D_A,D_B}.pth`, and `latest_net_...` at the end.
        samples: folder for `epoch_<epoch>.jpg`, the same pictures after each snapshot.
        losses: CSV with the mean losses of each epoch.
        state: what a killed training goes on from, to the same result; saved after each epoch, and within one
            whenever it is due.
        seed: of weights, data order, crops and pools.
        devices: where to compute. Several share each batch, a process for each; their number changes the result by
            rounding alone.
        workers: processes that load pictures for each device; 0 loads where it computes. Does not change the result.

    Raises:
        SnowdriftError: no pictures, fewer than one batch, a batch that the devices cannot share, losses that are no
            longer finite, or a process that died.
    """
    images = UnpairedImages(
        content, style, Preprocessing(settings.resize, settings.load_size, settings.crop_size), seed
    )
    _check_enough(images, settings, len(devices))
    if settings.precision != "float32" and devices[0].type == "cpu":
        logger.warning("cyclegan.precision: %s is for GPUs; the CPU trains in float32", settings.precision)
    rows = run_ranks(_train, devices, images, settings, state, seed, workers)
    state.publish("snapshots", snapshots)
    state.publish("samples", samples)
    write_table(pd.DataFrame(rows), losses)
    state.finish()


def _train(
    ranks: Ranks,
    device: torch.device,
    images: UnpairedImages,
    settings: TrainingSettings,
    state: JobState,
    seed: int,
    workers: int,
) -> list[dict[str, float]]:
    """One process's part of the training; the rows of the loss table."""
    model = CycleGAN(settings, seed, device, ranks)
    training = Training(state, model.parts, [model.random])
    progress = _Progress(**training.restore() or {})
    ranks.wait_for_all()  # the first may soon save, which removes the snapshot that the others read
    if not ranks.first:
        training = Training(None, {}, [])
    fixed = FixedSamples(images) if ranks.first else None
    while (epoch := progress.epoch) <= settings.total_epochs:
        rate = settings.learning_rate * settings.rate_factor(epoch)
        model.set_learning_rate(rate)
        images.set_epoch(epoch)
        with _clear_errors(images, settings):
            steps = len(images) // settings.batch_size
            _train_epoch(model, _batches(model, images, workers, progress.step), progress, training, steps)
        progress.end_epoch(rate)
        _report_epoch(progress.rows[-1], settings.total_epochs)
        if fixed and settings.is_snapshot(epoch):
            model.save(state.folder / "snapshots", epoch)
            fixed.write_sheet(state.folder / f"samples/epoch_{epoch:04d}.jpg", model.g_a, model.g_b, device)
        training.save(vars(progress))
    if ranks.first:
        model.save(state.folder / "snapshots", "latest")
    return progress.rows


@contextmanager
def _clear_errors(images: UnpairedImages, settings: TrainingSettings) -> Iterator[None]:
    what = f"cyclegan.batch_size: a batch of {settings.batch_size} pairs of {settings.crop_size} px"
    try:
        with memory_limit(what, "lower cyclegan.batch_size, cyclegan.crop_size or cyclegan.filters"):
            yield
    except RuntimeError:
        # What a loader process ran into arrives as a plain RuntimeError: look whether it was a picture.
        images.require_readable()
        raise


def _check_enough(images: UnpairedImages, settings: TrainingSettings, devices: int) -> None:
    for name, paths in (("content images", images.content), ("style images", images.style)):
        if not paths:
            raise SnowdriftError(
                f"there are no {name} to train on", "see data/frames.parquet and data/style.parquet"
            )
    if len(images) < settings.batch_size:
        raise SnowdriftError(
            f"cyclegan.batch_size is {settings.batch_size}, but there are only {len(images)} training images",
            "lower cyclegan.batch_size, or give more training videos",
        )
    if settings.batch_size % devices:
        raise SnowdriftError(
            f"cyclegan.batch_size is {settings.batch_size}, which {devices} devices cannot share evenly",
            "set cyclegan.batch_size to a multiple of cyclegan.gpus",
        )


def _batches(model: CycleGAN, images: UnpairedImages, workers: int, done: int) -> Iterator[list[Tensor]]:
    """This process's part of the epoch's batches but for those done; an incomplete last one is dropped."""
    order, batch_size = images.order(), model.settings.batch_size
    part = batch_size // model.ranks.count
    starts = range(done * batch_size, len(order) - batch_size + 1, batch_size)
    loader = DataLoader(
        images,
        batch_sampler=[order[start + model.ranks.index * part :][:part] for start in starts],
        num_workers=workers,
        # Other ways to start a process run the calling script again from its first line.
        multiprocessing_context="fork" if workers else None,
        pin_memory=model.device.type == "cuda",
    )
    return iter(loader)


def _train_epoch(
    model: CycleGAN, batches: Iterator[list[Tensor]], progress: _Progress, training: Training, steps: int
) -> None:
    """One pass of so many steps, or the rest of one."""
    epochs = model.settings.total_epochs
    started = time.monotonic() - progress.seconds
    for summer, winter in batches:
        losses = model.step(
            summer.to(model.device, non_blocking=True), winter.to(model.device, non_blocking=True)
        )
        # Summed on the device: reading each value would make the CPU wait for every step.
        progress.totals = {name: progress.totals.get(name, 0.0) + loss for name, loss in losses.items()}
        progress.step += 1
        progress.seconds = time.monotonic() - started
        if model.ranks.first:
            done = (progress.epoch - 1) * steps + progress.step
            values = {"epoch": f"{progress.epoch} of {epochs}", **losses}
            report("training", done, epochs * steps, "steps", values)
        if training.due:
            training.save(vars(progress))


def _report_epoch(row: dict[str, float], total_epochs: int) -> None:
    broken = [name for name, value in row.items() if value != value or abs(value) == float("inf")]
    if broken:
        raise SnowdriftError(
            f"CycleGAN training failed in epoch {row['epoch']}: {', '.join(broken)} is no longer finite",
            "lower cyclegan.learning_rate, or look for blank pictures among the style images",
        )
    logger.info(
        "epoch %d/%d in %.0f s: adversarial %.3f %.3f, cycle %.3f %.3f, discriminator %.3f %.3f",
        *(row["epoch"], total_epochs, row["seconds"], row["generator_ab"], row["generator_ba"]),
        *(row["cycle_a"], row["cycle_b"], row["discriminator_a"], row["discriminator_b"]),
    )

"""Training on unpaired pictures, for any model: schedule and loop of Zhu et al. (ICCV 2017, arXiv:1703.10593)."""

import itertools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from snowdrift.runtime.devices import memory_limit
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import write_table
from snowdrift.runtime.progress import report
from snowdrift.runtime.ranks import Ranks, run_ranks
from snowdrift.runtime.resume import JobState, Stateful, Training
from snowdrift.snow.samples import FixedSamples
from snowdrift.snow.unpaired import Preprocessing, UnpairedImages

logger = logging.getLogger(__name__)

_NO_LOSSES = ("epoch", "learning_rate", "seconds")  # columns of the loss table


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


@dataclass(frozen=True)
class UnpairedSettings:
    """What all trainings on unpaired pictures read of their config section.

    Attributes:
        resize, load_size, crop_size: see `unpaired.Preprocessing`.
        batch_size: image pairs per step, of all devices together.
        precision: `float32` or `bfloat16`, of what a GPU computes; a CPU always takes the former.
        filters, blocks: of each generator.
        discriminator_filters: of each discriminator.
        epochs: passes over the content images at the full learning rate.
        decay_epochs: further passes over which it falls linearly towards 0.
        learning_rate: of Adam with betas 0.5 and 0.999.
        snapshot_every: epochs between two snapshots; the last epoch always is one.
        section: the name of the config section, for messages.
    """

    resize: str
    load_size: int
    crop_size: int
    batch_size: int
    precision: str
    filters: int
    blocks: int
    discriminator_filters: int
    epochs: int
    decay_epochs: int
    learning_rate: float
    snapshot_every: int

    section: ClassVar[str]

    @property
    def total_epochs(self) -> int:
        """Epochs at the full rate and epochs of decay."""
        return self.epochs + self.decay_epochs

    def rate_factor(self, epoch: int) -> float:
        """Share of the learning rate in epoch 1, 2, ...: 1, then falling linearly, and above 0 to the end."""
        return 1.0 - max(0, epoch - self.epochs) / (self.decay_epochs + 1)

    def is_snapshot(self, epoch: int) -> bool:
        """Whether weights and samples are written after this epoch."""
        return epoch % self.snapshot_every == 0 or epoch == self.total_epochs


class UnpairedModel(Protocol):
    """Networks and their optimisers, as `train_unpaired` trains them; `CycleGAN` is one.

    Attributes:
        settings: of the training.
        device: of this process.
        ranks: this process's place among those that share the steps.
        random: what all that is random in a step is drawn from.
    """

    device: torch.device
    ranks: Ranks
    random: torch.Generator

    @property
    def settings(self) -> UnpairedSettings:
        """See the class."""

    @property
    def parts(self) -> dict[str, Stateful]:
        """All that `step` changes, but for `random`."""

    def set_learning_rate(self, rate: float) -> None:
        """Set it in all optimisers."""

    def step(self, summer: Tensor, winter: Tensor) -> dict[str, Tensor]:
        """Train on this process's part of a batch; the whole batch's losses."""

    def save(self, folder: Path, epoch: int | str) -> None:
        """Write the networks."""

    def sheet_row(self, image: Tensor, *, summer: bool) -> list[Tensor]:
        """A picture, (1, 3, h, w), and what the networks make of it, for the sample sheets; empty for none."""


Settings = TypeVar("Settings", bound=UnpairedSettings)
ModelType = Callable[[Settings, int, torch.device, Ranks], UnpairedModel]


def train_unpaired(
    model_type: ModelType[Settings],
    content: Sequence[Path],
    style: Sequence[Path],
    settings: Settings,
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
        model_type: makes the model in each process.
        content: summer frames (domain A).
        style: snow photographs (domain B).
        settings: network sizes, schedule, loss weights.
        snapshots: folder for `<epoch>_net_<network>.pth`, and `latest_net_...` at the end.
        samples: folder for `epoch_<epoch>.jpg`, the same pictures after each snapshot.
        losses: CSV with the mean losses of each epoch.
        state: what a killed training continues from, to the same result; saved after each epoch, and within one
            whenever it is due.
        seed: of weights, data order, crops and all that is random in a step.
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
        logger.warning(
            "%s.precision: %s is for GPUs; the CPU trains in float32", settings.section, settings.precision
        )
    rows = run_ranks(_train, devices, model_type, images, settings, state, seed, workers)
    state.publish("snapshots", snapshots)
    state.publish("samples", samples)
    write_table(pd.DataFrame(rows), losses)
    state.finish()


def adam(rate: float, *networks: nn.Module) -> torch.optim.Adam:
    """The optimiser of such trainings, over the parameters of all these networks."""
    parameters = itertools.chain(*(network.parameters() for network in networks))
    # Fused: one pass over weights, gradients and moments instead of a dozen.
    optimiser = torch.optim.Adam(parameters, lr=rate, betas=(0.5, 0.999), fused=True)
    optimiser.register_load_state_dict_post_hook(_order_moments)
    return optimiser


@torch.no_grad()
def _order_moments(optimiser: torch.optim.Optimizer) -> None:
    """Give loaded moments their weights' order in memory, which another device may have had otherwise.

    The fused step takes weights, gradients and moments for flat arrays.
    """
    for weight, state in optimiser.state.items():
        for name in ("exp_avg", "exp_avg_sq"):
            state[name] = torch.empty_like(weight).copy_(state[name])


def _train(
    ranks: Ranks,
    device: torch.device,
    model_type: ModelType[Settings],
    images: UnpairedImages,
    settings: Settings,
    state: JobState,
    seed: int,
    workers: int,
) -> list[dict[str, float]]:
    """One process's part of the training; the rows of the loss table."""
    model = model_type(settings, seed, device, ranks)
    training = Training(state, model.parts, [model.random])
    progress = _Progress(**training.restore() or {})
    ranks.wait_for_all()  # the first may soon save, which removes the snapshot that the others read
    if not ranks.is_main:
        training = Training(None, {}, [])
    fixed = FixedSamples(images) if ranks.is_main else None
    while (epoch := progress.epoch) <= settings.total_epochs:
        rate = settings.learning_rate * settings.rate_factor(epoch)
        model.set_learning_rate(rate)
        images.set_epoch(epoch)
        with _clear_errors(images, settings):
            steps = len(images) // settings.batch_size
            _train_epoch(model, _batches(model, images, workers, progress.step), progress, training, steps)
        progress.end_epoch(rate)
        _report_epoch(progress.rows[-1], settings)
        if fixed and settings.is_snapshot(epoch):
            model.save(state.folder / "snapshots", epoch)
            fixed.write_sheet(state.folder / f"samples/epoch_{epoch:04d}.jpg", model)
        training.save(vars(progress))
    if ranks.is_main:
        model.save(state.folder / "snapshots", "latest")
    return progress.rows


@contextmanager
def _clear_errors(images: UnpairedImages, settings: UnpairedSettings) -> Iterator[None]:
    name = settings.section
    what = f"{name}.batch_size: a batch of {settings.batch_size} pairs of {settings.crop_size} px"
    try:
        with memory_limit(what, f"lower {name}.batch_size, {name}.crop_size or {name}.filters"):
            yield
    except RuntimeError:
        # What a loader process ran into arrives as a plain RuntimeError: look whether it was a picture.
        images.require_readable()
        raise


def _check_enough(images: UnpairedImages, settings: UnpairedSettings, devices: int) -> None:
    for name, paths in (("content images", images.content), ("style images", images.style)):
        if not paths:
            raise SnowdriftError(
                f"there are no {name} to train on", "see data/frames.parquet and data/style.parquet"
            )
    if len(images) < settings.batch_size:
        raise SnowdriftError(
            f"{settings.section}.batch_size is {settings.batch_size}, but there are only {len(images)} training images",
            f"lower {settings.section}.batch_size, or give more training videos",
        )
    if settings.batch_size % devices:
        raise SnowdriftError(
            f"{settings.section}.batch_size is {settings.batch_size}, which {devices} devices cannot share evenly",
            f"set {settings.section}.batch_size to a multiple of {settings.section}.gpus",
        )


def _batches(model: UnpairedModel, images: UnpairedImages, workers: int, done: int) -> Iterator[list[Tensor]]:
    """This process's part of the epoch's batches but for those done; an incomplete last one is dropped."""
    order, batch_size = images.order(), model.settings.batch_size
    part = batch_size // model.ranks.world_size
    starts = range(done * batch_size, len(order) - batch_size + 1, batch_size)
    loader = DataLoader(
        images,
        batch_sampler=[order[start + model.ranks.rank * part :][:part] for start in starts],
        num_workers=workers,
        # Other ways to start a process run the calling script again from its first line.
        multiprocessing_context="fork" if workers else None,
        pin_memory=model.device.type == "cuda",
    )
    return iter(loader)


def _train_epoch(
    model: UnpairedModel, batches: Iterator[list[Tensor]], progress: _Progress, training: Training, steps: int
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
        if model.ranks.is_main:
            done = (progress.epoch - 1) * steps + progress.step
            values: dict[str, Tensor | str] = {"epoch": f"{progress.epoch} of {epochs}", **losses}
            report("training", done, epochs * steps, "steps", values)
        if training.due:
            training.save(vars(progress))


def _report_epoch(row: dict[str, float], settings: UnpairedSettings) -> None:
    broken = [name for name, value in row.items() if value != value or abs(value) == float("inf")]
    if broken:
        raise SnowdriftError(
            f"{settings.section}: the training failed in epoch {row['epoch']}: {', '.join(broken)} is no longer finite",
            f"lower {settings.section}.learning_rate, or look for blank pictures among the style images",
        )
    losses = (f"{name} {value:.3f}" for name, value in row.items() if name not in _NO_LOSSES)
    logger.info(
        "epoch %d/%d in %.0f s: %s", row["epoch"], settings.total_epochs, row["seconds"], ", ".join(losses)
    )

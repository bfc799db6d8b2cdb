"""Training of one detector."""

import logging
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from snowdrift.detection.ultralytics_api import prepare_ultralytics, ultralytics_device
from snowdrift.detection.weights import read_weights
from snowdrift.runtime.devices import memory_limit
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.ranks import Ranks, run_ranks
from snowdrift.runtime.resume import JobState

_MODEL = re.compile(r"yolov5[nsmlx]")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingSettings:
    """How a detector is trained; the same for all detectors of a study.

    Attributes:
        model: yolov5n, yolov5s, yolov5m, yolov5l or yolov5x.
        image_size: Longer side of the network's input, pixels, a multiple of 32.
        epochs: Passes over the training frames; there is no early stop.
        batch_size: Frames per forward pass.
        optimizer: SGD, Adam or AdamW. Not `auto`, which depends on the number of frames.
        learning_rate: Learning rate after the warm-up; it falls linearly.
        final_learning_rate: Learning rate of the last epoch, as a fraction of `learning_rate`.
        momentum: Momentum of SGD, or the first beta of Adam.
        weight_decay: Weight decay for `nominal_batch_size` frames per step.
        warmup_epochs: Epochs (may be a fraction) over which the learning rate rises from 0.
        mosaic: Probability of a training picture being a mosaic of four.
        close_mosaic: Number of last epochs without mosaics.
        validate: Validate after each epoch, and keep the weights with the best mAP50-95. Without it, the
            weights of the last epoch are kept.
        workers: Processes that load frames for each device, at most the job's threads for all; 0 is used on the CPU.
        plots: Keep Ultralytics' plots.
        nominal_batch_size: Gradients add up over round(nominal_batch_size / batch_size) passes before a step,
            as in YOLOv5, and Ultralytics scales `weight_decay` by the frames that a step really sees over
            this.
    """

    model: str
    image_size: int
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    final_learning_rate: float
    momentum: float
    weight_decay: float
    warmup_epochs: float
    mosaic: float
    close_mosaic: int
    validate: bool
    workers: int
    plots: bool = True
    nominal_batch_size: int = 64


def train_detector(
    dataset: Path | str,
    output_folder: Path | str,
    *,
    settings: TrainingSettings,
    seed: int,
    devices: Sequence[torch.device],
    threads: int,
    state: JobState,
    pretrained: Path | str | None = None,
) -> None:
    """Train YOLOv5 on one dataset, in 32 bits.

    Precision: half precision would make Ultralytics fetch a network from the internet for a self-check. On a
    GPU convolutions still use TF32 where the card has it.

    Args:
        dataset: Folder that `write_dataset` made, with the splits train and val.
        output_folder: Is emptied, unless the training goes on. Afterwards it holds `weights/best.pt` (the
            model: the best epoch, or the last one without validation), `weights/last.pt`, `results.csv`,
            `args.yaml` and the plots.
        settings: See `TrainingSettings`.
        seed: Seed of weights, order and augmentation. Same seed, same CPU and thread count, same weights.
        devices: The CPU, or CUDA devices. Several share each batch, a process for each; batch normalisation then
            sees each device's part, so that their number changes the result.
        threads: CPU threads for torch.
        state: What a killed training continues from, to the same result; saved after each epoch.
        pretrained: Weight file to start from, see `read_weights`; None starts from random weights.

    Raises:
        SnowdriftError: Weights that do not fit, a picture that cannot be read, or too little memory.
    """
    if not _MODEL.fullmatch(settings.model):
        raise SnowdriftError(
            f"detector.model: {settings.model} is not a size of YOLOv5",
            "use yolov5n, yolov5s, yolov5m, yolov5l or yolov5x",
        )
    start = None if pretrained is None else (read_weights(pretrained), Path(pretrained))
    folder = Path(output_folder).absolute()
    if not any(state.folder.iterdir()):  # what lies there is of another training
        shutil.rmtree(folder, ignore_errors=True)
    view = _private_view(Path(dataset).absolute(), folder / "dataset")
    expected = pd.read_csv(view / "frames.csv")
    _log.info("training %s on %s, seed %d", settings.model, dataset, seed)
    overrides = _arguments(settings) | {
        "data": str(view / "data.yaml"),
        "project": str(folder),
        "name": ".",  # in the project folder itself
        "seed": seed,
        "device": ultralytics_device(devices),
        "workers": min(settings.workers, threads // len(devices)),
    }
    try:
        torch.set_num_threads(threads)
        run_ranks(_train, devices, overrides, expected, start, state)
    finally:
        shutil.rmtree(view, ignore_errors=True)
    state.finish()


def _train(
    ranks: Ranks,
    device: torch.device,
    overrides: Mapping[str, object],
    expected: pd.DataFrame,
    start: tuple[dict[str, Tensor], Path] | None,
    state: JobState,
) -> None:
    """One process's part of the training."""
    if ranks.world_size > 1:  # as torchrun sets them; Ultralytics reads them when it is imported
        place = {"RANK": ranks.rank, "LOCAL_RANK": ranks.rank, "WORLD_SIZE": ranks.world_size}
        os.environ.update({name: str(value) for name, value in place.items()})
    threads = torch.get_num_threads()
    prepare_ultralytics()
    from snowdrift.detection.trainer import StudyTrainer

    with memory_limit(
        f"detector.batch_size: a batch of {overrides['batch']}",
        "lower detector.batch_size or detector.image_size, for all detectors alike",
    ):
        StudyTrainer(overrides, expected, threads, start, state, ranks).train()


def _arguments(settings: TrainingSettings) -> dict[str, object]:
    """Ultralytics' training arguments; those not named keep the defaults of the pinned release."""
    return {
        "model": f"{settings.model}.yaml",
        "task": "detect",
        "mode": "train",
        "exist_ok": True,
        "pretrained": False,
        "imgsz": settings.image_size,
        "epochs": settings.epochs,
        "batch": settings.batch_size,
        "nbs": settings.nominal_batch_size,
        "optimizer": settings.optimizer,
        "lr0": settings.learning_rate,
        "lrf": settings.final_learning_rate,
        "momentum": settings.momentum,
        "weight_decay": settings.weight_decay,
        "warmup_epochs": settings.warmup_epochs,
        # YOLOv5 starts the biases at a rate of 0.1, which suits SGD; Adam's steps do not shrink with the
        # gradient.
        "warmup_bias_lr": 0.1 if settings.optimizer == "SGD" else 0.0,
        "mosaic": settings.mosaic,
        "close_mosaic": settings.close_mosaic,
        "val": settings.validate,
        "save": settings.validate,  # the last epoch is saved in any case
        "plots": settings.plots,
        "patience": 0,
        "deterministic": True,
        "amp": False,
        "verbose": False,
    }


def _private_view(dataset: Path, view: Path) -> Path:
    """A folder that shows `dataset` through links to its video folders.

    Ultralytics writes its label cache beside the first video's labels. In a view of its own, two trainings on
    one dataset (two seeds) do not overwrite each other's cache, and the dataset stays as it was written.
    """
    shutil.rmtree(view, ignore_errors=True)
    for kind in ("images", "labels"):
        for video in sorted((dataset / kind).glob("*/*")):
            link = view / video.relative_to(dataset)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(video)
    for name in ("data.yaml", "frames.csv"):
        shutil.copyfile(dataset / name, view / name)
    return view

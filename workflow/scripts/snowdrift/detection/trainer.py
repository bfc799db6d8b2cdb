"""Ultralytics' detection trainer, held to what the study needs. Import it after `prepare_ultralytics`."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor, nn
from ultralytics.data import build_dataloader
from ultralytics.utils.torch_utils import strip_optimizer

from snowdrift.detection.datasets import lost_pictures
from snowdrift.detection.resumable import ResumableTrainer
from snowdrift.detection.ultralytics_api import read_arrays, use_threads
from snowdrift.detection.weights import load_start_weights
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.progress import report
from snowdrift.runtime.ranks import Ranks
from snowdrift.runtime.resume import JobState

_log = logging.getLogger(__name__)
_LEAST_SIZE = 64  # pixels: from there on one frame makes a batch


class StudyTrainer(ResumableTrainer):
    """A trainer that never drops a frame or changes a setting on its own.

    Left to itself, Ultralytics leaves out pictures that it cannot read, halves the batch when memory runs out,
    and takes earlier weights when the loss is no longer finite: two detectors that should differ in their data
    alone would differ in more. All three end the training here.

    Args:
        overrides: Ultralytics' arguments.
        expected: The dataset's frames.csv.
        threads: CPU threads for torch.
        start: Weights to start from, with the path to name in errors; None for a random start.
        state: See `ResumableTrainer`.
        ranks: See `ResumableTrainer`.
    """

    def __init__(
        self,
        overrides: Mapping[str, object],
        expected: pd.DataFrame,
        threads: int,
        start: tuple[dict[str, Tensor], Path] | None,
        state: JobState,
        ranks: Ranks,
    ) -> None:
        super().__init__(overrides, state, ranks)
        self._expected = expected
        self._asked_batch_size, self._started = self.batch_size, False
        self._start = start
        for event in ("on_train_start", "on_val_start"):
            self.add_callback(event, use_threads(threads))
        if ranks.is_main:
            self.add_callback("on_train_batch_end", _report_batch)
            self.add_callback("on_fit_epoch_end", _log_epoch)

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> nn.Module:
        """Build the network and put the start weights in."""
        model: nn.Module = super().get_model(cfg, weights, verbose)
        if self._start is not None:
            tensors, path = self._start
            count = load_start_weights(model, tensors, path, Path(str(cfg)).stem)
            _log.info("%d of %d tensors taken from %s", count, len(model.state_dict()), path)
        return model

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
        """Build the dataset of one split, and end the training where a frame of it cannot be used."""
        try:
            dataset = super().build_dataset(img_path, mode, batch)
        except (RuntimeError, ValueError, FileNotFoundError) as error:
            reason = str(error).splitlines()[0]
            raise _unusable(f"{img_path}: Ultralytics cannot use this dataset: {reason}") from error
        read_arrays(dataset)
        lost = lost_pictures(self._expected, mode, dataset.im_files)
        if lost:
            raise _unusable(
                f"{lost[0]}: Ultralytics cannot read this picture or its label ({len(lost)} such frames)"
            )
        return dataset

    def get_dataloader(
        self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train"
    ) -> Any:
        """Load one split; an epoch leaves out its last frame where that frame alone would make a batch too small.

        At 32 px the last maps are single pixels, of which batch normalisation needs two. Another epoch has another
        order, and leaves out another frame.
        """
        loader = super().get_dataloader(dataset_path, batch_size, rank, mode)
        if mode == "val" and loader.num_workers > self.args.workers:  # Ultralytics doubles them
            loader.close()
            options = {"workers": self.args.workers, "rank": rank, "device": self.device, "shuffle": False}
            return build_dataloader(loader.dataset, batch_size, **options)
        last = len(loader.sampler) % loader.batch_size or loader.batch_size
        if mode != "train" or last > 1 or self.args.imgsz >= _LEAST_SIZE:
            return loader
        if loader.batch_size == 1:
            raise SnowdriftError(
                f"detector.image_size is {self.args.imgsz}, at which a training step needs two frames; got one",
                f"set detector.image_size to {_LEAST_SIZE} or more, or give more training videos",
            )
        loader.close()
        options = {"workers": self.args.workers, "rank": rank, "device": self.device}
        return build_dataloader(loader.dataset, batch_size, drop_last=True, **options)

    def _build_train_pipeline(self) -> None:
        # Ultralytics calls it again when its first epoch has run out of memory, with half the batch if there is half.
        if self._started:
            smaller = f"set detector.batch_size to {self.batch_size} or less"
            raise SnowdriftError(
                f"detector.batch_size: the device's memory does not hold a batch of {self._asked_batch_size}",
                f"{smaller if self._asked_batch_size > 1 else 'lower detector.image_size'}, for all detectors alike",
            )
        super()._build_train_pipeline()
        self._started = True

    def validate(self) -> Any:
        """Validate, unless the study asked for none: then the last weights are the model."""
        return super().validate() if self.args.val else ({}, None)

    def save_metrics(self, metrics: dict[str, Any]) -> None:
        """Write a line of results.csv, without the columns of a validation that did not happen."""
        if not self.args.val:
            metrics = {key: value for key, value in metrics.items() if key.startswith(("train/", "lr/"))}
        super().save_metrics(metrics)

    def final_eval(self) -> None:
        """Reduce the checkpoints to their weights, and validate the best of them if the study validates."""
        if self.args.val:
            super().final_eval()
            return
        for path in (self.last, self.best) if self._ranks.is_main else ():
            strip_optimizer(path)


def _report_batch(trainer: StudyTrainer) -> None:
    total = trainer.epochs * len(trainer.train_loader)
    values = {"epoch": f"{trainer.epoch + 1} of {trainer.epochs}", **trainer.tloss}
    report("training", trainer.batches, total, "batches", values)


def _log_epoch(trainer: StudyTrainer) -> None:
    if trainer.epoch >= trainer.epochs:  # Ultralytics runs this once more after the final validation
        return
    parts = [f"{name} {float(value):.3f}" for name, value in trainer.tloss.items()]
    if "metrics/mAP50(B)" in trainer.metrics and trainer.args.val:
        parts.append(f"mAP50 {trainer.metrics['metrics/mAP50(B)']:.3f}")
    parts.append(f"{trainer.epoch_time:.1f} s")
    _log.info("epoch %d/%d: %s", trainer.epoch + 1, trainer.epochs, ", ".join(parts))


def _unusable(message: str) -> SnowdriftError:
    return SnowdriftError(
        message,
        "target `verify` (with your --configfile) finds damaged winter frames; "
        "check an original frame with an image viewer",
    )

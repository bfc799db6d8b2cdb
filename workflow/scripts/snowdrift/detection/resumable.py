"""Ultralytics' training loop, made to go on after any epoch. Import it after `prepare_ultralytics`.

Ultralytics' own way to resume starts from half-precision averages and momentum, and forgets the random numbers, the
gradients that wait for a step and the frames that mosaics are made of: what comes out is another network than that of
an undisturbed training. Here each epoch begins with random numbers of its own, and all else is saved as it is.

On several GPUs Ultralytics would write its trainer into a script, without what a subclass adds to it, and start
that with its save folder emptied. Here the processes are there already (`runtime.ranks`), and run its loop.
"""

import random
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from ultralytics.data.dataset import YOLODataset
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils.torch_utils import init_seeds, unwrap_model

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.ranks import Ranks
from snowdrift.runtime.resume import JobState
from snowdrift.runtime.seeds import derive_seed

# In the run's folder. Not last.pt, which only counts after the last epoch.
_FILES = ("results.csv", "weights/best.pt")


class ResumableTrainer(DetectionTrainer):
    """A trainer that goes on where a former one was killed, to the same weights.

    Args:
        overrides: Ultralytics' arguments.
        state: Where the training is saved after each epoch but the last.
        ranks: This process's place among those that share the training.

    Attributes:
        batches: Trained on so far, those of a killed process among them.
    """

    device: torch.device
    accumulate: int

    def __init__(self, overrides: Mapping[str, object], state: JobState, ranks: Ranks) -> None:
        super().__init__(overrides=dict(overrides))
        self._state, self._ranks = state, ranks
        if ranks.world_size > 1:
            self.world_size = (
                ranks.world_size
            )  # Ultralytics counts GPUs, and takes processes on the CPU for one
        self.batches = 0  # of the whole training
        self._waiting = 0  # of these, whose gradients are not yet part of a step
        self._gradients: list[Tensor | None] | None = None  # of those, until the first epoch that is trained
        self._seconds = 0.0  # that the epochs so far took
        self.add_callback("on_train_start", ResumableTrainer._go_on_counting)
        self.add_callback("on_train_epoch_start", ResumableTrainer._begin_epoch)
        if ranks.is_main:
            self.add_callback("on_fit_epoch_end", ResumableTrainer._save)

    def resume_training(self, ckpt: object) -> None:
        """Put everything back to where the state was saved; Ultralytics calls this before its first epoch."""
        saved = self._state.load()
        self._ranks.wait_for_all()  # the first will save, which removes the file that the others read
        if saved is None:
            return
        self.start_epoch = saved["epoch"]
        unwrap_model(self.model).load_state_dict(saved["model"])
        self.ema.ema.load_state_dict(saved["ema"])
        self.ema.updates = saved["ema_updates"]
        for group, own in zip(saved["optimizer"]["param_groups"], self.optimizer.param_groups, strict=True):
            group["fused"] = own["fused"]  # the kernel that fits the device, which may be another one now
        self.optimizer.load_state_dict(saved["optimizer"])
        self.best_fitness = saved["best_fitness"]
        self.batches, self._waiting = saved["batches"], saved["waiting"]
        self._gradients, self._seconds = saved["gradients"], saved["seconds"]
        for name, content in saved["files"].items() if self._ranks.is_main else ():
            (self.save_dir / name).write_bytes(content.numpy().tobytes())

    def optimizer_step(self) -> None:
        """Step once enough batches have added up; Ultralytics' loop calls this after each, see below."""
        wanted = self._batches_per_step()
        self.batches += 1
        self._waiting += 1
        if self._waiting >= wanted:
            super().optimizer_step()
            self._waiting = 0

    def _setup_ddp(self) -> None:
        """Take the device of this process, which has met the others already."""
        if self.device.type == "cuda":
            self.device = torch.device("cuda", self._ranks.rank)

    def _build_train_pipeline(self) -> None:
        super()._build_train_pipeline()
        # Ultralytics' loop counts the batches since the last step itself, where nothing can save or restore it.
        self._nominal_batches_per_step, self.accumulate = self.accumulate, 1

    def _batches_per_step(self) -> int:
        """Rises from 1 over the warm-up, as in Ultralytics' loop."""
        warmup = self._get_warmup_iterations(len(self.train_loader))
        if self.batches >= warmup:
            return self._nominal_batches_per_step
        ramp = np.interp(self.batches, [0, warmup], [1, self._nominal_batches_per_step])
        return max(1, round(float(ramp)))

    def _handle_nan_recovery(self, epoch: int) -> bool:
        # Ultralytics would continue from half-precision averages here, or with the broken weights after a resume.
        if not self.loss.isfinite() or (self.fitness is not None and not np.isfinite(self.fitness)):
            raise SnowdriftError(
                f"detector.learning_rate: the training diverged in epoch {epoch + 1}: its loss is not finite",
                "lower detector.learning_rate, or lengthen detector.warmup_epochs, for all detectors alike",
            )
        return False

    def _go_on_counting(self) -> None:
        self.train_time_start -= self._seconds

    def _begin_epoch(self) -> None:
        """Let random numbers, order and augmentation depend on the seed and the epoch alone."""
        if self._gradients is not None:
            for parameter, gradient in zip(self.model.parameters(), self._gradients, strict=True):
                parameter.grad = None if gradient is None else gradient.to(parameter.device)
            self._gradients = None
        place = [self._ranks.rank] if self._ranks.rank else []
        seed = derive_seed(self.args.seed, "epoch", self.epoch, *place)
        init_seeds(seed, deterministic=self.args.deterministic)
        # New workers too: the former ones have drawn some of this epoch's frames already.
        self.train_loader.reset()
        if (
            self._ranks.world_size > 1
        ):  # before workers ask for the order, as those of a process that goes on would
            self.train_loader.sampler.set_epoch(self.epoch)
        self.train_loader.generator.manual_seed(seed)
        if self.args.mosaic and self.epoch < self.epochs - self.args.close_mosaic:
            _fill_buffer(self.train_loader.dataset)

    def _save(self) -> None:
        if self.epoch + 1 >= self.epochs:  # this also runs once more after the final validation
            return
        files = {name: self.save_dir / name for name in _FILES}
        self._state.save(
            {
                "epoch": self.epoch + 1,
                "model": unwrap_model(self.model).state_dict(),
                "ema": self.ema.ema.state_dict(),
                "ema_updates": self.ema.updates,
                "optimizer": self.optimizer.state_dict(),
                "best_fitness": None if self.best_fitness is None else float(self.best_fitness),
                "batches": self.batches,
                "waiting": self._waiting,
                "gradients": [parameter.grad for parameter in self.model.parameters()],
                "seconds": time.time() - self.train_time_start,
                "files": {name: _read(path) for name, path in files.items() if path.exists()},
            }
        )


def _fill_buffer(dataset: YOLODataset) -> None:
    """Fill the buffer of frames that mosaics are made of with frames drawn again.

    Ultralytics leaves there what was loaded last, which a process that goes on has not loaded.
    """
    for index in dataset.buffer:
        dataset.ims[index] = dataset.im_hw0[index] = dataset.im_hw[index] = None
    dataset.buffer.clear()
    for index in random.sample(range(dataset.ni), dataset.max_buffer_length - 1):
        dataset.load_image(index)  # puts it there


def _read(path: Path) -> Tensor:
    return torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)

"""One process's part of a detector's training, on the CPU; the processes import it by its name."""

import shutil

import torch
from torch import nn

from snowdrift.detection import training
from snowdrift.runtime.ranks import Ranks
from snowdrift.runtime.resume import JobState


def train_on_the_cpu(ranks: Ranks, device: torch.device, *arguments) -> None:
    """`training._train`, whose state after two epochs is left in `halfway` too."""
    parallel, save = nn.parallel.DistributedDataParallel, JobState.save
    # Ultralytics names each process's GPU.
    nn.parallel.DistributedDataParallel = lambda module, device_ids, **options: parallel(module, **options)

    def save_and_copy(state: JobState, content: dict) -> None:
        save(state, content)
        if content["epoch"] == 2:
            shutil.copytree(state.folder.parent, state.folder.parents[1] / "halfway")

    JobState.save = save_and_copy
    training._train(ranks, device, *arguments)

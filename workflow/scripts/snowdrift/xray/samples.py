"""What a trained model makes: the study's few pictures, and a large sample for the scores that need one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import atomic_folder, atomic_path
from snowdrift.runtime.seeds import derive_seed
from snowdrift.xray.generators import load_model
from snowdrift.xray.images import save_png, to_uint8, write_sheet


def write_samples(
    name: str,
    section: Mapping[str, Any],
    weights: Path,
    *,
    count: int,
    few: int,
    array: Path,
    folder: Path,
    sheet: Path,
    seed: int,
    device: torch.device,
) -> None:
    """Sample a trained model: `count` images as one array, and the first few of them as pictures and a sheet.

    Args:
        name: of the model.
        section: the config's `xray.<name>`, as in training.
        weights: what `train_model` wrote.
        count: images in the large sample.
        few: of them as pictures, at most `count`.
        array: `.npy` file for (count, c, h, w) uint8.
        folder: for the pictures, `00.png` and so on.
        sheet: PNG file for all of the few.
        seed: the study's.
        device: where to compute.
    """
    seed = derive_seed(seed, "xray", name)
    model = load_model(name).from_config(section, seed=seed, device=device)
    model.load(weights)
    images = to_uint8(model.sample(count, seed))
    with atomic_folder(folder) as place:
        for index, image in enumerate(images[:few]):
            save_png(image, place / f"{index:02d}.png")
    write_sheet(images[:few], sheet)
    with atomic_path(array) as temporary:
        np.save(temporary, images.numpy())


def read_samples(path: Path) -> Tensor:
    """The large sample that `write_samples` wrote: (n, c, h, w) uint8."""
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False))
    except (OSError, ValueError) as error:
        raise SnowdriftError(
            f"{path}: cannot be read as an array: {error}",
            "delete the file and run again: the workflow makes it again",
        ) from error

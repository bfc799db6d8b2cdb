"""The X-rays for other tools: folders of pictures, and the statistics that pytorch-fid reads."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from snowdrift.runtime.files import atomic_folder, write_table
from snowdrift.scores.fid import frechet_distance
from snowdrift.scores.inception import InceptionUnavailable, load_inception
from snowdrift.xray.images import load_images, resize_images, save_png
from snowdrift.xray.index import class_images
from snowdrift.xray.samples import read_samples

logger = logging.getLogger(__name__)
REFERENCE = "reference"


def export_xrays(
    images: pd.DataFrame,
    root: Path,
    class_name: str,
    samples: Mapping[str, Path],
    inception: Path | None,
    folder: Path,
    *,
    device: torch.device,
) -> None:
    """Write what the models learned from and all that they made, so that `python -m pytorch_fid A B` gives our FID.

    Args:
        images: `xray/images.parquet`.
        root: folder that its `image` is relative to.
        class_name: what the models learned.
        samples: each model's `samples.npy`.
        inception: the config's `scores.inception_weights`.
        folder: for `reference/` and `<model>/` with a PNG an image, all at the side that is scored; and, where
            Inception's weights are to be had, `<name>.npz` with `mu` and `sigma` of its 2,048 features, and `fid.csv`
            with each model's FID of all its images.
        device: where to compute.
    """
    made = {name: read_samples(path) for name, path in samples.items()}
    side = min(part.shape[-1] for part in made.values())
    learned = load_images([root / name for name in class_images(images, "train", class_name)], side)
    sets = {REFERENCE: learned} | {name: resize_images(part, side) for name, part in made.items()}
    with atomic_folder(folder) as place:
        for name, part in sets.items():
            (place / name).mkdir()
            for index, image in enumerate(part):
                save_png(image, place / name / f"{index:05d}.png")
        _write_statistics(sets, inception, place, device)


def _write_statistics(
    sets: Mapping[str, Tensor], inception: Path | None, folder: Path, device: torch.device
) -> None:
    try:
        extractor = load_inception(inception, device)
    except InceptionUnavailable as error:
        logger.warning("the export has no statistics: %s", error)
        return
    features = {name: extractor.extract(part).features for name, part in sets.items()}
    for name, own in features.items():
        np.savez(folder / f"{name}.npz", mu=own.mean(0), sigma=np.cov(own, rowvar=False))
    rows = [
        (name, len(own), frechet_distance(own, features[REFERENCE]))
        for name, own in features.items()
        if name != REFERENCE
    ]
    write_table(pd.DataFrame(rows, columns=["model", "images", "fid"]), folder / "fid.csv")

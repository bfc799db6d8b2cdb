"""The phantoms as files, laid out and named as in the chest X-ray set."""

import logging
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from snowdrift.demo.counts import xray_counts
from snowdrift.demo.output import JPEG_QUALITY, spread
from snowdrift.demo.phantoms import phantom
from snowdrift.runtime.files import atomic_folder
from snowdrift.runtime.seeds import derive_seed

_RGB_EVERY = 12
_ASPECT = (1.0, 1.4)


def render_chest_xray(root: Path, *, images: int, size: int, seed: int, workers: int) -> None:
    """Render phantoms into `<root>/{train,val,test}/{NORMAL,PNEUMONIA}/*.jpeg`.

    The training split has `images` of each class, half of the PNEUMONIA named as bacteria and half as virus;
    `val` has 4 of each class and `test` a quarter as many as training, at least 4. As in the set, pictures
    are wider than high, and some of the PNEUMONIA are stored as RGB. The bytes do not depend on `workers`.

    Args:
        root: folder to make.
        images: NORMAL ones in the training split.
        size: height in pixels; the width is 1 to 1.4 times that.
        seed: the study's.
        workers: processes.
    """
    counts = xray_counts(images)
    names = [
        name
        for split, count in counts.items()
        for number in range(count)
        for name in (_normal(split, number), _pneumonia(split, number))
    ]
    logging.getLogger(__name__).info("rendering %d X-ray phantoms, %d px high", len(names), size)
    with atomic_folder(root) as folder:
        for split in counts:
            for class_name in ("NORMAL", "PNEUMONIA"):
                (folder / split / class_name).mkdir(parents=True)
        spread(partial(_render, folder, size, seed, names), range(len(names)), workers)


def _normal(split: str, number: int) -> tuple[str, str]:
    """Finding and file, relative to the root."""
    prefix = "NORMAL2-" if number % 2 else ""
    return "normal", f"{split}/NORMAL/{prefix}IM-{115 + number:04d}-0001.jpeg"


def _pneumonia(split: str, number: int) -> tuple[str, str]:
    cause = "virus" if number % 2 else "bacteria"
    return cause, f"{split}/PNEUMONIA/person{1 + number}_{cause}_{2 + number}.jpeg"


def _render(folder: Path, size: int, seed: int, names: list[tuple[str, str]], index: int) -> None:
    finding, name = names[index]
    rng = np.random.default_rng(derive_seed(seed, "chest-xray", name))
    width = round(size * rng.uniform(*_ASPECT))
    picture = Image.fromarray(phantom(finding, width, size, rng))
    if finding != "normal" and index % _RGB_EVERY == 1:
        picture = picture.convert("RGB")
    picture.save(folder / name, quality=JPEG_QUALITY)

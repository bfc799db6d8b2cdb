"""Whose X-ray an image is, and which patients no network learns from."""

import logging
import random
import re
from pathlib import PurePosixPath

import pandas as pd

from snowdrift.runtime.seeds import derive_seed

logger = logging.getLogger(__name__)
HELD_OUT = "held_out"
"""The split of training images that nothing learns from."""

# The set's names: IM-0115-0001.jpeg and NORMAL2-IM-0441-0001.jpeg, person1_bacteria_2.jpeg and person3_virus_9.jpeg.
_PATIENT = re.compile(r"(?:NORMAL\d*-)?IM-\d+|person\d+(?=_)", re.IGNORECASE)


def patient_of(image: str) -> str:
    """The patient that an image's name tells, as in the chest X-ray set; the image itself if it tells none."""
    match = _PATIENT.match(PurePosixPath(image).name)
    return match[0] if match else image


def hold_out(images: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Move whole patients of each class from the training split to the split `held_out`.

    The test split of a published set may come from elsewhere. Patients held out of the training split are the same kind
    of patients as those that the networks see, so whatever they score is what a perfect generator would.

    Args:
        images: Rows with the columns image, split and class_name.
        share: Of each class's training images, in [0, 1); patients are drawn until there are so many.
        seed: The study's.

    Returns:
        The same rows with the column patient, and `held_out` as the split of what is held out.
    """
    images = images.assign(patient=[patient_of(image) for image in images["image"]])
    learned = images[images["split"] == "train"]
    if alone := int((learned["patient"] == learned["image"]).sum()):
        logger.warning("%d training X-rays have no patient in their names: held out by image", alone)
    chosen: set[str] = set()
    for class_name, own in learned.groupby("class_name", sort=True):
        chosen |= _draw(own["patient"], share, derive_seed(seed, "xray", HELD_OUT, str(class_name)))
    taken = (images["split"] == "train") & images["patient"].isin(chosen)
    return images.assign(split=images["split"].mask(taken, HELD_OUT))


def _draw(patients: pd.Series, share: float, seed: int) -> set[str]:
    sizes = patients.value_counts()
    names = sorted(sizes.index)
    random.Random(seed).shuffle(names)
    wanted, count, drawn = round(share * len(patients)), 0, set()
    for name in names:
        if count >= wanted:
            break
        drawn.add(name)
        count += sizes[name]
    return drawn

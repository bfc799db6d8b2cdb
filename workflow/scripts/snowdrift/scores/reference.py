"""The images that generators learned from, and sets of their patients, which show how real images differ by chance."""

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor


class Part(NamedTuple):
    """Indices into a reference: `own` (n,) of a set, and `rest` of all images of other patients."""

    own: np.ndarray
    rest: np.ndarray


class Reference(NamedTuple):
    """Images, (m, 1 or 3, h, w) uint8, and the patient of each."""

    images: Tensor
    patients: Sequence[str]

    def parts(self, size: int, seed: int) -> list[Part]:
        """As many sets of `size` images as there are, of patients in random order."""
        patients = np.asarray(self.patients)
        names = sorted({*self.patients})
        random.Random(seed).shuffle(names)
        place = {name: number for number, name in enumerate(names)}
        order = np.argsort([place[name] for name in self.patients], kind="stable")
        sets = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
        return [Part(own, np.flatnonzero(~np.isin(patients, patients[own]))) for own in sets]

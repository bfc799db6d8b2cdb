"""Which winter frames are the best and the worst: by whether their people can still be seen."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from snowdrift.data.pictures import open_picture
from snowdrift.report.contact_sheet import Pair, Ranked
from snowdrift.report.tables import Corners, in_pixels


def rank_pairs(pairs: Sequence[Pair], count: int) -> list[Ranked]:
    """The up to `count` best and `count` worst of the pairs with people, by the edges that their people keep.

    Where there are too few for both, the best and the worst halves of them.
    """
    kept = sorted(
        ((edges_kept(pair), pair) for pair in pairs if pair.boxes),
        key=lambda scored: (-scored[0], scored[1].frame_id),
    )
    count = min(count, len(kept) // 2)
    best, worst = kept[:count], kept[len(kept) - count :][::-1]
    return [Ranked(pair, "best", score) for score, pair in best] + [
        Ranked(pair, "worst", score) for score, pair in worst
    ]


def edges_kept(pair: Pair) -> float:
    """How much of the edges of its people a winter frame keeps: 1 is all of them, 0 none.

    For each box, widened by half so that people stand out against their ground, the agreement of the luminance's
    gradients: the cosine of twice the angle between old and new, weighted by their lengths. So a dark coat on white
    ground counts as much as a pale one on dark ground, and noise counts for nothing. The smallest over the boxes:
    the one person who has faded makes the label wrong.
    """
    original, winter = (_gradients(path) for path in (pair.original, pair.winter))
    size = original.shape[::-1]
    return min(_agreement(*(part[_around(box, size)] for part in (original, winter))) for box in pair.boxes)


def _gradients(path: Path) -> np.ndarray:
    """Of the luminance, as complex numbers (h, w), at the scale of a 400th of the width."""
    luminance = np.asarray(open_picture(path).convert("L"), np.float32)
    scale = max(1.0, luminance.shape[1] / 400)
    across, down = (gaussian_filter(luminance, scale, order=order) for order in ((0, 1), (1, 0)))
    return across + 1j * down


def _around(box: Corners, size: tuple[int, int]) -> tuple[slice, slice]:
    """The pixels of a box that is widened by half."""
    left, top, right, bottom = box
    aside, above = (right - left) / 4, (bottom - top) / 4
    wider = (max(0, left - aside), max(0, top - above), min(1, right + aside), min(1, bottom + above))
    first_x, first_y, last_x, last_y = (round(part) for part in in_pixels(wider, size))
    return slice(first_y, last_y), slice(first_x, last_x)


def _agreement(before: np.ndarray, after: np.ndarray) -> float:
    """Fainter edges count for what is left of them; where snow adds edges, the old ones for their share."""
    old, new = (math.sqrt(float((np.abs(part) ** 2).sum())) for part in (before, after))
    if old == 0:
        return 1.0
    turned = before * after.conj()
    twice = np.divide((turned**2).real, np.abs(turned), out=np.zeros_like(turned.real), where=turned != 0)
    return max(0.0, float(twice.sum())) / (old * max(old, new))

"""How strong the checkerboard of a generator is: a pattern that repeats with the steps of its layers.

A generator that doubles twice leaves patterns that repeat every two and every four pixels (Odena et al., Distill 2016,
doi:10.23915/distill.00003). In the spectrum these are lines at multiples of a quarter of a cycle a pixel. What
is in a picture anyway, such as edges and texture, is spread evenly round those lines, so that the neighbours of a line
tell how much of it belongs to the picture.
"""

import math
from collections.abc import Iterable

import numpy as np

STRIDE = 4
"""Pixels after which the pattern of the generators here repeats: they double twice."""
_WINDOW = 32
_BESIDE = 3
"""Steps from a frequency to its neighbours: a Hann window spreads a line over one step to each side."""


def grid_energy(pictures: Iterable[np.ndarray], stride: int = STRIDE) -> float:
    """Energy of what repeats every `stride` pixels, beyond what the pictures have near these frequencies.

    The spectrum is the mean over windows of 32x32 pixels that overlap by half (Welch, IEEE Trans. Audio 1967), so that
    a pattern counts even if its sign differs from place to place. Periods of 3.2 to 5.3 pixels may count in part.

    Args:
        pictures: (h, w) or (h, w, 3) each, in levels of 0 to 255, at the size at which the generator made them, and at
            least 32x32; of colours the mean is taken. At least one.
        stride: 2 or 4.

    Returns:
        In squared levels, at least 0: a checkerboard of plus and minus a has a^2.

    Raises:
        ValueError: a picture is too small.
    """
    power = np.mean([_power(picture) for picture in pictures], 0)
    lines = range(0, _WINDOW, _WINDOW // stride)
    return max(0.0, sum(_beyond(power, row, column) for row in lines for column in lines if row or column))


def _power(picture: np.ndarray) -> np.ndarray:
    """(32, 32): mean energy at each frequency, in squared levels; their sum is the mean of the windows' variances."""
    grey = picture.astype(np.float64)
    grey = grey.mean(2) if grey.ndim == 3 else grey
    if min(grey.shape) < _WINDOW:
        raise ValueError(f"a picture of {grey.shape[1]}x{grey.shape[0]} pixels; expected at least {_WINDOW}")
    line = np.hanning(_WINDOW + 1)[:-1]
    window = np.outer(line, line)
    tiles = np.lib.stride_tricks.sliding_window_view(grey, (_WINDOW, _WINDOW))[
        :: _WINDOW // 2, :: _WINDOW // 2
    ]
    tiles = tiles - tiles.mean((2, 3), keepdims=True)
    spectra = np.abs(np.fft.fft2(tiles * window)) ** 2
    power: np.ndarray = spectra.mean((0, 1)) / (window**2).sum() / _WINDOW**2
    return power


def _beyond(power: np.ndarray, row: int, column: int) -> float:
    """Energy at a frequency, with what the window spreads of it, beyond what lies beside it.

    Edges of upright and level things put energy on the axes, where neighbours are therefore taken along the axis. The
    geometric mean of both sides is what lies between them in a spectrum that falls by a power of the frequency.
    """
    sides = [(_BESIDE, 0)] if column == 0 else [(0, _BESIDE)] if row == 0 else [(_BESIDE, 0), (0, _BESIDE)]
    beside = [
        math.sqrt(_block(power, row - down, column - right) * _block(power, row + down, column + right))
        for down, right in sides
    ]
    return _block(power, row, column) - max(beside)


def _block(power: np.ndarray, row: int, column: int) -> float:
    """Energy at 3x3 frequencies."""
    near = np.arange(-1, 2)
    return float(power[np.ix_((row + near) % _WINDOW, (column + near) % _WINDOW)].sum())

"""The energy of patterns that repeat with a generator's steps: what counts, what does not, and how much."""

import numpy as np
import pytest
import torch

from snowdrift.snow.checkerboard import grid_energy
from snowdrift.snow.networks.blurs import SmoothedTransposed

ROWS, COLUMNS = np.mgrid[:96, :128]
SMOOTH = 120 + 60 * np.sin(COLUMNS / 23) * np.cos(ROWS / 31)
PATTERNS = {
    "pixels by turns": (-1.0) ** (ROWS + COLUMNS),
    "columns by turns": (-1.0) ** COLUMNS,
    "four columns": np.sqrt(2) * np.cos(np.pi / 2 * COLUMNS),
    "four rows": np.sqrt(2) * np.sin(np.pi / 2 * ROWS + 0.4),
    "squares of two": 2 * np.cos(np.pi / 2 * ROWS + 0.3) * np.cos(np.pi / 2 * COLUMNS + 1),
    "pixels by turns whose sign changes": (-1.0) ** (ROWS + COLUMNS) * np.sign(np.sin(COLUMNS / 50 + 0.1)),
}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("height", [1.0, 6.0])
def test_a_pattern_of_the_grid_counts_with_its_energy(pattern, height):
    """Also on a smooth picture, and among noise; up to what is lost where its sign changes."""
    noise = np.random.default_rng(0).normal(0, 3, SMOOTH.shape)
    for ground in (np.full(SMOOTH.shape, 99.0), SMOOTH, SMOOTH + noise):
        added = grid_energy([ground + height * PATTERNS[pattern]]) - grid_energy([ground])
        assert added == pytest.approx(height**2, rel=0.2, abs=0.35)


@pytest.mark.parametrize("period", [3, 6, 7.3, 16])
def test_patterns_of_other_periods_do_not_count(period):
    for wave in (np.cos(2 * np.pi / period * COLUMNS), np.cos(2 * np.pi / period * (ROWS + 0.3))):
        assert grid_energy([SMOOTH + 6 * wave]) < 0.05 * 18


@pytest.mark.parametrize("seed", range(5))
def test_noise_edges_and_texture_hardly_count(seed):
    random = np.random.default_rng(seed)
    noise = random.normal(0, 10, (96, 128))
    texture = np.cumsum(np.cumsum(random.normal(0, 1, (96, 128)), 0), 1)
    texture = 40 * (texture - texture.mean()) / texture.std()
    edge = 100.0 * (random.integers(20, 100) < COLUMNS) + 60.0 * (
        random.integers(30, 90) < ROWS + 0.3 * COLUMNS
    )
    for picture in (noise, texture, edge):
        assert grid_energy([picture]) < 0.02 * picture.var()


def test_a_transposed_convolution_has_it_and_a_blur_after_it_takes_it_away():
    torch.manual_seed(0)
    up = torch.nn.ConvTranspose2d(8, 3, 3, stride=2, padding=1, output_padding=1)
    smoothed = SmoothedTransposed(8, 3)
    smoothed.load_state_dict(up.state_dict(), strict=False)
    features = torch.rand(1, 8, 48, 64)
    with torch.no_grad():
        strided, blurred = up(features)[0], smoothed(features)[0]
    energies = [
        grid_energy([255 * (each / each.std()).permute(1, 2, 0).numpy()]) for each in (strided, blurred)
    ]
    assert energies[0] > 20 * energies[1]


def test_colours_are_averaged_spectra_too_and_small_pictures_refused():
    plain, striped = SMOOTH, SMOOTH + 2 * PATTERNS["columns by turns"]
    assert grid_energy([np.stack([striped] * 3, 2)]) == pytest.approx(grid_energy([striped]))
    assert grid_energy([plain, striped]) == pytest.approx(2, abs=0.2)
    with pytest.raises(ValueError, match="31x40 pixels; expected at least 32"):
        grid_energy([np.zeros((40, 31))])

"""Phantoms of chest X-rays: simple bodies between tube and film, whose attenuation adds up along each ray.

Coordinates: x in [-1, 1] from the image's left to its right, which is the patient's left; y in [-1, 1] downwards.
Attenuation is in units of a fat trunk's: 1 is about its middle.
"""

from dataclasses import dataclass

import numpy as np

FINDINGS = ("normal", "bacteria", "virus")
"""Clear lungs, one lobe opaque, both lungs hazy: what the chest X-ray set calls its pictures' causes."""
_RIBS = 9


@dataclass(frozen=True)
class Patient:
    """What differs from one phantom to the next; lengths in units of half the picture.

    Attributes:
        build: width of the trunk against a middling one.
        apex: y of the lungs' upper ends.
        domes: y of the diaphragm's right and left dome.
        heart: half width of the heart's shadow.
        ribs: y at which the first rib leaves the spine, and the distance to the next.
        bone: attenuation of bone against a middling one.
        turn: turn of the picture, in radians.
        shift: x and y of the trunk's middle.
        contrast: exponent of the film's curve.
    """

    build: float
    apex: float
    domes: tuple[float, float]
    heart: float
    ribs: tuple[float, float]
    bone: float
    turn: float
    shift: tuple[float, float]
    contrast: float


def random_patient(rng: np.random.Generator) -> Patient:
    """Draw a patient and how the picture was taken."""
    right = rng.uniform(0.36, 0.58)
    return Patient(
        build=rng.uniform(0.86, 1.1),
        apex=rng.uniform(-0.88, -0.76),
        domes=(right, right + rng.uniform(0.03, 0.1)),
        heart=rng.uniform(0.26, 0.36),
        ribs=(rng.uniform(-0.82, -0.72), rng.uniform(0.155, 0.185)),
        bone=rng.uniform(0.8, 1.25),
        turn=rng.normal(0, 0.035),
        shift=(rng.normal(0, 0.03), rng.normal(0, 0.03)),
        contrast=rng.uniform(0.85, 1.25),
    )


def phantom(finding: str, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """One radiograph, (height, width) uint8, bright where much is in the rays' way.

    Args:
        finding: one of `FINDINGS`.
        width: pixels.
        height: pixels.
        rng: what patient, disease and film noise are drawn from.
    """
    patient = random_patient(rng)
    x, y = _coordinates(patient, width, height)
    heart = _heart(x, y, patient)
    lungs = [_lung(x, y, patient, side) * (1 - 0.85 * heart) for side in (-1, 1)]
    air = np.maximum(*lungs)
    attenuation = _trunk(x, y) * (1 - 0.72 * air) + 0.1 * heart + _mediastinum(x, y)
    attenuation += _vessels(x, y, rng) * air
    attenuation += patient.bone * (_spine(x, y) + _ribs(x, y, patient) + _shoulders(x, y, patient))
    attenuation += _opacity(finding, x, y, lungs, patient, rng)
    attenuation -= _stomach(x, y, patient, rng)
    picture = _expose(attenuation, patient, rng)
    return _mark(picture, rng)


def _coordinates(patient: Patient, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """(height, width) x and y in the patient's own frame."""
    x = np.linspace(-1, 1, width, dtype=np.float32)[None] - patient.shift[0]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] - patient.shift[1]
    cosine, sine = np.cos(patient.turn), np.sin(patient.turn)
    return (x * cosine - y * sine) / patient.build, x * sine + y * cosine


def _step(distance: np.ndarray, softness: float) -> np.ndarray:
    """0 to 1 over about four times `softness`, 0.5 at a distance of 0."""
    return 1 / (1 + np.exp(-np.clip(distance / softness, -30, 30)))


def _ridge(distance: np.ndarray, width: float) -> np.ndarray:
    """1 on a line, falling off over `width`."""
    return np.exp(-((distance / width) ** 2))


def _ball(x: np.ndarray, y: np.ndarray, centre: tuple[float, float], axes: tuple[float, float]) -> np.ndarray:
    """Thickness of an ellipsoid along the rays, 1 in its middle."""
    squared = ((x - centre[0]) / axes[0]) ** 2 + ((y - centre[1]) / axes[1]) ** 2
    return np.sqrt(np.maximum(1 - squared, 0))


def _trunk(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Soft tissue: chest, widening to the shoulders, with the neck on top and the arms raised."""
    half = 0.9 + 0.06 * y - 0.42 * _step(-0.9 - y, 0.05)
    chest = np.sqrt(np.maximum(1 - (np.abs(x) / half) ** 2.6, 0))
    arms = _ridge(np.abs(x) - 0.9 - 0.25 * (y + 0.9), 0.17) * _step(-0.5 - y, 0.12)
    tissue: np.ndarray = 0.8 * chest + 0.45 * arms * (1 - chest) + 0.22 * _step(y - 0.5, 0.1) * chest
    return tissue


def _dome(x: np.ndarray, patient: Patient, side: int) -> np.ndarray:
    """y of the diaphragm below one lung, falling to the sharp angle beside the ribs."""
    top = patient.domes[0 if side < 0 else 1]
    return top + 1.5 * np.maximum(side * x - 0.36, 0) ** 2 + 0.5 * np.maximum(0.36 - side * x, 0) ** 2


def _lung(x: np.ndarray, y: np.ndarray, patient: Patient, side: int) -> np.ndarray:
    """Share of air along the rays through one lung, in [0, 1]."""
    across = side * x
    down = np.clip((y - patient.apex) / (0.75 - patient.apex), 0, 1)
    outer = 0.34 + 0.44 * np.sqrt(np.sin(np.pi * np.clip(0.14 + 0.5 * down, 0, 1)) * down + 1e-6)
    inner = 0.1 + 0.05 * down
    width = np.maximum(outer - inner, 0.05)
    depth = np.clip(4 * (across - inner) * (outer - across) / width**2, 0, 1) ** 0.45
    crown = y - patient.apex - 1.6 * (across - 0.33) ** 2
    air: np.ndarray = depth * _step(crown, 0.03) * _step(_dome(x, patient, side) - y, 0.014)
    return air


def _mediastinum(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    knob = _ball(x, y, (0.13, -0.32), (0.1, 0.12))
    hila = _ball(x, y, (-0.17, -0.06), (0.11, 0.17)) + _ball(x, y, (0.19, -0.1), (0.1, 0.15))
    windpipe = _ridge(x + 0.01, 0.045) * _step(-0.35 - y, 0.05)
    middle: np.ndarray = 0.2 * _ridge(x, 0.16) + 0.22 * knob + 0.12 * hila - 0.14 * windpipe
    return middle


def _heart(x: np.ndarray, y: np.ndarray, patient: Patient) -> np.ndarray:
    """Share of the rays' way through the heart, which leans to the patient's left above the diaphragm."""
    cosine, sine = np.cos(0.75), np.sin(0.75)
    u, v = x - 0.12, y - (patient.domes[1] - 0.27)
    long, wide = u * cosine + v * sine, v * cosine - u * sine
    return _step(1 - np.hypot(long / (patient.heart + 0.1), wide / patient.heart), 0.05)


def _spine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    vertebrae = 0.75 + 0.25 * np.cos(2 * np.pi * y / 0.155)
    spine: np.ndarray = 0.22 * np.sqrt(_ridge(x, 0.075)) * vertebrae
    return spine


def _ribs(x: np.ndarray, y: np.ndarray, patient: Patient) -> np.ndarray:
    """The posterior ends slope away from the spine; the anterior ones, fainter, back towards the breastbone."""
    first, distance = patient.ribs
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
    across = np.abs(x)
    for rib in range(_RIBS):
        reach = 0.44 + 0.38 * np.sqrt(np.sin(np.pi * min(0.16 + 0.085 * rib, 0.5)))
        along = np.clip(across / reach, 0, 1)
        inside = _step(reach - across, 0.015)
        back = first + rib * distance - 0.07 * np.sin(2.2 * along) + 0.24 * along**2.5
        # Seen edge on where it turns forward, so that more bone lies along the ray.
        edge = 1 + 0.9 * along**6
        total += 0.15 * _ridge(y - back, 0.03) * inside * edge * _step(across - 0.07, 0.02)
        front = first + rib * distance + 0.34 - 0.2 * np.cos(1.4 * along) + 0.1 * along
        total += 0.045 * _ridge(y - front, 0.035) * inside * _step(across - 0.3, 0.05)
    ribs: np.ndarray = total * _step(0.85 - y, 0.05)
    return ribs


def _shoulders(x: np.ndarray, y: np.ndarray, patient: Patient) -> np.ndarray:
    """Collar bones and, faintly, shoulder blades."""
    across = np.abs(x)
    collar = patient.apex + 0.2 - 0.2 * across + 0.05 * np.sin(6 * across)
    bone = 0.2 * _ridge(y - collar, 0.032) * _step(across - 0.1, 0.02) * _step(0.78 - across, 0.03)
    blade = _ball(across, y, (0.74, -0.4), (0.16, 0.32))
    bones: np.ndarray = bone + 0.1 * blade
    return bones


def _vessels(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Branches that leave each hilum and thin out."""
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
    for side in (-1, 1):
        u, v = side * x - 0.17, y + 0.07
        radius, angle = np.hypot(u, v), np.arctan2(v, u)
        for branch in np.linspace(-1.2, 1.25, 7):
            bend = branch + rng.normal(0, 0.12) + rng.normal(0, 0.35) * radius
            total += 0.13 * _ridge((angle - bend) * radius, 0.022) * np.exp(-2.6 * radius)
    return total


def _opacity(
    finding: str,
    x: np.ndarray,
    y: np.ndarray,
    lungs: list[np.ndarray],
    patient: Patient,
    rng: np.random.Generator,
) -> np.ndarray | float:
    """What a pneumonia fills of the lungs: one lobe, with a soft edge, or a haze with strands in both."""
    if finding == "bacteria":
        side = int(rng.integers(2))
        lower = rng.random() < 0.6
        centre = (
            (2 * side - 1) * rng.uniform(0.3, 0.45),
            rng.uniform(0.2, 0.4) if lower else rng.uniform(-0.6, -0.4),
        )
        lobe = _step(1 - np.hypot((x - centre[0]) / 0.32, (y - centre[1]) / rng.uniform(0.26, 0.36)), 0.12)
        patches = 0.85 + 0.3 * _texture(x.shape[-1], y.shape[0], 0.2, rng)
        filled: np.ndarray = rng.uniform(0.42, 0.6) * lobe * lungs[side] * patches
        return filled
    if finding == "virus":
        haze = 0.24 + 0.07 * _texture(x.shape[-1], y.shape[0], 0.3, rng)
        strands = 0.07 * np.abs(_texture(x.shape[-1], y.shape[0], 0.1, rng))
        central = _ridge(np.abs(x) - 0.2, 0.3)
        clouded: np.ndarray = (
            rng.uniform(0.75, 1.15) * (haze + strands) * (0.65 + 0.6 * central) * np.maximum(*lungs)
        )
        return clouded
    return 0.0


def _texture(width: int, height: int, size: float, rng: np.random.Generator) -> np.ndarray:
    """(height, width) smooth noise of mean 0 and deviation 1, features of `size` in units of half the picture."""
    spectrum = np.fft.rfft2(rng.standard_normal((height, width)))
    fall, rise = np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width
    smooth = np.fft.irfft2(spectrum * np.exp(-((np.hypot(fall, rise) * size / 2) ** 2)), s=(height, width))
    smooth -= smooth.mean()
    texture: np.ndarray = (smooth / max(smooth.std(), 1e-9)).astype(np.float32)
    return texture


def _stomach(x: np.ndarray, y: np.ndarray, patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """A bubble of air below the left dome, in some patients."""
    size = rng.uniform(0.08, 0.16) if rng.random() < 0.35 else 0.0
    centre = (rng.uniform(0.3, 0.45), patient.domes[1] + 0.17)
    return 0.35 * _step(_ball(x, y, centre, (max(size, 1e-3), max(0.6 * size, 1e-3))) - 0.5, 0.1)


def _expose(attenuation: np.ndarray, patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """The film's curve, its noise and a picture's own range of grays; (height, width) float in [0, 1]."""
    light = 1 - np.exp(-1.15 * np.maximum(attenuation, 0))
    light = light / (1 - np.exp(-1.15 * 1.45))
    film = np.clip(light, 0, 1.1) ** (1.3 * patient.contrast)
    film = rng.uniform(0.0, 0.05) + film * rng.uniform(0.86, 1.0)
    grain = 0.5 * rng.standard_normal(film.shape) + 0.5 * _texture(film.shape[1], film.shape[0], 0.03, rng)
    exposed: np.ndarray = np.clip(film + 0.018 * grain, 0, 1)
    return exposed


def _mark(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """To uint8, with the technician's marker at the left edge in some."""
    height, width = picture.shape
    if rng.random() < 0.4:
        top, left = int(height * rng.uniform(0.1, 0.4)), int(width * 0.03)
        picture[top : top + max(height // 14, 3), left : left + max(width // 28, 2)] = 0.92
    return (255 * picture).round().astype(np.uint8)

"""Ground in perspective: two materials, a kerb or verge between them, markings, and snow over all of it."""

from dataclasses import dataclass, replace

import numpy as np

from snowdrift.demo.camera import Camera
from snowdrift.demo.light import SNOW, WINTER, Light
from snowdrift.demo.noise import WorldNoise

MATERIALS = ("asphalt", "grass", "soil", "paving", "gravel")
_PAVED = ("asphalt", "paving")


@dataclass(frozen=True)
class GroundPlan:
    """What lies where.

    Attributes:
        near, far: material on this side and beyond the boundary.
        bases: (2, 3) base colours of both.
        angle: direction of the boundary in the ground plane, radians from the X axis.
        offset: depth in metres at which the boundary crosses the picture's middle.
        slab: side of the paving slabs in metres.
        markings: none, bays (parking) or line (a broken line along the boundary).
        tracks: across-boundary positions in metres of wheel tracks.
        dapple: share of the ground in the shade of trees outside the picture.
    """

    near: str
    far: str
    bases: np.ndarray
    angle: float
    offset: float
    slab: float
    markings: str
    tracks: tuple[float, ...]
    dapple: float


def random_ground(rng: np.random.Generator, camera: Camera, season: str, light: Light) -> GroundPlan:
    """A ground for the season: greens in spring, straw and leaves in autumn."""
    near = str(rng.choice(MATERIALS, p=[0.28, 0.24, 0.14, 0.2, 0.14]))
    far = str(rng.choice([name for name in MATERIALS if name != near]))
    road = near in ("asphalt", "gravel", "soil")
    lane = rng.uniform(-1.5, 1.5)
    tracks: tuple[float, ...] = (lane - 0.75, lane + 0.75) if road and rng.random() < 0.7 else ()
    if tracks and rng.random() < 0.4:
        tracks += (lane + 1.6, lane + 3.1)
    markings = str(rng.choice(["bays", "line", "none"], p=[0.4, 0.35, 0.25])) if near == "asphalt" else "none"
    shaded = light.kind == "sun" and season != WINTER and rng.random() < 0.3
    return GroundPlan(
        near=near,
        far=far,
        bases=np.stack([_base_colour(rng, name, season) for name in (near, far)]),
        angle=rng.uniform(-0.28, 0.28) if rng.random() < 0.7 else rng.uniform(0.5, 1.0) * rng.choice([-1, 1]),
        offset=rng.uniform(0.75, 1.7) * camera.far,
        slab=rng.uniform(0.45, 0.9),
        markings=markings,
        tracks=tracks,
        dapple=rng.uniform(0.2, 0.5) if shaded else 0.0,
    )


def ground_in_winter(rng: np.random.Generator, plan: GroundPlan) -> GroundPlan:
    """The same ground with the grass of winter, and without the shade of leaves, since nothing has any."""
    bases = [
        _base_colour(rng, name, WINTER) if name == "grass" else base
        for name, base in zip((plan.near, plan.far), plan.bases, strict=True)
    ]
    return replace(plan, bases=np.stack(bases), dapple=0.0)


def _base_colour(rng: np.random.Generator, material: str, season: str) -> np.ndarray:
    if material == "grass":
        shades = {
            "spring": (0.41, 0.50, 0.25),
            "summer": (0.36, 0.47, 0.20),
            "autumn": (0.50, 0.47, 0.24),
            "late autumn": (0.49, 0.44, 0.29),
            WINTER: (0.45, 0.43, 0.28),
        }
        return np.array(shades[season]) + rng.uniform(-0.05, 0.05, 3)
    base = {
        "asphalt": np.array([0, 0.003, 0.012]) + rng.uniform(0.30, 0.47),
        "soil": np.array([0.47, 0.37, 0.27]) * rng.uniform(0.8, 1.12),
        "paving": np.array([0.59, 0.55, 0.50]) * rng.uniform(0.8, 1.08),
        "gravel": np.array([0.58, 0.54, 0.46]) * rng.uniform(0.85, 1.08),
    }[material]
    if material == "paving" and rng.random() < 0.35:
        base = np.array([0.56, 0.39, 0.32]) * rng.uniform(0.85, 1.1)
    return base + rng.uniform(-0.015, 0.015, 3)


def paint_ground(
    rng: np.random.Generator, camera: Camera, light: Light, plan: GroundPlan, season: str
) -> np.ndarray:
    """The ground (height, width, 3) in [0, 1], before cast shadows; rows above the horizon are haze."""
    x, z, ground_rows = camera.ground()
    shows = slice(int(np.argmax(ground_rows)), camera.height)
    x, z = x[shows], z[shows]
    footprint = np.maximum(z / camera.focal, 0.55 * z**2 / (camera.focal * camera.elevation))
    noise = WorldNoise(rng, x, z, footprint)
    across = (z - plan.offset) * np.cos(plan.angle) - x * np.sin(plan.angle)
    along = x * np.cos(plan.angle) + (z - plan.offset) * np.sin(plan.angle)
    edge = across + (0.0 if plan.near in _PAVED and plan.far in _PAVED else 0.10) * noise.octave(0.7)
    share = np.clip(edge / np.maximum(footprint, 0.04) + 0.5, 0, 1)[..., None]
    near = _material(plan.near, plan.bases[0], noise, along, across, footprint, plan.slab)
    far = _material(plan.far, plan.bases[1], noise, along, across, footprint, plan.slab)
    near = _wear(near, plan, noise, along, across, footprint)
    colour = near + (far - near) * share
    if plan.near in _PAVED or plan.far in _PAVED:
        kerb = _band(across, 0.0, 0.16, footprint)[..., None]
        colour = (
            colour
            + (np.array([0.66, 0.65, 0.62]) * (1 + 0.05 * noise.octave(0.3)[..., None]) - colour) * kerb
        )
    if season == WINTER:
        colour = _snow_cover(colour, plan, noise, across, share[..., 0], footprint)
    else:
        colour = _litter(colour, noise, season)
    colour = colour * light.tint
    if plan.dapple > 0:
        leaves = noise.octave(0.35) * 0.45 + noise.octave(1.1) * 0.6 + noise.octave(4.0)
        colour *= 1 - light.shadow * np.clip((leaves + plan.dapple * 3 - 1.3) * 0.9, 0, 0.8)[..., None]
    frame = np.broadcast_to(light.haze, (camera.height, camera.width, 3)).copy()
    frame[shows] = light.fade(colour, z[..., None])
    return frame


def _material(
    name: str,
    base: np.ndarray,
    noise: WorldNoise,
    along: np.ndarray,
    across: np.ndarray,
    footprint: np.ndarray,
    slab: float,
) -> np.ndarray:
    """Colour (h, w, 3) of one material everywhere."""
    fine, middle, coarse = {
        "asphalt": (0.07, 0.035, 0.05),
        "grass": (0.13, 0.09, 0.10),
        "soil": (0.11, 0.08, 0.09),
        "paving": (0.035, 0.03, 0.04),
        "gravel": (0.15, 0.05, 0.06),
    }[name]
    grain = noise.octave(0.09, stretch=3.0) if name == "grass" else noise.octave(0.07)
    patches = noise.octave(3.2)
    brightness = 1 + fine * grain + middle * noise.octave(0.45) + coarse * patches
    colour = base * brightness[..., None]
    if name == "grass":
        dry = np.clip(noise.octave(1.6) - 0.7, 0, 1)[..., None] * 0.6
        colour = colour + (np.array([0.55, 0.49, 0.29]) * brightness[..., None] - colour) * dry
    elif name == "soil":
        tufts = np.clip(noise.octave(0.8) + 0.4 * grain - 1.3, 0, 1)[..., None]
        colour = colour + (np.array([0.38, 0.42, 0.22]) * brightness[..., None] - colour) * tufts
    elif name == "paving":
        joints = np.maximum(_grid(along, slab, 0.022, footprint), _grid(across, slab * 0.5, 0.022, footprint))
        tone = np.sin(np.floor(along / slab) * 12.9 + np.floor(across / (slab * 0.5)) * 78.2) * 0.045
        colour = colour * (1 + tone * np.clip(1.5 - footprint / 0.2, 0, 1) - 0.33 * joints)[..., None]
    return colour


def _wear(
    colour: np.ndarray,
    plan: GroundPlan,
    noise: WorldNoise,
    along: np.ndarray,
    across: np.ndarray,
    footprint: np.ndarray,
) -> np.ndarray:
    """Wheel tracks, patches of newer asphalt, cracks and painted lines on the near material."""
    for centre in plan.tracks:
        colour = colour * (1 - 0.14 * _band(across + plan.offset * 0.45, centre, 0.4, footprint))[..., None]
    if plan.near != "asphalt":
        return colour
    mended = np.clip((noise.octave(2.6) - 1.25) * 6, 0, 1)
    cracks = np.clip(1 - np.abs(noise.octave(1.4)) / 0.035, 0, 1) * np.clip(1.4 - footprint / 0.05, 0, 1)
    colour = colour * (1 - 0.16 * mended - 0.22 * cracks)[..., None]
    if plan.markings == "none":
        return colour
    if plan.markings == "bays":
        depth = -across - 0.25
        lines = _grid(along, 2.5, 0.11, footprint) * np.clip((4.6 - np.abs(depth - 2.3) * 2) / 0.1, 0, 1)
    else:
        dashes = np.clip((np.abs((along / 4.0) % 1.0 - 0.5) - 0.18) * 20, 0, 1)
        lines = _band(across, -0.33 * plan.offset, 0.13, footprint) * dashes
    worn = np.clip(0.85 + 0.25 * noise.octave(0.3), 0, 1) * lines
    painted: np.ndarray = colour + (np.array([0.83, 0.82, 0.77]) - colour) * worn[..., None] * 0.85
    return painted


def _litter(colour: np.ndarray, noise: WorldNoise, season: str) -> np.ndarray:
    """Fallen leaves in autumn, a few flowers in spring."""
    paint, level = {
        "autumn": ((0.62, 0.40, 0.15), 1.75),
        "late autumn": ((0.45, 0.31, 0.18), 1.85),
        "spring": ((0.86, 0.84, 0.55), 2.9),
        "summer": ((0.40, 0.36, 0.22), 2.7),
    }[season]
    leaves = np.clip((noise.octave(0.11) + 0.7 * noise.octave(2.2) - level) * 3, 0, 1)[..., None]
    littered: np.ndarray = colour + (np.array(paint) - colour) * leaves * 0.85
    return littered


def _snow_cover(
    bare: np.ndarray,
    plan: GroundPlan,
    noise: WorldNoise,
    across: np.ndarray,
    share: np.ndarray,
    footprint: np.ndarray,
) -> np.ndarray:
    """Snow with drifts, footprints and wheel tracks; bare ground shows in the tracks and thin places."""
    drift = 0.6 * noise.octave(1.3) + 0.35 * noise.octave(0.55) + 0.6 * noise.octave(4.5)
    grain = noise.octave(0.16)
    hollow = np.clip(-drift - 0.1, 0, 1.6)[..., None]
    snow = SNOW * (0.965 + 0.022 * drift + 0.018 * grain)[..., None] - hollow * np.array([0.095, 0.07, 0.038])
    trodden = np.clip((noise.octave(0.34) - 1.15) * 2, 0, 1) * np.clip(noise.octave(3.0) + 0.2, 0, 1)
    snow = snow - trodden[..., None] * np.array([0.15, 0.125, 0.09])
    thin = np.clip((noise.octave(2.4) + 0.45 * noise.octave(0.4) - 1.8) * 0.8, 0, 0.5)
    for centre in plan.tracks:
        wander = across + plan.offset * 0.45 + 0.05 * drift
        rut = _band(wander, centre, 0.34, footprint) * (1 - share)
        thin = np.maximum(thin, rut * np.clip(0.34 + 0.08 * grain + 0.10 * drift, 0.12, 0.6))
        rim = _band(wander, centre + 0.3, 0.16, footprint) * (1 - share)
        snow = snow + rim[..., None] * 0.03
    wet = bare * 0.72 + 0.04
    covered: np.ndarray = snow + (wet - snow) * thin[..., None]
    return covered


def _band(coordinate: np.ndarray, centre: float, width: float, footprint: np.ndarray) -> np.ndarray:
    """Coverage in [0, 1] of a strip `width` metres wide around `centre`, anti-aliased."""
    size = np.maximum(footprint, 0.02)
    inside = (width / 2 - np.abs(coordinate - centre)) / size + 0.5
    coverage: np.ndarray = np.clip(inside, 0, 1) * np.minimum(1, width / size)
    return coverage


def _grid(coordinate: np.ndarray, period: float, width: float, footprint: np.ndarray) -> np.ndarray:
    """Coverage of lines `width` metres wide every `period` metres; fades out where they would shimmer."""
    nearest = coordinate - np.round(coordinate / period) * period
    return _band(nearest, 0.0, width, footprint) * np.clip(2.0 - 3 * footprint / period, 0, 1)

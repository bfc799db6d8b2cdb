"""Seasons and light: where the sun stands, how strong shadows are, how far one can see."""

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]

SNOW_FREE = ("spring", "summer", "autumn", "late autumn")
WINTER = "winter"
SNOW = np.array([0.93, 0.95, 0.98])


@dataclass(frozen=True)
class Light:
    """The light of one scene.

    Attributes:
        kind: sun, overcast or dusk.
        toward_sun: unit vector from the ground to the brightest part of the sky, in world axes.
        ambient: share of the light that comes from everywhere; the rest comes from `toward_sun`.
        tint: colour of the light, about 1 in each channel.
        shadow: how dark cast shadows are, 0 (none) to 1 (black).
        haze: colour that distance fades to.
        haze_density: share of the haze per metre.
        sky_top, sky_low: colours of the sky at the frame's top and at the horizon.
        noise: deviation of the sensor's noise, in fractions of full scale.
    """

    kind: str
    toward_sun: np.ndarray
    ambient: float
    tint: np.ndarray
    shadow: float
    haze: np.ndarray
    haze_density: float
    sky_top: np.ndarray
    sky_low: np.ndarray
    noise: float

    def shade(self, normal: np.ndarray) -> np.ndarray:
        """Brightness of surfaces with the unit normals (..., 3), 1 for ground in full light."""
        facing = np.clip(np.asarray(normal) @ self.toward_sun, 0, None) / self.toward_sun[1]
        sky = 0.82 + 0.18 * np.asarray(normal)[..., 1]
        brightness: np.ndarray = np.minimum(self.ambient * sky + (1 - self.ambient) * facing, 1.25)
        return brightness

    def fade(self, colour: np.ndarray, depth: float | np.ndarray) -> np.ndarray:
        """`colour` as seen through `depth` metres of haze."""
        share = 1 - np.exp(-self.haze_density * depth)
        seen: np.ndarray = colour + (self.haze - colour) * share
        return seen


def random_light(rng: np.random.Generator, season: str) -> Light:
    """Light that suits the season: winter scenes are white-grey snowfall, the others vary."""
    if season == WINTER:
        return _snowfall_light(rng)
    kind = rng.choice(["sun", "overcast", "dusk"], p=[0.48, 0.38, 0.14])
    return {"sun": _sunny, "overcast": _overcast, "dusk": _dusk}[kind](rng)


def _direction(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """A unit vector, `low` to `high` degrees above the horizon, mostly beside or behind the camera."""
    height = np.radians(rng.uniform(low, high))
    azimuth = np.radians(rng.uniform(20, 85) * rng.choice([-1, 1]) + rng.choice([180, 0], p=[0.65, 0.35]))
    return np.array([np.cos(height) * np.sin(azimuth), np.sin(height), np.cos(height) * np.cos(azimuth)])


def _sunny(rng: np.random.Generator) -> Light:
    warmth = rng.uniform(-0.02, 0.06)
    return Light(
        kind="sun",
        toward_sun=_direction(rng, 30, 58),
        ambient=rng.uniform(0.48, 0.58),
        tint=np.array([1.02 + warmth, 1.0, 0.97 - warmth]) * rng.uniform(0.95, 1.08),
        shadow=rng.uniform(0.42, 0.55),
        haze=np.array([0.74, 0.80, 0.87]),
        haze_density=rng.uniform(0.001, 0.003),
        sky_top=np.array([0.30, 0.50, 0.80]) + rng.uniform(-0.05, 0.08),
        sky_low=np.array([0.70, 0.81, 0.91]),
        noise=rng.uniform(0.004, 0.008),
    )


def _overcast(rng: np.random.Generator) -> Light:
    grey = rng.uniform(0.66, 0.84)
    return Light(
        kind="overcast",
        toward_sun=_direction(rng, 55, 75),
        ambient=0.74,
        tint=np.array([0.97, 0.99, 1.0]) * rng.uniform(0.92, 1.08),
        shadow=0.0,
        haze=np.array([grey, grey + 0.015, grey + 0.03]),
        haze_density=rng.uniform(0.002, 0.006),
        sky_top=np.array([grey - 0.08, grey - 0.06, grey - 0.03]),
        sky_low=np.array([grey + 0.04, grey + 0.05, grey + 0.06]),
        noise=rng.uniform(0.005, 0.010),
    )


def _dusk(rng: np.random.Generator) -> Light:
    return Light(
        kind="dusk",
        toward_sun=_direction(rng, 24, 34),
        ambient=0.66,
        tint=np.array([0.88, 0.74, 0.64]) * rng.uniform(0.9, 1.08),
        shadow=rng.uniform(0.22, 0.34),
        haze=np.array([0.70, 0.58, 0.54]),
        haze_density=rng.uniform(0.003, 0.006),
        sky_top=np.array([0.36, 0.40, 0.56]),
        sky_low=np.array([0.90, 0.70, 0.52]),
        noise=rng.uniform(0.008, 0.014),
    )


def _snowfall_light(rng: np.random.Generator) -> Light:
    grey = rng.uniform(0.74, 0.86)
    return Light(
        kind="overcast",
        toward_sun=_direction(rng, 50, 70),
        ambient=0.76,
        tint=np.array([0.97, 0.99, 1.02]) * rng.uniform(0.92, 1.02),
        shadow=0.0,
        haze=np.array([grey - 0.01, grey + 0.01, grey + 0.03]),
        haze_density=rng.uniform(0.007, 0.016),
        sky_top=np.array([grey - 0.04, grey - 0.02, grey]),
        sky_low=np.array([grey + 0.02, grey + 0.035, grey + 0.05]),
        noise=rng.uniform(0.004, 0.008),
    )

"""Scenes: a camera, a light, a ground and what stands behind it, painted once per video."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from snowdrift.demo.camera import Camera, random_camera
from snowdrift.demo.canvas import Canvas
from snowdrift.demo.ground import GroundPlan, ground_in_winter, paint_ground, random_ground
from snowdrift.demo.layouts import Thing, furnish
from snowdrift.demo.light import SNOW_FREE, WINTER, Light, random_light
from snowdrift.demo.noise import sample
from snowdrift.demo.plants import plant_in_winter


@dataclass(frozen=True)
class Scene:
    """All that stays the same over a video. `seed` fixes the textures."""

    season: str
    camera: Camera
    light: Light
    ground: GroundPlan
    things: tuple[Thing, ...]
    seed: int


def random_scene(rng: np.random.Generator, width: int, height: int, layout: str, winter: bool) -> Scene:
    """A scene of one of the `LAYOUTS`; in winter, or in one of the snow-free seasons."""
    season = WINTER if winter else str(rng.choice(SNOW_FREE, p=[0.25, 0.35, 0.25, 0.15]))
    camera = random_camera(rng, width, height)
    light = random_light(rng, season)
    things = furnish(rng, camera, light, season, layout)
    ground = random_ground(rng, camera, season, light)
    return Scene(season, camera, light, ground, tuple(things), int(rng.integers(2**31)))


def under_snow(rng: np.random.Generator, scene: Scene) -> Scene:
    """The same place in winter: the camera and all that stands there stay, leaves have fallen, and it snows."""
    return replace(
        scene,
        season=WINTER,
        light=random_light(rng, WINTER),
        ground=ground_in_winter(rng, scene.ground),
        things=tuple(plant_in_winter(rng, thing) for thing in scene.things),
    )


def paint_background(scene: Scene) -> np.ndarray:
    """The empty scene, (height, width, 3) in [0, 1]."""
    rng = np.random.default_rng(scene.seed)
    camera, light = scene.camera, scene.light
    picture = paint_ground(rng, camera, light, scene.ground, scene.season)
    picture *= 1 - _ground_shadows(scene)[..., None] * np.array([1.0, 0.97, 0.90])
    horizon = max(int(np.ceil(camera.horizon)), 0)
    picture[:horizon] = _sky(rng, scene)[:horizon]
    canvas = Canvas(camera, light, scene.season)
    for thing in sorted(scene.things, key=lambda thing: -thing.z):
        thing.draw(canvas)
    u, v = np.arange(camera.width)[None] / camera.unit, np.arange(camera.height)[:, None] / camera.unit
    texture = 0.016 * sample(u * 1.3 + 40, v * 1.3) + 0.02 * sample(u * 0.35, v * 0.35 + 90)
    return canvas.over(picture, texture).astype(np.float32)


def _sky(rng: np.random.Generator, scene: Scene) -> np.ndarray:
    """Sky (height, width, 3): a gradient with clouds that flatten towards the horizon."""
    camera, light = scene.camera, scene.light
    rows = (np.arange(camera.height) + 0.5) / max(camera.horizon, 1.0)
    share = np.clip(rows, 0, 1)[:, None, None]
    sky = light.sky_top + (light.sky_low - light.sky_top) * share**1.3
    distance = 1 / np.maximum(1.25 - rows, 0.25)
    u = (np.arange(camera.width) - camera.width / 2)[None] / camera.unit * 0.07 * distance[:, None]
    v = distance[:, None] * 9
    u0, v0 = rng.uniform(0, 256, 2)
    clouds = sample(u + u0, v + v0) + 0.5 * sample(2.3 * u + v0, 2.3 * v + u0)
    bright, level = (0.97, 0.35) if light.kind == "sun" else (1.0, -0.2)
    cover = np.clip((clouds - level) * 0.45, 0, 1 if light.kind == "sun" else 0.35)
    cloud = np.clip(light.sky_low * 0.3 + bright * 0.7 * light.tint, 0, 1)
    clouded: np.ndarray = sky + (cloud - sky) * (cover * np.clip(1.15 - rows, 0, 1)[:, None])[..., None]
    return clouded


def _ground_shadows(scene: Scene) -> np.ndarray:
    """How dark the things make the ground, (height, width), 0 lit to 1 black."""
    camera, light = scene.camera, scene.light
    mask = np.zeros((camera.height, camera.width), np.float32)
    slopes = [(np.zeros(3), 0.22, 2.0)]
    if light.shadow > 0:
        slopes.append((-light.toward_sun / light.toward_sun[1], light.shadow, 0.7))
    for slope, strength, blur in slopes:
        layer = Image.new("L", (camera.width, camera.height), 0)
        pen = ImageDraw.Draw(layer)
        for thing in scene.things:
            corners = thing.outline()
            dropped = corners + slope * corners[:, 1:2]
            dropped[:, 1] = 0
            if len(corners) == 0 or dropped[:, 2].min() < 0.4 * camera.near:
                continue
            pen.polygon([tuple(point) for point in _hull(camera.project(dropped))], fill=255)
        layer = layer.filter(ImageFilter.GaussianBlur(blur * camera.unit))
        mask = np.maximum(mask, np.asarray(layer, np.float32) / 255 * strength)
    return mask


def _hull(points: np.ndarray) -> list[np.ndarray]:
    """Convex hull of the points (n, 2), by Andrew's monotone chain."""
    ordered = sorted(map(tuple, points))
    chains = []
    for sequence in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for x, y in sequence:
            while len(chain) > 1 and _turns_right(chain[-2], chain[-1], (x, y)):
                chain.pop()
            chain.append((x, y))
        chains.append(chain[:-1])
    return [np.array(point) for chain in chains for point in chain]


def _turns_right(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0

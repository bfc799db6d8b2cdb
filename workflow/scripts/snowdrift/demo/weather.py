"""What comes between the scene and the file: falling snow and the sensor."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from snowdrift.demo.camera import Camera
from snowdrift.demo.light import Light


def falling_snow(rng: np.random.Generator, picture: np.ndarray, camera: Camera) -> np.ndarray:
    """`picture` (height, width, 3) with sparse flakes, most of them small, some drawn out by their motion."""
    oversampling = 3
    size = (camera.width * oversampling, camera.height * oversampling)
    layer = Image.new("L", size, 0)
    pen = ImageDraw.Draw(layer)
    drift, speed = rng.normal(0, 0.35), rng.uniform(0.0, 2.4)
    count = int(rng.uniform(45, 140) * camera.width * camera.height / (320 * 180 * camera.unit**2))
    for _ in range(count):
        x, y = rng.random(2) * size
        near = rng.random() ** 4
        radius = (0.35 + 0.95 * near) * camera.unit * oversampling
        fall = speed * (0.6 + near) * camera.unit * oversampling
        opacity = int(rng.uniform(130, 240) * (1 - 0.35 * near))
        pen.line((x, y, x + drift * fall, y + fall), fill=opacity, width=max(1, round(2 * radius)))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=opacity)
    layer = layer.filter(ImageFilter.GaussianBlur(0.35 * oversampling)).reduce(oversampling)
    cover = np.asarray(layer, np.float32)[..., None] / 255
    return picture + (0.97 - picture) * cover


def expose(rng: np.random.Generator, picture: np.ndarray, light: Light) -> Image.Image:
    """The picture as the sensor saves it: slight vignette, flicker and noise, 8 bit."""
    height, width = picture.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    gain = (1 + rng.normal(0, 0.012)) * (1.02 - 0.05 * (x * x + y * y))
    grain = rng.standard_normal((height, width, 1), dtype=np.float32) * light.noise
    grain = grain + rng.standard_normal((height, width, 3), dtype=np.float32) * (0.4 * light.noise)
    values = np.clip((picture * gain[..., None] + grain) * 255 + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(values)

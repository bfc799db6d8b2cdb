"""Scenes and people of the demo: seasons differ, videos differ, bodies obey the camera and the ground."""

import itertools

import numpy as np
import pytest
from PIL import Image

from snowdrift.demo.camera import random_camera
from snowdrift.demo.dataset import draw_cast
from snowdrift.demo.figures import body_bounds
from snowdrift.demo.layouts import LAYOUTS
from snowdrift.demo.people import Pose, body, lying_angles, random_person, standing_angles, walking_angles
from snowdrift.demo.scene import Scene, paint_background, random_scene
from snowdrift.demo.takes import random_take


def scene(seed: int, winter: bool) -> Scene:
    return random_scene(np.random.default_rng(seed), 160, 90, LAYOUTS[seed % 5], winter)


def ground_of(background: np.ndarray) -> np.ndarray:
    """HSV of the lower half of the frame, where only ground is."""
    picture = Image.fromarray((background.clip(0, 1) * 255).astype(np.uint8))
    return np.asarray(picture.convert("HSV"), float)[50:] / 255


def test_winter_ground_is_brighter_and_paler() -> None:
    mild = np.mean(
        [ground_of(paint_background(scene(seed, False))).mean((0, 1)) for seed in range(10)], axis=0
    )
    winter = np.mean(
        [ground_of(paint_background(scene(seed, True))).mean((0, 1)) for seed in range(10)], axis=0
    )
    assert winter[2] > mild[2] + 0.25
    assert winter[1] < mild[1] * 0.5


def test_winter_ground_has_structure() -> None:
    for seed in range(5):
        assert ground_of(paint_background(scene(seed, True)))[..., 2].std() > 0.02


def test_videos_differ_clearly() -> None:
    backgrounds = [paint_background(scene(seed, False)) for seed in range(10)]
    for one, other in itertools.combinations(backgrounds, 2):
        assert np.abs(one - other).mean() > 0.04


def test_people_stand_out_from_snow() -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        place = random_scene(rng, 320, 180, LAYOUTS[seed % 5], winter=True)
        ground = paint_background(place)[120:].mean((0, 1))
        figures, _ = draw_cast(place, random_take(rng, place.camera, 1), 0)
        contrast = [np.abs(figure.colour[figure.alpha > 0.9] - ground).mean() for figure, _ in figures]
        assert max(contrast) > 0.25 and min(contrast) > 0.08


def test_standing_people_are_45_to_110_pixels_tall() -> None:
    heights = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        camera = random_camera(rng, 320, 180)
        z = 1 / rng.uniform(1 / camera.far, 1 / camera.near)
        pose = Pose(walking_angles(rng.uniform(0, 6), 0.4), (0.0, z), rng.uniform(0, 6))
        _, top, _, bottom = body_bounds(camera, body(random_person(rng), pose))
        heights.append(bottom - top)
    assert min(heights) > 42 and max(heights) < 112
    assert max(heights) - min(heights) > 30


@pytest.mark.parametrize("tilt", [0.0, 0.6, 1.2, np.pi / 2])
def test_bodies_touch_the_ground_and_never_sink(tilt: float) -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        angles = lying_angles(rng) if tilt > 1 else standing_angles(rng)
        pose = Pose(angles, (1.0, 6.0), rng.uniform(0, 6), tilt, rng.uniform(0, 6), rng.uniform(-3, 3))
        capsules = body(random_person(rng), pose)
        lows = np.concatenate(
            [capsules.start[:, 1] - capsules.start_radius, capsules.end[:, 1] - capsules.end_radius]
        )
        assert abs(lows.min()) < 1e-9


def test_lying_bodies_are_low_and_standing_ones_upright() -> None:
    rng = np.random.default_rng(0)
    person = random_person(rng)
    lying = body(person, Pose(lying_angles(rng), (0.0, 6.0), 0.0, np.pi / 2, 0.3, 0.1))
    standing = body(person, Pose(standing_angles(rng), (0.0, 6.0), 0.0))
    assert lying.end[:, 1].max() < 0.6
    assert abs((standing.end[:, 1] + standing.end_radius).max() - person.stature) < 0.15


def test_people_move_continuously_within_a_take() -> None:
    moved = 0.0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        camera = random_camera(rng, 320, 180)
        for actor in random_take(rng, camera, 10):
            path = np.array([pose.position for pose in actor.poses])
            steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
            moved += steps.sum()
            assert steps.max() < 0.3
            assert not any(a.fallen and not b.fallen for a, b in itertools.pairwise(actor.poses))
    assert moved > 5


def test_projection_keeps_the_ground_under_the_feet() -> None:
    camera = random_camera(np.random.default_rng(1), 320, 180)
    x, z, shows = camera.ground()
    row, column = 150, 200
    assert shows[row]
    pixel = camera.project(np.array([[x[row, column], 0.0, z[row, 0]]]))[0]
    assert np.allclose(pixel, (column + 0.5, row + 0.5))

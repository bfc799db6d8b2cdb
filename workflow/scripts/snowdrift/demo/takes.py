"""Takes: who is in view, and how they stand, walk, fall and lie over some consecutive frames."""

from dataclasses import dataclass

import numpy as np

from snowdrift.demo.camera import Camera
from snowdrift.demo.figures import body_bounds
from snowdrift.demo.people import (
    Person,
    Pose,
    body,
    lying_angles,
    random_person,
    standing_angles,
    walking_angles,
)

MAX_PEOPLE = 4
MAX_HIDDEN = 0.35
"""Largest share of a person's box that the box of somebody nearer may cover."""
MIN_IN_FRAME = 0.88
"""Smallest share of a person's box that lies within the frame."""
MIN_APART = 0.7
"""Least distance between two people on the ground, in metres."""
_FALL_FRAMES = 2

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Actor:
    """One person's poses over a take, one per frame."""

    person: Person
    poses: tuple[Pose, ...]


def random_take(rng: np.random.Generator, camera: Camera, frames: int) -> list[Actor]:
    """One to four people over `frames` frames, placed so that each box is fair.

    With two or more, somebody is on the ground and somebody upright; a single person falls midway or, where
    the take is too short for that, is given company.
    """
    wanted = int(rng.choice([1, 2, 3, 4], p=[0.12, 0.36, 0.32, 0.20]))
    if frames < 2 * _FALL_FRAMES + 1:
        wanted = max(wanted, 2)
    actors: list[Actor] = []
    boxes: list[list[Box]] = []
    for role in _roles(rng, wanted):
        tries = 40 if len(actors) >= 2 else 400
        for _ in range(tries):
            actor = _random_actor(rng, camera, role, frames)
            track = [body_bounds(camera, body(actor.person, pose)) for pose in actor.poses]
            if _fits(camera, actor, track, actors, boxes):
                actors.append(actor)
                boxes.append(track)
                break
    return actors


def _roles(rng: np.random.Generator, count: int) -> list[str]:
    if count == 1:
        return ["falls"]
    upright = ("walks", "stands", "walks")
    roles = ["lies", str(rng.choice(upright))]
    if count > 2:
        roles.append(str(rng.choice(["lies", "falls", "walks"], p=[0.45, 0.35, 0.2])))
    if count > 3:
        roles.append(str(rng.choice(["lies", "stands"], p=[0.6, 0.4])))
    return roles


def _random_actor(rng: np.random.Generator, camera: Camera, role: str, frames: int) -> Actor:
    person = random_person(rng)
    # Even over the picture's rows rather than over the depth, or most people would stand far off.
    # Somebody on the ground far off would be a smear a few pixels high.
    farthest = 0.8 / camera.far + 0.2 / camera.near if role in ("lies", "falls") else 1 / camera.far
    z = 1 / rng.uniform(farthest, 1 / camera.near)
    x = rng.uniform(-0.92, 0.92) * camera.half_width(z)
    makers = {"walks": _walk, "stands": _stand, "lies": _lie, "falls": _fall}
    return Actor(person, tuple(makers[role](rng, camera, (x, z), frames)))


def _walk(rng: np.random.Generator, camera: Camera, start: tuple[float, float], frames: int) -> list[Pose]:
    heading = rng.choice([0.0, np.pi]) + rng.normal(0, 0.6)
    stride, phase = rng.uniform(0.3, 0.5), rng.uniform(0, 2 * np.pi)
    step = rng.uniform(0.09, 0.16)
    poses, (x, z) = [], start
    for _ in range(frames):
        poses.append(Pose(walking_angles(phase, stride), (x, z), heading))
        x, z = x + step * np.cos(heading), z + step * np.sin(heading)
        if not camera.near <= z <= camera.far:
            heading, z = -heading, float(np.clip(z, camera.near, camera.far))
        if abs(x) > 0.92 * camera.half_width(z) and x * np.cos(heading) > 0:
            heading = np.pi - heading
        phase += step / 0.75 * np.pi
    return poses


def _stand(rng: np.random.Generator, camera: Camera, start: tuple[float, float], frames: int) -> list[Pose]:
    angles, sway = standing_angles(rng), rng.normal(0, 0.05, (2, 14))
    heading, rate = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.4)
    return [
        Pose(
            angles + sway[0] * np.sin(rate * t) + sway[1] * np.sin(2.3 * rate * t),
            start,
            heading + 0.1 * np.sin(rate * t),
        )
        for t in range(frames)
    ]


def _lie(rng: np.random.Generator, camera: Camera, start: tuple[float, float], frames: int) -> list[Pose]:
    angles, stir = lying_angles(rng), rng.normal(0, 0.05, 14)
    direction, roll = _lie_direction(rng), _lie_roll(rng)
    rate = rng.uniform(0.2, 0.6)
    return [
        Pose(
            angles + stir * np.sin(rate * t),
            start,
            direction,
            np.pi / 2,
            direction,
            roll + 0.03 * np.sin(rate * t),
        )
        for t in range(frames)
    ]


def _fall(rng: np.random.Generator, camera: Camera, start: tuple[float, float], frames: int) -> list[Pose]:
    """Walk, go down within two frames, and lie; in a take too short for that, lie."""
    if frames < 2 * _FALL_FRAMES + 1:
        return _lie(rng, camera, start, frames)
    begin = int(rng.integers(1, frames - _FALL_FRAMES - 1))
    walked = _walk(rng, camera, start, begin)
    last = walked[-1]
    lying = _lie(rng, camera, last.position, frames - begin - _FALL_FRAMES)
    goal = lying[0]
    falling = []
    for share in (0.36, 0.78):
        angles = last.angles + (goal.angles - last.angles) * share
        falling.append(
            Pose(angles, last.position, last.heading, share * np.pi / 2, goal.lie_direction, goal.roll)
        )
    return walked + falling + lying


def _lie_direction(rng: np.random.Generator) -> float:
    """Mostly across the picture, at times any way, which foreshortens the body."""
    if rng.random() < 0.28:
        return float(rng.uniform(0, 2 * np.pi))
    return float(rng.choice([0.0, np.pi]) + rng.uniform(-0.75, 0.75))


def _lie_roll(rng: np.random.Generator) -> float:
    """On the back, on the front, or on a side."""
    return float(
        rng.choice([0.0, np.pi, np.pi / 2, -np.pi / 2], p=[0.36, 0.28, 0.18, 0.18]) + rng.normal(0, 0.2)
    )


def _fits(
    camera: Camera, actor: Actor, track: list[Box], others: list[Actor], boxes: list[list[Box]]
) -> bool:
    for frame, box in enumerate(track):
        inside = _overlap(box, (0, 0, camera.width, camera.height - 1))
        if inside < MIN_IN_FRAME * _area(box):
            return False
        depth = actor.poses[frame].position[1]
        for other, other_track in zip(others, boxes, strict=True):
            if np.hypot(*np.subtract(other.poses[frame].position, actor.poses[frame].position)) < MIN_APART:
                return False
            nearer = other.poses[frame].position[1] < depth
            hidden = box if nearer else other_track[frame]
            if _overlap(box, other_track[frame]) > MAX_HIDDEN * _area(hidden):
                return False
    return True


def _overlap(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])

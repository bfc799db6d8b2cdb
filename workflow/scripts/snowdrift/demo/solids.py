"""Convex solids in world coordinates, the stuff that houses, walls and cars are made of."""

from dataclasses import dataclass

import numpy as np

from snowdrift.demo.canvas import Canvas
from snowdrift.demo.light import SNOW


@dataclass(frozen=True)
class Place:
    """Where a thing stands: X and Z of its middle in metres, and its turn about the vertical in radians.

    Its own axes are u along its front, v up and w away from the front.
    """

    x: float
    z: float
    turn: float = 0.0

    def world(self, points: np.ndarray) -> np.ndarray:
        """World coordinates of the points (n, 3) given in the thing's own axes."""
        u, v, w = np.asarray(points, dtype=float).T
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        return np.stack([self.x + u * cos - w * sin, v, self.z + u * sin + w * cos], axis=1)


def prism(profile: list[tuple[float, float]], depth: float, along_front: bool = True) -> list[np.ndarray]:
    """Faces of a convex (u, v) profile pulled `depth` metres along w; front and back first.

    With `along_front` false the profile stands in the (w, v) plane and is pulled along u.
    """
    flat = np.array(profile, dtype=float)

    def at(shift: float) -> np.ndarray:
        pulled = np.full(len(flat), shift)
        columns = (flat[:, 0], flat[:, 1], pulled) if along_front else (pulled, flat[:, 1], flat[:, 0])
        return np.stack(columns, axis=1)

    front, back = at(-depth / 2), at(depth / 2)
    sides = []
    for index in range(len(flat)):
        following = (index + 1) % len(flat)
        sides.append(np.stack([front[index], front[following], back[following], back[index]]))
    return outward([front, back, *sides])


def outward(faces: list[np.ndarray]) -> list[np.ndarray]:
    """The faces of a convex solid with their points in the order that makes their normals point outwards."""
    middle = np.concatenate(faces).mean(axis=0)
    turned = []
    for face in faces:
        normal = np.cross(face[2] - face[0], face[1] - face[0])
        turned.append(face if normal @ (face.mean(axis=0) - middle) > 0 else face[::-1])
    return turned


def box(width: float, low: float, high: float, depth: float) -> list[np.ndarray]:
    """Faces of an upright box: front, back, then the sides, bottom and top."""
    half = width / 2
    return prism([(-half, low), (half, low), (half, high), (-half, high)], depth)


def draw(
    canvas: Canvas, place: Place, faces: list[np.ndarray], colour: np.ndarray, snow: bool = True
) -> list[np.ndarray]:
    """Draw the visible faces of a solid, far ones first; return those faces in the thing's own axes."""
    seen = []
    for face in sorted(faces, key=lambda face: -place.world(face)[:, 2].mean()):
        if canvas.face(place.world(face), colour, snow):
            seen.append(face)
    return seen


def snow_cap(
    canvas: Canvas, place: Place, width: float, height: float, depth: float, thickness: float
) -> None:
    """A layer of snow, in winter, on top of a box of that width, height and depth."""
    if canvas.snowy:
        draw(canvas, place, box(width * 1.03, height, height + thickness, depth * 1.03), SNOW * 0.98)


def box_corners(place: Place, width: float, height: float, depth: float) -> np.ndarray:
    """World corners (8, 3) of an upright box that stands on the ground."""
    u, v, w = np.meshgrid([-width / 2, width / 2], [0.0, height], [-depth / 2, depth / 2])
    return place.world(np.stack([u.ravel(), v.ravel(), w.ravel()], axis=1))

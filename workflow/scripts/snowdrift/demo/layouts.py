"""Layouts: what stands in a street, a park, a yard, a car park or a field."""

from typing import Protocol

import numpy as np

from snowdrift.demo.buildings import random_building
from snowdrift.demo.camera import Camera
from snowdrift.demo.canvas import Canvas
from snowdrift.demo.light import Light
from snowdrift.demo.plants import Bush, Hills, leaf_colour, random_tree
from snowdrift.demo.solids import Place
from snowdrift.demo.street import CAR_PAINTS, Bench, Car, Fence, Lamp, Wall

LAYOUTS = ("street", "park", "yard", "parking", "field")


class Thing(Protocol):
    """Something that stands in the scene."""

    @property
    def z(self) -> float:
        """Depth in metres, to draw far things first."""

    def draw(self, canvas: Canvas) -> None:
        """Draw it."""

    def outline(self) -> np.ndarray:
        """World points (n, 3) whose hull casts its shadow; (0, 3) when it casts none."""


def furnish(rng: np.random.Generator, camera: Camera, light: Light, season: str, layout: str) -> list[Thing]:
    """The things of one of the `LAYOUTS`, at random places beyond the people."""
    lit = 0.4 if light.kind == "dusk" else 0.04
    front = camera.far * 1.3
    makers = {"street": _street, "park": _park, "yard": _yard, "parking": _parking, "field": _field}
    things = makers[layout](rng, camera, season, front, lit)
    if layout in ("park", "field") or rng.random() < 0.4:
        colour = (
            np.array([0.36, 0.44, 0.30]) if season in ("spring", "summer") else np.array([0.47, 0.40, 0.28])
        )
        things.append(Hills(rng.uniform(120, 200), rng.uniform(8, 16), colour, int(rng.integers(2**31))))
    things += _tree_row(rng, camera, season, rng.uniform(55, 80), int(rng.integers(4, 14)))
    return things


def _across(
    rng: np.random.Generator, camera: Camera, z: float, low: float = -1.0, high: float = 1.0
) -> float:
    """X at depth `z`, between the fractions `low` and `high` of the way from middle to edge."""
    return float(rng.uniform(low, high)) * camera.half_width(z)


def _tree_row(rng: np.random.Generator, camera: Camera, season: str, z: float, count: int) -> list[Thing]:
    trees: list[Thing] = []
    for _ in range(count):
        depth = z * rng.uniform(0.85, 1.15)
        trees.append(
            random_tree(rng, season, _across(rng, camera, depth, -1.1, 1.1), depth, rng.uniform(6, 11))
        )
    return trees


def _house_row(rng: np.random.Generator, camera: Camera, z: float, kind: str, lit: float) -> list[Thing]:
    houses: list[Thing] = []
    edge = camera.half_width(z) * 1.1
    x = -edge + rng.uniform(-2, 4)
    while x < edge:
        house = random_building(rng, kind, x, z * rng.uniform(0.92, 1.12), lit)
        houses.append(house)
        x += house.width * rng.uniform(1.2, 1.9)
    return houses


def _barrier(rng: np.random.Generator, camera: Camera, season: str, z: float) -> list[Thing]:
    """A wall, fence or hedge over the whole width."""
    length = camera.half_width(z) * 2.4
    kind = rng.choice(["wall", "pales", "rails", "hedge"])
    if kind == "wall":
        stone = np.array([[0.60, 0.57, 0.52], [0.58, 0.40, 0.33], [0.70, 0.69, 0.66]])[rng.integers(3)]
        return [Wall(Place(0, z, rng.uniform(-0.1, 0.1)), length, rng.uniform(0.8, 1.5), stone)]
    if kind == "hedge":
        colour = np.array([0.26, 0.36, 0.20]) if season != "spring" else leaf_colour(rng, season)
        return [Bush(0, z, length, rng.uniform(0.9, 1.5), colour, int(rng.integers(2**31)))]
    colour = np.array([[0.48, 0.36, 0.25], [0.78, 0.77, 0.73], [0.34, 0.36, 0.36]])[rng.integers(3)]
    return [
        Fence(Place(0, z, rng.uniform(-0.1, 0.1)), length, rng.uniform(0.9, 1.4), colour, kind == "pales")
    ]


def _cars(rng: np.random.Generator, camera: Camera, z: float, count: int, turn: float) -> list[Thing]:
    """Parked cars side by side, each in a place of its own."""
    places = np.linspace(-0.85, 0.85, max(count, 2) * 2 - 1)
    chosen = rng.choice(places, size=count, replace=False)
    return [
        Car(
            Place(share * camera.half_width(z), z * rng.uniform(0.98, 1.04), turn + rng.uniform(-0.08, 0.08)),
            CAR_PAINTS[rng.integers(len(CAR_PAINTS))] * rng.uniform(0.85, 1.1),
            bool(rng.random() < 0.25),
        )
        for share in chosen
    ]


def _bushes(
    rng: np.random.Generator, camera: Camera, season: str, near: float, far: float, count: int
) -> list[Thing]:
    bushes: list[Thing] = []
    for _ in range(count):
        z = rng.uniform(near, far)
        size = rng.uniform(0.7, 1.5)
        colour = leaf_colour(rng, season)
        bushes.append(
            Bush(
                _across(rng, camera, z),
                z,
                size * rng.uniform(1.2, 2.2),
                size,
                colour,
                int(rng.integers(2**31)),
            )
        )
    return bushes


def _street(rng: np.random.Generator, camera: Camera, season: str, front: float, lit: float) -> list[Thing]:
    things = _house_row(rng, camera, rng.uniform(26, 38), "house", lit)
    things += _barrier(rng, camera, season, rng.uniform(19, 22))
    things += _cars(
        rng, camera, front * rng.uniform(1.1, 1.35), int(rng.integers(0, 3)), rng.choice([0.0, np.pi])
    )
    z = front * 1.5
    things += [
        random_tree(rng, season, _across(rng, camera, z), z * 1.1, rng.uniform(4.5, 7)) for _ in range(2)
    ]
    things.append(
        Lamp(Place(_across(rng, camera, z, -0.9, 0.9), z), rng.uniform(2.4, 4.5), bool(rng.random() < 0.5))
    )
    return things


def _park(rng: np.random.Generator, camera: Camera, season: str, front: float, lit: float) -> list[Thing]:
    things: list[Thing] = []
    for _ in range(int(rng.integers(4, 9))):
        z = rng.uniform(front * 1.15, 40)
        things.append(random_tree(rng, season, _across(rng, camera, z), z, rng.uniform(4.5, 9)))
    things += _bushes(rng, camera, season, front * 1.1, 30, int(rng.integers(2, 7)))
    things.append(
        Bench(Place(_across(rng, camera, front * 1.15, -0.8, 0.8), front * 1.15), np.array([0.46, 0.32, 0.2]))
    )
    if rng.random() < 0.5:
        things.append(random_building(rng, "house", _across(rng, camera, 45), 45, lit))
    return things


def _yard(rng: np.random.Generator, camera: Camera, season: str, front: float, lit: float) -> list[Thing]:
    z = front * rng.uniform(1.25, 1.5)
    things = _barrier(rng, camera, season, z * 1.12)
    things.append(random_building(rng, "shed", _across(rng, camera, z, -0.8, 0.8), z * 1.02, lit))
    things += _house_row(rng, camera, rng.uniform(30, 40), "house", lit)[::2]
    things += [
        random_tree(
            rng, season, _across(rng, camera, z * 1.3), z * rng.uniform(1.2, 1.8), rng.uniform(4.5, 7.5)
        )
        for _ in range(int(rng.integers(1, 4)))
    ]
    things += _bushes(rng, camera, season, z, z * 1.1, int(rng.integers(0, 4)))
    return things


def _parking(rng: np.random.Generator, camera: Camera, season: str, front: float, lit: float) -> list[Thing]:
    turn = float(rng.choice([0.0, np.pi / 2, -np.pi / 2, 0.6]))
    things = _cars(rng, camera, front * 1.3, int(rng.integers(2, 5)), turn)
    things += _house_row(rng, camera, rng.uniform(38, 48), str(rng.choice(["block", "house"])), lit)
    things += _barrier(rng, camera, season, front * 1.9)
    z = front * 1.7
    things.append(Lamp(Place(_across(rng, camera, z, -0.8, 0.8), z), rng.uniform(4, 5.5), False))
    things += [random_tree(rng, season, _across(rng, camera, 24), 24, rng.uniform(5, 8))]
    return things


def _field(rng: np.random.Generator, camera: Camera, season: str, front: float, lit: float) -> list[Thing]:
    things = _barrier(rng, camera, season, front * rng.uniform(1.2, 1.7)) if rng.random() < 0.7 else []
    things.append(random_building(rng, "house", _across(rng, camera, 40), 40, lit))
    if rng.random() < 0.6:
        things.append(random_building(rng, "shed", _across(rng, camera, 26), 26, lit))
    things += _tree_row(rng, camera, season, 30, int(rng.integers(1, 5)))
    things += _bushes(rng, camera, season, front * 1.2, 30, int(rng.integers(1, 5)))
    return things

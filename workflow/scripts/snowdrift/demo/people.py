"""Articulated people: proportions, clothes and poses, as capsules in world coordinates."""

import colorsys
from dataclasses import dataclass

import numpy as np

BODY_CHANNELS = 14
"""Joint angles of a pose in radians: left, then right, hip swing, hip spread, knee bend, arm swing, arm
spread and elbow bend; then the bend of the waist and the turn of the head."""


@dataclass(frozen=True)
class Person:
    """What does not change about somebody: stature in metres, build, and colours in [0, 1]."""

    stature: float
    build: float
    skin: np.ndarray
    hair: np.ndarray
    top: np.ndarray
    bottom: np.ndarray
    shoes: np.ndarray
    short_sleeves: bool
    short_legs: bool
    long_hair: bool
    coat: bool
    backpack: np.ndarray | None
    hat: np.ndarray | None


@dataclass(frozen=True)
class Pose:
    """How somebody is placed in one frame.

    Attributes:
        angles: (14,) joint angles, see `BODY_CHANNELS`.
        position: (X, Z) of the body on the ground in metres: the feet when upright, the middle when lying.
        heading: direction the person faces when upright, radians from the X axis in the ground plane.
        tilt: 0 upright, pi/2 lying.
        lie_direction: direction from feet to head when lying, radians in the ground plane.
        roll: turn about the body's axis when lying; 0 on the back, pi on the front.
    """

    angles: np.ndarray
    position: tuple[float, float]
    heading: float
    tilt: float = 0.0
    lie_direction: float = 0.0
    roll: float = 0.0

    @property
    def fallen(self) -> bool:
        """Whether the body is nearer to lying than to standing."""
        return self.tilt > np.pi / 4


@dataclass(frozen=True)
class Capsules:
    """A body as n tapered capsules: ends (n, 3), radii (n,) in metres, colours (n, 3)."""

    start: np.ndarray
    end: np.ndarray
    start_radius: np.ndarray
    end_radius: np.ndarray
    colour: np.ndarray


def random_person(rng: np.random.Generator) -> Person:
    """Somebody with random proportions and clothes, dark, saturated, muted or light."""
    skins = np.array(
        [[0.93, 0.76, 0.66], [0.86, 0.66, 0.53], [0.72, 0.52, 0.40], [0.50, 0.35, 0.26], [0.36, 0.25, 0.19]]
    )
    hairs = np.array(
        [[0.10, 0.08, 0.07], [0.25, 0.16, 0.10], [0.45, 0.31, 0.18], [0.72, 0.58, 0.36], [0.55, 0.54, 0.53]]
    )
    warm = rng.random() < 0.65
    return Person(
        stature=rng.uniform(1.60, 1.83),
        build=rng.uniform(0.92, 1.16),
        skin=skins[rng.choice(5, p=[0.28, 0.28, 0.2, 0.14, 0.1])] * rng.uniform(0.94, 1.04),
        hair=hairs[rng.choice(5, p=[0.36, 0.26, 0.16, 0.12, 0.1])],
        top=_cloth(rng),
        bottom=_trousers(rng),
        shoes=_cloth(rng) * 0.5 if rng.random() < 0.4 else np.full(3, rng.uniform(0.07, 0.22)),
        short_sleeves=not warm and rng.random() < 0.7,
        short_legs=not warm and rng.random() < 0.35,
        long_hair=rng.random() < 0.35,
        coat=warm and rng.random() < 0.4,
        backpack=_cloth(rng) if rng.random() < 0.18 else None,
        hat=_cloth(rng) if rng.random() < 0.22 else None,
    )


def _cloth(rng: np.random.Generator) -> np.ndarray:
    kind = rng.choice(["dark", "bright", "muted", "light"], p=[0.25, 0.47, 0.18, 0.10])
    saturation, value = {
        "dark": (rng.uniform(0.0, 0.5), rng.uniform(0.07, 0.24)),
        "bright": (rng.uniform(0.6, 0.92), rng.uniform(0.45, 0.88)),
        "muted": (rng.uniform(0.1, 0.4), rng.uniform(0.35, 0.62)),
        "light": (rng.uniform(0.0, 0.2), rng.uniform(0.8, 0.95)),
    }[str(kind)]
    return _hsv(rng.random(), saturation, value)


def _trousers(rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.45:
        return _hsv(rng.uniform(0.58, 0.66), rng.uniform(0.3, 0.62), rng.uniform(0.2, 0.5))
    return _cloth(rng) * rng.uniform(0.6, 0.95)


def _hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value))


def standing_angles(rng: np.random.Generator) -> np.ndarray:
    """Joint angles of somebody who stands: arms down or one up, hands on the hips, or stooping."""
    angles = rng.normal(0, 0.06, BODY_CHANNELS)
    angles[[1, 7]] = rng.uniform(0.03, 0.16, 2)
    angles[[2, 8]] = rng.uniform(0, 0.15, 2)
    angles[[4, 10]] = rng.uniform(0.06, 0.25, 2)
    angles[[5, 11]] = rng.uniform(0.05, 0.6, 2)
    gesture = rng.choice(["none", "phone", "wave", "hips", "stoop"], p=[0.4, 0.2, 0.12, 0.14, 0.14])
    side = 6 * rng.integers(2)
    if gesture == "phone":
        angles[[3 + side, 5 + side]] = rng.uniform(0.3, 0.6), rng.uniform(1.3, 2.0)
    elif gesture == "wave":
        angles[[3 + side, 4 + side, 5 + side]] = (
            rng.uniform(0.2, 2.4),
            rng.uniform(0.5, 1.3),
            rng.uniform(0.2, 1.2),
        )
    elif gesture == "hips":
        angles[[4, 10]], angles[[5, 11]] = rng.uniform(0.5, 0.8), rng.uniform(1.2, 1.7)
    elif gesture == "stoop":
        angles[12] = rng.uniform(0.2, 0.6)
    return angles


def walking_angles(phase: float, stride: float) -> np.ndarray:
    """Joint angles at `phase` (radians) of a gait whose legs swing by `stride` radians to either side."""
    angles = np.zeros(BODY_CHANNELS)
    for side, shift in ((0, 0.0), (6, np.pi)):
        angle = phase + shift
        angles[side : side + 6] = (
            stride * np.sin(angle) + 0.06,
            0.04,
            0.12 + 1.5 * stride * max(0.0, np.cos(angle)),
            -0.85 * stride * np.sin(angle),
            0.12,
            0.35 + 0.2 * np.sin(angle + np.pi),
        )
    angles[12] = 0.07
    return angles


def lying_angles(rng: np.random.Generator) -> np.ndarray:
    """Joint angles of somebody on the ground: stretched out, limbs thrown about, or curled up."""
    angles = np.zeros(BODY_CHANNELS)
    curl = rng.choice([0.15, 0.5, 1.0], p=[0.4, 0.4, 0.2])
    for side in (0, 6):
        angles[side : side + 6] = (
            rng.uniform(-0.1, 1.5) * curl,
            rng.uniform(0.02, 0.5),
            rng.uniform(0.0, 1.7) * curl,
            rng.choice([rng.uniform(-0.3, 0.8), rng.uniform(1.6, 3.0)], p=[0.65, 0.35]),
            rng.uniform(0.1, 1.3),
            rng.uniform(0.0, 1.6),
        )
    angles[12:] = rng.uniform(-0.1, 0.5) * curl, rng.uniform(-0.5, 0.5)
    return angles


def body(person: Person, pose: Pose) -> Capsules:
    """The capsules of `person` in `pose`, in world metres, touching the ground and never below it."""
    joints = _joints(person, pose.angles)
    axes = _axes(pose)
    parts = _parts(person)
    names = list(joints)
    placed = dict(zip(names, np.array([joints[name] for name in names]) @ axes, strict=True))
    start = np.array([placed[part[0]] for part in parts])
    end = np.array([placed[part[1]] for part in parts])
    radii = np.array([part[2:4] for part in parts]) * person.build * person.stature / 1.75
    _put_on_ground(start, end, radii, pose)
    colour = np.array([part[4] for part in parts])
    return Capsules(start, end, radii[:, 0], radii[:, 1], colour)


def _put_on_ground(start: np.ndarray, end: np.ndarray, radii: np.ndarray, pose: Pose) -> None:
    """Move the body, in place, to its position; a lying body is pressed flat, as limbs do not hover."""
    lowest = min((start[:, 1] - radii[:, 0]).min(), (end[:, 1] - radii[:, 1]).min())
    flatness = 1 - 0.6 * (pose.tilt / (np.pi / 2)) ** 4
    middle = (start[:, [0, 2]].mean(axis=0) + end[:, [0, 2]].mean(axis=0)) / 2 * np.sin(pose.tilt)
    for points, radius in ((start, radii[:, 0]), (end, radii[:, 1])):
        points[:, 1] = np.maximum((points[:, 1] - lowest - radius) * flatness + radius, radius)
        points[:, [0, 2]] += np.array(pose.position) - middle


def _axes(pose: Pose) -> np.ndarray:
    """Rows: the body's right, up and front directions in world axes."""
    upright_front = np.array([np.cos(pose.heading), 0.0, np.sin(pose.heading)])
    head = np.array([np.cos(pose.lie_direction), 0.0, np.sin(pose.lie_direction)])
    sky = np.array([0.0, 1.0, 0.0])
    up = np.cos(pose.tilt) * sky + np.sin(pose.tilt) * head
    lying_front = np.cos(pose.roll) * sky + np.sin(pose.roll) * np.cross(head, sky)
    share = np.sin(pose.tilt) ** 2
    front = (1 - share) * upright_front + share * lying_front
    front -= (front @ up) * up
    front /= max(float(np.linalg.norm(front)), 1e-6)
    return np.stack([np.cross(up, front), up, front])


def _joints(person: Person, angles: np.ndarray) -> dict[str, np.ndarray]:
    """Joint positions in body axes (right, up, front), metres, hips at the origin."""
    size = person.stature / 1.75
    waist, turn = angles[12], angles[13]
    lean = np.array([0.0, np.cos(waist), np.sin(waist)])
    ahead = np.array([0.0, -np.sin(waist), np.cos(waist)])
    joints = {"pelvis": np.zeros(3), "chest": 0.42 * lean, "neck": 0.53 * lean}
    joints["head"] = 0.67 * lean + 0.02 * ahead
    look = np.array([np.sin(turn), 0.0, 0.0]) + np.cos(turn) * ahead
    joints["face"] = joints["head"] + 0.028 * look - 0.02 * lean
    joints["crown"] = joints["head"] - 0.012 * look + 0.035 * lean
    joints["nape"] = joints["head"] - 0.05 * look - 0.13 * lean
    joints["pack top"], joints["pack low"] = 0.42 * lean - 0.17 * ahead, 0.14 * lean - 0.17 * ahead
    for side, sign, offset in (("l", -1.0, 0), ("r", 1.0, 6)):
        swing, spread, knee, arm, arm_spread, elbow = angles[offset : offset + 6]
        right = np.array([sign, 0.0, 0.0])
        joints[f"hip {side}"] = 0.095 * right - 0.02 * lean
        joints[f"waist {side}"] = 0.075 * right + 0.06 * lean
        joints[f"shoulder {side}"] = 0.165 * right + 0.45 * lean
        joints[f"armpit {side}"] = 0.115 * right + 0.38 * lean
        joints[f"knee {side}"] = joints[f"hip {side}"] + 0.43 * _limb(swing, spread, sign)
        shin = _limb(swing - knee, spread * 0.6, sign)
        joints[f"ankle {side}"] = joints[f"knee {side}"] + 0.42 * shin
        foot = _limb(swing - knee + 1.45, 0.12, sign)
        joints[f"toe {side}"] = joints[f"ankle {side}"] + 0.16 * foot + 0.02 * shin
        joints[f"hem {side}"] = joints[f"hip {side}"] * 0.6 + joints[f"knee {side}"] * 0.4
        joints[f"elbow {side}"] = joints[f"shoulder {side}"] + 0.29 * _limb(
            arm + waist * 0.3, arm_spread, sign
        )
        joints[f"wrist {side}"] = joints[f"elbow {side}"] + 0.25 * _limb(arm + elbow, arm_spread * 0.4, sign)
        joints[f"hand {side}"] = joints[f"wrist {side}"] + 0.07 * _limb(arm + elbow, arm_spread * 0.4, sign)
    return {name: point * size for name, point in joints.items()}


def _limb(swing: float, spread: float, sign: float) -> np.ndarray:
    """Unit direction of a limb: straight down, swung forward by `swing`, spread outward by `spread`."""
    inward = np.cos(spread)
    return np.array([sign * np.sin(spread), -np.cos(swing) * inward, np.sin(swing) * inward])


def _parts(person: Person) -> list[tuple[str, str, float, float, np.ndarray]]:
    """Capsules by joint names with both radii in metres at stature 1.75, and their colour."""
    top, bottom, skin = person.top, person.bottom, person.skin
    parts = [
        ("neck", "head", 0.052, 0.055, skin),
        ("hip l", "hip r", 0.10, 0.10, bottom),
        ("shoulder l", "shoulder r", 0.07, 0.07, top),
        ("pelvis", "chest", 0.125, 0.13, top),
        ("crown", "crown", 0.108, 0.108, person.hair if person.hat is None else person.hat),
        ("face", "face", 0.098, 0.098, skin),
    ]
    for side in "lr":
        shin = skin if person.short_legs else bottom
        forearm = skin if person.short_sleeves else top
        parts += [
            (f"ankle {side}", f"toe {side}", 0.05, 0.042, person.shoes),
            (f"knee {side}", f"ankle {side}", 0.062, 0.046, shin),
            (f"hip {side}", f"knee {side}", 0.092, 0.066, bottom),
            (f"waist {side}", f"armpit {side}", 0.105, 0.10, top),
            (f"shoulder {side}", f"elbow {side}", 0.062, 0.05, top),
            (f"elbow {side}", f"wrist {side}", 0.048, 0.038, forearm),
            (f"wrist {side}", f"hand {side}", 0.04, 0.034, skin),
        ]
        if person.coat:
            parts.append((f"waist {side}", f"hem {side}", 0.11, 0.115, top))
    if person.long_hair:
        parts.append(("crown", "nape", 0.09, 0.06, person.hair))
    if person.backpack is not None:
        parts.append(("pack top", "pack low", 0.12, 0.13, person.backpack))
    return parts

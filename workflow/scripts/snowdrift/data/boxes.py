"""Boxes: from pixel corners to fractions of the frame, with the checks that every layout shares."""

import math

from snowdrift.data.decoding.images import FaultyFile

TOLERANCE = 1.0
"""Pixels by which a box may reach over the frame: annotation tools count pixels from 0 or from 1."""

Box = tuple[int, float, float, float, float]
"""class_id, x_center, y_center, box_width, box_height; the last four are fractions of the frame."""


def to_fractions(class_id: int, corners: tuple[float, float, float, float], size: tuple[int, int]) -> Box:
    """Turn left, top, right, bottom (pixels) into a box in fractions of a frame of `size` (width, height).

    A box that reaches over the frame by no more than one pixel is clipped.

    Raises:
        FaultyFile: A corner is not finite, lies outside the frame, or the box has no area.
    """
    left, top, right, bottom = corners
    width, height = size
    text = ",".join(f"{value:g}" for value in corners)
    if not all(map(math.isfinite, corners)):
        raise FaultyFile(f"box is not finite: {text}")
    if right <= left or bottom <= top:
        raise FaultyFile(f"box has no area: {text}")
    inside_x = left >= -TOLERANCE and right <= width + TOLERANCE
    inside_y = top >= -TOLERANCE and bottom <= height + TOLERANCE
    if not (inside_x and inside_y):
        raise FaultyFile(f"box outside the frame: {text} in {width}x{height}")
    left, top = max(left, 0.0) / width, max(top, 0.0) / height
    right, bottom = min(right / width, 1.0), min(bottom / height, 1.0)
    if right <= left or bottom <= top:
        raise FaultyFile(f"box has no area: {text}, once clipped to {width}x{height}")
    return class_id, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top

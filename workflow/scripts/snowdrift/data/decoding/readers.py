"""Do the two readers of a picture see the same: Pillow, as the jobs use it, and OpenCV, as Ultralytics does?"""

import io
import warnings

import numpy as np
from PIL import Image

from snowdrift.data.decoding.orientation import ORIENTATION_TAG, UPRIGHT, turn
from snowdrift.data.decoding.pictures import FORMATS, decode_picture

_TOLERANCE = 2
"""Largest difference between their pixels, in levels of 255: conversions from CMYK are rounded differently."""


def find_disagreement(data: bytes) -> str:
    """The reason to reject a picture that the readers see differently, or nothing.

    Raises:
        Exception: Pillow's own, if it cannot decode the picture.
    """
    ours = decode_picture(data)
    theirs = decode_with_opencv(data)
    if theirs is None:
        return "cannot be read by OpenCV: Pillow reads it, the detector cannot"
    if orientation := _turned_by_pillow(data):
        return f"is stored turned: EXIF orientation {orientation}, turn the pixels themselves"
    if _alike(ours, theirs):
        return ""
    for orientation in range(UPRIGHT + 1, 9):
        if _alike(turn(ours, orientation), theirs):
            return f"is stored turned: EXIF orientation {orientation}, turn the pixels themselves"
    return "is read differently by Pillow and OpenCV: save it again as a plain JPEG or PNG file"


def decode_with_opencv(data: bytes) -> np.ndarray | None:
    """The pixels as Ultralytics gets them, (height, width, 3) uint8 but in RGB, or None if OpenCV cannot read them."""
    import cv2  # takes a fifth of a second, and most JPEG files do not need it

    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if image is None else image[..., ::-1]


def _alike(ours: Image.Image, theirs: np.ndarray) -> bool:
    pixels = np.asarray(ours, np.int16)
    return pixels.shape == theirs.shape and np.abs(pixels - theirs).max() <= _TOLERANCE


def _turned_by_pillow(data: bytes) -> int:
    """The orientation by which Pillow's own functions turn the picture, which Ultralytics asks for its size."""
    with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        warnings.simplefilter("ignore")
        try:
            value = image.getexif().get(ORIENTATION_TAG, UPRIGHT)
        except Exception:  # damaged EXIF data turn nothing
            return 0
    return value if value in range(UPRIGHT + 1, 9) else 0

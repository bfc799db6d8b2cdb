"""Pictures that are stored turned, as phones write them: pixels and boxes turned upright, once."""

from pathlib import Path, PurePosixPath

from snowdrift.data.boxes import Box
from snowdrift.data.decoding.pictures import open_picture
from snowdrift.runtime.files import atomic_path

_QUALITY = 95


def turned_box(box: Box, orientation: int) -> Box:
    """A box of a picture as stored, in the picture once it is turned upright.

    Args:
        box: In fractions of the stored picture.
        orientation: How the picture is stored, 1 to 8 as EXIF counts.
    """
    class_id, x, y, width, height = box
    places = {
        1: (x, y),
        2: (1 - x, y),
        3: (1 - x, 1 - y),
        4: (x, 1 - y),
        5: (y, x),
        6: (1 - y, x),
        7: (1 - y, 1 - x),
        8: (y, 1 - x),
    }
    sides = (width, height) if orientation < 5 else (height, width)
    return class_id, *places[orientation], *sides


def write_upright(source: Path, video: str, folder: Path) -> Path:
    """Write the picture at `source` turned upright, and return where: `<folder>/<video>/<its name>`.

    A JPEG file is encoded again, at quality 95 and with full colour resolution, a PNG file without loss.
    """
    target = folder / PurePosixPath(video) / source.name
    picture = open_picture(source)
    with atomic_path(target) as temporary:
        if source.suffix.lower() == ".png":
            picture.save(temporary, "PNG")
        else:
            picture.save(temporary, "JPEG", quality=_QUALITY, subsampling=0)
    return target

"""Pictures for sheets: opened, scaled, labelled, with boxes drawn, and packed into a page."""

import base64
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.tables import Corners
from snowdrift.runtime.files import atomic_path

INK, PAPER, FAINT = "#1d2733", "#ffffff", "#5b6773"
# Okabe and Ito's colours, which the colour-blind can tell apart.
CLASS_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#0072b2", "#d55e00")

WIDTH, GAP, LABEL = 400, 8, 24
"""Of a picture on a sheet, of the paper between two, and of the line that says what they are, in pixels."""

_MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}


def scale_to_width(picture: Image.Image, width: int) -> Image.Image:
    """The picture scaled to `width` pixels, its aspect kept."""
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def colour_of(class_id: int) -> str:
    """The colour in which boxes of this class are drawn, on every sheet the same."""
    return CLASS_COLOURS[class_id % len(CLASS_COLOURS)]


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans from matplotlib's own files, so that sheets look alike on every machine."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)


def draw_box(picture: Image.Image, corners: Corners, colour: str, width: int = 2) -> None:
    """Draw a box onto `picture`, with corners left, top, right, bottom in its pixels."""
    left, top, right, bottom = (round(corner) for corner in corners)
    box = (left, top, max(left, right), max(top, bottom))
    ImageDraw.Draw(picture).rectangle(box, outline=colour, width=width)


def draw_label(
    picture: Image.Image, corners: Corners, colour: str, text: str, taken: Sequence[Corners]
) -> Corners:
    """Write a label at a box: above it, or below or beside it where labels are already.

    Args:
        picture: RGB, changed in place.
        corners: of the box.
        colour: of the label's ground.
        text: what it says.
        taken: where labels are already; where all places are taken the label covers one.

    Returns:
        Where the label is.
    """
    draw, face = ImageDraw.Draw(picture), font(11)
    width, height = round(draw.textlength(text, face)) + 4, 14
    left, top, right, bottom = (round(corner) for corner in corners)
    places = [(left, top - height), (left, bottom + 1), (right + 1, top), (left - width, top)]
    spots = [
        (x, y, x + width, y + height)
        for x, y in (_inside(*place, width, height, picture) for place in places)
    ]
    spot = next((spot for spot in spots if not any(_overlap(spot, other) for other in taken)), spots[0])
    draw.rectangle(spot, fill=colour)
    draw.text((spot[0] + 2, spot[1] + height / 2), text, fill="#000000", font=face, anchor="lm")
    return spot


def _inside(x: int, y: int, width: int, height: int, picture: Image.Image) -> tuple[int, int]:
    return max(0, min(x, picture.width - width)), max(0, min(y, picture.height - height))


def _overlap(one: Corners, other: Corners) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def write_picture(picture: Image.Image, path: Path | str) -> None:
    """Write as JPEG or PNG by the suffix, atomically."""
    with atomic_path(path) as temporary:
        picture.save(temporary, quality=88)


def data_uri(path: Path | str, max_width: int | None = None) -> str:
    """The file as a `data:` URI for a page that needs no other file.

    Args:
        path: a PNG, JPEG or SVG file.
        max_width: a wider picture is scaled down to this and packed as JPEG. None takes the file as it is.
    """
    path = Path(path)
    if max_width is not None:
        picture = open_picture(path)
        if picture.width > max_width:
            buffer = io.BytesIO()
            scale_to_width(picture, max_width).save(buffer, "JPEG", quality=85)
            return _uri("image/jpeg", buffer.getvalue())
    return _uri(_MEDIA_TYPES[path.suffix.lower()], path.read_bytes())


def _uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def stack_rows(rows: Sequence[Image.Image], titles: Sequence[str]) -> Image.Image:
    """One sheet of rows below each other, each of as many pictures of WIDTH as there are titles above them."""
    width = len(titles) * (WIDTH + GAP) + GAP
    sheet = Image.new("RGB", (width, GAP + LABEL + sum(row.height + GAP for row in rows)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, title in enumerate(titles):
        draw.text((GAP + column * (WIDTH + GAP), GAP), title, fill=INK, font=font(16))
    top = GAP + LABEL
    for row in rows:
        sheet.paste(row, (GAP, top))
        top += row.height + GAP
    return sheet

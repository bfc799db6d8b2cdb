"""What the index accepts is one picture for all its readers, and all of it is there."""

import base64
import struct

import mutated_pictures as made
import numpy as np
import pytest
from mutated_pictures import END, chunk, encode, exif_block, reason, segment
from PIL import Image, ImageOps

from snowdrift.data.decoding.containers import SOS, jpeg_segments, png_chunks
from snowdrift.data.decoding.images import Picture, fault_kind, probe_image
from snowdrift.data.decoding.pictures import open_picture
from snowdrift.xray.images import load_images

SCENE = made.scene(np.random.default_rng(5), 64, 48)
BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7

# 32x24 in gray, by `jpegtran -arithmetic`, since no Python library writes such files.
ARITHMETIC = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7"
    "gYKBTmCNl4x9lnN+gXz/yQALCAAYACABAREA/8wABgAQEAX/2gAIAQEAAD8A0l9jzNRvwXjovzw3LVS1BFLIeFAl5ocAnkkpUxGN"
    "HIGFwKA2aLHKxh00HIGPhgiBqdvyWhCC0C4d3tOxErOUWOxRBZ8/QpJv1+lGvMi/jR5tlpEyKp8rw4EbO7QubN0Qxjt09jMtCxRr"
    "NfwXCERu7IEDHUhGmypiHllyev/Z"
)


def with_exif(*blocks: bytes, **options) -> bytes:
    data = encode(SCENE, **options)
    return data[:2] + b"".join(segment(0xE1, b"Exif\0\0" + block) for block in blocks) + data[2:]


def png_with(*chunks: bytes, late: bool = False) -> bytes:
    data = encode(SCENE, "PNG")
    place = len(data) - 12 if late else 33
    return data[:place] + b"".join(chunks) + data[place:]


def test_mutated_pictures_are_rejected_or_the_same_for_every_reader(tmp_path):
    found = made.outcome_of(list(made.mutated(250)), tmp_path)
    assert found.wrong == []
    assert found.accepted > 0.4 * 250


def test_no_whole_jpeg_is_rejected(tmp_path):
    assert [name for name, data in made.whole(250) if reason(tmp_path / "a", data)] == []


def test_jpegs_that_lost_something_visible_are_rejected(tmp_path):
    lost = [cut.data for cut, whole in made.cut(250) if made.lost_share(cut.data, whole)]
    missed = [data for data in lost if not reason(tmp_path / "a", data)]
    assert len(lost) > 200 and len(missed) <= 0.01 * len(lost)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED])
def test_a_frame_is_never_turned_for_one_reader_alone(tmp_path, kind, order):
    """Whatever the type of the orientation, either nobody turns the picture or it is no frame."""
    for count in (0, 1, 2):
        block = exif_block(6, kind=kind, count=count, order=order)
        assert made.outcome_of([made.Made("", with_exif(block))], tmp_path / str(count)).wrong == []


@pytest.mark.parametrize(
    "blocks",
    [
        [exif_block(6, kind=BYTE)],
        [exif_block(3, kind=UNDEFINED)],
        [exif_block(1, repeat=0), exif_block(6)],
        [exif_block(6), exif_block(6)],
        [exif_block(6, count=2)],
    ],
)
def test_an_odd_orientation_that_some_reader_heeds_counts_as_stored_turned(tmp_path, blocks):
    found = reason(tmp_path / "a.jpg", with_exif(*blocks))
    assert fault_kind(found) == "is stored turned"


@pytest.mark.parametrize("value", [0, 1, 9, 700])
def test_an_orientation_that_turns_nothing_is_upright(tmp_path, value):
    (tmp_path / "a.jpg").write_bytes(with_exif(exif_block(value)))
    assert probe_image(tmp_path / "a.jpg").orientation == 1


def test_xmp_turns_a_picture_for_pillow_only_where_exif_says_nothing(tmp_path):
    packet = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + made.xmp(6))
    plain, upright = encode(SCENE), with_exif(exif_block(1))
    assert fault_kind(reason(tmp_path / "a.jpg", plain[:2] + packet + plain[2:])) == "is stored turned"
    assert not reason(tmp_path / "a.jpg", upright[:2] + packet + upright[2:])


@pytest.mark.parametrize("late", [False, True])
def test_exif_in_a_png_counts_wherever_it_stands(tmp_path, late):
    (tmp_path / "a.png").write_bytes(png_with(chunk(b"eXIf", exif_block(8)), late=late))
    assert probe_image(tmp_path / "a.png") == Picture(64, 48, 8, "RGB")
    assert open_picture(tmp_path / "a.png").size == (48, 64)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_pillow_turns_it(tmp_path, orientation):
    path = tmp_path / "a.jpg"
    path.write_bytes(with_exif(exif_block(orientation, order=">")))
    with Image.open(path) as image:
        expected = ImageOps.exif_transpose(image)
    assert np.array_equal(open_picture(path), expected)
    assert probe_image(path).upright_size == expected.size
    gray = np.asarray(expected.convert("L").resize((16, 16), Image.Resampling.BICUBIC), np.int16)
    assert np.abs(load_images([path], 16)[0, 0].numpy() - gray).max() <= 2


def test_exif_that_cannot_be_rewritten_does_not_keep_a_picture_from_being_turned(tmp_path):
    """A resolution that is a text: ImageOps.exif_transpose ends in a TypeError."""
    text = (282, ASCII, 4, b"72\0\0")
    path = tmp_path / "a.jpg"
    path.write_bytes(with_exif(exif_block(6, others=[text])))
    with Image.open(path) as image, pytest.raises(TypeError):
        ImageOps.exif_transpose(image)
    assert probe_image(path).orientation == 6
    assert open_picture(path).size == (48, 64)


def test_an_animated_png_is_refused_by_name(tmp_path):
    control = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 64, 48, 0, 0, 1, 10, 0, 0))
    for chunks in ([chunk(b"acTL", struct.pack(">II", 1, 0))], [control]):
        assert fault_kind(reason(tmp_path / "a.png", png_with(*chunks))) == "is an animated PNG"


@pytest.mark.parametrize("missing", ["rows", "checksum"])
def test_rows_that_a_png_lacks_are_found(tmp_path, missing):
    """Pillow fills such rows with black and says nothing."""
    rows = b"".join(b"\0" + row.tobytes() for row in SCENE[: 40 if missing == "rows" else 48])
    packed = made.zlib.compress(rows)
    data = encode(SCENE, "PNG")
    idat = next(found for found in png_chunks(data) if found.kind == b"IDAT")
    cut = data[: idat.start - 8] + chunk(b"IDAT", packed[: None if missing == "rows" else -4]) + data[-12:]
    (tmp_path / "b.png").write_bytes(cut)
    with Image.open(tmp_path / "b.png") as image:
        image.load()
    assert reason(tmp_path / "a.png", cut) == "is damaged: its compressed data do not hold all rows"


@pytest.mark.parametrize("thumbnail", [b"", encode(SCENE[:20, :20])])
@pytest.mark.parametrize("tail", [END, b"\0" * 400 + END, encode(SCENE[:20, :20])])
def test_an_end_marker_elsewhere_does_not_make_a_cut_picture_whole(tmp_path, thumbnail, tail):
    data = with_exif(exif_block(1, thumbnail=thumbnail), quality=95)
    assert fault_kind(reason(tmp_path / "a.jpg", data[: len(data) * 2 // 3] + tail)) == "is truncated"


def test_a_progressive_jpeg_without_its_last_scans_is_truncated(tmp_path):
    """Each scan that is there is whole, so the decoder has nothing to warn of."""
    data = encode(SCENE, progressive=True)
    ends, position = [], 2
    while True:
        found = list(jpeg_segments(data, position))
        position = found[-1].end
        if found[-1].marker != SOS:
            break
        ends.append(found[-1].start - 4)
    for end in ends[1:]:
        assert fault_kind(reason(tmp_path / "a.jpg", data[:end] + END)) == "is truncated"


def test_a_hole_of_zeros_in_the_middle_is_found(tmp_path):
    noise = np.random.default_rng(4).integers(0, 256, (96, 128, 3), np.uint8)
    data = encode(noise, quality=90)
    middle = len(data) // 2
    holed = data[:middle] + bytes(3000) + data[middle + 3000 :]
    assert fault_kind(reason(tmp_path / "a.jpg", holed)) in ("is damaged", "is truncated")


def test_padding_of_cameras_and_what_tools_append_is_no_damage(tmp_path):
    data = encode(SCENE)
    for whole in (
        data[:-2] + bytes(500) + END,
        data[:-2] + b"\xff" * 7 + END,
        data[:-2] + b"abc" + END,
        data[:20] + b"\0\0" + data[20:],
        data + b"MotionPhoto" + data,
    ):
        assert not reason(tmp_path / "a.jpg", whole)


def test_a_png_that_pillow_chokes_on_behind_the_pixels_is_rejected(tmp_path):
    """OpenCV reads it, and Pillow opens it: only decoding fails, which would end a later job."""
    assert (
        fault_kind(reason(tmp_path / "a.png", png_with(chunk(b"pHYs", b"12"), late=True))) == "is truncated"
    )


def test_an_arithmetic_code_is_whole_or_truncated(tmp_path):
    """Its decoder goes on with zeros, and does not even warn."""
    whole = base64.b64decode(ARITHMETIC)
    assert not reason(tmp_path / "a.jpg", whole)
    cut = whole[: len(whole) - 70] + END
    assert reason(tmp_path / "a.jpg", cut) == "is truncated: its arithmetic code ends early"

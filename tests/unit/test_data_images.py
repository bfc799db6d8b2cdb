"""Pictures: what decodes, and the exact reason where one does not."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snowdrift.data.decoding.images import FaultyFile, Picture, fault_kind, probe_image, require_upright


def picture(size=(64, 48), image_format="JPEG", mode="RGB", **options) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(stream, image_format, **options)
    return stream.getvalue()


def reason(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(FaultyFile) as caught:
        probe_image(path)
    return caught.value.reason


def upright(width: int, height: int, mode: str = "RGB") -> Picture:
    return Picture(width, height, 1, mode)


def png_that_claims(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(bytes(100))
    chunks = [
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
        for part in (header, body)
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(64, 48), (33, 17), (10, 10)])
def test_size_of_a_sound_picture(tmp_path, image_format, size):
    path = tmp_path / "picture"
    path.write_bytes(picture(size, image_format))
    assert probe_image(path) == upright(*size)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_jpeg_modes_are_sound(tmp_path, mode):
    (tmp_path / "a.jpg").write_bytes(picture(mode=mode))
    assert probe_image(tmp_path / "a.jpg") == upright(64, 48, mode)


def test_progressive_jpeg_with_bytes_after_its_end_is_sound(tmp_path):
    (tmp_path / "a.jpg").write_bytes(picture(progressive=True) + b"appended by a phone")
    assert probe_image(tmp_path / "a.jpg") == upright(64, 48)


def test_zero_bytes(tmp_path):
    assert reason(tmp_path / "a.jpg", b"") == "is empty (0 bytes)"


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9, 0.99])
def test_truncation_is_found_wherever_the_file_breaks_off(tmp_path, image_format, kept):
    whole = picture((640, 360), image_format)
    found = reason(tmp_path / "a.jpg", whole[: int(len(whole) * kept)])
    assert fault_kind(found) == "is truncated"


def test_truncation_by_the_last_two_bytes(tmp_path):
    assert fault_kind(reason(tmp_path / "a.jpg", picture()[:-2])) == "is truncated"


def test_truncation_in_the_header(tmp_path):
    for length in (3, 12, 200):
        assert reason(tmp_path / "a.jpg", picture()[:length]) == "is truncated: no end-of-image marker"


def test_truncation_behind_an_embedded_thumbnail(tmp_path):
    """A thumbnail in the header has an end marker of its own."""
    exif = b"Exif\0\0" + picture((16, 16))
    assert fault_kind(reason(tmp_path / "a.jpg", picture((640, 360), exif=exif)[:-2000])) == "is truncated"


def test_header_of_nonsense(tmp_path):
    assert reason(tmp_path / "a.jpg", b"\xff\xd8\xff\xd9") == "is damaged: its header cannot be read"


@pytest.mark.parametrize("missing", [2, 20, 2000])
def test_tail_of_zeros_counts_as_truncated(tmp_path, missing):
    assert fault_kind(reason(tmp_path / "a.jpg", picture()[:-missing] + bytes(missing))) == "is truncated"


@pytest.mark.parametrize("content", [b"<html>404</html>", b"\0" * 500, picture(image_format="GIF")])
def test_not_an_image(tmp_path, content):
    assert reason(tmp_path / "a.jpg", content) == "is not an image: neither JPEG nor PNG"


def test_damaged_png(tmp_path):
    content = bytearray(picture(image_format="PNG"))
    content[200:400] = bytes(200)
    assert fault_kind(reason(tmp_path / "a.png", bytes(content))) == "is damaged"


@pytest.mark.parametrize("side", [60_000, 10_000])
def test_absurd_sizes_are_refused_before_decoding(tmp_path, side):
    assert fault_kind(reason(tmp_path / "a.png", png_that_claims(side, side))) == "is too large"


def test_no_warning_reaches_the_user(tmp_path, recwarn):
    reason(tmp_path / "a.png", png_that_claims(10_000, 10_000))
    assert not recwarn.list


def test_too_small(tmp_path):
    assert (
        reason(tmp_path / "a.png", picture((64, 9), "PNG")) == "is too small: 64x9, at least 10x10 is needed"
    )


def test_sixteen_bits(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(np.zeros((20, 20), np.uint16)).save(stream, "PNG")
    assert reason(tmp_path / "a.png", stream.getvalue()) == (
        "has an unsupported pixel format: I;16, 8 bits per channel are needed"
    )


def test_turned_pictures_are_refused_for_frames_only(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    (tmp_path / "a.jpg").write_bytes(picture(exif=exif))
    found = probe_image(tmp_path / "a.jpg")
    assert found == Picture(64, 48, 6, "RGB") and found.upright_size == (48, 64)
    with pytest.raises(FaultyFile) as caught:
        require_upright(found)
    assert caught.value.reason == "is stored turned: EXIF orientation 6, turn the pixels themselves"


def test_missing_file_and_broken_link(tmp_path):
    (tmp_path / "a.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(FaultyFile, match="cannot be read: No such file or directory"):
        probe_image(tmp_path / "a.jpg")

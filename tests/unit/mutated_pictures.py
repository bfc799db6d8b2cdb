"""Pictures for the tests of the index: whole ones by many encoders, cut ones, and ones with mutated headers.

All are seeded. The tests take a few of each; the full numbers, with what came out, are printed by

    PYTHONPATH=workflow/scripts:tests/unit python tests/unit/mutated_pictures.py 1000 2000
"""

import io
import struct
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import simplejpeg
from PIL import Image, ImageCms

from snowdrift.data.decoding.containers import EOI, PNG_START, SOS, jpeg_segments, png_chunks
from snowdrift.data.decoding.images import FaultyFile, fault_kind, probe_image
from snowdrift.data.decoding.pictures import open_picture
from snowdrift.detection.datasets import Pictures, write_dataset
from snowdrift.detection.ultralytics_api import prepare_ultralytics
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.xray.images import load_images

Random = np.random.Generator
END = b"\xff\xd9"
VISIBLE = 12
"""Levels of 255 from which a difference is seen."""


class Made(NamedTuple):
    """A picture's bytes, and how they came about."""

    name: str
    data: bytes


# Scenes


def scene(rng: Random, width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8: soft noise, with or without large parts of one colour."""
    coarse = rng.integers(0, 256, (height // 12 + 2, width // 12 + 2, 3), np.uint8)
    soft = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16)
    picture = (soft + rng.normal(0, rng.choice([0, 2, 8]), soft.shape)).clip(0, 255).astype(np.uint8)
    kind = rng.choice(["noise", "sky", "black bottom", "letterbox", "flat", "gradient"], p=[0.4, *[0.12] * 5])
    if kind == "sky":
        picture[: height // 2] = rng.integers(0, 256, 3)
    elif kind == "black bottom":
        picture[-height // 3 :] = 0
    elif kind == "letterbox":
        picture[: height // 6] = picture[-height // 6 :] = rng.choice([0, 255])
    elif kind == "flat":
        picture[:] = rng.integers(0, 256, 3)
    elif kind == "gradient":
        picture[:] = np.linspace(0, 255, width).astype(np.uint8)[None, :, None]
    return picture


# Encoders of whole JPEG files


def whole_jpeg(rng: Random) -> Made:
    """A whole JPEG file, by one of three libraries, with or without what cameras and tools add."""
    width, height = (int(side) for side in rng.integers(40, 260, 2))
    picture = scene(rng, width, height)
    encoder = [_by_pillow, _by_opencv, _by_turbojpeg][rng.choice(3, p=[0.6, 0.25, 0.15])]
    name, data = encoder(rng, picture)
    for addition in _ADDITIONS:
        if rng.random() < 0.15:
            name, data = f"{name}, {addition.__name__[1:]}", addition(rng, data)
    return Made(name, data)


def _by_pillow(rng: Random, picture: np.ndarray) -> Made:
    options = {
        "quality": int(rng.integers(1, 101)),
        "subsampling": rng.choice(["4:4:4", "4:2:2", "4:2:0"]).item(),
        "progressive": bool(rng.random() < 0.35),
        "optimize": bool(rng.random() < 0.4),
        "restart_marker_blocks": int(rng.choice([0, 0, 0, 1, 2, 7])),
        "restart_marker_rows": int(rng.choice([0, 0, 0, 1, 3])),
    }
    mode = rng.choice(["RGB", "L", "CMYK"], p=[0.8, 0.15, 0.05]).item()
    if mode != "RGB":
        del options["subsampling"]
    name = f"Pillow {mode} {options}"
    if rng.random() < 0.3:
        options["exif"] = b"Exif\0\0" + exif_block(1, thumbnail=encode(picture[:40, :40]))
    if rng.random() < 0.2:
        options["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if rng.random() < 0.2:
        options["comment"] = rng.bytes(50)
    return Made(name, encode(picture, mode=mode, **options))


def _by_opencv(rng: Random, picture: np.ndarray) -> Made:
    options = {
        cv2.IMWRITE_JPEG_QUALITY: int(rng.integers(5, 101)),
        cv2.IMWRITE_JPEG_PROGRESSIVE: int(rng.integers(2)),
        cv2.IMWRITE_JPEG_OPTIMIZE: int(rng.integers(2)),
        cv2.IMWRITE_JPEG_RST_INTERVAL: int(rng.choice([0, 0, 1, 5])),
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR: int(rng.choice([0x411111, 0x221111, 0x211111, 0x121111, 0x111111])),
    }
    flat = [number for option in options.items() for number in option]
    return Made(f"OpenCV {flat}", cv2.imencode(".jpg", picture, flat)[1].tobytes())


def _by_turbojpeg(rng: Random, picture: np.ndarray) -> Made:
    sampling = rng.choice(["444", "422", "420", "440", "411", "gray"]).item()
    quality = int(rng.integers(5, 101))
    pixels, space = (picture[..., :1], "gray") if sampling == "gray" else (picture, "rgb")
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality, space, sampling)
    return Made(f"libjpeg-turbo {sampling} {quality}", data)


def _bytes_after_the_end(rng: Random, data: bytes) -> bytes:
    return data + rng.bytes(int(rng.integers(1, 400)))


def _picture_after_the_end(rng: Random, data: bytes) -> bytes:
    return data + encode(scene(rng, 30, 20))


def _stray_bytes_before_the_end(rng: Random, data: bytes) -> bytes:
    end = _end_of(data)
    padding = rng.choice(["few", "zeros", "full"])
    stray = {
        "few": rng.bytes(int(rng.integers(1, 5))).replace(b"\xff", b"."),
        "zeros": bytes(40),
        "full": b"\xff" * 9,
    }
    return data[:end] + stray[padding.item()] + data[end:]


def _stray_bytes_in_the_header(rng: Random, data: bytes) -> bytes:
    segments = list(jpeg_segments(data))
    place = segments[rng.integers(len(segments) - 1)].end
    return data[:place] + rng.choice([b"\0", b"abc", b"\xff\xff"]) + data[place:]


_ADDITIONS = (
    _stray_bytes_in_the_header,
    _stray_bytes_before_the_end,
    _bytes_after_the_end,
    _picture_after_the_end,
)


def encode(picture: np.ndarray, file_format: str = "JPEG", mode: str = "RGB", **options) -> bytes:
    """The picture's bytes by Pillow."""
    stream = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(stream, file_format, **options)
    return stream.getvalue()


def _end_of(data: bytes) -> int:
    """Offset of the end marker of the main picture."""
    position = 2
    while True:
        last = list(jpeg_segments(data, position))[-1]
        if last.marker == EOI:
            return last.start - 2
        position = last.end


# Cut JPEG files


def cut_jpeg(rng: Random) -> tuple[Made, bytes]:
    """A JPEG file that breaks off at a random place behind its header, and the whole one."""
    width, height = (int(side) for side in rng.integers(40, 260, 2))
    picture = scene(rng, width, height)
    name, whole = [_by_pillow, _by_opencv, _by_turbojpeg][rng.choice(3, p=[0.7, 0.2, 0.1])](rng, picture)
    start = next(segment.end for segment in jpeg_segments(whole) if segment.marker == SOS)
    data = whole[: int(rng.integers(start, len(whole) - 2))]
    tail = rng.choice(["nothing", "end", "end", "end", "zeros", "zeros and end", "picture"]).item()
    if "zeros" in tail:
        data += bytes(len(whole) - len(data) - 2)
    if "end" in tail:
        data += END
    if tail == "picture":
        data += encode(picture[:20, :20])
    return Made(f"{name}, then {tail}", data), whole


def lost_share(cut: bytes, whole: bytes) -> float:
    """Share of the pixels, in [0, 1], in which a cut file shows something visibly different."""
    before = cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_COLOR)
    after = cv2.imdecode(np.frombuffer(cut + END, np.uint8), cv2.IMREAD_COLOR)
    if after is None or after.shape != before.shape:
        return 1.0
    return float((cv2.absdiff(before, after).max(axis=2) > VISIBLE).mean())


# Mutated headers


def exif_block(
    value: int,
    kind: int = 3,
    count: int = 1,
    order: str = "<",
    others: Sequence[tuple[int, int, int, bytes]] = (),
    offset: int = 8,
    thumbnail: bytes = b"",
    repeat: int = 1,
) -> bytes:
    """A TIFF block whose first directory gives the orientation in any form, right or wrong."""
    packed = _pack_value(value, kind, order)
    tail_at = offset + 2 + 12 * (repeat + len(others)) + 4
    field = packed if len(packed) == 4 else struct.pack(order + "I", tail_at)
    entries = [(274, kind, count, field)] * repeat + list(others)
    body = struct.pack(order + "H", len(entries))
    for tag, entry_kind, entry_count, entry_field in sorted(entries, key=lambda entry: entry[0]):
        body += struct.pack(order + "HHI", tag, entry_kind, entry_count) + entry_field
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", offset)
    block = head + bytes(offset - 8) + body + bytes(4) + (b"" if len(packed) == 4 else packed)
    return block + thumbnail


def _pack_value(value: int, kind: int, order: str) -> bytes:
    code = {
        1: "B",
        2: "c",
        3: "H",
        4: "I",
        5: "II",
        6: "b",
        7: "B",
        8: "h",
        9: "i",
        10: "ii",
        11: "f",
        12: "d",
    }
    numbers = {2: [str(value).encode()], 5: [value, 1], 10: [value, 1]}.get(kind, [value])
    packed = struct.pack(order + code.get(kind, "H"), *numbers)
    return packed if len(packed) > 4 else packed.ljust(4, b"\0")


def random_exif(rng: Random) -> bytes:
    """An EXIF block: a third of them say upright in the usual form, the others whatever there may be."""
    order = rng.choice(["<", ">"]).item()
    if rng.random() < 0.35:
        return exif_block(1, order=order)
    text = struct.pack(order + "I", int(rng.integers(0, 4000)))
    others = [(282, int(rng.choice([2, 3, 5])), int(rng.integers(1, 9)), text)] if rng.random() < 0.4 else []
    if rng.random() < 0.2:
        others.append(
            (int(rng.integers(250, 300)), int(rng.integers(0, 14)), int(rng.integers(0, 99999)), text)
        )
    block = exif_block(
        int(rng.choice([0, 1, 1, 1, 2, 3, 6, 6, 8, 9])),
        kind=int(rng.choice([3, 3, 3, 1, 2, 4, 5, 7, 9, 11, 13])),
        count=int(rng.choice([1, 1, 1, 0, 2, 70000])),
        order=order,
        others=others,
        offset=int(rng.choice([8, 8, 8, 10, 30])),
        repeat=int(rng.choice([1, 1, 1, 0, 2])),
    )
    return _damage(rng, block) if rng.random() < 0.3 else block


def _damage(rng: Random, block: bytes) -> bytes:
    """A few bytes changed, or the end missing."""
    if rng.random() < 0.4:
        return block[: rng.integers(len(block) + 1)]
    changed = bytearray(block)
    for place in rng.integers(0, len(block), 2):
        changed[place] = rng.integers(256)
    return bytes(changed)


def xmp(value: int) -> bytes:
    """An XMP packet with an orientation, as an attribute or as an element."""
    if value % 2:
        return b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % value
    return b"<x:xmpmeta><tiff:Orientation>%d</tiff:Orientation></x:xmpmeta>" % value


def segment(marker: int, payload: bytes) -> bytes:
    """A JPEG segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def chunk(kind: bytes, payload: bytes) -> bytes:
    """A PNG chunk, its checksum right."""
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def mutated_picture(rng: Random) -> Made:
    """A JPEG or PNG file whose header was tampered with in one to three ways."""
    width, height = (int(side) for side in rng.integers(12, 60, 2))
    picture = scene(rng, width, height)
    mutations, data = (_JPEG_MUTATIONS, _plain_jpeg(rng, picture))
    if rng.random() < 0.4:
        mutations, data = _PNG_MUTATIONS, _plain_png(rng, picture)
    names = []
    for _ in range(rng.choice([1, 1, 2, 3])):
        mutation = mutations[rng.integers(len(mutations))]
        # What an earlier mutation broke may have no place for this one.
        with suppress(StopIteration, ValueError, IndexError, struct.error, OSError):
            data = mutation(rng, data)
            names.append(mutation.__name__.strip("_"))
    return Made(", ".join(names), data)


def _plain_jpeg(rng: Random, picture: np.ndarray) -> bytes:
    mode = rng.choice(["RGB", "L", "CMYK"], p=[0.8, 0.1, 0.1]).item()
    return encode(
        picture, mode=mode, quality=int(rng.integers(30, 100)), progressive=bool(rng.random() < 0.3)
    )


def _plain_png(rng: Random, picture: np.ndarray) -> bytes:
    mode = rng.choice(["RGB", "L", "LA", "P", "RGBA", "1"], p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1]).item()
    return encode(picture, "PNG", mode=mode)


def _insert_segment(rng: Random, data: bytes, new: bytes) -> bytes:
    """Between any two segments of the header, or before the end marker."""
    places = [2, *(found.end for found in jpeg_segments(data) if found.marker != SOS)]
    place = places[rng.integers(len(places))] if rng.random() < 0.9 else len(data) - 2
    return data[:place] + new + data[place:]


def _jpeg_exif(rng: Random, data: bytes) -> bytes:
    name = rng.choice([b"Exif\0\0", b"Exif\0\0", b"Exif\0\xff", b"Exif\0\0Exif\0\0"])
    return _insert_segment(
        rng, data, segment(int(rng.choice([0xE1, 0xE1, 0xE1, 0xE2])), name.ljust(6, b"\0") + random_exif(rng))
    )


def _jpeg_two_exifs(rng: Random, data: bytes) -> bytes:
    return _jpeg_exif(rng, _jpeg_exif(rng, data))


def _jpeg_split_exif(rng: Random, data: bytes) -> bytes:
    block = random_exif(rng)
    place = int(rng.integers(len(block) + 1))
    parts = [segment(0xE1, b"Exif\0\0" + part) for part in (block[:place], block[place:])]
    return data[:2] + b"".join(parts) + data[2:]


def _jpeg_xmp(rng: Random, data: bytes) -> bytes:
    return _insert_segment(
        rng, data, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(int(rng.choice([0, 1, 1, 3, 6]))))
    )


def _jpeg_adobe(rng: Random, data: bytes) -> bytes:
    body = b"Adobe" + struct.pack(">HHHB", 100, 0, 0, int(rng.choice([0, 1, 2, 7])))
    return _insert_segment(rng, data, segment(0xEE, body[: rng.choice([12, 12, 9])]))


def _jpeg_any_segment(rng: Random, data: bytes) -> bytes:
    marker = int(rng.choice([0xE0, 0xE2, 0xE5, 0xED, 0xEF, 0xFE, 0xDC, 0xF3, 0x02]))
    names = [
        b"JFIF\0\1\2\0\0\1\0\1\0\0",
        b"JFXX\0\x10",
        b"ICC_PROFILE\0\1\1",
        b"MPF\0",
        b"Photoshop 3.0\x008BIM",
        b"",
    ]
    return _insert_segment(
        rng, data, segment(marker, names[rng.integers(len(names))] + rng.bytes(int(rng.integers(60))))
    )


def _jpeg_multi_picture(rng: Random, data: bytes) -> bytes:
    other = encode(scene(rng, 24, 16))
    entries = struct.pack("<IIIHH", 0x030000, len(data), 0, 0, 0) + struct.pack(
        "<IIIHH", 0, len(other), len(data), 0, 0
    )
    fields = [
        (0xB000, 7, 4, b"0100"),
        (0xB001, 4, 1, struct.pack("<I", 2)),
        (0xB002, 7, 32, struct.pack("<I", 50)),
    ]
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", 3)
    block += b"".join(struct.pack("<HHI", *field[:3]) + field[3] for field in fields) + bytes(4) + entries
    return data[:2] + segment(0xE2, b"MPF\0" + block) + data[2:] + other


def _jpeg_stray_bytes(rng: Random, data: bytes) -> bytes:
    return _insert_segment(rng, data, [b"\0", b"\xff\xff", b"xyz", b"\xff\0"][rng.integers(4)])


def _jpeg_trailing_bytes(rng: Random, data: bytes) -> bytes:
    return data + [b"\0" * 20, END, rng.bytes(30), encode(scene(rng, 20, 20))][rng.integers(4)]


def _jpeg_frame_header(rng: Random, data: bytes) -> bytes:
    found = next(found for found in jpeg_segments(data) if found.marker in (0xC0, 0xC2))
    changed = bytearray(data)
    changed[int(rng.integers(found.start, found.end))] = rng.choice(
        [0, 1, 2, 3, 8, 12, 0x11, 0x22, 0x41, 0x52]
    )
    return bytes(changed)


def _jpeg_second_frame(rng: Random, data: bytes) -> bytes:
    found = next(found for found in jpeg_segments(data) if found.marker in (0xC0, 0xC2))
    return _insert_segment(rng, data, data[found.start - 4 : found.end])


def _jpeg_random_byte(rng: Random, data: bytes) -> bytes:
    return _damage_byte(rng, data, next(found.end for found in jpeg_segments(data) if found.marker == SOS))


def _damage_byte(rng: Random, data: bytes, before: int) -> bytes:
    changed = bytearray(data)
    changed[int(rng.integers(2, before))] = rng.integers(256)
    return bytes(changed)


def _png_parts(data: bytes) -> list[bytes]:
    return [data[found.start - 8 : found.end + 4] for found in png_chunks(data)]


def _insert_chunk(rng: Random, data: bytes, new: bytes) -> bytes:
    parts = _png_parts(data)
    parts.insert(int(rng.integers(1, len(parts))), new)
    return data[:8] + b"".join(parts)


def _png_exif(rng: Random, data: bytes) -> bytes:
    return _insert_chunk(rng, data, chunk(b"eXIf", random_exif(rng)))


def _png_text_exif(rng: Random, data: bytes) -> bytes:
    block = b"Exif\0\0" + random_exif(rng)
    profile = b"\nexif\n%8d\n%s\n" % (len(block), block.hex().encode())
    keyword = [b"Raw profile type exif", b"Raw profile type APP1", b"exif", b"xmp"][rng.integers(4)]
    if rng.random() < 0.5:
        return _insert_chunk(rng, data, chunk(b"tEXt", keyword + b"\0" + profile))
    return _insert_chunk(rng, data, chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(profile)))


def _png_xmp(rng: Random, data: bytes) -> bytes:
    packet = xmp(int(rng.choice([1, 1, 3, 6])))
    if rng.random() < 0.5:
        return _insert_chunk(rng, data, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet))
    return _insert_chunk(rng, data, chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)))


def _png_colour(rng: Random, data: bytes) -> bytes:
    choices = [
        chunk(b"gAMA", struct.pack(">I", int(rng.choice([100000, 45455, 30000, 0])))),
        chunk(b"cHRM", struct.pack(">8I", *rng.integers(0, 90000, 8).tolist())),
        chunk(b"sRGB", b"\1"),
        chunk(
            b"iCCP",
            b"x\0\0" + zlib.compress(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
        ),
        chunk(b"sBIT", b"\5\5\5"),
        chunk(b"bKGD", b"\0\5\0\5\0\5"),
        chunk(b"tRNS", rng.bytes(int(rng.choice([2, 6, 100])))),
        chunk(b"PLTE", rng.bytes(3 * int(rng.integers(1, 257)))),
    ]
    return _insert_chunk(rng, data, choices[rng.integers(len(choices))])


def _png_animation(rng: Random, data: bytes) -> bytes:
    width, height = struct.unpack(">II", data[16:24])
    control = struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 10, 0, 0)
    parts = _png_parts(data)
    parts.insert(1, chunk(b"acTL", struct.pack(">II", int(rng.choice([1, 2])), 0)))
    parts.insert(2, chunk(b"fcTL", control))
    return data[:8] + b"".join(parts)


def _png_any_chunk(rng: Random, data: bytes) -> bytes:
    kinds = [b"tIME", b"pHYs", b"prVt", b"CRIT", b"IHDR", b"tEXt", b"sPLT", b"hIST", b"IDAT", b"CgBI"]
    return _insert_chunk(rng, data, chunk(kinds[rng.integers(len(kinds))], rng.bytes(int(rng.integers(30)))))


def _png_header(rng: Random, data: bytes) -> bytes:
    header = bytearray(data[16:29])
    header[rng.integers(4, 13)] = rng.choice([0, 1, 2, 3, 4, 6, 8, 16, 30])
    return data[:8] + chunk(b"IHDR", bytes(header)) + data[33:]


def _png_pixels(rng: Random, data: bytes) -> bytes:
    """16 bits, interlaced rows, rows missing, rows too many, or no checksum of the stream."""
    width, height = struct.unpack(">II", data[16:24])
    if width * height > 10_000:
        raise ValueError("an earlier mutation made it too large")
    depth, colour = int(rng.choice([8, 16])), int(rng.choice([0, 2, 4, 6]))
    row = width * (depth // 8) * {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    rows = height + int(rng.choice([0, 0, 0, -1, 3]))
    packed = zlib.compress(b"".join(b"\0" + rng.bytes(row) for _ in range(rows)))
    packed = packed[: len(packed) - int(rng.choice([0, 0, 0, 2, 4, 5]))]
    place = int(rng.integers(len(packed)))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [
        chunk(b"IHDR", header),
        chunk(b"IDAT", packed[:place]),
        chunk(b"IDAT", packed[place:]),
        chunk(b"IEND", b""),
    ]
    return data[:8] + b"".join(parts)


def _png_trailing_bytes(rng: Random, data: bytes) -> bytes:
    return data + [rng.bytes(30), data, b"\0"][rng.integers(3)]


def _png_random_byte(rng: Random, data: bytes) -> bytes:
    return _damage_byte(rng, data, min(len(data), 120))


_JPEG_MUTATIONS: Sequence[Callable[[Random, bytes], bytes]] = (
    _jpeg_exif,
    _jpeg_exif,
    _jpeg_exif,
    _jpeg_two_exifs,
    _jpeg_split_exif,
    _jpeg_xmp,
    _jpeg_adobe,
    _jpeg_any_segment,
    _jpeg_multi_picture,
    _jpeg_stray_bytes,
    _jpeg_trailing_bytes,
    _jpeg_frame_header,
    _jpeg_second_frame,
    _jpeg_random_byte,
)
_PNG_MUTATIONS: Sequence[Callable[[Random, bytes], bytes]] = (
    _png_exif,
    _png_exif,
    _png_text_exif,
    _png_xmp,
    _png_colour,
    _png_colour,
    _png_animation,
    _png_any_chunk,
    _png_header,
    _png_pixels,
    _png_trailing_bytes,
    _png_random_byte,
)


# What the index says of them


def reason(path: Path, data: bytes) -> str:
    """Write a file and return the reason for which the index rejects it, or nothing."""
    path.write_bytes(data)
    try:
        probe_image(path)
    except FaultyFile as fault:
        return fault.reason
    return ""


def mutated(count: int, seed: int = 0) -> Iterator[Made]:
    """So many pictures with mutated headers."""
    return (mutated_picture(np.random.default_rng((seed, index))) for index in range(count))


def whole(count: int, seed: int = 1) -> Iterator[Made]:
    """So many whole JPEG files."""
    return (whole_jpeg(np.random.default_rng((seed, index))) for index in range(count))


def cut(count: int, seed: int = 2) -> Iterator[tuple[Made, bytes]]:
    """So many cut JPEG files, each with the whole one."""
    return (cut_jpeg(np.random.default_rng((seed, index))) for index in range(count))


class Outcome(NamedTuple):
    """What became of mutated pictures."""

    accepted: int
    reasons: Counter
    """How many were rejected for each kind of reason."""
    wrong: list[str]
    """Accepted pictures that a later reader cannot read, or sees differently."""


def outcome_of(pictures: Sequence[Made], folder: Path) -> Outcome:
    """Index pictures, make a detector's dataset of those that are accepted, and let each reader read them."""
    sources = folder / "data" / "video" / "images"
    sources.mkdir(parents=True)
    accepted, reasons = {}, Counter()
    for number, made in enumerate(pictures):
        path = sources / f"{number:05}.{'png' if made.data.startswith(PNG_START) else 'jpg'}"
        if fault := reason(path, made.data):
            reasons[fault_kind(fault)] += 1
        else:
            accepted[path] = made.name
    if not accepted:
        return Outcome(0, reasons, [])
    dataset = _write_dataset(folder, list(accepted))
    wrong = []
    for path, name in accepted.items():
        if found := _difference(path, dataset / "images" / "test" / "video_original" / path.name):
            wrong.append(f"{path.name} ({name}): {found}")
    return Outcome(len(accepted), reasons, wrong)


def _write_dataset(folder: Path, paths: Sequence[Path]) -> Path:
    ids = [f"video/{path.stem}" for path in paths]
    images = [str(path.relative_to(folder / "data")) for path in paths]
    frames = pd.DataFrame(
        {"frame_id": ids, "video": "video", "image": images, "digest": "", "source": "original"}
    )
    box = [("class_id", 0), ("x_center", 0.5), ("y_center", 0.5), ("box_width", 0.2), ("box_height", 0.2)]
    boxes = frames[["frame_id"]].assign(**dict(box))
    pictures = Pictures(
        frames,
        boxes,
        {"original": folder / "data"},
        frames.drop(columns="video").assign(cached=None),
        ["person"],
    )
    write_dataset(folder / "dataset", pictures, {"test": frames[["frame_id", "video", "source"]]})
    return folder / "dataset"


def _difference(path: Path, linked: Path) -> str:
    """How the readers of an accepted picture differ, or nothing."""
    prepare_ultralytics()
    from ultralytics.data.utils import img2label_paths, verify_image_label
    from ultralytics.utils.patches import imread

    picture = probe_image(path)
    try:
        pixels = np.asarray(open_picture(path), np.int16)
    except SnowdriftError as error:
        return f"ends a job: {error}"
    if picture.upright_size != (pixels.shape[1], pixels.shape[0]):
        return f"the index says {picture}, it opens as {pixels.shape}"
    load_images([path], 16)
    if picture.orientation != 1:  # no frame, so OpenCV does not read it
        return ""
    before = linked.read_bytes()
    _, _, shape, *_, corrupt, message = verify_image_label(
        (str(linked), *img2label_paths([str(linked)]), "", 0, 1, 0, 0, 0)
    )
    if corrupt or message or shape != pixels.shape[:2]:
        return f"Ultralytics sees {shape} {message}"
    if linked.read_bytes() != before:
        return "Ultralytics wrote it again"
    theirs = imread(linked)
    if theirs is None or theirs.shape != pixels.shape:
        return f"OpenCV reads {None if theirs is None else theirs.shape}, Pillow {pixels.shape}"
    difference = np.abs(pixels - theirs[..., ::-1]).max()
    return f"pixels differ by {difference}" if difference > 2 else ""


def main() -> None:
    """Print what becomes of as many pictures as the command line says."""
    mutations, jpegs = int(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        found = outcome_of(list(mutated(mutations)), Path(folder))
        print(f"{mutations} mutated: {found.accepted} accepted, {len(found.wrong)} of them read differently")
        print(*found.wrong, *found.reasons.most_common(), sep="\n")
        path = Path(folder) / "picture"
        faults = [(made, reason(path, made.data)) for made in whole(jpegs)]
        faulty = [f"  {fault}: {made.name}" for made, fault in faults if fault]
        print(f"{jpegs} whole JPEG files: {len(faulty)} rejected", *faulty, sep="\n")
        lost = [
            (made, share, reason(path, made.data))
            for made, original in cut(jpegs)
            if (share := lost_share(made.data, original))
        ]
        missed = [f"  {share:.2%} lost: {made.name}" for made, share, fault in lost if not fault]
        print(
            f"{len(lost)} of {jpegs} cut ones lose a visible part: {len(missed)} accepted", *missed, sep="\n"
        )


if __name__ == "__main__":
    main()

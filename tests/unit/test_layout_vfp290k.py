"""VFP290K: the layout, and every way in which an annotation can be faulty."""

from pathlib import Path

import pytest

from snowdrift.data.classes import Classes
from snowdrift.data.decoding.images import FaultyFile, Picture, fault_kind
from snowdrift.data.index import boxes_of
from snowdrift.data.layouts import vfp290k
from snowdrift.data.listing import FrameFiles, checked_names
from snowdrift.runtime.errors import SnowdriftError

CLASSES = Classes(("normal", "fallen"))
PICTURE = Picture(100, 50, 1, "RGB")


def thing(name="0", corners=("10", "10", "30", "40")) -> str:
    box = "".join(
        f"<{tag}>{value}</{tag}>"
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    )
    return f"<object><name>{name}</name><bndbox>{box}</bndbox></object>"


def xml(*things: str, size: str = "") -> str:
    return f"<annotation>{size}{''.join(things)}</annotation>"


def read(tmp_path: Path, text: str | bytes):
    path = tmp_path / "a.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    objects = vfp290k.read_objects(tmp_path, FrameFiles("A", "a", "a.jpg", "a.xml"), CLASSES)
    boxes, counts = boxes_of(objects, PICTURE, "reject", "a.xml")
    return boxes, counts.dropped


def reason(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(FaultyFile) as caught:
        read(tmp_path, text)
    return caught.value.reason


def list_frames(root: Path, classes: Classes = CLASSES) -> list[FrameFiles]:
    return vfp290k.list_frames(root, classes).frames


def layout(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def test_boxes_become_fractions(tmp_path):
    boxes, dropped = read(tmp_path, xml(thing("0"), thing("1", ("0", "0", "100", "50"))))
    assert boxes == [(0, 0.2, 0.5, pytest.approx(0.2), pytest.approx(0.6)), (1, 0.5, 0.5, 1.0, 1.0)]
    assert dropped == 0


def test_class_two_is_dropped_whatever_its_box(tmp_path):
    boxes, dropped = read(tmp_path, xml(thing("2"), thing(" 1 "), thing("2", ("9", "9", "999", "9"))))
    assert [box[0] for box in boxes] == [1]
    assert dropped == 2


def test_no_object_means_no_box(tmp_path):
    assert read(tmp_path, xml()) == ([], 0)


def test_corners_may_be_fractional_numbers(tmp_path):
    (box,), _ = read(tmp_path, xml(thing(corners=("10.5", "1e1", "20.5", " 20 "))))
    assert box == pytest.approx((0, 0.155, 0.3, 0.1, 0.2))


@pytest.mark.parametrize("corners", [("-1", "-1", "101", "51"), ("0", "0", "100.5", "50")])
def test_one_pixel_over_the_frame_is_clipped(tmp_path, corners):
    assert read(tmp_path, xml(thing(corners=corners)))[0] == [(0, 0.5, 0.5, 1.0, 1.0)]


@pytest.mark.parametrize(
    "corners", [("-2", "0", "9", "9"), ("0", "-1.1", "9", "9"), ("0", "0", "102", "9"), ("0", "0", "9", "52")]
)
def test_box_outside_the_frame(tmp_path, corners):
    assert (
        reason(tmp_path, xml(thing(corners=corners)))
        == f"box outside the frame: {','.join(corners)} in 100x50"
    )


@pytest.mark.parametrize("corners", [("9", "9", "9", "20"), ("9", "9", "20", "9"), ("20", "9", "9", "20")])
def test_box_without_area(tmp_path, corners):
    assert reason(tmp_path, xml(thing(corners=corners))) == f"box has no area: {','.join(corners)}"


def test_box_without_area_once_clipped(tmp_path):
    found = reason(tmp_path, xml(thing(corners=("100", "0", "101", "9"))))
    assert found == "box has no area: 100,0,101,9, once clipped to 100x50"


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "twelve"])
def test_box_that_is_not_a_number(tmp_path, value):
    found = reason(tmp_path, xml(thing(corners=("1", "1", value, "9"))))
    assert found == f"box is not a number: <xmax> is '{value}'"


@pytest.mark.parametrize("text", ["<object><name>0</name></object>", thing(corners=("", "1", "2", "3"))])
def test_box_incomplete(tmp_path, text):
    assert reason(tmp_path, xml(text)) == "box incomplete: <xmin> is missing"


@pytest.mark.parametrize("name", ["3", "person", "", "-1", "0.0"])
def test_class_unknown(tmp_path, name):
    assert reason(tmp_path, xml(thing(name))) == f"class unknown: '{name}', known are 0, 1 and 2"


def test_long_names_are_cut(tmp_path):
    assert len(reason(tmp_path, xml(thing("x" * 100_000)))) < 100


def test_object_without_name(tmp_path):
    assert fault_kind(reason(tmp_path, xml("<object/>"))) == "class unknown"


@pytest.mark.parametrize(
    "size",
    ["", "<size/>", "<size><width>0</width><height>0</height></size>", "<size><width>100</width></size>"],
)
def test_size_that_says_nothing_is_ignored(tmp_path, size):
    assert read(tmp_path, xml(size=size)) == ([], 0)


def test_size_that_differs(tmp_path):
    size = "<size><width>640</width><height>50</height></size>"
    assert reason(tmp_path, xml(size=size)) == "XML size differs: it says 640x50, the picture is 100x50"


def test_size_that_is_no_number(tmp_path):
    size = "<size><width>wide</width><height>50</height></size>"
    assert reason(tmp_path, xml(size=size)) == "XML size is not a number: it says widex50"


@pytest.mark.parametrize(
    "content",
    [
        xml(thing())[:-5],
        "not xml",
        b"\xff\xd8\xff\xe0",
        '<?xml version="1.0" encoding="klingon"?><annotation/>',
        '<?xml version="1.0" encoding="utf-8"?><annotation>\udcff</annotation>'.encode(
            errors="surrogateescape"
        ),
    ],
)
def test_xml_unparsable(tmp_path, content):
    assert fault_kind(reason(tmp_path, content)) == "XML unparsable"


@pytest.mark.parametrize("content", ["", "  \n"])
def test_xml_empty(tmp_path, content):
    assert reason(tmp_path, content) == "XML unparsable: the file is empty"


def test_xml_of_another_kind(tmp_path):
    assert reason(tmp_path, "<svg/>") == "XML unparsable: its root is <svg>, not <annotation>"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_never_expanded(tmp_path, encoding):
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE a [<!ENTITY e0 "ha">{levels}]><annotation>&e11;</annotation>'
    found = reason(tmp_path, bomb.encode(encoding))
    assert found == "XML unparsable: it has a DOCTYPE, which annotations do not need"


def test_xml_that_cannot_be_read(tmp_path):
    with pytest.raises(FaultyFile, match="XML cannot be read: Is a directory"):
        vfp290k.read_objects(tmp_path.parent, FrameFiles("A", "a", "a.jpg", tmp_path.name), CLASSES)


def test_layout_is_listed_by_video_and_name(tmp_path):
    root = layout(
        tmp_path, "B/images/b_1.jpg", "B/clean_xml/b_1.xml", "A/images/a_2.JPG", "A/clean_xml/a_2.XML",
        "A/images/a_10.png", "A/clean_xml/a_10.xml", "A/images/._a_2.JPG", "A/images/Thumbs.db",
        "__MACOSX/images/x.jpg", "readme.txt",
    )  # fmt: skip
    found = [(frame.video, frame.stem, frame.image, frame.annotation) for frame in list_frames(root)]
    assert found == [
        ("A", "a_10", "A/images/a_10.png", "A/clean_xml/a_10.xml"),
        ("A", "a_2", "A/images/a_2.JPG", "A/clean_xml/a_2.XML"),
        ("B", "b_1", "B/images/b_1.jpg", "B/clean_xml/b_1.xml"),
    ]


def test_parent_of_the_dataset_is_accepted_and_paths_stay_relative_to_it(tmp_path):
    layout(tmp_path, "VFP290K/A/images/a.jpg", "VFP290K/A/clean_xml/a.xml")
    (frame,) = list_frames(tmp_path)
    assert frame.video == "A"
    assert (tmp_path / frame.image).is_file()
    assert (tmp_path / frame.annotation).is_file()


def test_xml_missing(tmp_path):
    (frame,) = list_frames(layout(tmp_path, "A/images/a.jpg"))
    assert (frame.fault_file, frame.fault) == ("A/clean_xml/a.xml", "XML missing")


def test_image_missing(tmp_path):
    (frame,) = list_frames(layout(tmp_path, "A/clean_xml/a.xml"))
    assert frame.fault_file == "A/clean_xml/a.xml"
    assert frame.fault == "image missing: no picture a in A/images"


def test_two_pictures_of_one_name_are_one_faulty_frame(tmp_path):
    (frame,) = list_frames(layout(tmp_path, "A/images/a.jpg", "A/images/a.png", "A/clean_xml/a.xml"), CLASSES)
    assert frame.fault == "two pictures of one name: a.jpg, a.png"


def test_name_that_is_no_utf8_is_a_faulty_frame(tmp_path):
    (frame,) = checked_names(list_frames(layout(tmp_path, "A/images/a\udcff.jpg")))
    assert frame.fault == "name is not valid UTF-8"
    "".join(frame[:6]).encode()


def test_broken_links_are_frames(tmp_path):
    root = layout(tmp_path, "A/clean_xml/a.xml", "A/images/other.jpg")
    (root / "A/images/a.jpg").symlink_to("nowhere.jpg")
    assert [frame.stem for frame in list_frames(root)] == ["a", "other"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "is empty"),
        (["images/train/a.jpg"], "no frame found"),
        (["A/pictures/a.jpg"], "no frame found"),
        (["A/images/a.txt"], "no frame found"),
    ],
)
def test_no_such_layout(tmp_path, files, message):
    with pytest.raises(SnowdriftError) as caught:
        list_frames(layout(tmp_path, *files))
    assert message in caught.value.message
    assert str(tmp_path) in caught.value.message
    assert "data.vfp290k" in caught.value.hint


def test_missing_root_and_root_that_is_a_file(tmp_path):
    with pytest.raises(SnowdriftError, match=r"data.vfp290k: .*/nowhere does not exist"):
        list_frames(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(SnowdriftError, match=r"data.vfp290k: .*/file is not a folder"):
        list_frames(tmp_path / "file")


def test_two_class_names_are_needed(tmp_path):
    with pytest.raises(SnowdriftError, match=r"data.class_names: 1 given"):
        list_frames(layout(tmp_path, "A/images/a.jpg"), Classes(("person",)))

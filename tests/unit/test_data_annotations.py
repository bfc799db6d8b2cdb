"""What an annotation says and the index does not understand is refused; what it says twice counts once."""

from pathlib import Path

import layout_sets as sets
import pytest
from test_layouts import LISTS, index

from snowdrift.data.decoding.images import FaultyFile, fault_kind
from snowdrift.data.layouts.voc import read_xml
from snowdrift.data.listing import Objects
from snowdrift.runtime.errors import SnowdriftError

CORNERS = "<xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax>"
BOX = f"<bndbox>{CORNERS}</bndbox>"
THING = f"<object><name>0</name>{BOX}</object>"


def read(folder: Path, content: str, root: str = "annotation") -> Objects:
    (folder / "a.xml").write_text(f"<{root}>{content}</{root.split()[0]}>")
    return read_xml(folder / "a.xml", {"0": 0, "1": 1}.get)


@pytest.mark.parametrize(
    "content",
    [
        f"<object><name>0</name>{BOX}{BOX}</object>",
        f"<object><name>0</name><bndbox>{CORNERS}{CORNERS}</bndbox></object>",
        f"<object><name>0</name><name>1</name>{BOX}</object>",
        f"{THING}<objects>{THING}</objects>",
        f"{THING}<track><object><name>0</name>{BOX}</object></track>",
        f"<object><name>0</name>{BOX}{THING}</object>",
        f"{THING}<annotation>{THING}</annotation>",
        f"{THING}{BOX}",
        f"{THING}<item><name>0</name>{BOX}</item>",
        f"{THING}<person>{CORNERS}</person>",
        f"{THING}<OBJECTS><Object><Name>0</Name>{BOX}</Object></OBJECTS>",
    ],
)
def test_boxes_and_objects_that_are_not_where_voc_has_them_are_refused(tmp_path: Path, content: str):
    with pytest.raises(FaultyFile) as caught:
        read(tmp_path, content)
    assert fault_kind(caught.value.reason) == "XML not understood"


@pytest.mark.parametrize(
    ("content", "root"),
    [
        (THING, 'annotation xmlns="http://example.org/voc"'),
        (THING.replace("object", "Object").replace("bndbox", "BndBox"), "annotation"),
        (THING.upper(), "ANNOTATION"),
        (f"<object><name>0</name>{BOX}<part><name>head</name>{BOX}</part></object>", "annotation"),
        (f"<object><name>0</name><polygon><x1>3</x1></polygon>{BOX}</object>", "annotation"),
    ],
)
def test_other_capitals_namespaces_and_parts_are_understood(tmp_path: Path, content: str, root: str):
    assert read(tmp_path, content, root).boxes == [(0, (1, 2, 9, 8))]


@pytest.mark.parametrize(
    "content", ["<object><name>0</name><robndbox><cx>3</cx></robndbox></object>", "<object/>"]
)
def test_an_object_without_a_box_is_refused(tmp_path: Path, content: str):
    with pytest.raises(FaultyFile, match=r"box incomplete|no class"):
        read_xml_of(tmp_path, content)


def read_xml_of(folder: Path, content: str) -> Objects:
    (folder / "a.xml").write_text(f"<annotation>{content}</annotation>")
    return read_xml(folder / "a.xml", lambda name: 0)


def double(place: Path) -> None:
    for label in place.rglob("labels/**/*.txt"):
        label.write_text(2 * label.read_text())
    for note in place.rglob("*.xml"):
        start, tag, rest = note.read_text().partition("<object>")
        things, close, end = rest.rpartition("</object>")
        note.write_text(start + 2 * f"{tag}{things}{close}" + end)


@pytest.mark.parametrize("name", ["ultralytics", "voc"])
def test_boxes_that_are_listed_twice_count_once_and_the_log_says_so(tmp_path: Path, caplog, name: str):
    drawn = sets.draw(tmp_path / "drawn")
    write, layout = {"ultralytics": (sets.write_ultralytics, "yolo"), "voc": (sets.write_voc, "voc")}[name]
    once = index(write(drawn, tmp_path / "once"), layout)
    double(write(drawn, tmp_path / "twice"))
    twice = index(tmp_path / "twice", layout)
    assert twice.frames["boxes"].tolist() == once.frames["boxes"].tolist()
    assert len(twice.boxes) == len(once.boxes) == 12
    assert "12 boxes were listed twice and are counted once" in caplog.text


def test_boxes_that_differ_by_less_than_a_label_file_can_say_are_one(tmp_path: Path):
    place = sets.write_ultralytics(sets.draw(tmp_path / "drawn"), tmp_path / "set")
    label = place / "labels/train/A_00001.txt"
    label.write_text("0 0.5 0.5 0.2 0.2\n0 0.5000001 0.5 0.2 0.2\n0 0.50001 0.5 0.2 0.2\n")
    frames = index(place, "yolo").frames.set_index("image")
    assert frames.loc["images/train/A_00001.jpg", "boxes"] == 2


@pytest.mark.parametrize("file", ["classes.txt", "labels/classes.txt", "labels/A/classes.txt", "obj.names"])
def test_a_list_of_classes_that_contradicts_the_config_is_an_error(tmp_path: Path, file: str):
    place = write_videos(tmp_path)
    (place / file).write_text("normal\nfallen\n")
    assert len(index(place, "yolo", LISTS).boxes) == 12
    for contradiction in ("fallen\nnormal\n", "normal\n", "dog\nperson\nnormal\nfallen\n"):
        (place / file).write_text(contradiction)
        with pytest.raises(SnowdriftError, match="names the classes") as caught:
            index(place, "yolo", LISTS)
        assert str(place / file) in caught.value.message and "data.class_names" in caught.value.hint


def write_videos(folder: Path) -> Path:
    """A folder for each video, in the YOLO layout."""
    for frame in sets.draw(folder / "drawn"):
        for kind in ("images", "labels"):
            (folder / "set" / kind / frame.video).mkdir(parents=True, exist_ok=True)
        frame.picture.rename(folder / "set/images" / frame.video / f"{frame.name}.jpg")
        (folder / "set/labels" / frame.video / f"{frame.name}.txt").write_text(sets.yolo_lines(frame))
    return folder / "set"


def test_a_video_without_any_label_is_left_out_with_its_reason(tmp_path: Path):
    place = write_videos(tmp_path)
    for label in (place / "labels/B").iterdir():
        label.unlink()
    rejected = index(place, "yolo", {"train": ["A"], "val": ["C"], "test": ["D"]}, max_rejected=0.5).rejected
    assert rejected["frame_id"].tolist() == ["B/00000", "B/00001", "B/00002"]
    assert set(rejected["reason"]) == {"label missing: none of the 3 pictures in images/B has one"}
    for name in ("00000", "00001", "00002"):
        (place / f"labels/B/{name}.txt").touch()
    assert index(place, "yolo", LISTS).rejected.empty

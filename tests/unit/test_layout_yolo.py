"""The YOLO layout: videos as folders, label lines, and what is refused."""

from pathlib import Path

import pytest

from snowdrift.data.classes import Classes
from snowdrift.data.decoding.images import FaultyFile, Picture
from snowdrift.data.index import boxes_of
from snowdrift.data.layouts import yolo
from snowdrift.data.listing import FrameFiles
from snowdrift.runtime.errors import SnowdriftError

CLASSES = Classes(("normal", "fallen"))
PICTURE = Picture(200, 100, 1, "RGB")


def list_frames(root: Path, classes: Classes = CLASSES) -> list[FrameFiles]:
    return yolo.list_frames(root, classes).frames


def layout(root: Path, *files: str) -> Path:
    for folder in ("images", "labels"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def read(tmp_path: Path, text: str) -> list:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    objects = yolo.read_objects(tmp_path, FrameFiles("A", "a", "a.jpg", "a.txt"), CLASSES)
    return boxes_of(objects, PICTURE, "reject", "a.txt")[0]


def reason(tmp_path: Path, text: str) -> str:
    with pytest.raises(FaultyFile) as caught:
        read(tmp_path, text)
    return caught.value.reason


def test_videos_are_folders_nested_ones_too(tmp_path):
    root = layout(tmp_path, "images/B/1.jpg", "labels/B/1.txt", "images/night/cam3/x.PNG", "images/A/2.jpeg")
    found = [(frame.video, frame.stem, frame.image, frame.annotation) for frame in list_frames(root)]
    assert found == [
        ("A", "2", "images/A/2.jpeg", ""),
        ("B", "1", "images/B/1.jpg", "labels/B/1.txt"),
        ("night__cam3", "x", "images/night/cam3/x.PNG", ""),
    ]


def test_label_without_picture_is_a_faulty_frame(tmp_path):
    root = layout(tmp_path, "images/A/1.jpg", "labels/A/2.txt", "labels/C/3.txt", "labels/A/classes.txt")
    faults = {f"{frame.video}/{frame.stem}": frame.fault for frame in list_frames(root)}
    assert faults == {
        "A/1": "",
        "A/2": "image missing: no picture 2 in images/A",
        "C/3": "image missing: no picture 3 in images/C",
    }


def test_pictures_directly_in_images_are_refused(tmp_path):
    with pytest.raises(SnowdriftError, match="belong to no video") as caught:
        list_frames(layout(tmp_path, "images/1.jpg", "images/A/2.jpg"))
    assert "put each video's frames into a folder of its own" in caught.value.hint


@pytest.mark.parametrize("missing", ["images", "labels"])
def test_folder_missing(tmp_path, missing):
    root = layout(tmp_path)
    (root / missing).rmdir()
    with pytest.raises(SnowdriftError, match=f"has no folder {missing}"):
        list_frames(root)


def test_no_frame(tmp_path):
    with pytest.raises(SnowdriftError, match="no frame found"):
        list_frames(layout(tmp_path, "images/A/notes.md"))


def test_two_folders_that_make_one_video(tmp_path):
    with pytest.raises(SnowdriftError, match="both make the video a__b"):
        list_frames(layout(tmp_path, "images/a__b/1.jpg", "images/a/b/1.jpg"))


@pytest.mark.parametrize(
    "content",
    [
        "names: [normal, fallen]",
        "names: {0: normal, 1: fallen}",
        "names: {1: fallen, 0: normal}",
        "nc: 2",
        "",
    ],
)
def test_data_yaml_that_agrees(tmp_path, content):
    root = layout(tmp_path, "images/A/1.jpg")
    (root / "data.yaml").write_text(content)
    assert len(list_frames(root)) == 1


@pytest.mark.parametrize(
    "content", ["names: [fallen, normal]", "names: {0: person}", "names: [normal, fallen, dog]"]
)
def test_data_yaml_that_differs(tmp_path, content):
    root = layout(tmp_path, "images/A/1.jpg")
    (root / "data.yaml").write_text(content)
    with pytest.raises(SnowdriftError, match="names the classes") as caught:
        list_frames(root)
    assert "set `data.class_names: [" in caught.value.hint


def test_data_yaml_names_are_ordered_by_number(tmp_path):
    root = layout(tmp_path, "images/A/1.jpg")
    names = [f"c{number}" for number in range(12)]
    (root / "data.yaml").write_text("names:\n" + "".join(f"  {n}: c{n}\n" for n in reversed(range(12))))
    assert len(list_frames(root, Classes(tuple(names)))) == 1


def test_data_yaml_that_cannot_be_parsed(tmp_path):
    root = layout(tmp_path, "images/A/1.jpg")
    (root / "data.yaml").write_text("names: [a, b")
    with pytest.raises(SnowdriftError, match=r"data.yaml: cannot be parsed"):
        list_frames(root)


def test_lines_become_boxes(tmp_path):
    boxes = read(tmp_path, "\ufeff0 0.5 0.5 0.2 0.4\n\n1.0 0.25 0.25 0.5 0.5\r\n")
    assert boxes == [pytest.approx((0, 0.5, 0.5, 0.2, 0.4)), pytest.approx((1, 0.25, 0.25, 0.5, 0.5))]


def test_empty_label_file_means_no_box(tmp_path):
    assert read(tmp_path, "") == []


def test_one_pixel_over_the_frame_is_clipped(tmp_path):
    (box,) = read(tmp_path, "0 0.5 0.5 1.009 1.019")
    assert box == (0, 0.5, 0.5, 1.0, 1.0)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "0 0.5 0.5 0.2",
            "label unparsable: line 2 has 4 columns, 5 are needed, or an odd number",
        ),
        (
            "0 0.5 0.5 0.2 0.2 0.9",
            "label unparsable: line 2 has 6 columns, 5 are needed, or an odd number",
        ),
        ("0 0.5 0.5 0.2 wide", "label unparsable: line 2 holds something that is not a number"),
        ("2 0.5 0.5 0.2 0.2", "class unknown: '2', known are 0 to 1"),
        ("-1 0.5 0.5 0.2 0.2", "class unknown: '-1', known are 0 to 1"),
        ("0.5 0.5 0.5 0.2 0.2", "class unknown: '0.5', known are 0 to 1"),
        ("nan 0.5 0.5 0.2 0.2", "class unknown: 'nan', known are 0 to 1"),
        ("0 nan 0.5 0.2 0.2", "box is not finite: line 2"),
        ("0 0.5 0.5 0 0.2", "box has no area: 100,40,100,60"),
        ("0 0.5 0.5 -0.2 0.2", "box has no area: 120,40,80,60"),
        ("0 0.95 0.5 0.2 0.2", "box outside the frame: 170,40,210,60 in 200x100"),
        ("0 100 50 20 20", "box outside the frame: 18000,4000,22000,6000 in 200x100"),
    ],
)
def test_faulty_lines(tmp_path, line, expected):
    assert reason(tmp_path, f"1 0.5 0.5 0.1 0.1\n{line}\n") == expected


def test_label_that_is_no_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FaultyFile, match="label unparsable: it is not a text file"):
        yolo.read_objects(tmp_path, FrameFiles("A", "a", "a.jpg", "a.txt"), CLASSES)

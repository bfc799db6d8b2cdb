"""Every layout: the same tables from each, what is a video, which splits are taken, and what is refused."""

import json
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import layout_sets as sets
import pandas as pd
import pytest
from PIL import Image

from snowdrift.data.index import FrameIndex, Reading, index_frames
from snowdrift.data.layouts import recognise
from snowdrift.runtime.errors import SnowdriftError

LISTS = {
    split: [video for video, its in sets.SPLIT_OF.items() if its == split]
    for split in ("train", "val", "test")
}
WITH_SPLITS = {
    "roboflow": (sets.write_roboflow, "yolo"),
    "ultralytics": (sets.write_ultralytics, "yolo"),
    "lists": (sets.write_lists, "yolo"),
    "coco": (sets.write_coco, "coco"),
    "roboflow-coco": (sets.write_roboflow_coco, "coco"),
    "voc": (sets.write_voc, "voc"),
}
WITHOUT = {"cvat-coco": (sets.write_cvat_coco, "coco"), "labelimg": (sets.write_labelimg, "voc")}

SCENES = ("street", "street", "park", "yard")
ALL = {**WITH_SPLITS, **WITHOUT}


def index(
    place: Path, layout: str, splits=None, group=None, max_rejected=0.0, seed=0, **reading
) -> FrameIndex:
    return index_frames(
        place,
        reading=Reading(layout, **{"class_names": sets.CLASSES, **reading}),
        splits=splits or {"train": 1, "val": 1, "test": 1},
        group=group,
        seed=seed,
        max_rejected=max_rejected,
        rejected=place.parent / "rejected.csv",
    )


@pytest.fixture
def drawn(tmp_path: Path) -> list[sets.Drawn]:
    return sets.draw(tmp_path / "drawn")


@pytest.mark.parametrize("name", ALL)
def test_every_layout_gives_the_tables_of_vfp290k_box_for_box(tmp_path: Path, drawn, name: str):
    write, layout = ALL[name]
    expected = index(sets.write_vfp290k(drawn, tmp_path / "vfp"), "vfp290k", LISTS)
    found = index(
        write(drawn, tmp_path / name), layout, LISTS, group="([A-Z])_" if name in WITH_SPLITS else None
    )
    columns = ["frame_id", "video", "width", "height", "split", "boxes", "status", "digest"]
    pd.testing.assert_frame_equal(found.frames[columns], expected.frames[columns])
    pd.testing.assert_frame_equal(found.boxes, expected.boxes, atol=1e-12)


@pytest.mark.parametrize("name", WITH_SPLITS)
def test_a_dataset_keeps_its_own_splits_and_its_pictures_are_alone(tmp_path: Path, drawn, name: str):
    write, layout = WITH_SPLITS[name]
    frames = index(write(drawn, tmp_path / name), layout).frames
    assert frames["video"].nunique() == len(frames) == len(drawn)
    own = {frame.flat: sets.SPLIT_OF[frame.video] for frame in drawn}
    assert {Path(row.image).stem: row.split for row in frames.itertuples()} == own


@pytest.mark.parametrize("name", ["ultralytics", "coco", "voc"])
def test_a_test_split_that_is_missing_is_drawn_from_training(tmp_path: Path, drawn, name: str):
    write, layout = WITH_SPLITS[name]
    place = write([frame for frame in drawn if frame.video != "D"], tmp_path / name)
    remove_test_split(place)
    splits = {"train": 1, "val": 1, "test": 2}
    frames = index(place, layout, splits).frames
    assert frames["split"].value_counts().to_dict() == {"train": 4, "val": 3, "test": 2}
    named = index(place, layout, {**splits, "test": ["A"]}, group="([A-Z])_").frames
    assert named.groupby("split")["video"].unique().map(list).to_dict() == {
        "train": ["B"],
        "val": ["C"],
        "test": ["A"],
    }
    with pytest.raises(SnowdriftError, match="has no test split of its own") as caught:
        index(place, layout, {**splits, "test": 6})
    assert "lower splits.test" in caught.value.hint


def remove_test_split(place: Path) -> None:
    if (place / "data.yaml").is_file():
        text = (place / "data.yaml").read_text()
        (place / "data.yaml").write_text(text.replace("test: images/test\n", ""))
    for path in (place / "annotations/instances_test2017.json", place / "VOC2012/ImageSets/Main/test.txt"):
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("suffix", ["data.yaml", ""])
def test_a_standard_set_is_named_by_its_file_or_its_folder_whatever_the_layout_says(tmp_path, drawn, suffix):
    place = sets.write_ultralytics(drawn, tmp_path / "set")
    assert len(index(place / suffix, "vfp290k" if suffix else "yolo").frames) == len(drawn)


def test_path_of_a_data_yaml_is_the_root_if_it_is_there(tmp_path, drawn):
    sets.write_ultralytics(drawn, tmp_path / "pictures")
    description = tmp_path / "configs/people.yaml"
    description.parent.mkdir()
    description.write_text(
        (tmp_path / "pictures/data.yaml").read_text().replace("../somewhere", "../pictures")
    )
    frames = index(description, "yolo").frames
    assert frames["image"].str.startswith("images/").all()


def test_a_table_of_groups_is_as_good_as_a_pattern(tmp_path, drawn):
    place = sets.write_roboflow(drawn, tmp_path / "set")
    rows = [f"{frame.flat}.jpg,{frame.video}" for frame in drawn]
    (tmp_path / "groups.csv").write_text("picture,group\n" + "\n".join(rows))
    by_table = index(place, "yolo", group=str(tmp_path / "groups.csv")).frames
    pd.testing.assert_frame_equal(by_table, index(place, "yolo", group="([A-Z])_").frames)
    (tmp_path / "groups.csv").write_text("\n".join(rows[1:]))
    with pytest.raises(SnowdriftError, match=r"has no row for train/images/A_00000.jpg"):
        index(place, "yolo", group=str(tmp_path / "groups.csv"))


def test_videos_that_share_a_group_go_into_one_split(tmp_path, drawn):
    place = sets.write_vfp290k(drawn, tmp_path / "set")
    rows = "".join(f"{video},{scene}\n" for video, scene in zip("ABCD", SCENES, strict=True))
    (tmp_path / "scenes.csv").write_text(rows)
    for seed in range(4):
        frames = index(place, "vfp290k", group=str(tmp_path / "scenes.csv"), seed=seed).frames
        assert frames.groupby("video")["group"].unique().str[0].to_dict() == dict(
            zip("ABCD", SCENES, strict=True)
        )
        assert frames.groupby("video")["split"].nunique().tolist() == [1, 1, 1, 1]
        assert frames.loc[frames["video"].isin(["A", "B"]), "split"].nunique() == 1
        assert set(frames["split"]) == {"train", "val", "test"}
    with pytest.raises(
        SnowdriftError, match=r"the group 'street' of 'B' is in splits.train and in splits.test"
    ):
        index(place, "vfp290k", {"train": ["A"], "val": 1, "test": ["B"]}, group=str(tmp_path / "scenes.csv"))


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("(", "is no regular expression"),
        ("cam[0-9]", "finds nothing in"),
        (r"(\d)\.jpg", r"the group \d is in \w+ and, with"),
        ("nowhere.csv", "cannot be read as a CSV file"),
    ],
)
def test_rules_for_groups_that_cannot_be(tmp_path, drawn, group: str, message: str):
    with pytest.raises(SnowdriftError, match=message):
        index(sets.write_roboflow(drawn, tmp_path / "set"), "yolo", group=group)


def write_polygons(place: Path) -> None:
    """Every box as the polygon of its four corners, as a segmentation export has it."""
    for label in place.rglob("labels/*/*.txt"):
        lines = []
        for line in label.read_text().splitlines():
            number, x, y, w, h = line.split()
            x, y, w, h = map(float, (x, y, w, h))
            corners = [
                (x - w / 2, y - h / 2),
                (x + w / 2, y - h / 2),
                (x + w / 2, y + h / 2),
                (x - w / 2, y + h / 2),
            ]
            lines.append(f"{number} " + " ".join(f"{value}" for corner in corners for value in corner))
        label.write_text("\n".join(lines))


def test_polygons_become_the_boxes_round_them_and_the_log_says_so_once(tmp_path, drawn, caplog):
    caplog.set_level("INFO")
    boxes = index(sets.write_ultralytics(drawn, tmp_path / "boxes"), "yolo").boxes
    place = sets.write_ultralytics(drawn, tmp_path / "polygons")
    write_polygons(place)
    caplog.clear()
    pd.testing.assert_frame_equal(index(place, "yolo").boxes, boxes, atol=1e-12)
    assert caplog.text.count("polygons became the boxes round them") == 1


@pytest.mark.parametrize("points", ["0.5 0.5 2", "0.5 0.5 2 0.4 0.4 0 0.3 0.3 1"])
def test_keypoint_labels_are_refused_by_name(tmp_path, drawn, points: str):
    place = sets.write_ultralytics(drawn, tmp_path / "set")
    for label in place.rglob("labels/*/*.txt"):
        label.write_text("".join(f"{line} {points}\n" for line in label.read_text().splitlines()))
    with pytest.raises(SnowdriftError, match="label has keypoints"):
        index(place, "yolo")
    (place / "data.yaml").write_text((place / "data.yaml").read_text() + "kpt_shape: [1, 3]\n")
    with pytest.raises(SnowdriftError, match="describes keypoints"):
        index(place, "yolo")


def change_coco(place: Path, change: Callable[[dict], None]) -> Path:
    for path in place.glob("annotations/instances_*.json"):
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))
    return place


def boxless(content: dict) -> None:
    for annotation in content["annotations"]:
        del annotation["bbox"]
        annotation["segmentation"] = []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("annotations"), "it has no list annotations"),
        (lambda content: content["categories"].pop(), "has the categories normal, the config has"),
        (lambda content: content["categories"][0].update(keypoints=["nose"]), "describes keypoints"),
        (lambda content: content["annotations"][0].update(image_id=99), "speaks of picture 99"),
        (lambda content: content["annotations"][0].update(category_id=1), "speaks of category 1"),
        (lambda content: content["images"][0].update(id=1), "have the same id 1"),
        (lambda content: content["images"][0].update(file_name="/etc/x.jpg"), "is no path below"),
        (lambda content: [each.update(width=640) for each in content["images"]], "JSON size differs"),
        (lambda content: [each.update(file_name="x.jpg") for each in content["images"]], "was not found in"),
        (boxless, "box incomplete"),
        (lambda content: content["images"][0].update(id=[1]), r"speaks of picture 0"),
        (lambda content: content["annotations"][0].update(image_id=[1]), r"speaks of picture \[1\]"),
        (lambda content: content["annotations"][1].update(iscrowd="maybe"), "crowd unclear"),
        (lambda content: content["annotations"][1].update(bbox=None, segmentation=[1, 2]), "box incomplete"),
        (lambda content: content["annotations"][1].update(bbox=[10**400, 1, 2, 3]), "box incomplete"),
    ],
)
def test_json_that_is_not_understood_is_refused(tmp_path, drawn, change, message: str):
    place = change_coco(sets.write_coco(drawn, tmp_path / "set"), change)
    with pytest.raises(SnowdriftError, match=message):
        index(place, "coco")


@pytest.mark.parametrize("name", ["ultralytics", "coco", "voc"])
def test_objects_of_other_classes_are_refused_or_dropped_as_the_config_says(tmp_path, drawn, name: str):
    write, layout = WITH_SPLITS[name]
    place = write(drawn, tmp_path / name)
    with pytest.raises(SnowdriftError, match=r"class_names|class unknown"):
        index(place, layout, class_names=["fallen"])
    boxes = index(place, layout, class_names=["fallen"], other_classes="drop").boxes
    fallen = [box for frame in drawn for box in frame.boxes if box[0] == 1]
    assert len(boxes) == len(fallen) > 0
    assert set(boxes["class_id"]) == {0}


@pytest.mark.parametrize("name", [*ALL, "vfp290k"])
def test_the_doctor_can_tell_the_layout_of_a_folder(tmp_path, drawn, name: str):
    write, layout = ALL.get(name, (sets.write_vfp290k, "vfp290k"))
    assert recognise(write(drawn, tmp_path / name))[0] == layout


def test_a_folder_that_is_no_dataset_looks_like_none(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    assert recognise(tmp_path) is None


def as_texts(content: dict) -> None:
    for annotation in content["annotations"]:
        for key in ("iscrowd", "image_id", "category_id"):
            annotation[key] = str(annotation[key])


def relative(start: str) -> Callable[[dict], None]:
    return lambda content: [each.update(file_name=start + each["file_name"]) for each in content["images"]]


def heading_is_a_class(content: dict) -> None:
    content["categories"][1]["supercategory"] = "normal"


def without_sizes(content: dict) -> None:
    for each in content["images"]:
        each.update(width=None, height="48")


@pytest.mark.parametrize(
    "change", [as_texts, relative("./"), relative(".\\"), heading_is_a_class, without_sizes]
)
def test_json_as_various_tools_write_it_gives_the_same_boxes(tmp_path, drawn, change):
    expected = index(sets.write_coco(drawn, tmp_path / "plain"), "coco")
    found = index(change_coco(sets.write_coco(drawn, tmp_path / "set"), change), "coco")
    pd.testing.assert_frame_equal(found.boxes, expected.boxes)
    pd.testing.assert_frame_equal(found.frames, expected.frames)


@pytest.mark.parametrize("folder", ["images", "JPEGImages", "data"])
@pytest.mark.parametrize("name", ["result.json", "latest.json", "evaluation.json", "train_val_test.json"])
def test_the_folder_of_all_pictures_is_no_video_and_part_of_a_word_no_split(tmp_path, drawn, name, folder):
    content = sets.coco(drawn)
    (tmp_path / "set" / folder).mkdir(parents=True)
    for image, frame in zip(content["images"], drawn, strict=True):
        image["file_name"] = f"{folder}/{frame.flat}.jpg"
        shutil.copy(frame.picture, tmp_path / "set" / image["file_name"])
    (tmp_path / "set" / name).write_text(json.dumps(content))
    frames = index(tmp_path / "set", "coco").frames
    assert frames["video"].tolist() == [frame.flat for frame in drawn]
    assert frames["split"].value_counts().to_dict() == {"unused": 9, "train": 1, "val": 1, "test": 1}


def test_the_folder_of_a_split_in_the_paths_of_its_pictures_is_no_video(tmp_path, drawn):
    place = sets.write_coco(drawn, tmp_path / "set")
    for split in ("train", "val", "test"):
        path = place / f"annotations/instances_{split}2017.json"
        path.write_text(path.read_text().replace('"file_name": "', f'"file_name": "{split}2017/'))
    expected = index(sets.write_coco(drawn, tmp_path / "plain"), "coco").frames
    pd.testing.assert_frame_equal(index(place, "coco").frames, expected)


@pytest.mark.parametrize(("old", "new"), [("train2017", "Train2017"), ("val2017", "VAL2017")])
def test_capitals_of_the_folders_of_a_json_file_do_not_matter(tmp_path, drawn, old, new):
    place = sets.write_coco(drawn, tmp_path / "set")
    (place / old).rename(place / new)
    assert (index(place, "coco").frames["status"] == "ok").all()


def test_folders_of_a_json_file_are_found_in_the_unicode_form_of_macos(tmp_path, drawn):
    place = sets.write_cvat_coco(drawn, tmp_path / "set")
    (place / "images/A").rename(place / "images" / unicodedata.normalize("NFD", "강남"))
    path = place / "annotations/instances_default.json"
    path.write_text(path.read_text().replace('"A/', '"강남/'))
    frames = index(place, "coco").frames
    assert (frames["status"] == "ok").all() and "강남" in set(frames["video"])


def test_pictures_that_the_tables_could_not_tell_apart_are_one_faulty_frame(tmp_path, drawn):
    place = sets.write_cvat_coco(drawn, tmp_path / "set")
    path = place / "annotations/instances_default.json"
    content = json.loads(path.read_text())
    for number, name in enumerate(("D/D_00000.png", "D/E/x.jpg", "D__E/x.jpg"), start=100):
        (place / "images" / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", sets.SIZE, (number, 0, 0)).save(place / "images" / name)
        content["images"].append({"id": number, "file_name": name, "width": 64, "height": 48})
    path.write_text(json.dumps(content))
    frames, boxes, rejected = index(place, "coco", max_rejected=0.5)
    assert frames["frame_id"].is_unique and len(boxes) == 12
    assert rejected["reason"].str.startswith("two pictures of one name: ").tolist() == [True, True]


def test_a_dataset_whose_own_files_name_no_training_says_so(tmp_path, drawn):
    place = sets.write_coco(drawn, tmp_path / "set")
    for split in ("train", "test"):
        (place / f"annotations/instances_{split}2017.json").unlink()
    with pytest.raises(SnowdriftError, match="own files name videos for val, and none to train with"):
        index(place, "coco")


def edit(name: str, *changes: str) -> Callable[[Path], None]:
    """Replace texts in the file `name` of a dataset; with one text, write it."""

    def change(place: Path) -> None:
        text = (place / name).read_text() if len(changes) > 1 else changes[0]
        for old, new in zip(changes[::2], changes[1::2], strict=False):
            assert old in text
            text = text.replace(old, new)
        (place / name).write_text(text)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit("data.yaml", "0: normal\n  1: fallen", "1: normal\n  2: fallen"), "expected 0 to 1"),
        (edit("data.yaml", "0: normal\n  1: fallen", "0: normal\n  2: fallen"), "expected 0 to 1"),
        (edit("data.yaml", "names:\n  0: normal\n  1: fallen", "names: 5"), "is no list of classes"),
        (edit("data.yaml", "val: images/val", "val: images/train"), "images/train is in train and in val"),
        (edit("data.yaml", "val: images/val", "val: images/nowhere"), "there is no such file or folder"),
    ],
)
def test_a_data_yaml_that_is_not_clear_is_refused(tmp_path, drawn, change, message: str):
    place = sets.write_ultralytics(drawn, tmp_path / "set")
    change(place)
    with pytest.raises(SnowdriftError, match=message):
        index(place, "yolo")


def test_lists_of_pictures_that_are_no_text_or_name_nothing_are_refused(tmp_path, drawn):
    place = sets.write_lists(drawn, tmp_path / "set")
    for content, message in (
        (b"\xff\xfe", "cannot be read as a list"),
        (b"/a/b.jpg\n", "names /a/b.jpg, and"),
    ):
        (place / "train.txt").write_bytes(content)
        with pytest.raises(SnowdriftError, match=message):
            index(place, "yolo")


@pytest.mark.parametrize(
    "name", ["data.yaml", "people.yaml", "Classes.txt", "coco.names", "labels/_classes.txt"]
)
def test_any_list_of_classes_beside_the_labels_has_to_be_the_configs(tmp_path, drawn, name: str):
    place = sets.write_ultralytics(drawn, tmp_path / "set")
    (place / "data.yaml").unlink()
    for listed in (("normal", "fallen"), ("fallen", "normal")):
        text = (
            "\n".join(listed) if not name.endswith("yaml") else f"train: images/train\nnames: {list(listed)}"
        )
        (place / name).write_text(text)
        if listed == sets.CLASSES:
            assert len(index(place, "yolo").boxes) > 0
    with pytest.raises(SnowdriftError, match=f"{name}: names the classes"):
        index(place, "yolo")


def move(place: Path, old: str, new: str) -> None:
    """Rename `old`, a part of the paths of pictures and of their labels."""
    for kind in ("images", "labels"):
        for path in sorted((place / kind).glob(f"**/{old}*"), reverse=True):
            target = path.with_name(path.name.replace(old, new))
            target.parent.mkdir(exist_ok=True, parents=True)
            path.rename(target)


def by_video(place: Path) -> None:
    for path in [*place.glob("images/*/*.jpg"), *place.glob("labels/*/*.txt")]:
        (path.parent / path.name[0]).mkdir(exist_ok=True)
        path.rename(path.parent / path.name[0] / path.name)


def by_video_in_test(place: Path) -> None:
    for path in [*place.glob("images/test/*.jpg"), *place.glob("labels/test/*.txt")]:
        (path.parent / "D").mkdir(exist_ok=True)
        path.rename(path.parent / "D" / path.name)


def with_year(place: Path) -> None:
    for folder in [*place.glob("images/*"), *place.glob("labels/*")]:
        folder.rename(f"{folder}2017")


@pytest.mark.parametrize("change", [lambda place: None, by_video, by_video_in_test, with_year])
def test_folders_that_are_named_after_splits_are_splits_at_any_depth(tmp_path, drawn, change):
    place = sets.write_ultralytics(drawn, tmp_path / "set")
    (place / "data.yaml").unlink()
    change(place)
    frames = index(place, "yolo").frames
    own = {frame.flat: sets.SPLIT_OF[frame.video] for frame in drawn}
    assert {Path(row.image).stem: row.split for row in frames.itertuples()} == own


def test_a_folder_beside_those_of_the_splits_is_asked_about(tmp_path, drawn):
    place = sets.write_ultralytics(drawn, tmp_path / "set")
    (place / "images/backup").mkdir()
    assert len(index(place, "yolo").frames) == len(drawn)
    (place / "data.yaml").unlink()
    with pytest.raises(SnowdriftError, match="named after splits, and backup"):
        index(place, "yolo")


def test_a_test_split_that_roboflow_names_and_did_not_export_is_drawn(tmp_path, drawn, caplog):
    place = sets.write_roboflow([frame for frame in drawn if frame.video != "D"], tmp_path / "set")
    frames = index(place, "yolo").frames
    assert frames["split"].value_counts().to_dict() == {"train": 5, "val": 3, "test": 1}
    assert "so the dataset has no test split" in caplog.text


@pytest.mark.parametrize("write", [sets.write_ultralytics, sets.write_lists])
def test_names_in_a_data_yaml_and_its_lists_are_found_in_the_unicode_form_of_macos(tmp_path, drawn, write):
    place = write(drawn, tmp_path / "set")
    old = "train" if write is sets.write_ultralytics else "A_00000"
    move(place, old, unicodedata.normalize("NFD", "학습"))
    edit("data.yaml" if old == "train" else "train.txt", f"images/{old}", "images/학습")(place)
    frames = index(place, "yolo").frames
    assert frames["split"].value_counts().to_dict() == {"train": 6, "val": 3, "test": 3}


@pytest.mark.parametrize("suffix", ["", "data.yaml"])
def test_a_dataset_named_through_a_link_whose_data_yaml_says_where_it_lies(tmp_path, drawn, suffix):
    place = sets.write_ultralytics(drawn, tmp_path / "set")
    edit("data.yaml", "path: ../somewhere", f"path: {place}")(place)
    (tmp_path / "link").symlink_to(place)
    assert (index(tmp_path / "link" / suffix, "yolo").frames["status"] == "ok").all()


def in_lists(change: Callable[[str], str]) -> Callable[[Path], None]:
    def change_lists(place: Path) -> None:
        for path in place.glob("VOC2012/ImageSets/Main/*.txt"):
            path.write_text("".join(f"{change(line)}\n" for line in path.read_text().splitlines()))

    return change_lists


def with_spaces(place: Path) -> None:
    """`A_00000` becomes `A 1`, so that its last word looks like a column."""
    for path in [*place.rglob("*.jpg"), *place.rglob("*.xml")]:
        path.rename(path.with_name(spaced(path.name)))
    in_lists(spaced)(place)


def spaced(name: str) -> str:
    return name.replace("_0000", " ")


def quoted(place: Path) -> None:
    with_spaces(place)
    in_lists(lambda line: f'"{line}"')(place)


def in_capitals(place: Path) -> None:
    for path in sorted(place.glob("VOC2012/ImageSets/Main/*.txt")):
        path.rename(path.with_name(path.name.title()))


def in_a_devkit(place: Path) -> None:
    (place / "VOCdevkit").mkdir()
    (place / "VOC2012").rename(place / "VOCdevkit/VOC2012")


def of_classes(place: Path) -> None:
    for path in sorted(place.glob("VOC2012/ImageSets/Main/*.txt")):
        path.with_name(f"fallen_{path.name}").write_text("A_00000 -1\nD_00000  1\n")


@pytest.mark.parametrize(
    "change",
    [
        with_spaces,
        quoted,
        in_capitals,
        in_a_devkit,
        of_classes,
        in_lists("{}  1".format),
        in_lists("{} -1".format),
        in_lists("{}.jpg".format),
        in_lists("{}\r".format),
    ],
)
def test_lists_of_voc_as_various_tools_write_them_split_the_pictures(tmp_path, drawn, change):
    place = sets.write_voc(drawn, tmp_path / "set")
    change(place)
    frames = index(place, "voc").frames
    own = {frame.flat: sets.SPLIT_OF[frame.video] for frame in drawn}
    if change in (with_spaces, quoted):
        own = {spaced(name): split for name, split in own.items()}
    assert {Path(row.image).stem: row.split for row in frames.itertuples()} == own


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff\xfe", "cannot be read as a list"), (b"x\ny\n", "there is no such picture")],
)
def test_lists_of_voc_that_split_nothing_are_refused(tmp_path, drawn, content: bytes, message: str):
    place = sets.write_voc(drawn, tmp_path / "set")
    for path in place.glob("VOC2012/ImageSets/Main/*.txt"):
        path.unlink()
    (place / "VOC2012/ImageSets/Main/train.txt").write_bytes(content)
    with pytest.raises(SnowdriftError, match=message):
        index(place, "voc")


@pytest.mark.parametrize("names", [("images", "annotations"), ("Images", "Annotations")])
def test_xml_files_in_a_folder_beside_images(tmp_path, drawn, names):
    expected = index(sets.write_voc(drawn, tmp_path / "voc"), "voc")
    place = sets.write_voc(drawn, tmp_path / "set")
    for frame in drawn:
        for old, new, suffix in zip(("JPEGImages", "Annotations"), names, (".jpg", ".xml"), strict=True):
            target = place / sets.SPLIT_OF[frame.video] / new / f"{frame.flat}{suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            (place / "VOC2012" / old / target.name).rename(target)
    shutil.rmtree(place / "VOC2012")
    found = index(place, "voc")
    assert found.frames["split"].value_counts().to_dict() == expected.frames["split"].value_counts().to_dict()
    assert len(found.boxes) == len(expected.boxes)


def test_a_folder_of_pictures_without_any_xml_is_left_out_with_a_word(tmp_path, drawn):
    place = sets.write_labelimg(drawn, tmp_path / "set")
    for path in place.glob("B/*.xml"):
        path.unlink()
    rejected = index(place, "voc", max_rejected=0.5).rejected
    assert rejected["reason"].tolist() == ["XML missing"] * 3


@pytest.mark.parametrize(
    "table",
    [
        lambda rows: "\ufeffpicture,group\r\n" + "\r\n".join(map(",".join, rows)),
        lambda rows: "picture;group\n" + "\n".join(map(";".join, rows)),
        lambda rows: "\n".join(map("\t".join, rows)),
        lambda rows: '"picture","group"\n' + "\n".join(f'"{name}", {group} ' for name, group in rows),
        lambda rows: "\n \n".join(f".\\{name},{group}" for name, group in rows),
        lambda rows: "\n".join(f"./{name},{group}" for name, group in rows) + "\n,\n",
    ],
)
def test_a_table_of_groups_as_spreadsheets_write_it(tmp_path, drawn, table):
    place = sets.write_roboflow(drawn, tmp_path / "set")
    rows = [(f"{frame.flat}.jpg", frame.video) for frame in drawn]
    (tmp_path / "groups.csv").write_bytes(table(rows).encode())
    assert set(index(place, "yolo", group=str(tmp_path / "groups.csv")).frames["video"]) == set("ABCD")


def test_a_pattern_of_several_alternatives(tmp_path, drawn):
    place = sets.write_roboflow(drawn, tmp_path / "set")
    assert set(index(place, "yolo", group="(A)_|([BCD])_").frames["video"]) == set("ABCD")


@pytest.mark.parametrize("name", ["..", ".", " . "])
def test_a_group_that_no_folder_can_be_named_after(tmp_path, drawn, name: str):
    place = sets.write_roboflow(drawn, tmp_path / "set")
    (tmp_path / "groups.csv").write_text("".join(f"{frame.flat},{name}\n" for frame in drawn))
    with pytest.raises(SnowdriftError, match="is no name for a group"):
        index(place, "yolo", group=str(tmp_path / "groups.csv"))


def test_pictures_directly_in_images_are_alone_or_in_their_groups(tmp_path, drawn):
    """As Label Studio exports them, with `classes.txt` and `notes.json`, and no data.yaml."""
    place = sets.write_lists(drawn, tmp_path / "set")
    for name in ("data.yaml", "train.txt", "val.txt", "test.txt"):
        (place / name).unlink()
    (place / "classes.txt").write_text("normal\nfallen\n")
    (place / "notes.json").write_text("{}")
    assert index(place, "yolo").frames["video"].nunique() == len(drawn)
    grouped = index(place, "yolo", LISTS, group="([A-Z])_")
    expected = index(sets.write_vfp290k(drawn, tmp_path / "vfp"), "vfp290k", LISTS)
    pd.testing.assert_frame_equal(grouped.boxes, expected.boxes, atol=1e-12)


def test_a_data_folder_that_is_written_in_the_unicode_form_of_macos_is_named(tmp_path, drawn):
    sets.write_roboflow(drawn, tmp_path / unicodedata.normalize("NFD", "강남"))
    with pytest.raises(
        SnowdriftError, match=r"does not exist; .* looks like it, but the first is in Unicode"
    ):
        index(tmp_path / "강남", "yolo")

"""The index of a chest X-ray set: layouts, findings, duplicates and faulty files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.xray.enough import require_enough
from snowdrift.xray.images import load_images, resize_images, to_float, to_uint8, write_sheet
from snowdrift.xray.index import class_images, index_xray
from snowdrift.xray.patients import HELD_OUT, hold_out, patient_of


def xray(path, seed, *, size=(40, 30), mode="L"):
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0]), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).convert(mode).save(path)


@pytest.fixture
def root(tmp_path):
    """Two training images a class and one test image of each, every one different."""
    files = [
        "train/NORMAL/a.jpeg",
        "train/NORMAL/b.jpeg",
        "train/PNEUMONIA/person1_bacteria_2.jpeg",
        "train/PNEUMONIA/person3_virus_9.jpeg",
        "test/NORMAL/c.jpeg",
        "test/PNEUMONIA/person5_virus_1.jpeg",
    ]
    for seed, file in enumerate(files):
        xray(tmp_path / "set" / file, seed)
    return tmp_path / "set"


def index(root, max_rejected=1.0, class_name="NORMAL", held_out=0.0, seed=0):
    return index_xray(
        root,
        class_name=class_name,
        max_rejected=max_rejected,
        held_out=held_out,
        seed=seed,
        rejected=root.parent / "rejected.csv",
    )


def test_splits_classes_and_findings_are_read_from_the_names(root):
    images, rejected = index(root)
    assert rejected.empty
    assert images["finding"].tolist() == ["normal", "normal", "bacteria", "virus", "normal", "virus"]
    assert images["split"].tolist() == ["train"] * 4 + ["test"] * 2
    assert (images["width"] == 40).all()
    assert class_images(images, "train", "NORMAL") == ["train/NORMAL/a.jpeg", "train/NORMAL/b.jpeg"]


# Patients


@pytest.mark.parametrize(
    ("image", "patient"),
    [
        ("train/NORMAL/IM-0115-0001.jpeg", "IM-0115"),
        ("train/NORMAL/IM-0115-0001-0002.jpeg", "IM-0115"),
        ("train/NORMAL/NORMAL2-IM-0441-0001.jpeg", "NORMAL2-IM-0441"),
        ("train/PNEUMONIA/person1_bacteria_2.jpeg", "person1"),
        ("train/PNEUMONIA/person12_virus_2.jpeg", "person12"),
        ("train/NORMAL/person.jpeg", "train/NORMAL/person.jpeg"),
        ("train/NORMAL/scan-IM-0115.jpeg", "train/NORMAL/scan-IM-0115.jpeg"),
    ],
)
def test_names_tell_the_patient_or_the_image_stands_for_one(image, patient):
    assert patient_of(image) == patient


def listed(*, split="train", sizes=(1, 3, 2, 1, 4, 1, 1, 2, 3, 2), pattern="IM-{patient:04d}-{number:04d}"):
    """Rows of two classes, with so many images of each patient."""
    names = [
        f"{split}/{class_name}/{kind}{pattern.format(patient=patient, number=number)}.jpeg"
        for class_name, kind in (("NORMAL", ""), ("PNEUMONIA", "NORMAL2-"))
        for patient, count in enumerate(sizes)
        for number in range(count)
    ]
    return pd.DataFrame(
        {"image": names, "split": split, "class_name": [name.split("/")[1] for name in names]}
    )


@pytest.mark.parametrize("share", [0.1, 0.25, 0.33])
def test_whole_patients_are_held_out_of_every_class(share):
    images = hold_out(listed(), share, seed=0)
    for _, own in images.groupby("class_name"):
        held = own[own["split"] == HELD_OUT]
        assert share * 20 - 0.5 <= len(held) < share * 20 + 4
        assert not {*held["patient"]} & {*own.loc[own["split"] == "train", "patient"]}
    assert images["split"].tolist() == hold_out(listed(), share, seed=0)["split"].tolist()
    drawn = {tuple(hold_out(listed(), share, seed=seed)["split"]) for seed in range(10)}
    assert len(drawn) > 5


def test_other_splits_are_left_as_they_are_and_no_share_takes_nothing():
    assert set(hold_out(listed(split="test"), 0.3, seed=0)["split"]) == {"test"}
    assert set(hold_out(listed(), 0.0, seed=0)["split"]) == {"train"}


def test_names_without_patients_are_held_out_by_image_and_said_to_be(caplog):
    images = hold_out(listed(pattern="scan{patient}-{number}"), 0.25, seed=0)
    assert (images["split"] == HELD_OUT).sum() == 10
    assert "40 training X-rays have no patient in their names: held out by image" in caplog.text


def test_too_few_are_left_beside_the_held_out():
    images = hold_out(listed(sizes=(2, 2, 2)), 0.5, seed=0).assign(finding="a")
    images = pd.concat([images, listed(split="test").assign(finding="a", patient="")])
    with pytest.raises(SnowdriftError, match=r"4 usable X-rays .* held out and 2 are left") as caught:
        require_enough(images, "NORMAL", SCORES)
    assert "xray.held_out" in caught.value.hint


SCORES = {"study_splits": 2, "neighbours": 1}


@pytest.mark.parametrize(
    ("scores", "spoil", "fault"),
    [
        (SCORES, {}, None),
        ({"study_splits": 3, "neighbours": 1}, {}, "2 usable X-rays in `train/NORMAL`.* at least 3"),
        ({"study_splits": 2, "neighbours": 9}, {}, "2 usable X-rays in `train/NORMAL`.* at least 10"),
        (SCORES, {"test/NORMAL/d.jpeg": "copy of train/NORMAL/a.jpeg"}, "1 usable X-rays in `test/NORMAL`"),
        (SCORES, {"test/NORMAL/d.jpeg": "no picture"}, "1 usable X-rays in `test/NORMAL`"),
        (
            SCORES,
            dict.fromkeys(["train/PNEUMONIA/person1_bacteria_2.jpeg", "train/PNEUMONIA/person3_virus_9.jpeg"], ""),
            "show normal alone",
        ),
        (SCORES, {"train/All/a.jpeg": "new", "train/All/b.jpeg": "new"}, "a class is called `all`"),
    ],
)  # fmt: skip
def test_too_few_usable_x_rays_are_found_at_the_index(root, scores, spoil, fault):
    xray(root / "test/NORMAL/d.jpeg", 20)
    for number, (file, what) in enumerate(spoil.items()):
        if what.startswith("copy of "):
            shutil.copyfile(root / what.removeprefix("copy of "), root / file)
        elif what == "new":
            xray(root / file, 30 + number)
        else:
            (root / file).write_text(what)
    images, _ = index(root)
    more = [listed(split=HELD_OUT, sizes=(1, 1))]
    more += [] if fault and "train" in fault else [listed(sizes=(1, 1))]
    images = pd.concat([images, *(rows.assign(finding="normal", patient="") for rows in more)])
    if fault is None:
        require_enough(images, "NORMAL", scores)
        return
    with pytest.raises(SnowdriftError, match=fault) as caught:
        require_enough(images, "NORMAL", scores)
    assert "usable" not in fault or "scores.neighbours" in caught.value.message


def test_the_archives_doubled_folder_is_read_once(root):
    shutil.copytree(root, root / "chest_xray")
    images, rejected = index(root)
    assert len(images) == 6
    assert rejected.empty
    for split in ("train", "test"):
        shutil.rmtree(root / split)
    nested, _ = index(root)
    assert nested["image"].tolist() == [f"chest_xray/{image}" for image in images["image"]]


def test_of_equal_images_the_training_image_is_kept_and_the_others_listed(root):
    shutil.copy(root / "train/NORMAL/a.jpeg", root / "test/NORMAL/copy.jpeg")
    images, rejected = index(root, max_rejected=0.0)
    assert "test/NORMAL/copy.jpeg" not in set(images["image"])
    assert rejected.values.tolist() == [
        ["test/NORMAL/copy.jpeg", "same content as another: train/NORMAL/a.jpeg"]
    ]


def test_faulty_images_are_left_out_with_a_clear_line_each(root):
    folder = root / "train/NORMAL"
    Image.fromarray(np.zeros((30, 40), np.uint16)).save(folder / "deep.png")
    xray(folder / "alpha.png", 9, mode="RGBA")
    Image.new("L", (1, 1)).save(folder / "dot.png")
    (folder / "empty.jpeg").touch()
    images, rejected = index(root)
    reasons = dict(rejected.values.tolist())
    assert len(images) == 6
    assert "16" in reasons["train/NORMAL/deep.png"]
    assert "alpha channel" in reasons["train/NORMAL/alpha.png"]
    assert "1x1" in reasons["train/NORMAL/dot.png"]
    assert "empty" in reasons["train/NORMAL/empty.jpeg"]


def test_too_many_faulty_images_stop_the_study(root):
    (root / "train/NORMAL/empty.jpeg").touch()
    with pytest.raises(SnowdriftError, match=r"empty\.jpeg"):
        index(root, max_rejected=0.0)


def test_an_empty_class_folder_is_named(root):
    (root / "train/TUBERCULOSIS").mkdir()
    with pytest.raises(SnowdriftError, match="train/TUBERCULOSIS holds no picture") as caught:
        index(root)
    assert "fill the folder" in caught.value.hint


@pytest.mark.parametrize(
    ("removed", "class_name", "fault"),
    [
        ("train", "NORMAL", "no folder `train`"),
        ("test/NORMAL", "NORMAL", "no folder `test/NORMAL`; `test` holds PNEUMONIA"),
        ("train/PNEUMONIA", "NORMAL", "one class only, NORMAL"),
        ("val", "SICK", "no folder `train/SICK`; `train` holds NORMAL, PNEUMONIA"),
    ],
)
def test_a_set_of_another_layout_is_refused(root, removed, class_name, fault):
    shutil.rmtree(root / removed, ignore_errors=True)
    with pytest.raises(SnowdriftError, match=fault):
        index(root, class_name=class_name)


def test_a_missing_folder_is_named_with_its_key(tmp_path):
    with pytest.raises(SnowdriftError, match=r"data\.chest_xray"):
        index(tmp_path / "absent")


def test_images_are_read_gray_and_square_whatever_they_were(tmp_path):
    xray(tmp_path / "wide.png", 0, size=(90, 20))
    xray(tmp_path / "colour.jpeg", 1, size=(20, 90), mode="RGB")
    images = load_images([tmp_path / "wide.png", tmp_path / "colour.jpeg"], 16, channels=3)
    assert images.shape == (2, 3, 16, 16)
    assert (images[:, 0] == images[:, 2]).all()


def test_a_file_that_went_after_indexing_is_named(tmp_path):
    with pytest.raises(SnowdriftError, match=r"gone\.png: cannot be read"):
        load_images([tmp_path / "gone.png"], 16)


def test_floats_cover_the_range_of_tanh_and_come_back(root):
    images = load_images([root / "train/NORMAL/a.jpeg"], 30)
    images[0, 0, 0, 0], images[0, 0, 0, 1] = 0, 255
    floats = to_float(images)
    assert (floats.min(), floats.max()) == (-1, 1)
    assert (to_uint8(floats) == images).all()


def test_a_sheet_has_ten_to_a_row_with_white_gaps(tmp_path):
    images = torch.arange(12, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 4, 4) * 20
    write_sheet(images, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (2 + 2 * 6, 2 + 10 * 6)
    assert [sheet[4, 4 + 6 * column] for column in range(10)] == [20 * column for column in range(10)]
    assert [sheet[10, 4], sheet[10, 10], sheet[10, 16]] == [200, 220, 255]
    assert (sheet[:2] == 255).all()


def test_images_are_resized_within_the_values_that_they_may_have():
    images = torch.zeros((1, 3, 8, 8), dtype=torch.uint8)
    images[..., 4:] = 255
    small = resize_images(images, 4)
    assert small.dtype == torch.uint8
    assert small[0, 0, 0].tolist() == pytest.approx([0, 0, 255, 255], abs=20)
    assert resize_images(images, 8) is images


def test_sampling_and_the_report_do_not_import_torchvision():
    code = "import sys, snowdrift.xray.samples, snowdrift.report.page; print('torchvision' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "workflow/scripts")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"

"""Names in Unicode's two forms, names that look alike, names that are too long, and locales without them."""

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from test_data_annotations import write_videos
from test_layouts import LISTS, index

from snowdrift.data.names import difference
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import atomic_path

KOREAN = {"A": "서울역", "B": "부산역", "C": "대전역", "D": "Café 1"}


def nfd(name: str) -> str:
    return unicodedata.normalize("NFD", name)


def nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Videos whose pictures have composed names, and labels decomposed ones."""
    found = write_videos(tmp_path)
    for kind, form in (("images", nfc), ("labels", nfd)):
        for video, name in KOREAN.items():
            folder = (found / kind / video).rename(found / kind / form(name))
            for path in list(folder.iterdir()):
                path.rename(folder / form(f"프레임 {path.name}"))
    return found


LISTED = {split: [KOREAN[video] for video in videos] for split, videos in LISTS.items()}


@pytest.mark.parametrize("form", [nfc, nfd])
def test_folders_stems_and_the_config_are_compared_in_one_form(place: Path, form):
    listed = {split: [form(name) for name in names] for split, names in LISTED.items()}
    frames, boxes, rejected = index(place, "yolo", listed)
    assert len(frames) == 12 and len(boxes) == 12 and rejected.empty
    assert sorted(frames["video"].unique()) == sorted(map(nfc, KOREAN.values()))
    assert all((place / image).is_file() for image in frames["image"])


def test_two_videos_of_one_name_in_two_forms_are_an_error_that_says_how_they_differ(place: Path):
    (place / "images" / nfd("서울역")).mkdir()
    (place / "images" / nfd("서울역") / "x.jpg").touch()
    with pytest.raises(SnowdriftError, match=r"the (first|second) is in Unicode form NF"):
        index(place, "yolo", LISTED)


@pytest.mark.parametrize(
    ("first", "second", "remark"),
    [
        (nfc("역"), nfd("역"), "the first is in Unicode form NFC, the second in NFD"),
        ("cam1", "Cam1", "they differ in capital letters"),
        ("cam 1", "cam1", "they differ in spaces: 'cam 1' and 'cam1'"),
        ("cam1", "cam１", "FULLWIDTH DIGIT ONE"),
        ("cam1", "cam\u200b1", "ZERO WIDTH SPACE"),
        ("cam\u00a01", "cam 1", "spaces"),
        ("cam1", "cam2", ""),
        ("cam1", "cam1", ""),
    ],
)
def test_a_message_says_how_names_that_look_alike_differ(first: str, second: str, remark: str):
    assert remark in difference(first, second) and bool(remark) == bool(difference(first, second))


def test_a_name_in_the_config_that_only_looks_like_a_video_is_told_apart(place: Path):
    with pytest.raises(SnowdriftError, match="has no usable video") as caught:
        index(place, "yolo", {**LISTED, "test": ["café 1"]})
    assert "looks like it, but they differ in capital letters" in caught.value.hint


@pytest.mark.parametrize(("syllables", "fits"), [(83, True), (84, False)])
def test_a_pictures_name_may_fill_the_file_system_but_not_the_results(
    tmp_path: Path, syllables: int, fits: bool
):
    place = write_videos(tmp_path)
    name = "가" * syllables
    if fits:
        for kind, suffix in (("images", ".jpg"), ("labels", ".txt")):
            (place / kind / "A" / f"00000{suffix}").rename(place / kind / "A" / f"{name}{suffix}")
        assert index(place, "yolo", LISTS).rejected.empty
        with atomic_path(place / f"{name}.jpg") as temporary:
            temporary.touch()
        assert (place / f"{name}.jpg").is_file()
        return
    name = "가" * 83 + "ab"  # with .jpg for .png the winter frame would have one byte more
    (place / "images/A/00000.jpg").rename(place / f"images/A/{name}.png")
    rejected = index(place, "yolo", LISTS, max_rejected=0.5).rejected
    assert any("name is too long" in reason for reason in rejected["reason"])


def test_a_videos_name_that_leaves_no_room_for_the_results_is_a_fault(tmp_path: Path):
    place = write_videos(tmp_path)
    for kind in ("images", "labels"):
        (place / kind / "B").rename(place / kind / ("b" * 250))
    rejected = index(place, "yolo", {"train": ["A"], "val": ["C"], "test": ["D"]}, max_rejected=0.5).rejected
    assert set(rejected["reason"]) == {
        "name is too long: the video's has 250 bytes, results have room for 237; rename it"
    }


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_locale_that_cannot_show_names_says_so(place: Path, encoding: str):
    program = f"""
import sys
sys.getfilesystemencoding = lambda: {encoding!r}
from snowdrift.data.names import check_locale
from snowdrift.runtime.errors import SnowdriftError
import os
try:
    check_locale(os.listdir({str(place / "images")!r}))
except SnowdriftError as error:
    print(ascii(error.message), error.hint)
"""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert f"this locale ({encoding}) cannot show the name" in done.stdout, done.stderr
    assert "LC_ALL=C.UTF-8" in done.stdout

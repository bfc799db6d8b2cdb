"""The doctor: what it finds before anything runs, and the estimates behind it."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import layout_sets as sets
import pytest
import yaml
from PIL import Image

from snowdrift.operation import doctor, estimate
from snowdrift.operation.doctor import REPOSITORY, main, read_config


@pytest.fixture(autouse=True)
def messages() -> Iterator[None]:
    """The doctor silences what libraries say for its whole process, which later tests share."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory on a machine without GPUs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


def diagnose(place: Path, **config) -> tuple[int, dict[str, list[str]]]:
    """Exit status, and the lines of each level."""
    (place / "mine.yaml").write_text(yaml.safe_dump(config))
    found: dict[str, list[str]] = {"ok": [], "warning": [], "error": []}
    demo = str(REPOSITORY / "config/demo.yaml")
    status = main([demo, str(place / "mine.yaml")], lambda finding: found[finding.level].append(str(finding)))
    assert all("Hint: " in line for level in ("warning", "error") for line in found[level])
    return status, found


def vfp290k(root: Path, videos: int = 3) -> None:
    for video in range(videos):
        for part, suffix in (("images", "jpg"), ("clean_xml", "xml")):
            folder = root / f"GOPR{video:04d}/{part}"
            folder.mkdir(parents=True)
            (folder / f"GOPR{video:04d}_00000.{suffix}").write_text("<annotation/>")
        Image.new("RGB", (64, 36)).save(root / f"GOPR{video:04d}/images/GOPR{video:04d}_00000.jpg")


def test_the_demo_is_fit_and_told_what_it_takes(place: Path):
    status, found = diagnose(place)
    assert (status, found["error"]) == (0, [])
    text = "\n".join(found["ok"])
    assert "600 in 20 videos will be rendered" in text and "160 snow photographs will be rendered" in text
    assert "oracle (100 % true_winter); tested on original, winter, true_winter" in text
    assert "the test videos will be rendered under snow" in text
    # By the demo's own figures: 401 + 30 + 600 + 115 seconds.
    assert "time: about 19 min of one CPU core" in text
    assert list(place.iterdir()) == [place / "mine.yaml"]


def test_another_number_than_the_published_sets_is_a_warning_for_them_alone(place: Path):
    vfp290k(place / "VFP290K")
    shutil.copytree(place / "VFP290K", place / "mine")
    splits = {"train": 1, "val": 1, "test": 1}
    sets = {"mixed": {"original": 1, "cyclegan": 1}, "matched": None}
    status, found = diagnose(place, data={"vfp290k": "VFP290K"}, splits=splits, training_sets=sets)
    assert status == 0
    assert (
        "VFP290K: 3 frames, 3 videos; the published set has 294,713 frames, 178 videos" in found["warning"][0]
    )
    _, found = diagnose(place, data={"vfp290k": "mine"}, splits=splits, training_sets=sets)
    assert found["warning"] == [] and "mine: 3 frames, 3 videos" in "\n".join(found["ok"])
    (place / "data").mkdir()
    for link, target in (("data/VFP290K", "mine"), ("data/frames", "VFP290K")):
        (place / link).symlink_to(place / target)
        _, found = diagnose(place, data={"vfp290k": link}, splits=splits, training_sets=sets)
        assert "the published set has" in found["warning"][0]


def test_frames_that_a_run_would_leave_out_stop_the_doctor_only_where_there_are_no_others(place: Path):
    vfp290k(place / "mine", videos=4)
    pictures = sorted((place / "mine").rglob("*.jpg"))
    mine = {"data": {"vfp290k": "mine"}, "splits": {"train": 2, "val": 1, "test": 1}}
    pictures[0].write_bytes(b"no picture")
    pictures[1].unlink()
    pictures[1].symlink_to(place / "nowhere")
    status, found = diagnose(place, **mine)
    assert (status, found["error"]) == (0, [])
    assert "mine/GOPR0000/images/GOPR0000_00000.jpg: is not an image" in found["warning"][0]
    assert any("disk: " in line for line in found["ok"])
    for picture in pictures[2:]:
        picture.write_bytes(b"")
    status, found = diagnose(place, **mine)
    assert status == 1 and "none of 4 frames that were looked at can be read" in found["error"][0]


def test_true_winter_is_counted_and_what_is_wrong_with_it_has_its_own_key(place: Path):
    vfp290k(place / "winter", videos=2)
    data = {"true_winter": {"folder": "winter", "layout": "vfp290k", "train": 1, "val": 1}}
    _, found = diagnose(place, data=data)
    assert "data.true_winter.folder: winter: 2 pictures, 2 videos" in "\n".join(found["ok"])
    data["true_winter"]["layout"] = "yolo"
    status, found = diagnose(place, data=data)
    assert status == 1 and "data.true_winter.folder: winter" in found["error"][0]
    vfp290k(place / "mine", videos=4)
    _, found = diagnose(place, data={"vfp290k": "mine"}, splits={"train": 2, "val": 1, "test": 1})
    assert "tested on generated winter alone" in "\n".join(found["ok"])


@pytest.mark.parametrize(("below", "count"), [("", 9), ("cam3", 1)])
def test_folders_of_splits_are_the_splits_and_no_videos(place: Path, below: str, count: int):
    for split in ("train", "valid", "test"):
        for kind in ("images", "labels"):
            (place / "mine" / kind / split / below).mkdir(parents=True)
        Image.new("RGB", (64, 36)).save(place / "mine/images" / split / below / "0.jpg")
        (place / "mine/labels" / split / below / "0.txt").touch()
    mine = {"vfp290k": "mine", "layout": "yolo"}
    splits = dict.fromkeys(("train", "val", "test"), count)
    found = diagnose(
        place,
        data=mine,
        splits=splits,
        training_sets={"mixed": {"original": 1, "cyclegan": 1}, "matched": None},
    )
    assert found[0] == 0
    assert ("3 frames belong to no video" in "".join(found[1].get("warning", []))) == (not below)


@pytest.mark.parametrize(
    ("count", "level", "words"),
    [
        (1341, "ok", "as in the Kaggle release"),
        (1349, "ok", "as in the Mendeley release"),
        (1340, "warning", "Hint: get the rest, or go on"),
        (1345, "warning", "Hint: go on with what there is"),
    ],
)
def test_either_release_of_the_x_rays_is_whole(place: Path, count: int, level: str, words: str):
    for folder in ("train/NORMAL", "train/PNEUMONIA", "test/NORMAL"):
        (place / "chest_xray" / folder).mkdir(parents=True)
        for image in range(count if folder == "train/NORMAL" else 1):
            (place / f"chest_xray/{folder}/{image}.jpeg").touch()
    _, found = diagnose(place, data={"chest_xray": "chest_xray"})
    (line,) = [line for line in found[level] if "data.chest_xray" in line]
    assert f"{count:,} training images of the class" in line and words in line
    _, found = diagnose(place, data={"chest_xray": "chest_xray"}, xray={"class_name": "PNEUMONIA"})
    assert not any("data.chest_xray" in line for line in found["warning"])


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"data": {"vfp290k": "nowhere"}}, "nowhere does not exist"),
        ({"data": {"vfp290k": "VFP290K", "layout": "yolo"}}, "no folder images"),
        ({"data": {"vfp290k": "VFP290K"}}, "the dataset has 3"),
        ({"data": {"dawn": "empty"}}, "empty is empty"),
        ({"data": {"chest_xray": "VFP290K"}}, "no folder `train`"),
        ({"cyclegan": {"pretrained": "mine.yaml"}}, "mine.yaml"),
        ({"cyclegan": {"pretrained": "nowhere.pth"}}, "nowhere.pth"),
        ({"scores": {"extractors": ["inception"], "inception_weights": "none.pth"}}, "none.pth: there is no"),
        ({"detector": {"epocs": 3}}, "did you mean `detector.epochs`"),
        ({"device": "cuda"}, "there is no GPU here"),
    ],
)
def test_what_would_stop_a_run_is_an_error(place: Path, config: dict, fault: str):
    vfp290k(place / "VFP290K")
    (place / "empty").mkdir()
    status, found = diagnose(place, **config)
    assert status == 1
    assert fault in "\n".join(found["error"]), found["error"]


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with 10 MB left."""
    usage = shutil._ntuple_diskusage(10**9, 10**9 - 10**7, 10**7)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)


@pytest.mark.usefixtures("full")
def test_too_little_space_is_an_error_that_leaves_relative_paths_as_they_are(place: Path):
    status, found = diagnose(place)
    assert status == 1 and "10.0 MB are free" in found["error"][0]
    assert "`mkdir -p /big/results && ln -s /big/results results`" in found["error"][0]
    assert "--directory" not in found["error"][0]
    (place / "results/other").mkdir(parents=True)
    _, found = diagnose(place)
    assert "`mv results /big/ && ln -s /big/results results`" in found["error"][0]


@pytest.mark.usefixtures("full")
def test_what_a_run_has_made_needs_no_space_again(place: Path):
    def finish(*jobs: str) -> None:
        for job in jobs:
            file = place / f"results/demo/digests/{job}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()

    finish("render_vfp290k", "render_true_winter", "winterize_shard/cyclegan/0")
    finish(*(f"build_dataset/{name}" for name in "abcde"))
    status, found = diagnose(place)
    assert status == 0 and "beside what is in results/demo" in found["warning"][0]
    assert "winter frames 29.5 MB" in found["warning"][0] and "rendered" not in found["warning"][0]
    finish("winterize_shard/cyclegan/1", "winterize_shard/matched/0", "winterize_shard/matched/1")
    finish("train_cyclegan", *(f"train_detector/{name}" for name in "abcde"))
    _, found = diagnose(place)
    assert found["warning"] == []
    assert "disk: up to 0.0 MB beside what is in results/demo (tables" in "\n".join(found["ok"])


def test_gpus_are_listed_with_the_option_that_counts_them(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    _, found = diagnose(place)
    assert any("GPUs: 2 " in line and "--resources gpu=2" in line for line in found["ok"])


def program(place: Path, name: str, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program on the PATH that prints `output`."""
    (place / "bin").mkdir(exist_ok=True)
    (place / "bin" / name).write_text(f"#!/bin/sh\necho '{output}'\n")
    (place / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(place / "bin"))


@pytest.mark.parametrize("submits", ["sbatch", "qsub", "bsub"])
def test_a_login_node_needs_no_gpu(place: Path, monkeypatch: pytest.MonkeyPatch, submits: str):
    program(place, submits, "", monkeypatch)
    status, found = diagnose(place, device="cuda")
    assert (status, found["error"]) == (0, [])
    assert f"{submits} is, so this may be a login node" in found["warning"][0]
    assert "Hint: jobs have to go to nodes with GPUs" in found["warning"][0]
    _, found = diagnose(place, device="auto")
    assert any("no GPU here: jobs on nodes use those" in line for line in found["ok"])


@pytest.mark.parametrize(
    ("available", "cuda", "level", "words"),
    [
        ("True", "'13.0'", "ok", "GPUs: NVIDIA A100\n"),
        ("True", "'13.1'", "error", "RuntimeError: no kernel image is available"),
        ("False", "'13.0'", "error", "the driver is too old for this torch, which is made for CUDA 13.0"),
        ("False", "None", "error", "this torch is made for the CPU alone"),
        ("1 / 0", "None", "error", "ZeroDivisionError"),
        ("__import__('time').sleep(60)", "None", "error", "does not answer within 2 s"),
    ],
)
def test_gpus_that_torch_cannot_use_are_an_error(
    place: Path, monkeypatch: pytest.MonkeyPatch, available: str, cuda: str, level: str, words: str
):
    program(place, "nvidia-smi", "GPU 0: NVIDIA A100 (UUID: GPU-12345678)", monkeypatch)
    fake = f"""
class cuda:
    is_available = lambda: {available}
    device_count = lambda: {available} * 2
class version:
    cuda = {cuda}
class ones:
    def __init__(self, size, device):
        if {cuda} == "13.1" and device == 1:
            raise RuntimeError("no kernel image is available")
    def add(self, number):
        return self
    def item(self):
        return 2.0
"""
    (place / "fake").mkdir()
    (place / "fake/torch.py").write_text(fake)
    monkeypatch.setenv("PYTHONPATH", str(place / "fake"))
    if "sleep" in available:
        monkeypatch.setattr(doctor, "_PATIENCE", 2.0)
    status, found = diagnose(place)
    assert status == (level == "error")
    (line,) = [line for line in found[level] if "GPUs: NVIDIA A100" in line]
    assert words in line


def test_a_python_without_the_packages_hears_what_to_do(tmp_path: Path):
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            "import sys, runpy; sys.path.insert(0, sys.argv[1]); del sys.argv[1]; "
            "runpy.run_module('snowdrift.operation.doctor', run_name='__main__')",
            str(REPOSITORY / "workflow/scripts"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "error   not installed: snakemake, torch" in done.stdout and "Hint: make env" in done.stdout


def test_an_opencv_without_the_libraries_it_is_linked_to_is_an_error(
    place: Path, monkeypatch: pytest.MonkeyPatch
):
    fault = "libGL.so.1: cannot open shared object file: No such file or directory"
    (place / "cv2.py").write_text(f"raise ImportError({fault!r})")
    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    monkeypatch.syspath_prepend(place)
    status, found = diagnose(place)
    assert status == 1 and fault in found["error"][0]
    assert found["error"][0].endswith("Hint: on Debian or Ubuntu: apt install libgl1 libglib2.0-0")


def test_more_of_anything_takes_longer():
    demo = read_config([REPOSITORY / "config/config.yaml", REPOSITORY / "config/demo.yaml"])
    study = read_config([REPOSITORY / "config/config.yaml"])
    same = estimate.core_hours(demo, estimate.rendered_data(demo), demo)
    assert {stage: round(hours * 3600) for stage, hours in same.items()} == estimate.DEMO_SECONDS
    data = estimate.Data(294_713, 178, 294_713 * 500_000, 1920, 1080)
    full = estimate.core_hours(study, data, demo)
    assert all(full[stage] > 100 * hours for stage, hours in same.items())
    assert estimate.disk_bytes(study, data)["winter frames"] == 1.5 * data.frame_bytes
    assert "rendered frames" not in estimate.disk_bytes(study, data)
    space = estimate.disk_bytes(demo, estimate.rendered_data(demo))
    assert space["rendered frames"] == estimate.rendered_data(demo).frame_bytes
    assert space["detectors"] > 6 * 5_210_370  # best.pt and last.pt of the demo's detectors, as measured


@pytest.mark.parametrize(("known", "other"), [("all", "splits"), ("splits", "all")])
def test_what_it_costs_to_translate_all_frames_or_those_in_splits_is_told(
    place: Path, known: str, other: str
):
    winterize = {"winterize": {"frames": known}}
    _, found = diagnose(place, splits={"train": 2, "val": 1, "test": 1}, **winterize)
    counts = {"all": 600, "splits": 120}
    line = next(text for text in found["ok"] if "winterize.frames" in text)
    assert f"winterize.frames: {known}: {counts[known]} of 600 frames" in line
    assert f"`{other}` are {counts[other]}, " in line
    sizes = [float(size) for size in re.findall(r"and ([\d.]+) MB", line)]
    assert sizes[0] == pytest.approx(sizes[1] * counts[known] / counts[other], rel=0.05)
    _, found = diagnose(place, **winterize)
    assert not [text for text in found["ok"] if "winterize.frames" in text], "all videos are in a split"


def test_frames_in_splits_are_counted_in_a_dataset_of_ones_own(place: Path):
    vfp290k(place / "frames", videos=5)
    shutil.copy(
        place / "frames/GOPR0000/images/GOPR0000_00000.jpg", place / "frames/GOPR0000/images/more.jpg"
    )
    shutil.copy(
        place / "frames/GOPR0000/clean_xml/GOPR0000_00000.xml", place / "frames/GOPR0000/clean_xml/more.xml"
    )
    splits = {"train": ["GOPR0000"], "val": ["GOPR0001"], "test": ["GOPR0002"]}
    sets = {"mixed": {"original": 1, "cyclegan": 1}, "matched": None}
    chosen = {"winterize": {"frames": "splits"}, "splits": splits, "training_sets": sets}
    _, found = diagnose(place, data={"vfp290k": "frames"}, **chosen)
    assert any("splits: 4 of 6 frames" in text for text in found["ok"])


def test_the_demo_is_proposed_where_it_is_not_taken_yet(place: Path):
    _, found = diagnose(place, cyclegan={"epochs": 100_000})
    assert "time: about" in found["warning"][0]
    assert found["warning"][0].endswith("Hint: use a machine with GPUs, or train for fewer epochs")
    lines: list[str] = []
    mine = {
        "data": dict.fromkeys(("vfp290k", "dawn", "chest_xray")),
        "splits": {"train": 12, "val": 2, "test": 6},
    }
    (place / "mine.yaml").write_text(yaml.safe_dump(mine))
    main([str(place / "mine.yaml")], lambda finding: lines.append(str(finding)))
    assert lines[-1].endswith("or take config/demo.yaml below your config")


def test_the_study_at_full_scale_is_looked_at_in_seconds(place: Path):
    for video in range(178):
        for part, suffix in (("images", "jpg"), ("clean_xml", "xml")):
            folder = place / f"data/VFP290K/GOPR{video:04d}/{part}"
            folder.mkdir(parents=True)
            for frame in range(20):
                (folder / f"GOPR{video:04d}_{frame:05d}.{suffix}").touch()
    Image.new("RGB", (64, 36)).save(place / "data/VFP290K/GOPR0000/images/GOPR0000_00000.jpg")
    started = time.monotonic()
    _, found = diagnose(place, data={"vfp290k": "data/VFP290K"})
    assert time.monotonic() - started < 5 and "3,560 frames, 178 videos" in found["warning"][0]


def test_it_runs_as_the_makefile_calls_it(tmp_path: Path):
    command = [sys.executable, "-m", "snowdrift.operation.doctor", str(REPOSITORY / "config/demo.yaml")]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "workflow/scripts")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "" and done.stdout.count("\n") >= 8
    assert doctor.REPOSITORY.joinpath("Snakefile").is_file()


def make(place: Path, *arguments: str) -> tuple[int, str]:
    """Exit status and output of `make` in a copy of the repository without an environment."""
    shutil.copy(REPOSITORY / "Makefile", place)
    (place / "envs").mkdir()
    (place / "envs/requirements.lock").touch()
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make", *arguments], cwd=place, env=outside, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_without_an_environment_the_watcher_says_how_to_get_one(tmp_path: Path):
    status, output = make(tmp_path, "watch")
    assert status and output.startswith("The environment is not ready yet. Hint: make env\n")
    assert "not found" not in output


def test_a_python_without_venv_hears_what_to_install(tmp_path: Path):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\n[ "$2" != venv ]\n')
    python.chmod(0o755)
    status, output = make(tmp_path, "env", "PYTHON=./python", "UV=.venv/uv/bin/uv")
    assert status
    assert (
        "Error: ./python cannot make an environment. Hint: install python3-venv (Debian, Ubuntu), or uv"
        in output
    )


def test_a_generator_of_the_users_own_is_looked_at_before_anything_runs(
    place: Path, monkeypatch: pytest.MonkeyPatch
):
    from snowdrift.xray import generators

    folder = place / "generators"
    folder.mkdir()
    (folder / "broken.py").write_text("import nothing_of_that_name")
    (folder / "empty.py").write_text("")
    monkeypatch.setattr(generators, "__path__", [*generators.__path__, str(folder)])
    monkeypatch.setattr(
        "snowdrift.settings.config.xray_generators", lambda: ["broken", "empty", "gan", "dcgan", "vae", "pca"]
    )
    pca = {"image_size": 64, "channels": 1, "latent_size": 100}
    for name, section, level, words in (
        ("pca", pca, "ok", "xray.pca: a model of your own"),
        ("pca", pca | {"latent_size": "many"}, "error", "`latent_size` is 'many', expected int"),
        ("broken", {}, "error", "broken: its module cannot be loaded: ModuleNotFoundError"),
        ("empty", {}, "error", 'empty.py: no class with `name = "empty"` is a GenerativeModel'),
    ):
        status, found = diagnose(place, xray={"models": ["gan", name], name: section})
        assert any(words in line for line in found[level]), found
        assert status == (level == "error")


def test_the_file_that_names_the_videos_is_looked_at_with_the_videos(place: Path):
    vfp290k(place / "mine", videos=5)
    videos = [f"GOPR{number:04d}" for number in range(5)]
    lists = {"train": videos[:2], "val": videos[2:3], "test": videos[3:4]}
    for test, level, words in (
        (videos[3:4], "ok", "splits of mine.json are taken: train "),
        (["GOPR9999"], "error", "mine.json: test: the dataset has no usable video 'GOPR9999'"),
        (videos[:1], "error", "mine.json: 'benchmark' has the video 'GOPR0000' in train and in test"),
    ):
        (place / "mine.json").write_text(json.dumps({"benchmark": {**lists, "test": test}}))
        status, found = diagnose(place, data={"vfp290k": "mine"}, splits={"file": "mine.json"})
        assert any(words in line for line in found[level]), found
        assert status == (level == "error")


def test_splits_that_the_dataset_brings_and_groups_that_a_rule_makes_are_shown(place: Path):
    drawn = sets.draw(place / "drawn")
    sets.write_roboflow(drawn, place / "mine")
    mine = {"vfp290k": "mine/data.yaml"}
    for group, lone in ((None, True), ("([A-Z])_", False)):
        splits = {"train": 2, "val": 1, "test": 1, "group": group}
        found = diagnose(place, data=mine, splits=splits)[1]
        assert any("are taken: train 6 frames, val 3 frames, test 3 frames" in line for line in found["ok"])
        assert any("belong to no video" in line for line in found.get("warning", [])) == lone


def test_a_training_is_no_longer_than_the_pictures_that_there_are():
    study = read_config([REPOSITORY / "config/config.yaml"])
    asked = study["cyclegan"]["frames"], study["cyclegan"]["style_images"]
    few = estimate.Data(56, 10, 56 * 500_000, 1920, 1080, 40, in_training=30, style=25)
    many = estimate.Data(294_713, 178, 294_713 * 500_000, 1920, 1080, style=200)
    ratio = estimate.stage_work(study, many)["CycleGAN"] / estimate.stage_work(study, few)["CycleGAN"]
    assert ratio == asked[0] / 30  # the longer of both sides is an epoch
    more_style = replace(few, style=500)
    assert estimate.stage_work(study, more_style)["CycleGAN"] == pytest.approx(
        asked[1] / 30 * estimate.stage_work(study, few)["CycleGAN"]
    )

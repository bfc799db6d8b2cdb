"""A plain folder of pictures made wintry, by the workflow and by the library."""

import re
import shutil
import subprocess
from pathlib import Path

import forked
import numpy as np
import pytest
import yaml
from conftest import ENVIRONMENT, REPOSITORY, TINY, snakemake, succeed
from PIL import Image

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.snow.folder import translate_folder
from snowdrift.snow.translator import Translator, load_translator

SIZES = {"a.jpg": (64, 48), "b.PNG": (31, 57), "deep/er/a.jpeg": (90, 40), "deep/눈 사람.png": (40, 40)}
PLAIN = REPOSITORY / "config/pictures.yaml"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for number, (name, (width, height)) in enumerate(SIZES.items()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 200, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def rendered() -> Translator:
    return load_translator("rendered").from_config({"least": 0.5, "most": 1.0}, seed=0)


def sizes_of(folder: Path) -> dict[str, tuple[int, int]]:
    visible = (
        path for path in folder.rglob("*.*") if not path.relative_to(folder).as_posix().startswith(".")
    )
    return {path.relative_to(folder).as_posix(): Image.open(path).size for path in visible if path.is_file()}


def test_the_library_translates_a_folder_and_keeps_what_is_done(photos: Path, tmp_path: Path):
    table = translate_folder(photos, tmp_path / "winter", rendered(), threads=2)
    assert sizes_of(tmp_path / "winter") == SIZES and sorted(table["image"]) == sorted(SIZES)
    before = {name: (tmp_path / "winter" / name).stat().st_mtime_ns for name in SIZES}
    translate_folder(photos, tmp_path / "winter", rendered())
    assert {name: (tmp_path / "winter" / name).stat().st_mtime_ns for name in SIZES} == before
    assert Image.open(tmp_path / "winter/b.PNG").format == "PNG"
    assert Image.open(tmp_path / "winter/a.jpg").format == "JPEG"


@pytest.mark.parametrize("output", ["photos", "photos/winter", "."])
def test_folders_in_each_other_are_refused(photos: Path, tmp_path: Path, output: str):
    with pytest.raises(SnowdriftError, match="one lies in the other"):
        translate_folder(photos, tmp_path / output, rendered())


def test_an_empty_folder_and_a_broken_picture_are_named(photos: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SnowdriftError, match="is empty"):
        translate_folder(tmp_path / "empty", tmp_path / "winter", rendered())
    (photos / "a.jpg").write_bytes(b"broken")
    with pytest.raises(SnowdriftError, match=r"a\.jpg"):
        translate_folder(photos, tmp_path / "winter", rendered())


def settings(photos: Path, **more) -> Path:
    """A config file for these pictures, whose winter goes beside them."""
    file = photos.with_name("pictures.yaml")
    pictures = {"folder": str(photos), "output": str(photos.with_name("winter")), **more}
    file.write_text(yaml.safe_dump({"pictures": pictures}))
    return file


def jobs(text: str) -> list[str]:
    """The rules whose jobs a run has ended."""
    return re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", text)


def test_the_workflow_uses_a_studys_own_generator(tiny_study: Path, photos: Path, tmp_path: Path):
    study = Path(shutil.copytree(tiny_study, tmp_path / "study", symlinks=True))  # which other tests look at
    configs = (TINY, settings(photos, shards=2))
    made = jobs(succeed(study, "pictures", configs=configs))
    assert sorted(made) == ["list_pictures", "pictures", "winterize_pictures", "winterize_pictures"]
    assert sizes_of(tmp_path / "winter") == SIZES
    Image.new("RGB", (20, 20)).save(photos / "new.png")
    succeed(study, "pictures", configs=configs)
    assert (tmp_path / "winter/new.png").is_file()


def test_what_is_missing_is_put_back_and_nothing_of_the_users_is_overwritten(photos: Path, tmp_path: Path):
    winter, configs = tmp_path / "winter", (PLAIN, settings(photos, translator="rendered", shards=2))
    winter.mkdir()
    (winter / "a.jpg").write_text("the user's own")
    run = snakemake(tmp_path, "pictures", configs=configs)
    assert run.status and f"not made here: {winter / 'a.jpg'}" in run.text
    assert (winter / "a.jpg").read_text() == "the user's own"
    (winter / "a.jpg").rename(tmp_path / "kept")
    assert jobs(succeed(tmp_path, "pictures", configs=configs)) == ["pictures"]
    assert sizes_of(winter) == SIZES
    shutil.rmtree(winter)
    assert jobs(succeed(tmp_path, "pictures", configs=configs)) == ["pictures"]
    assert sizes_of(winter) == SIZES


def test_verify_names_a_damaged_winter_picture(photos: Path, tmp_path: Path):
    configs = (PLAIN, settings(photos, translator="rendered"))
    text = succeed(tmp_path, "pictures", configs=configs)
    assert sizes_of(tmp_path / "winter") == SIZES and "render_" not in text, "it needs no study"
    succeed(tmp_path, "verify", configs=configs)
    (tmp_path / "winter/b.PNG").write_bytes(b"damaged")
    run = snakemake(tmp_path, "verify", configs=configs)
    manifest = "results/pictures/pictures/shards/0.parquet"
    assert run.status and "frames/b.PNG: truncated" in run.text
    assert f"rm -rf {manifest} && snakemake {manifest}" in run.text


def test_a_translator_that_is_not_there_is_named_before_anything_runs(photos: Path, tmp_path: Path):
    run = snakemake(tmp_path, "pictures", configs=(PLAIN, settings(photos, translator="fog")))
    assert run.status and "`pictures.translator`: fog" in run.text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "make winter IN=photos OUT=winter"),
        ("IN=a OUT=b", "cyclegan has learned nothing yet"),
        ("IN=a OUT=b TRANSLATOR=matched", "matched has learned nothing yet"),
    ],
)
def test_make_says_what_is_missing(words: str, said: str):
    call = ["make", "--no-print-directory", "-o", "env", "winter", *words.split()]
    done = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode and said in done.stdout + done.stderr


def made_call(folder: Path, *words: str) -> tuple[list[str], dict]:
    """What `make winter` would give to Snakemake, and the settings that it writes for it."""
    shutil.copy(REPOSITORY / "Makefile", folder)
    make = ["make", "--no-print-directory", "-o", "env", "winter", "SNAKEMAKE=printf '%s\\n'", *words]
    done = subprocess.run(make, cwd=folder, capture_output=True, text=True, check=True)
    call = done.stdout.splitlines()[2:]
    return call, yaml.safe_load((folder / call[-1]).read_text())


def test_make_runs_without_any_study(photos: Path, tmp_path: Path):
    words = [f"IN={photos}", "OUT=in winter", "TRANSLATOR=rendered", "SIZE=40", "CORES=2"]
    call, settings = made_call(tmp_path, *words)
    assert settings["winterize"] == {"size": 40} and settings["study"].startswith("pictures-")
    call[-2:] = [str(PLAIN), str(tmp_path / call[-1])]
    status, text = forked.run(
        [*call, "--directory", str(tmp_path), "--workflow-profile", "none"], REPOSITORY, ENVIRONMENT
    )
    assert status == 0, text
    assert sizes_of(tmp_path / "in winter") == SIZES


def test_make_names_a_generator_a_study_and_a_profile(tmp_path: Path):
    words = ["IN=a b", "OUT=c", "WEIGHTS=w.pth", "SIZE=512", "SHARDS=8", "PROFILE=profiles/slurm"]
    call, settings = made_call(tmp_path, *words)
    assert settings["pictures"] == {"folder": "a b", "output": "c", "translator": "cyclegan", "shards": 8}
    assert settings["cyclegan"] == {"pretrained": "w.pth"} and settings["winterize"] == {"size": 512}
    assert call[:3] == ["pictures", "--workflow-profile", "profiles/slurm"]
    call, of_study = made_call(tmp_path, "IN=a b", "OUT=c", "CONFIG=config/demo.yaml")
    assert of_study.keys() == {"pictures"}, "the study is the config's"
    assert call[-2] == "config/demo.yaml"
    assert made_call(tmp_path, "IN=a b", "OUT=d", "WEIGHTS=w.pth")[1]["study"] != settings["study"]

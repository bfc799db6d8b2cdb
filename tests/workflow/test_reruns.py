"""The rerun table, held to Snakemake: after each change, the plan has exactly the jobs that the table names."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY, TINY, succeed
from reruns import Change, document, read_changes

CHANGES = read_changes()
PROFILE = "profiles/default"
RENDERED = "results/tiny/data/rendered"
FOLDERS = ("VFP290K", "true_winter", "DAWN", "chest_xray")
OWN = {
    "data": {
        "vfp290k": "VFP290K",
        "true_winter": {"folder": "true_winter", "layout": "vfp290k", "train": 2, "val": 1},
        "dawn": "DAWN",
        "chest_xray": "chest_xray",
    }
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the workflow's files, whose code can be edited."""
    folder = tmp_path_factory.mktemp("checkout")
    command = ["git", "ls-files", "Snakefile", "rules", "workflow", "config", "envs", "profiles"]
    listed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def studies(tiny_study: Path, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The finished study, made by the checkout: with rendered data, and with the same in the user's own folders."""
    rendered, own = (
        Path(shutil.copytree(tiny_study, tmp_path_factory.mktemp(name) / "study", symlinks=True))
        for name in ("rendered", "own")
    )
    succeed(rendered, repository=checkout)
    (own / "own.yaml").write_text(yaml.safe_dump(OWN))
    for path in FOLDERS:
        shutil.copytree(own / RENDERED / path, own / path)
    # The tables come out the same, and what was made from them is taken for made from the user's folders.
    succeed(own, "data", configs=(TINY, own / "own.yaml"), repository=checkout)
    succeed(own, "--touch", configs=(TINY, own / "own.yaml"), repository=checkout)
    assert plan(own, checkout, own / "own.yaml") == {}
    return {"rendered": rendered, "own": own}


def plan(
    folder: Path, checkout: Path, *configs: Path, arguments: Sequence[str] = (), profile: str = PROFILE
) -> dict[str, int]:
    """The jobs that a dry run counts, by rule."""
    text = succeed(folder, "-n", *arguments, configs=(TINY, *configs), repository=checkout, profile=profile)
    if "Nothing to be done" in text:
        return {}
    table = text[text.index("Job stats:") : text.index("\ntotal ")]
    counts = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    return {rule: count for rule, count in counts.items() if rule != "all"}


def first_frame(folder: Path, split: str) -> Path:
    frames = pd.read_parquet(folder / "results/tiny/data/frames.parquet")
    return folder / "VFP290K" / frames.loc[frames["split"] == split, "image"].iloc[0]


def another_picture(path: Path) -> None:
    """Put the same picture there, with a comment in it."""
    content = path.read_bytes()
    path.write_bytes(content[:2] + b"\xff\xfe\x00\x06snow" + content[2:])


def new_frame(folder: Path) -> None:
    frame = first_frame(folder, "train")
    for path in (frame, frame.parents[1] / "clean_xml" / f"{frame.stem}.xml"):
        shutil.copy(path, path.with_stem(f"{path.stem}0"))


def label_content(folder: Path) -> None:
    for path in sorted((folder / "VFP290K").rglob("*.xml")):
        text = path.read_text()
        if "<name>1</name>" in text:
            path.write_text(text.replace("<name>1</name>", "<name>0</name>"))
            return
    raise AssertionError("no label of a fallen person")


def time_stamps(folder: Path) -> None:
    for root in FOLDERS:
        for path in (folder / root, *(folder / root).rglob("*")):
            os.utime(path)


DATA: dict[str, Callable[[Path], None]] = {
    "frame_content": lambda folder: another_picture(first_frame(folder, "train")),
    "test_frame": lambda folder: another_picture(first_frame(folder, "test")),
    "true_winter_content": lambda folder: another_picture(next((folder / "true_winter").rglob("*.jpg"))),
    "label_content": label_content,
    "new_frame": new_frame,
    "removed_frame": lambda folder: first_frame(folder, "train").unlink(),
    "style_content": lambda folder: another_picture(next((folder / "DAWN").rglob("*.jpg"))),
    "xray_content": lambda folder: another_picture(next((folder / "chest_xray/train/NORMAL").iterdir())),
    "time_stamps": time_stamps,
    "stray_file": lambda folder: (folder / "VFP290K/notes.docx").write_text("not data"),
}


@contextmanager
def put_back(*folders: Path) -> Iterator[None]:
    """Undo whatever the block does to the files below these folders, time stamps included."""
    kept = [(folder, shutil.copytree(folder, folder.with_name(f"{folder.name}.kept"))) for folder in folders]
    try:
        yield
    finally:
        for folder, copy in kept:
            shutil.rmtree(folder)
            copy.rename(folder)


def make(change: Change, folder: Path, checkout: Path) -> None:
    """Make a change to the data or to the checkout."""
    if name := change.how.get("data"):
        DATA[name](folder)
    for name, line in change.how.get("append", {}).items():
        with open(checkout / name, "a") as stream:
            stream.write(f"{line}\n")
    for name, (old, new) in change.how.get("replace", {}).items():
        text = (checkout / name).read_text()
        assert old in text
        (checkout / name).write_text(text.replace(old, new))
    for path in checkout.glob(change.how.get("touch", "")) if "touch" in change.how else ():
        os.utime(path)


@pytest.mark.parametrize("change", CHANGES, ids=[change.text for change in CHANGES])
def test_exactly_what_depends_on_a_change_runs_again(
    studies: dict[str, Path], checkout: Path, tmp_path: Path, change: Change
):
    study = change.how.get("study", "rendered")
    folder = studies[study]
    configs = [folder / "own.yaml"] if study == "own" else []
    full = everything(folder)
    if config := change.how.get("config"):
        configs.append(tmp_path / "change.yaml")
        configs[-1].write_text(yaml.safe_dump(config))
    touched = [folder / path for path in FOLDERS] if "data" in change.how else [checkout]
    repository = REPOSITORY if change.how.get("elsewhere") else checkout
    profile = change.how.get("profile", PROFILE)
    with put_back(*touched):
        make(change, folder, checkout)
        if target := change.how.get("first"):
            folder = Path(shutil.copytree(folder, tmp_path / "study", symlinks=True))
            succeed(folder, target, configs=(TINY, *configs), repository=repository, profile=profile)
        jobs = plan(folder, repository, *configs, arguments=change.how.get("arguments", []), profile=profile)
    assert jobs == {rule: full.get(rule) for rule in change.rules} | change.jobs


def everything(folder: Path) -> dict[str, int]:
    """How many jobs each rule has, by the manifests that they have left."""
    digests = folder / "results/tiny/digests"
    return {path.stem: 1 if path.is_file() else len(list(path.rglob("*.csv"))) for path in digests.iterdir()}


def test_the_document_shows_the_table():
    text = (REPOSITORY / "docs/operating.md").read_text()
    assert document(text) == text, "docs/operating.md is older than tests/workflow/reruns.yaml: `make docs`"

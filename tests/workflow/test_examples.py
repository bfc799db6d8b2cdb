"""The examples of config/examples, each as a user layers it, at tiny size and as far as it matters."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from conftest import REPOSITORY, TINY, as_yolo, succeed

EXAMPLES = REPOSITORY / "config/examples"
RENDERED = "results/tiny/data/rendered"


@pytest.fixture
def folder(tiny_study: Path, tmp_path: Path) -> Path:
    """A working directory with the finished tiny study, as the study whose settings an example changes."""
    return Path(shutil.copytree(tiny_study, tmp_path / "study", symlinks=True))


def run(folder: Path, example: str, *targets: str, small: Mapping | None = None) -> Path:
    """Run targets with an example over the tiny settings, and `small` over both; the study's folder."""
    small = dict(small or {})
    top = folder / "top.yaml"
    top.write_text(yaml.safe_dump(small))
    name = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text()).get("study", "tiny")
    targets = [f"results/{name}/{target}" for target in targets]
    succeed(folder, *targets, configs=(TINY, EXAMPLES / f"{example}.yaml", top))
    return folder / "results" / name


def test_each_example_is_explained_and_is_one_of_the_tested():
    names = {path.stem for path in EXAMPLES.iterdir()}
    tested = Path(__file__).read_text()
    guide = (REPOSITORY / "docs/bring-your-own.md").read_text()
    for name in names:
        assert f'"{name}"' in tested and f"config/examples/{name}.yaml" in guide, name


def test_own_dataset(folder: Path):
    boxes, own = pd.read_parquet(folder / "results/tiny/data/boxes.parquet"), folder / "data/parking-lot"
    as_yolo(folder / RENDERED / "VFP290K", boxes, own)
    for part in ("images", "labels"):
        for number, video in enumerate(sorted((own / part).iterdir()), 1):
            video.rename(video.with_name(f"cam{number}"))
    study = run(folder, "own-dataset", "detection/datasets/original")
    table = pd.read_parquet(study / "data/frames.parquet")
    assert table.groupby("split")["video"].unique().map(list).to_dict() == {
        "train": ["cam1", "cam2", "cam3"],
        "val": ["cam4"],
        "test": ["cam5", "cam6"],
    }
    assert len(pd.read_parquet(study / "data/boxes.parquet")) == len(boxes)
    assert "lying" in (study / "detection/datasets/original/data.yaml").read_text()


def test_standard_dataset(folder: Path):
    boxes, own = pd.read_parquet(folder / "results/tiny/data/boxes.parquet"), folder / "data/people"
    as_yolo(folder / RENDERED / "VFP290K", boxes.assign(class_id=0), folder / "videos")
    for number, video in enumerate(sorted((folder / "videos/images").iterdir())):
        split = ["train", "train", "train", "train", "val", "val"][number]
        for kind in ("images", "labels"):
            (own / kind / split).mkdir(parents=True, exist_ok=True)
            for path in (folder / "videos" / kind / video.name).iterdir():
                path.rename(own / kind / split / f"cam{number}_{path.name}")
    (own / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [person]\n")
    small = {"splits": {"test": 2}}
    study = run(folder, "standard-dataset", "detection/datasets/original", small=small)
    table = pd.read_parquet(study / "data/frames.parquet")
    assert table.groupby("split")["video"].nunique().to_dict() == {"train": 2, "val": 2, "test": 2}
    assert set(table["video"]) == {f"cam{number}" for number in range(6)}
    assert len(pd.read_parquet(study / "data/boxes.parquet")) == len(boxes)


def test_own_generator(folder: Path):
    (folder / "weights").mkdir()
    shutil.copy(folder / "results/tiny/snow/cyclegan/snapshots/latest_net_G_A.pth", folder / "weights")
    study = run(folder, "own-generator", "snow/cyclegan/shards/0.parquet", small={"winterize": {"size": 64}})
    assert not (study / "snow/cyclegan/snapshots").exists()
    manifest = pd.read_parquet(study / "snow/cyclegan/shards/0.parquet")
    assert all((study / "snow/cyclegan/frames" / image).is_file() for image in manifest["image"])


def test_own_network(folder: Path):
    (folder / "weights").mkdir()
    torch.jit.script(torch.nn.Hardtanh(-0.5, 0.5)).save(folder / "weights/winter.pt")
    study = run(folder, "own-network", "detection/datasets/network", "snow/network/quality_by_video.csv")
    frames = pd.read_csv(study / "detection/datasets/network/frames.csv")
    assert set(frames["source"]) == {"original", "network"}
    assert len(pd.read_csv(study / "snow/network/quality_by_video.csv")) > 0


FAKE_DIFFUSERS = """
from PIL import ImageOps
class StableDiffusionInstructPix2PixPipeline:
    @classmethod
    def from_pretrained(cls, folder, torch_dtype, local_files_only, safety_checker, requires_safety_checker):
        assert local_files_only and folder == "weights/instruct-pix2pix"
        return cls()
    def to(self, device):
        assert device == "cpu"
        return self
    def __call__(self, prompt, image, num_inference_steps, image_guidance_scale, guidance_scale, generator):
        assert "snowy" in prompt and not any(side % 8 for side in image.size) and generator.initial_seed() == 0
        self.images = [ImageOps.invert(image)]
        return self
"""


def test_own_program(folder: Path):
    """With a stand-in for the diffusion library, in the place of the environment of its own."""
    (folder / "weights/instruct-pix2pix").mkdir(parents=True)
    (folder / "diffusion/bin").mkdir(parents=True)
    (folder / "diffusion/diffusers.py").write_text(FAKE_DIFFUSERS)
    python = folder / "diffusion/bin/python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}/diffusion" exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    shutil.copytree(REPOSITORY / "config/programs", folder / "config/programs")
    small = {"winterize": {"size": 50}}
    study = run(folder, "own-program", "snow/command/shards/0.parquet", small=small)
    manifest = pd.read_parquet(study / "snow/command/shards/0.parquet")
    assert (manifest["width"] == 128).all() and (manifest["height"] == 72).all()


def test_rain(folder: Path):
    rain = Path(shutil.copytree(folder / RENDERED / "DAWN/Snow/Snow", folder / "data/DAWN/Rain/Rain"))
    for picture in sorted(rain.rglob("*.jpg")):
        picture.rename(picture.with_name(picture.name.replace("snow", "rain")))
    study = run(folder, "rain", "snow/cyclegan/losses.csv")
    style = pd.read_csv(study / "snow/training_style.csv")
    assert len(style) == 5 and style["image"].str.contains("rain_storm").all()


def test_larger_detector(folder: Path):
    small = {"detector": {"image_size": 64, "batch_size": 4}}
    study = run(folder, "larger-detector", "detection/models/original-seed2/weights/best.pt", small=small)
    assert "model: yolov5m.yaml" in (study / "detection/models/original-seed2/args.yaml").read_text()


def test_another_mix(folder: Path):
    weights = {
        path: path.read_bytes() for path in folder.glob("results/tiny/detection/models/*/weights/best.pt")
    }
    study = run(folder, "another-mix", "detection/cross_domain.csv")
    frames = pd.read_csv(study / "detection/datasets/quarter/frames.csv")
    videos = frames["frame_id"].str.split("/").str[0]
    train = videos[frames["split"] == "train"].groupby(frames["source"]).nunique()
    assert train.to_dict() == {"original": 1, "cyclegan": 1}
    table = pd.read_csv(study / "detection/cross_domain.csv")
    assert list(table["train_domain"].unique()) == ["original", "winter", "mixed", "oracle", "quarter"]
    assert all(path.read_bytes() == content for path, content in weights.items())


def test_own_xray_generator(folder: Path):
    small = {"xray": {"pca": {"image_size": 16, "latent_size": 4}}}
    study = run(folder, "own-xray-generator", "xray/scores.csv", small=small)
    assert "pca" in set(pd.read_csv(study / "xray/scores.csv")["model"])
    assert (study / "xray/pca/sheet.png").is_file()


def test_true_winter(folder: Path):
    boxes = pd.read_parquet(folder / "results/tiny/data/true_winter/boxes.parquet")
    as_yolo(folder / RENDERED / "true_winter", boxes, folder / "data/winter")
    small = {"data": {"true_winter": {"train": 2, "val": 1}}}
    study = run(folder, "true-winter", "detection/datasets/oracle", "snow/true_winter.csv", small=small)
    frames = pd.read_parquet(study / "data/true_winter/frames.parquet")
    assert frames.groupby("split")["video"].nunique().to_dict() == {"test": 3, "train": 2, "val": 1}
    assert len(pd.read_parquet(study / "data/true_winter/boxes.parquet")) == len(boxes)
    assert len(list((study / "detection/datasets/oracle/images/train").rglob("*.jpg"))) == 8
    assert pd.read_csv(study / "snow/true_winter.csv").empty, "other scenes have no distance"

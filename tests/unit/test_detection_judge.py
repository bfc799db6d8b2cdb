"""A detector from outside that says what it sees, from the files that users have."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from snowdrift.detection.judge import load_judge
from snowdrift.detection.ultralytics_api import prepare_ultralytics
from snowdrift.runtime.errors import SnowdriftError

OPTIONS = {"classes": None, "image_size": 64, "device": torch.device("cpu"), "threads": 1}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A detector whose head is sure of something, as Ultralytics saves and exports it."""
    prepare_ultralytics()
    from ultralytics import YOLO

    folder = tmp_path_factory.mktemp("judge")
    torch.manual_seed(0)
    detector = YOLO("yolov5n.yaml", task="detect")
    detector.model.names = {number: f"kind{number}" for number in range(80)} | {0: "person", 2: "car"}
    for layer in detector.model.model[-1].cv3:
        layer[-1].bias.data += 8
    detector.save(folder / "own.pt")
    (folder / "broken.pt").write_bytes(b"no weights")
    exported = YOLO(folder / "own.pt").export(format="onnx", imgsz=64, simplify=False)
    return {"pt": folder / "own.pt", "onnx": Path(exported), "broken": folder / "broken.pt"}


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "square.png"
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_weights_and_their_export_see_the_same(files: dict[str, Path], picture: Path):
    of_weights, of_export = (load_judge(files[kind], **OPTIONS)(picture) for kind in ("pt", "onnx"))
    assert len(of_weights) > 9 and of_weights.shape[1] == 5
    assert of_weights[:, :4].min() >= 0 and of_weights[:, :4].max() <= 1
    assert of_weights[:, 4].min() > 0 and of_weights[:, 4].max() <= 1
    assert np.allclose(of_weights[:9], of_export[:9], atol=1e-3), (
        "further down, rounding decides what overlaps"
    )


def test_only_the_named_classes_count(files: dict[str, Path], picture: Path):
    everything = load_judge(files["pt"], **OPTIONS)(picture)
    some = load_judge(files["pt"], **OPTIONS | {"classes": ["person", "car"]})(picture)
    assert len(some) < len(everything)


@pytest.mark.parametrize(
    ("name", "classes", "message"),
    [
        ("absent", None, "quality.detector is not there"),
        ("broken", None, "cannot be read as a detector"),
        ("pt", ["person", "perosn"], "has no class perosn"),
    ],
)
def test_what_is_no_judge_is_refused(files: dict[str, Path], name: str, classes, message: str):
    path = files.get(name, Path("nowhere.pt"))
    with pytest.raises(SnowdriftError, match=message):
        load_judge(path, **OPTIONS | {"classes": classes})

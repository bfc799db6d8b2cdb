"""The export: pytorch-fid's own command, on a folder and on statistics, gives the FID that is written beside them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from random_inception import write_calibrated_weights

from snowdrift.scores.inception import WEIGHTS_URL
from snowdrift.xray.export import export_xrays
from snowdrift.xray.images import save_png

CPU = torch.device("cpu")
IMAGES = 6


def pictures(seed: int, dim: float) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return (torch.rand((IMAGES, 1, 32, 32), generator=random) * 255 * dim).to(torch.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    weights = folder / "hub/checkpoints" / WEIGHTS_URL.rsplit("/", 1)[1]
    write_calibrated_weights(weights)
    for index, image in enumerate(pictures(0, 1.0)):
        save_png(image, folder / f"{index}.png")
    rows = [(f"{index}.png", "train", "NORMAL") for index in range(IMAGES)]
    np.save(folder / "samples.npy", pictures(1, 0.5).repeat(1, 3, 1, 1).numpy())
    export_xrays(
        pd.DataFrame(rows, columns=["image", "split", "class_name"]),
        folder,
        "NORMAL",
        {"mine": folder / "samples.npy"},
        weights,
        folder / "export",
        device=CPU,
    )
    return folder


def test_pytorch_fid_of_a_folder_and_of_the_statistics_is_ours(exported: Path):
    ours = pd.read_csv(exported / "export/fid.csv").set_index("model").loc["mine"]
    assert ours["images"] == IMAGES
    assert ours["fid"] > 1
    command = [
        sys.executable,
        "-m",
        "pytorch_fid",
        "--device",
        "cpu",
        "--num-workers",
        "0",
        "--batch-size",
        "6",
    ]
    run = subprocess.run(
        [*command, exported / "export/mine", exported / "export/reference.npz"],
        env={**os.environ, "TORCH_HOME": str(exported)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(run.stdout.rsplit("FID:", 1)[1]) == pytest.approx(ours["fid"], rel=1e-3)


def test_every_image_is_a_picture(exported: Path):
    for name in ("reference", "mine"):
        assert len(list((exported / "export" / name).glob("*.png"))) == IMAGES

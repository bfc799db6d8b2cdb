"""Ultralytics, set up for a job: no network, no telemetry, nothing written to the user's home."""

import atexit
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

_SWITCHES = {
    "YOLO_OFFLINE": "true",  # no look for the network, for new releases, or for where to send usage data
    "YOLO_AUTOINSTALL": "false",  # never pip install from within a job
    "YOLO_VERBOSE": "false",  # no progress bars
    "ULTRALYTICS_SAFE_LOAD": "true",  # read checkpoints with an allow-list of classes, not as plain pickles
}
_INTEGRATIONS = ("clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")

_log = logging.getLogger(__name__)


@cache
def prepare_ultralytics() -> None:
    """Import Ultralytics under the settings of a job; call this before any import of it.

    Its settings folder is a temporary one, removed when the process ends. matplotlib's DejaVu Sans stands in
    for the font that would be downloaded for the plots. Its warnings go to this module's log, and all else
    that it prints is dropped.
    """
    folder = Path(tempfile.mkdtemp(prefix="snowdrift-ultralytics-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.update(_SWITCHES, YOLO_CONFIG_DIR=str(folder))
    os.environ.pop(
        "ULTRALYTICS_API_KEY", None
    )  # with it, every training is streamed to the vendor's platform
    settings_folder = folder / "Ultralytics"
    settings_folder.mkdir()
    import matplotlib

    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for name in ("Arial.ttf", "Arial.Unicode.ttf"):
        shutil.copyfile(font, settings_folder / name)

    from PIL import Image

    picture_opener = Image.open
    from ultralytics.utils import LOGGER, SETTINGS

    # Ultralytics puts its own in this place, which looks for a HEIF reader whenever a picture cannot be read.
    Image.open = picture_opener
    folders = {f"{kind}_dir": str(folder / kind) for kind in ("datasets", "weights", "runs")}
    SETTINGS.update(
        sync=False, api_key="", vscode_msg=False, **dict.fromkeys(_INTEGRATIONS, False), **folders
    )
    LOGGER.handlers[:] = [_Forward()]
    LOGGER.setLevel(logging.WARNING)


def ultralytics_device(devices: Sequence[torch.device]) -> str:
    """Devices in Ultralytics' words: `cpu`, or the indices of GPUs."""
    return "cpu" if devices[0].type == "cpu" else ",".join(str(device.index or 0) for device in devices)


def load_resized(picture: Path, image_size: int) -> np.ndarray:
    """A picture as Ultralytics' datasets load it, by their own function: upright, its longer side at this size.

    Returns:
        (height, width, 3), blue, green and red of 8 bits.

    Raises:
        FileNotFoundError: it cannot be read.
    """
    prepare_ultralytics()
    import cv2
    from ultralytics.data.base import BaseDataset

    # What the function reads of a dataset: of one picture, without arrays in place of it, and without augmentation.
    dataset = SimpleNamespace(
        ims=[None],
        im_files=[str(picture)],
        npy_files=[picture / "none"],
        cv2_flag=cv2.IMREAD_COLOR,
        imgsz=image_size,
        augment=False,
        cache=None,
    )
    loaded: np.ndarray = BaseDataset.load_image(dataset, 0)[0]
    return loaded


def read_arrays(dataset: Any) -> None:
    """Let one of Ultralytics' datasets read `<stem>.npy` in place of a picture, whichever is the younger.

    What lies there is held to the picture by its manifest, and the time stamps of either may be those of a copy.
    """
    dataset.cache = "disk"  # asked for in the arguments, Ultralytics would write arrays of its own


def use_threads(threads: int) -> Callable[[object], None]:
    """A callback that gives torch `threads` CPU threads.

    Ultralytics sets its own number, from the machine's cores, whenever it selects the CPU; a callback that
    runs after that has the last word.
    """

    def set_threads(_: object) -> None:
        torch.set_num_threads(threads)

    return set_threads


@contextmanager
def collect_warnings() -> Iterator[list[str]]:
    """Collect what Ultralytics warns of inside the block, besides logging it."""
    messages: list[str] = []
    handler = _Collect(messages)
    logger = logging.getLogger("ultralytics")
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _log.log(record.levelno, "ultralytics: %s", _ANSI.sub("", record.getMessage()).strip())


class _Collect(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__()
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())

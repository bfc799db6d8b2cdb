"""A detector from outside as the judge of winter frames: it has been trained on neither version of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from snowdrift.detection.ultralytics_api import prepare_ultralytics, ultralytics_device, use_threads
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.snow.quality import Detections, Judge

_LEAST_CONFIDENCE = 0.01


def load_judge(
    path: Path | str,
    *,
    classes: Sequence[str] | None,
    image_size: int,
    device: torch.device,
    threads: int,
) -> Judge:
    """Load a detector that says what it sees in a picture.

    Args:
        path: Ultralytics weights (`.pt`), or a network that Ultralytics has exported (`.onnx`).
        classes: names of its classes that count as a person of the study; None counts all.
        image_size: longer side of its input in pixels, a multiple of 32.
        device: where it computes.
        threads: CPU threads for torch.

    Raises:
        SnowdriftError: the file is not there or is no detector, or a class is none of its own.
    """
    path = Path(path)
    prepare_ultralytics()
    from ultralytics import YOLO

    if not path.is_file():
        raise SnowdriftError(f"{path}: quality.detector is not there", "check the path, or set it to null")
    try:
        detector = YOLO(str(path), task="detect")
        first = detector.predict(
            np.zeros((image_size, image_size, 3), np.uint8), imgsz=image_size, verbose=False
        )
    except Exception as error:  # damaged files fail in any way
        raise SnowdriftError(
            f"{path}: quality.detector cannot be read as a detector ({str(error).splitlines()[0]})",
            "give weights of Ultralytics (.pt), or a network that it has exported (.onnx)",
        ) from error
    names = first[0].names
    unknown = [name for name in classes or [] if name not in names.values()]
    if unknown:
        raise SnowdriftError(
            f"{path}: quality.classes: the detector has no class {' or '.join(unknown)}",
            f"its classes are {', '.join(names.values())}",
        )
    chosen = None if classes is None else [number for number, name in names.items() if name in classes]
    detector.add_callback("on_predict_start", use_threads(threads))
    where = ultralytics_device([device])

    def see(picture: Path) -> Detections:
        options = {"imgsz": image_size, "conf": _LEAST_CONFIDENCE, "classes": chosen, "device": where}
        boxes = detector.predict(str(picture), verbose=False, save=False, **options)[0].boxes
        return np.hstack([boxes.xyxyn.cpu().numpy(), boxes.conf.cpu().numpy()[:, None]])

    return see

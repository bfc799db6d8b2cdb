"""Ultralytics' detection validator, which keeps what it matched. Import it after `prepare_ultralytics`."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import batched_nms
from ultralytics.models.yolo.detect import DetectionValidator
from ultralytics.utils.metrics import box_iou

from snowdrift.detection.ultralytics_api import read_arrays


class FrameMatches(NamedTuple):
    """The d detections of one frame, most confident first, and its m objects. Heights are shares of the picture's.

    Attributes:
        picture: path of the picture, as the validator read it.
        confidence: (d,) float32.
        label: (d,) class ids.
        true_positive: (d, 10) bool, at the IoU thresholds 0.5, 0.55 and so on to 0.95.
        height: (d,) of the detections.
        claimed: (d,) int, the index of the object that the detection found at an IoU of 0.5, or -1.
        object_label: (m,) class ids.
        object_height: (m,) of the objects.
    """

    picture: str
    confidence: np.ndarray
    label: np.ndarray
    true_positive: np.ndarray
    height: np.ndarray
    claimed: np.ndarray
    object_label: np.ndarray
    object_height: np.ndarray


class MatchingValidator(DetectionValidator):
    """The validator as it is, which also keeps every frame's detections and objects in `frames`, in its order.

    Args:
        class_ids: for each class of the detector, the number that its detections and objects are counted under; of two
            detections that overlap and count as one class now, the more confident one stays. None leaves all as it is.
    """

    def __init__(self, class_ids: Sequence[int] | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.frames: list[FrameMatches] = []
        self._class_ids = None if class_ids is None else torch.tensor(class_ids)

    def build_dataset(self, img_path: str, mode: str = "val", batch: int | None = None) -> Any:
        """Build the dataset, which reads frames at the detectors' size where there are some."""
        dataset = super().build_dataset(img_path, mode, batch)
        read_arrays(dataset)
        return dataset

    def _counted(self, classes: Tensor, class_ids: Tensor) -> Tensor:
        return class_ids.to(classes.device)[classes.long()].to(classes.dtype)

    def _prepare_batch(self, si: int, batch: dict[str, Any]) -> dict[str, Any]:
        """Prepare the objects of one frame, under the numbers that they are counted under."""
        prepared: dict[str, Any] = super()._prepare_batch(si, batch)
        if self._class_ids is None:
            return prepared
        return prepared | {"cls": self._counted(prepared["cls"], self._class_ids)}

    def _prepare_pred(self, pred: dict[str, Tensor]) -> dict[str, Tensor]:
        """Prepare the detections of one frame likewise, each object's most confident one alone."""
        prepared: dict[str, Tensor] = super()._prepare_pred(pred)
        if self._class_ids is None:
            return prepared
        counted = prepared | {"cls": self._counted(prepared["cls"], self._class_ids)}
        kept = batched_nms(counted["bboxes"], counted["conf"], counted["cls"], self.args.iou)
        return {name: values[kept] for name, values in counted.items()}

    def _process_batch(self, preds: dict[str, Tensor], batch: dict[str, Any]) -> dict[str, np.ndarray]:
        """Match the detections of one frame with its objects, as Ultralytics does, and keep what came out."""
        matched: dict[str, np.ndarray] = super()._process_batch(preds, batch)
        self.frames.append(
            FrameMatches(
                batch["im_file"],
                preds["conf"].cpu().numpy(),
                preds["cls"].cpu().numpy(),
                matched["tp"],
                _heights(preds["bboxes"], batch),
                claimed_objects(preds, batch, matched["tp"][:, 0]),
                batch["cls"].cpu().numpy(),
                _heights(batch["bboxes"], batch),
            )
        )
        return matched


def claimed_objects(preds: dict[str, Tensor], batch: dict[str, Tensor], hits: np.ndarray) -> np.ndarray:
    """The object that each detection found, or -1.

    Ultralytics says which detections are right, not which object each of them found. In its order, the most
    confident detection first, each takes the object of its class that it overlaps most and that none has taken.

    Args:
        preds: `cls` (d,) and `bboxes` (d, 4) of the detections, most confident first.
        batch: `cls` (m,) and `bboxes` (m, 4) of the objects.
        hits: (d,) bool, the true positives at one IoU threshold.
    """
    claimed = np.full(len(hits), -1)
    if not hits.any():
        return claimed
    same_class = batch["cls"][:, None] == preds["cls"]
    overlap = (box_iou(batch["bboxes"], preds["bboxes"]) * same_class).cpu().numpy()
    for detection in np.flatnonzero(hits):
        claimed[detection] = overlap[:, detection].argmax()
        overlap[claimed[detection]] = 0
    return claimed


def _heights(boxes: Tensor, batch: dict[str, Any]) -> np.ndarray:
    """Heights of boxes as shares of the picture's height, from corners in pixels of the network's input.

    The share is one of the picture as it was resized: the same whether it was loaded at its own size or not.
    """
    (gain, _), (_, above) = batch["ratio_pad"]
    height = round(batch["ori_shape"][0] * gain)
    edges = ((boxes[:, [1, 3]] - above) / height).clamp(0, 1)
    return np.asarray((edges[:, 1] - edges[:, 0]).cpu())

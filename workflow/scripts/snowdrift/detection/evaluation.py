"""Evaluation of one detector on the test videos of each domain."""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from snowdrift.data.class_maps import told_apart
from snowdrift.data.sets import TEST_SETS, TRUE_WINTER
from snowdrift.detection.datasets import Pictures, lost_pictures, write_dataset
from snowdrift.detection.domains import testing_selection
from snowdrift.detection.matches import join_matches, match_table
from snowdrift.detection.ultralytics_api import (
    collect_warnings,
    prepare_ultralytics,
    ultralytics_device,
    use_threads,
)
from snowdrift.runtime.devices import memory_limit
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.progress import report

EXAMPLE_CONFIDENCE = 0.25  # of the detections that are shown; the metrics use `confidence`

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluationSettings:
    """How detectors are evaluated.

    Attributes:
        image_size: Longer side of the network's input, pixels, a multiple of 32.
        batch_size: Frames per forward pass; without influence on the figures.
        confidence: Detections below this confidence are dropped before the metrics; mAP wants it low (0.001).
        iou: Overlap above which non-maximum suppression drops the weaker of two detections.
        workers: Processes that load frames; 0 is used on the CPU.
    """

    image_size: int
    batch_size: int
    confidence: float
    iou: float
    workers: int


class Evaluation(NamedTuple):
    """What `evaluate_detector` finds.

    Attributes:
        matches: what the detector found and missed, see `match_table`: first on each test set, then on its own
            validation pictures. split (test or val) and test_domain come first; the latter is null for val.
        examples: one row per detection of at least EXAMPLE_CONFIDENCE: test_domain, frame_id, image_path, class_name,
            confidence, x1, y1, x2, y2 (pixels of the picture); a frame without detections has one row of nulls.
    """

    matches: pd.DataFrame
    examples: pd.DataFrame


def evaluate_detector(
    model: Path | str,
    pictures: Pictures,
    validation: pd.DataFrame,
    *,
    settings: EvaluationSettings,
    examples: int,
    device: torch.device,
    threads: int,
    scratch: Path | str,
    test_domains: Sequence[str],
    merged: Mapping[str, Sequence[str]],
) -> Evaluation:
    """Match a detector's detections with the objects of each test set, and keep those of a few frames.

    Args:
        model: A checkpoint that `train_detector` wrote.
        pictures: All frames; those of the test split are used.
        validation: The pictures that choose its confidence (frame_id, source): those of its dataset's val split.
        settings: See `EvaluationSettings`.
        examples: Number of test frames whose detections are kept; the same frames for all models and test sets.
        device: The CPU, or a CUDA device.
        threads: CPU threads for torch.
        scratch: Folder for a temporary dataset, removed afterwards; it must be on the side of the results so
            that relative links hold.
        test_domains: The test sets.
        merged: The classes of true winter that stand for several of the study's, see `class_maps.merged_classes`.

    Raises:
        SnowdriftError: A model or picture that cannot be read, or a test split without boxes.
    """
    model = Path(model)
    prepare_ultralytics()
    gpu_or_cpu = ultralytics_device([device])
    matches: dict[tuple[str, str | None], pd.DataFrame] = {}
    shown_detections: list[pd.DataFrame] = []
    Path(scratch).mkdir(parents=True, exist_ok=True)

    def match(
        selection: pd.DataFrame, split: str, name: str, several: Mapping[str, Sequence[str]]
    ) -> pd.DataFrame:
        with tempfile.TemporaryDirectory(prefix=f".{split}-", dir=scratch) as folder:
            dataset = Path(folder).absolute() / name
            write_dataset(dataset, pictures, {split: selection})
            return _match(model, dataset, split, pictures, settings, gpu_or_cpu, threads, several)

    for domain in test_domains:
        selection = testing_selection(pictures.frames, domain)
        several = merged if TEST_SETS[domain] == TRUE_WINTER else {}
        matches["test", domain] = match(selection, "test", domain, several)
        shown = pictures.locate(example_frames(pictures.frames, selection, examples))
        detected = _detect(model, shown, settings, gpu_or_cpu, threads)
        detected.insert(0, "test_domain", domain)
        shown_detections.append(detected)
    videos = pictures.frames[["frame_id", "video"]]
    matches["val", None] = match(validation.merge(videos, on="frame_id"), "val", "validation", {})
    return Evaluation(join_matches(matches), pd.concat(shown_detections, ignore_index=True))


def example_frames(frames: pd.DataFrame, selection: pd.DataFrame, count: int) -> pd.DataFrame:
    """Pick `count` rows of `selection`, evenly spaced over all its frames with boxes, video after video.

    Depends on the frames alone, so every model and every domain is shown on the same ones.
    """
    with_boxes = frames.loc[frames["boxes"] > 0, "frame_id"]
    candidates = selection[selection["frame_id"].isin(with_boxes)].sort_values(["video", "frame_id"])
    count = min(count, len(candidates))
    positions = (np.arange(count) + 0.5) * len(candidates) / max(count, 1)
    return candidates.iloc[positions.astype(int)]


def _load(model: Path) -> Any:
    from ultralytics import YOLO

    if not model.is_file():
        raise SnowdriftError(f"{model}: the detector is not there", "run the training again")
    try:
        return YOLO(str(model), task="detect")
    except (TypeError, RuntimeError, EOFError) as error:
        raise SnowdriftError(
            f"{model}: cannot be read as a detector ({str(error).splitlines()[0]})",
            "delete the file and run again: the workflow trains it again",
        ) from error


def _match(
    model: Path,
    dataset: Path,
    split: str,
    pictures: Pictures,
    settings: EvaluationSettings,
    device: str,
    threads: int,
    merged: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    from snowdrift.detection.validator import MatchingValidator

    classes = told_apart(pictures.class_names, merged)
    arguments = {
        "task": "detect",
        "mode": "val",
        "data": str(dataset / "data.yaml"),
        "split": split,
        "imgsz": settings.image_size,
        "batch": settings.batch_size,
        "conf": settings.confidence,
        "iou": settings.iou,
        "workers": min(settings.workers, threads),
        "device": device,
        "rect": True,
        "plots": False,
        "verbose": False,
    }
    validator = MatchingValidator(
        class_ids=classes.ids if merged else None, save_dir=dataset / "out", args=arguments
    )
    validator.add_callback("on_val_start", use_threads(threads))
    validator.add_callback("on_val_batch_end", partial(_report_batch, f"testing on {dataset.name}"))
    with collect_warnings() as warnings:
        try:
            with memory_limit(
                f"detector.batch_size: a batch of {settings.batch_size}",
                "lower detector.batch_size, which does not change the figures",
            ):
                validator(model=_load(model).model)
        except RuntimeError as error:
            if "No valid images" not in str(error):
                raise
            raise _unreadable(dataset / "images", f"not one of the {split} frames") from error
    listing = pd.read_csv(dataset / "frames.csv", keep_default_na=False)
    lost = lost_pictures(listing, split, validator.dataloader.dataset.im_files)
    if lost:
        raise _unreadable(lost[0], f"{len(lost)} {split} frames, this the first of them,")
    if any("NMS time limit" in message for message in warnings):
        # Ultralytics skips the rest of the batch then: figures would depend on how busy the machine was.
        raise SnowdriftError(
            f"{model}: non-maximum suppression ran out of Ultralytics' time limit, so detections were lost",
            "run again on a less busy machine, or with a smaller detector.batch_size",
        )
    box = validator.metrics.box
    _log.info("%s on %s: mAP50 %.3f, mAP50-95 %.3f", model, dataset.name, box.map50, box.map)
    places = [Path(image).parts[-2:] for image in listing["image"]]
    frame_of = dict(zip(places, listing["frame_id"], strict=True))
    frame_ids = [frame_of[Path(frame.picture).parts[-2:]] for frame in validator.frames]
    owners = pictures.frames.set_index("frame_id")[["video", "group"]].to_dict()
    return match_table(validator.frames, frame_ids, owners["video"], owners["group"], classes.names)


def _report_batch(stage: str, validator: Any) -> None:
    report(stage, validator.batch_i + 1, len(validator.dataloader), "batches")


def _detect(
    model: Path, shown: pd.DataFrame, settings: EvaluationSettings, device: str, threads: int
) -> pd.DataFrame:
    detector = _load(model)
    detector.add_callback("on_predict_start", use_threads(threads))
    rows = []
    for frame_id, picture in zip(shown["frame_id"], shown["picture"], strict=True):
        result = detector.predict(
            picture,
            imgsz=settings.image_size,
            conf=EXAMPLE_CONFIDENCE,
            iou=settings.iou,
            device=device,
            save=False,
            verbose=False,
        )[0]
        found = [
            (result.names[int(label)], float(confidence), *box)
            for label, confidence, box in zip(
                result.boxes.cls, result.boxes.conf, result.boxes.xyxy.tolist(), strict=True
            )
        ]
        empty = (None, *[np.nan] * 5)
        rows += [(frame_id, picture, *values) for values in found or [empty]]
    columns = ["frame_id", "image_path", "class_name", "confidence", "x1", "y1", "x2", "y2"]
    return pd.DataFrame(rows, columns=columns).astype({"class_name": "string"})


def _unreadable(picture: Path | str, which: str) -> SnowdriftError:
    return SnowdriftError(
        f"{picture}: {which} cannot be read",
        "target `verify` (with your --configfile) finds damaged winter frames; "
        "check an original frame with an image viewer",
    )

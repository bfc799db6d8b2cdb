"""The `xray_classifier` extractor of a set: trained on its labels, tested on patients that it has not seen."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from snowdrift.runtime.files import write_table
from snowdrift.scores.xray_classifier import (
    ClassifierSettings,
    evaluate_classifier,
    save_classifier,
    train_classifier,
)
from snowdrift.xray.images import load_images
from snowdrift.xray.patients import HELD_OUT

logger = logging.getLogger(__name__)


def train_xray_classifier(
    images: pd.DataFrame,
    root: Path,
    section: Mapping[str, Any],
    *,
    weights: Path,
    accuracy: Path,
    seed: int,
    device: torch.device,
) -> None:
    """Learn the findings of the training split, all classes, and count how many of held-out patients are right.

    Args:
        images: `xray/images.parquet`.
        root: folder that its `image` is relative to.
        section: the config's `scores.classifier`.
        weights: file for the classifier.
        accuracy: CSV, see `evaluate_classifier`.
        seed: the study's.
        device: where to compute.

    Raises:
        SnowdriftError: see `train_classifier`.
    """
    settings = ClassifierSettings(**section)
    classes = sorted(images.loc[images["split"] == "train", "finding"].unique())
    model = train_classifier(
        *_labelled(images, root, "train", classes, settings.image_size),
        classes,
        settings,
        seed=seed,
        device=device,
    )
    table = evaluate_classifier(
        model, *_labelled(images, root, HELD_OUT, classes, settings.image_size), device
    )
    for row in table.itertuples():
        logger.info("held-out accuracy, %s: %.3f of %d", row.class_name, row.accuracy, row.images)
    save_classifier(model, weights)
    write_table(table, accuracy)


def _labelled(
    images: pd.DataFrame, root: Path, split: str, classes: list[str], size: int
) -> tuple[Tensor, Tensor]:
    """Images and labels of a split; held-out images of a finding that training does not know are left out."""
    rows = images[(images["split"] == split) & images["finding"].isin(classes)]
    labels = torch.tensor([classes.index(finding) for finding in rows["finding"]], dtype=torch.int64)
    return load_images([root / image for image in rows["image"]], size), labels

"""The scores of this chapter: the models, held-out patients as the yardstick, the test split, and three baselines."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.files import read_table
from snowdrift.runtime.seeds import derive_seed
from snowdrift.scores.features import Extractor
from snowdrift.scores.inception import InceptionUnavailable, load_inception
from snowdrift.scores.reference import Reference
from snowdrift.scores.roles import BASELINE, MODEL, SHIFTED, YARDSTICK
from snowdrift.scores.score_sets import SampleSet, Scores, ScoreSettings, score_sets
from snowdrift.scores.xray_classifier import ClassifierExtractor, load_classifier
from snowdrift.xray.generators.dcgan import DCGAN
from snowdrift.xray.generators.pca import PCA, PCASettings
from snowdrift.xray.images import load_images, resize_images, to_uint8
from snowdrift.xray.index import class_images
from snowdrift.xray.patients import HELD_OUT
from snowdrift.xray.samples import read_samples

logger = logging.getLogger(__name__)
_COMPONENTS = 400  # of the baseline that is a normal distribution
REAL, TEST_SPLIT, UNTRAINED, PCA_BASELINE, PIXEL_MEAN = "real", "test_split", "untrained", "pca", "pixel_mean"


@dataclass(frozen=True)
class ExtractorFiles:
    """What the extractors are made from.

    Attributes:
        names: the config's `scores.extractors`.
        classifier: `xray/classifier.pth`; None without `xray_classifier`.
        accuracy: `xray/classifier.csv`; None without `xray_classifier`.
        inception: the config's `scores.inception_weights`.
    """

    names: Sequence[str]
    classifier: Path | None
    accuracy: Path | None
    inception: Path | None


class Evaluation(NamedTuple):
    """The tables of `Scores`, with training images by their names, and one row for each extractor."""

    scores: pd.DataFrame
    comparisons: pd.DataFrame
    neighbours: pd.DataFrame
    extractors: pd.DataFrame


def evaluate_models(
    images: pd.DataFrame,
    root: Path,
    class_name: str,
    samples: Mapping[str, Path],
    untrained: Mapping[str, Any],
    files: ExtractorFiles,
    settings: ScoreSettings,
    *,
    seed: int,
    device: torch.device,
) -> Evaluation:
    """Score the models' samples beside real images and the baselines, at the smallest of the models' sides.

    Args:
        images: `xray/images.parquet`.
        root: folder that its `image` is relative to.
        class_name: what the models learned.
        samples: each model's `samples.npy`.
        untrained: the config's `xray.dcgan`, for a baseline that never learned.
        files: of the extractors.
        settings: of the scores.
        seed: the study's.
        device: where to compute.

    Raises:
        SnowdriftError: no extractor is to be had, or see `score_sets`.
    """
    extractors, table = _extractors(files, device)
    large = {name: read_samples(path) for name, path in samples.items()}
    side = min(part.shape[-1] for part in large.values())

    def real(split: str) -> Tensor:
        return load_images([root / name for name in class_images(images, split, class_name)], side)

    learned = images[(images["split"] == "train") & (images["class_name"] == class_name)]
    reference = Reference(real("train"), learned["patient"].tolist())
    held_out, count = real(HELD_OUT), max(len(part) for part in large.values())
    sets = [
        SampleSet(REAL, YARDSTICK, held_out),
        *_test_split(real("test"), len(held_out)),
        *(
            SampleSet(name, BASELINE if name == PCA_BASELINE else MODEL, resize_images(part, side))
            for name, part in large.items()
        ),
        SampleSet(UNTRAINED, BASELINE, resize_images(_untrained(untrained, count, seed, device), side)),
        SampleSet(PIXEL_MEAN, BASELINE, _pixel_mean(reference.images, count)),
    ]
    if PCA_BASELINE not in large:
        sets.append(SampleSet(PCA_BASELINE, BASELINE, _pca(reference.images, count, seed)))
    scored: Scores = score_sets(sets, reference, extractors, settings, seed=seed, device=device)
    neighbours = scored.neighbours.assign(
        training_image=learned["image"].to_numpy()[scored.neighbours["training_image"]]
    )
    return Evaluation(scored.scores, scored.comparisons, neighbours, table)


def _extractors(files: ExtractorFiles, device: torch.device) -> tuple[list[Extractor], pd.DataFrame]:
    """Those that are to be had, and which they are: extractor, used, detail."""
    found: list[Extractor] = []
    rows = []
    for name in files.names:
        try:
            extractor, detail = _extractor(name, files, device)
        except InceptionUnavailable as error:
            logger.warning("the scores by %s are left out: %s", name, error)
            rows.append((name, False, error.message))
            continue
        found.append(extractor)
        rows.append((name, True, detail))
    if not found:
        raise SnowdriftError(
            f"no extractor is to be had, so nothing can be scored: {rows[0][2]}",
            "add `xray_classifier` to scores.extractors, or give scores.inception_weights",
        )
    return found, pd.DataFrame(rows, columns=["extractor", "used", "detail"])


def _extractor(name: str, files: ExtractorFiles, device: torch.device) -> tuple[Extractor, str]:
    if name == "inception":
        return load_inception(files.inception, device), "trained on the photographs of ImageNet"
    if files.classifier is None or files.accuracy is None:
        raise ValueError("the xray_classifier extractor comes with its classifier and accuracy")
    total = read_table(files.accuracy).set_index("class_name").loc["all"]
    right = f"{total['accuracy']:.1%} of {total['images']:.0f} images of held-out patients"
    detail = f"trained on these X-rays; right on {right}"
    return ClassifierExtractor(load_classifier(files.classifier), device), detail


def _test_split(images: Tensor, size: int) -> list[SampleSet]:
    """As many of them as are held out, evenly spread; nothing if there are fewer."""
    if len(images) < size:
        logger.warning("the test split has %d images, fewer than are held out: it is not scored", len(images))
        return []
    return [SampleSet(TEST_SPLIT, SHIFTED, images[torch.linspace(0, len(images) - 1, size).long()])]


def _untrained(section: Mapping[str, Any], count: int, seed: int, device: torch.device) -> Tensor:
    seed = derive_seed(seed, "xray", UNTRAINED)
    return to_uint8(DCGAN.from_config(section, seed=seed, device=device).sample(count, seed))


def _pca(reference: Tensor, count: int, seed: int) -> Tensor:
    """A normal distribution of pictures, which no network has to be better than to be easy to beat."""
    side = reference.shape[-1]
    components = min(_COMPONENTS, len(reference) - 1, side**2)
    settings = PCASettings(image_size=side, channels=1, latent_size=components)
    model = PCA(settings, seed=seed, device=torch.device("cpu"))
    model.train(reference, seed=seed)
    return to_uint8(model.sample(count, derive_seed(seed, "xray", PCA_BASELINE)))


def _pixel_mean(reference: Tensor, count: int) -> Tensor:
    """The mean training image, again and again: right in the mean, wrong in all variety."""
    return reference.float().mean(0, keepdim=True).round().to(torch.uint8).repeat(count, 1, 1, 1)

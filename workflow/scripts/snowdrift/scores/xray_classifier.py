"""The `xray_classifier` extractor: a small classifier of X-rays, which works offline and knows X-rays, not ImageNet."""

import itertools
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample, interpolate

from snowdrift.runtime.devices import memory_limit
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.seeds import derive_seed
from snowdrift.runtime.weights import load_weights, read_weights, write_weights
from snowdrift.scores.features import Features, in_batches
from snowdrift.statistics.intervals import LEVEL, Share

logger = logging.getLogger(__name__)
_LEAST_SIZE = 16
_HINT = "delete the file and run again: the workflow trains the classifier again"


@dataclass(frozen=True)
class ClassifierSettings:
    """The config's section `scores.classifier`.

    Attributes:
        image_size: side of an image in pixels, at least 16.
        filters: channels of the first convolution; four times as many are the features.
        epochs: passes over the images.
        batch_size: images per training step.
        learning_rate: of AdamW at the start; it falls to 0 by half a cosine.
    """

    image_size: int
    filters: int
    epochs: int
    batch_size: int
    learning_rate: float


class XrayClassifier(nn.Module):
    """(n, 1, image_size, image_size) float in [-1, 1] to (n, classes) logits: four strided convolutions."""

    def __init__(self, classes: Sequence[str], image_size: int, filters: int) -> None:
        super().__init__()
        self.classes, self.image_size, self.filters = tuple(classes), image_size, filters
        widths = [1, filters, 2 * filters, 4 * filters, 4 * filters]
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(widths):
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(widths[-1], len(classes))

    def features(self, images: Tensor) -> Tensor:
        """(n, 4 * filters) averages of the last layer's maps."""
        averages: Tensor = self.body(images)
        return averages

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        logits: Tensor = self.head(self.features(images))
        return logits


class ClassifierExtractor:
    """A `XrayClassifier` as an extractor; images of any size and 1 or 3 channels."""

    name = "xray_classifier"

    def __init__(self, model: XrayClassifier, device: torch.device) -> None:
        self._model, self._device = model.eval().requires_grad_(False).to(device), device

    def extract(self, images: Tensor) -> Features:
        """See `Extractor`."""
        return in_batches(images, self._compute, self._device)

    def _compute(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self._model.features(_prepare(images, self._model.image_size))
        return features, self._model.head(features)


def train_classifier(
    images: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    settings: ClassifierSettings,
    *,
    seed: int,
    device: torch.device,
) -> XrayClassifier:
    """Train on labelled images; each class weighs the same, however many images it has.

    Args:
        images: (n, 1, h, w) uint8.
        labels: (n,) int64, indices into `classes`.
        classes: names.
        settings: the config's section.
        seed: of weights, order and augmentation.
        device: where to compute.

    Raises:
        SnowdriftError: fewer than two classes, one without images, a loss that is no longer finite, or too
            little memory.
    """
    if len(classes) < 2:
        raise SnowdriftError(
            f"the X-rays to learn from show {', '.join(classes) or 'nothing'} alone",
            "a classifier needs two classes",
        )
    counts = torch.bincount(labels, minlength=len(classes))
    if empty := [name for name, count in zip(classes, counts.tolist(), strict=True) if count == 0]:
        raise SnowdriftError(
            f"no image to learn {', '.join(empty)} from", "fill the class's folder, or remove it everywhere"
        )
    generator = torch.Generator().manual_seed(derive_seed(seed, "classifier"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "classifier", "weights"))
        model = XrayClassifier(classes, settings.image_size, settings.filters).to(device)
    data = _prepare(images, settings.image_size)
    weight = (len(labels) / (len(classes) * counts)).to(device)
    steps = len(_batches(torch.arange(len(data)), settings)) * settings.epochs
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    with memory_limit(f"a batch of {settings.batch_size} X-rays", "lower scores.classifier.batch_size"):
        for epoch in range(1, settings.epochs + 1):
            started, total = time.monotonic(), torch.zeros((), device=device)
            for batch in _batches(torch.randperm(len(data), generator=generator), settings):
                varied = _augment(data[batch], generator).to(device)
                loss = cross_entropy(model.train()(varied), labels[batch].to(device), weight)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                schedule.step()
                total += loss.detach() * len(batch)
            _log_epoch(epoch, settings.epochs, float(total) / len(data), time.monotonic() - started)
    return model.eval()


def evaluate_classifier(
    model: XrayClassifier, images: Tensor, labels: Tensor, device: torch.device
) -> pd.DataFrame:
    """Accuracy on images that training has not seen, with 95 % intervals (see `Share`).

    Returns:
        One row a class, whose accuracy is its recall, and a last row `all`: class_name, images, accuracy,
        accuracy_low, accuracy_high.
    """
    predicted = torch.from_numpy(ClassifierExtractor(model, device).extract(images).logits.argmax(1))
    hits = predicted == labels
    rows = [(name, hits[labels == index]) for index, name in enumerate(model.classes)]
    return pd.DataFrame(
        [_accuracy(name, part) for name, part in [*rows, ("all", hits)] if len(part)],
        columns=["class_name", "images", "accuracy", "accuracy_low", "accuracy_high"],
    )


def save_classifier(model: XrayClassifier, path: Path) -> None:
    """Write weights and shape."""
    shape = {"classes": list(model.classes), "image_size": model.image_size, "filters": model.filters}
    write_weights({"shape": shape, "state": model.state_dict()}, path)


def load_classifier(path: Path) -> XrayClassifier:
    """Read what `save_classifier` wrote.

    Raises:
        SnowdriftError: no such file, or something else in it.
    """
    content = read_weights(path, _HINT)
    try:
        model, state = XrayClassifier(**content["shape"]), content["state"]
    except (KeyError, TypeError) as error:
        raise SnowdriftError(f"{path}: not a classifier of X-rays: {error}", _HINT) from error
    load_weights(model, state, path, _HINT)
    return model.eval()


def _batches(order: Tensor, settings: ClassifierSettings) -> list[Tensor]:
    """An epoch's batches of images, by their places in `order`."""
    batches = list(order.split(settings.batch_size))
    # At this size the last layer's maps are single pixels, of which batch normalisation needs two: an image that is
    # left alone joins the batch before.
    if settings.image_size <= _LEAST_SIZE and len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def _prepare(images: Tensor, size: int) -> Tensor:
    """(n, c, h, w) uint8 to (n, 1, size, size) float in [-1, 1], gray."""
    gray = images.float().mean(1, keepdim=True)
    if gray.shape[-2:] != (size, size):
        gray = interpolate(gray, size=(size, size), mode="bilinear", antialias=True)
    return gray / 127.5 - 1


def _augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shift, turn and scale a little, and change brightness and contrast; no flip: the heart is on one side."""

    def uniform(limit: float) -> Tensor:
        return (torch.rand(len(images), generator=generator) * 2 - 1) * limit

    angle, scale = uniform(math.radians(7)), 1 + uniform(0.08)
    cosine, sine = angle.cos() * scale, angle.sin() * scale
    rows = [torch.stack([cosine, -sine, uniform(0.1)], 1), torch.stack([sine, cosine, uniform(0.1)], 1)]
    grid = affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    moved = grid_sample(images, grid, padding_mode="border", align_corners=False)
    contrast, brightness = 1 + uniform(0.15), uniform(0.15)
    return moved * contrast[:, None, None, None] + brightness[:, None, None, None]


def _accuracy(name: str, hits: Tensor) -> tuple[str, int, float, float, float]:
    share = Share(int(hits.sum()), len(hits))
    return name, len(hits), share.value, *share.interval(LEVEL)


def _log_epoch(epoch: int, epochs: int, loss: float, seconds: float) -> None:
    if not math.isfinite(loss):
        raise SnowdriftError(
            f"the training of the classifier failed in epoch {epoch}: its loss is no longer finite",
            "lower scores.classifier.learning_rate",
        )
    logger.info("epoch %d/%d in %.1f s: loss %.4f", epoch, epochs, seconds, loss)

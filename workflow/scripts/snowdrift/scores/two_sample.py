"""A two-sample test by a classifier (Lopez-Paz and Oquab, ICLR 2017, arXiv:1610.06545): can real images be told?

A small network learns to tell real from generated images, and is tested on patients and on redraws that it has not
seen. It needs no features that somebody else has chosen, so it sees what they miss.
"""

from typing import NamedTuple

import torch
from scipy import stats
from torch import Tensor

from snowdrift.scores.reference import Reference
from snowdrift.scores.xray_classifier import ClassifierExtractor, ClassifierSettings, train_classifier
from snowdrift.statistics.intervals import Area


class Trial(NamedTuple):
    """Images, (n, 1 or 3, h, w) uint8, real and doubtful ones: to learn from, and to be tested on."""

    real: Tensor
    doubtful: Tensor
    unseen_real: Tensor
    unseen_doubtful: Tensor


def two_sample_test(images: Trial, settings: ClassifierSettings, *, seed: int, device: torch.device) -> Area:
    """How well a trained network tells them: the area under its ROC curve, 0.5 where it cannot.

    Args:
        images: of both kinds.
        settings: of the network and its training, as of the X-ray classifier.
        seed: of weights, order and augmentation.
        device: where to compute.
    """
    pictures = torch.cat([_gray(images.real), _gray(images.doubtful)])
    labels = torch.cat([torch.zeros(len(images.real)), torch.ones(len(images.doubtful))]).long()
    model = train_classifier(pictures, labels, ["real", "doubtful"], settings, seed=seed, device=device)
    extractor = ClassifierExtractor(model, device)
    real, doubtful = (
        logits[:, 1] - logits[:, 0]
        for logits in (
            extractor.extract(part).logits for part in (images.unseen_real, images.unseen_doubtful)
        )
    )
    wins = stats.mannwhitneyu(doubtful, real).statistic
    return Area(float(wins) / (len(real) * len(doubtful)), len(real), len(doubtful))


def real_trial(reference: Reference, held_out: Tensor, seed: int) -> Trial:
    """Real against real, which differ by chance: training patients in two groups, and others beside held-out ones."""
    tested = reference.parts(len(held_out), seed)[0]
    left = Reference(reference.images[tested.rest], [reference.patients[index] for index in tested.rest])
    groups = left.parts(len(tested.rest) // 2, seed)[0]
    return Trial(left.images[groups.own], left.images[groups.rest], held_out, reference.images[tested.own])


def trial(reference: Reference, held_out: Tensor, images: Tensor) -> Trial:
    """Training images against the first half of doubtful ones, and held-out patients beside the second half."""
    half = len(images) // 2
    return Trial(reference.images, images[:half], held_out, images[half:])


def _gray(images: Tensor) -> Tensor:
    return images.float().mean(1, keepdim=True).round().to(torch.uint8)

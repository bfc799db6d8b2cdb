"""The scores: known values, agreement with torch-fidelity and torchmetrics, and intervals that cover."""

import math

import numpy as np
import pytest
import torch
import torch_fidelity.metric_fid
import torch_fidelity.metric_isc
import torch_fidelity.metric_kid
from pytorch_fid.fid_score import calculate_frechet_distance
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance
from torchvision.transforms.v2.functional import gaussian_blur

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.scores.coverage import coverage
from snowdrift.scores.features import Features
from snowdrift.scores.frechet import frechet_distance
from snowdrift.scores.inception_score import inception_score, inception_score_estimate, upper_bound
from snowdrift.scores.kernel import kernel_distance, kernel_distance_estimate
from snowdrift.scores.memorisation import copy_threshold, nearest_other, nearest_training
from snowdrift.scores.roles import MODEL, UNDECIDED, YARDSTICK
from snowdrift.scores.sharpness import sharpness, sharpness_estimate
from snowdrift.scores.table import SampleSet, ScoreSettings, score_sets
from snowdrift.statistics.intervals import Estimate, Share

RELATIVE = 1e-3


def rng(seed=0):
    return np.random.default_rng(seed)


def features(n, d=24, seed=0, shift=0.0, scale=1.0):
    return np.maximum(rng(seed).normal(size=(n, d)) * scale + shift, 0)


# Inception Score


def test_inception_score_of_one_repeated_image_is_1():
    assert inception_score(np.repeat(rng().normal(size=(1, 10)), 50, axis=0)) == pytest.approx(1, abs=1e-12)


def test_inception_score_of_n_images_spread_over_n_classes_is_n():
    assert inception_score(1000 * np.eye(30)) == pytest.approx(30)
    assert inception_score(1000 * np.eye(30), splits=10) == pytest.approx(3) == upper_bound(30, 1008, 10)


@pytest.mark.parametrize(("n", "splits"), [(30, 10), (200, 1), (200, 10)])
def test_inception_score_agrees_with_torch_fidelity(n, splits):
    logits = rng().normal(size=(n, 12)) * 3
    theirs = torch_fidelity.metric_isc.isc_features_to_metric(torch.from_numpy(logits), splits, shuffle=False)
    assert inception_score(logits, splits) == pytest.approx(theirs["inception_score_mean"], rel=RELATIVE)


def test_inception_score_of_splits_that_do_not_divide_is_refused():
    with pytest.raises(SnowdriftError, match="31 images cannot be divided into 10"):
        inception_score(np.zeros((31, 4)), 10)


@pytest.mark.parametrize("splits", [1, 10])
def test_inception_score_interval_covers_what_other_draws_score_and_stays_within_bounds(splits):
    """The interval of one sample has to tell how much other samples of the same source vary."""
    draws = [rng(seed).normal(size=(60, 6)) * 2 for seed in range(120)]
    values = np.array([math.log(inception_score(draw, splits)) for draw in draws])
    covered = 0
    for draw in draws:
        low, high = inception_score_estimate(draw, splits, 200, 0).interval(0.95)
        assert 1 <= low <= high <= upper_bound(60, 6, splits)
        covered += math.log(low) <= values.mean() <= math.log(high)
    assert covered / len(draws) > 0.88


# Frechet and kernel distance


@pytest.mark.parametrize("n", [500, 40])
def test_frechet_distance_agrees_with_torch_fidelity(n):
    first, second = features(n), features(n + 7, seed=1, shift=0.4, scale=1.5)
    statistics = [
        torch_fidelity.metric_fid.fid_features_to_statistics(torch.from_numpy(part))
        for part in (first, second)
    ]
    theirs = torch_fidelity.metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    assert frechet_distance(first, second) == pytest.approx(
        theirs["frechet_inception_distance"], rel=RELATIVE
    )


class Given(torch.nn.Module):
    """Hands features through as torchmetrics wants them from a network."""

    num_features = 24

    def forward(self, images):
        return images.flatten(1)


def updated(metric, first, second):
    metric.set_dtype(torch.float64)
    for part, real in ((second, True), (first, False)):
        metric.update(torch.from_numpy(part).reshape(-1, 1, 4, 6), real=real)
    return metric.compute()


def test_distances_agree_with_torchmetrics():
    first, second = features(200), features(200, seed=1, shift=0.4)
    shape = {"feature": Given(), "normalize": False, "input_img_size": (1, 4, 6)}
    theirs = updated(FrechetInceptionDistance(**shape), first, second)
    assert frechet_distance(first, second) == pytest.approx(float(theirs), rel=RELATIVE)
    kid = KernelInceptionDistance(feature=Given(), subsets=1, subset_size=200)
    mean, _ = updated(kid, first, second)
    assert kernel_distance(first, second) == pytest.approx(float(mean), rel=RELATIVE)


def test_kernel_distance_agrees_with_torch_fidelity():
    first, second = features(150), features(150, seed=1, shift=0.4)
    theirs = torch_fidelity.metric_kid.kid_features_to_metric(
        torch.from_numpy(first),
        torch.from_numpy(second),
        kid_subsets=1,
        kid_subset_size=150,
        verbose=False,
    )
    ours = kernel_distance(first, second)
    assert ours == pytest.approx(theirs["kernel_inception_distance_mean"], rel=RELATIVE)


@pytest.mark.parametrize(("n", "m"), [(10, 12), (10, 300), (300, 200)])
def test_frechet_distance_agrees_with_pytorch_fid(n, m):
    """Also with fewer images than features, whose covariances are singular."""
    first, second = features(n, 64), features(m, 64, seed=1, shift=0.5)
    gaussians = [(part.mean(0), np.cov(part, rowvar=False)) for part in (first, second)]
    theirs = calculate_frechet_distance(*gaussians[0], *gaussians[1])
    assert frechet_distance(first, second) == pytest.approx(theirs, rel=RELATIVE)


def test_frechet_distance_of_a_set_from_itself_is_0():
    assert frechet_distance(features(40, 64), features(40, 64)) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_of_features_that_are_not_finite_is_refused():
    broken = features(10)
    broken[3, 0] = np.nan
    with pytest.raises(SnowdriftError, match="not finite"):
        frechet_distance(broken, features(10))


def test_distances_of_one_image_are_refused():
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(SnowdriftError, match="at least two images"):
            distance(features(1), features(5))


def test_kernel_distance_interval_covers_nothing_between_equal_sources_and_excludes_it_otherwise():
    real = features(120, seed=100)
    hits = 0
    for seed in range(60):
        same = kernel_distance_estimate(features(120, seed=seed), real, replicates=150, seed=1, real_seed=2)
        low, high = same.interval(0.95)
        hits += low <= 0 <= high
    assert hits / 60 > 0.85
    other = features(120, seed=1, shift=0.5)
    low, _ = kernel_distance_estimate(other, real, replicates=150, seed=1, real_seed=2).interval(0.95)
    assert low > 0


def test_kernel_distance_of_a_tiny_set_has_an_interval():
    estimate = kernel_distance_estimate(
        features(3), features(20, seed=1), replicates=300, seed=0, real_seed=0
    )
    assert all(math.isfinite(end) for end in estimate.interval(0.95))


# Precision and recall, memorisation, sharpness


def test_precision_and_recall_agree_with_their_definition():
    fake, real, k = features(40, 5, seed=1, shift=0.3), features(50, 5), 3

    def distances(a, b):
        return np.linalg.norm(a[:, None] - b[None], axis=2)

    def share(inside, of):
        radius = np.sort(distances(of, of), axis=1)[:, k]
        return (distances(inside, of) <= radius).any(1).mean()

    covered = coverage(fake, real, k)
    assert covered.precision.value == pytest.approx(share(fake, real))
    assert covered.recall.value == pytest.approx(share(real, fake))
    assert (covered.precision.n, covered.recall.n) == (40, 50)


def test_precision_and_recall_need_more_images_than_neighbours():
    with pytest.raises(SnowdriftError, match="3 neighbours, but a set has 3 images"):
        coverage(features(3), features(20), 3)


def test_copies_are_nearer_than_the_threshold_and_new_images_are_not():
    training, new = features(300), features(50, seed=1)
    copies = training[[4, 7]] + 1e-6
    nearest = nearest_training(np.concatenate([copies, new]), training)
    threshold = copy_threshold(nearest_other(training).distance)
    assert nearest.index[:2].tolist() == [4, 7]
    assert (nearest.distance < threshold).tolist()[:2] == [True, True]
    assert (nearest.distance[2:] < threshold).mean() < 0.1


def test_a_copy_is_at_distance_0_and_no_image_is_its_own_neighbour():
    training = features(20)
    assert nearest_training(training[:3], training).distance.tolist() == [0, 0, 0]
    assert (nearest_other(training).distance > 0).all()


def test_sharpness_falls_with_blur_and_rises_with_contrast():
    images = torch.randint(0, 256, (5, 1, 32, 32), dtype=torch.uint8, generator=torch.manual_seed(0))
    blurred = gaussian_blur(images, [5, 5], [1.5, 1.5])
    assert (sharpness(blurred) < sharpness(images) / 10).all()
    assert (sharpness(images // 2) < sharpness(images)).all()
    assert sharpness(torch.full((2, 3, 8, 8), 9, dtype=torch.uint8)).tolist() == [0, 0]
    estimate = sharpness_estimate(images, 100, 0)
    assert estimate.value == np.median(sharpness(images))


# Intervals


@pytest.mark.parametrize(("count", "n"), [(0, 20), (20, 20), (3, 20)])
def test_an_interval_of_a_share_stays_in_0_to_1_and_holds_it(count, n):
    low, high = Share(count, n).interval(0.95)
    assert 0 <= low <= count / n <= high <= 1
    assert high - low > 0.1


def test_an_interval_of_a_share_covers_the_truth_as_often_as_it_says():
    counts = rng().binomial(50, 0.1, size=2000)
    ends = [Share(int(count), 50).interval(0.95) for count in counts]
    assert np.mean([low <= 0.1 <= high for low, high in ends]) == pytest.approx(0.95, abs=0.02)


def test_a_difference_of_equal_shares_holds_0_and_of_far_ones_does_not():
    assert (
        Share(5, 50).difference(Share(5, 50), 0.95).low < 0 < Share(5, 50).difference(Share(5, 50), 0.95).high
    )
    far = Share(45, 50).difference(Share(5, 50), 0.95)
    assert far.low > 0.5


def test_what_two_estimates_share_cancels_in_their_difference():
    shared = rng().normal(size=500) * 10
    first, second = (
        Estimate(value, shared + rng(seed).normal(size=500) * 0.1) for value, seed in ((2.0, 1), (1.0, 2))
    )
    difference = first.difference(second, 0.95)
    assert 0 < difference.low < 1 < difference.high
    assert first.interval(0.95)[0] < 0


# The whole table


class Pixels:
    """Extractor for tests: gray values of a corner as features, means of stripes as logits."""

    name = "pixels"

    def extract(self, images):
        flat = images[:, :1, :4, :4].double().flatten(1).numpy() / 255
        return Features(flat, flat[:, :5] * 4)


SETTINGS = ScoreSettings(study_images=30, study_splits=10, replicates=100, neighbours=3)


def picture_set(name, role, n, seed, dim=1.0):
    random = torch.Generator().manual_seed(seed)
    pixels = torch.rand((n, 1, 8, 8), generator=random) * 255 * dim
    return SampleSet(name, role, pixels.to(torch.uint8))


@pytest.fixture(scope="module")
def scored():
    reference = picture_set("reference", "", 60, 0).images
    sets = [
        picture_set("real", YARDSTICK, 40, 1),
        picture_set("good", MODEL, 60, 2),
        picture_set("twin", MODEL, 60, 3),
        picture_set("dark", MODEL, 60, 4, dim=0.3),
        SampleSet("thief", MODEL, reference.clone()),
    ]
    return score_sets(sets, reference, [Pixels()], SETTINGS, seed=0)


def test_only_what_differs_is_called_better(scored):
    verdicts = scored.comparisons.set_index(["score", "first", "second"])["verdict"]
    assert verdicts["kid", "good", "dark"] == "good"
    assert verdicts["sharpness", "good", "dark"] == "good"
    assert verdicts["precision", "good", "twin"] == UNDECIDED
    assert verdicts["kid", "good", "twin"] == UNDECIDED


def test_a_model_that_repeats_its_training_images_is_found_out(scored):
    rows = scored.scores.set_index("model")
    assert rows.loc["thief", "near_copies"] == 1
    assert rows.loc["thief", "nearest_distance"] == 0
    assert rows.loc["good", "near_copies"] < 0.1
    thief = scored.neighbours[scored.neighbours["model"] == "thief"]
    assert thief["training_image"].tolist() == list(range(60))
    assert thief["near_copy"].all()


def test_every_score_lies_in_its_interval_and_below_its_bound(scored):
    rows = scored.scores
    for score in ("study_inception_score", "inception_score", "kid", "precision", "recall", "sharpness"):
        assert (rows[f"{score}_low"] <= rows[score] + 1e-12).all()
        assert (rows[score] <= rows[f"{score}_high"] + 1e-12).all()
    assert (rows["study_inception_score_bound"] == 3).all()
    assert (rows["inception_score"] <= rows["inception_score_bound"]).all()
    assert (rows["fid_matched_images"] == 40).all()


def test_the_same_seed_gives_the_same_table(scored):
    reference = picture_set("reference", "", 60, 0).images
    sets = [picture_set("real", YARDSTICK, 40, 1), picture_set("good", MODEL, 60, 2)]
    first, second = (score_sets(sets, reference, [Pixels()], SETTINGS, seed=5) for _ in range(2))
    assert first.scores.equals(second.scores)
    assert first.comparisons.empty


@pytest.mark.parametrize(
    ("images", "fault"),
    [
        (torch.zeros((40, 1, 9, 9), dtype=torch.uint8), "images of one size; got real 9x9"),
        (torch.zeros((5, 1, 8, 8), dtype=torch.uint8), "real: 5 images are too few to score; at least 10"),
    ],
)
def test_sets_that_cannot_be_scored_are_named(images, fault):
    reference = picture_set("reference", "", 60, 0).images
    with pytest.raises(SnowdriftError, match=fault):
        score_sets([SampleSet("real", YARDSTICK, images)], reference, [Pixels()], SETTINGS, seed=0)

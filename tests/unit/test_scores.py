"""The scores: known values, agreement with torch-fidelity and torchmetrics, and intervals that cover."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch_fidelity.metric_fid
import torch_fidelity.metric_isc
import torch_fidelity.metric_kid
import torch_fidelity.metric_prc
from pytorch_fid.fid_score import calculate_frechet_distance
from scipy.stats import norm
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance
from torchvision.transforms.v2.functional import gaussian_blur

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.scores.copies import closest_training, copy_threshold
from snowdrift.scores.features import Features
from snowdrift.scores.fid import frechet_distance
from snowdrift.scores.inception_score import inception_score, upper_bound
from snowdrift.scores.kid import kernel_distance
from snowdrift.scores.precision_coverage import ball_radii, coverage, inside, mean_distance
from snowdrift.scores.reference import Reference
from snowdrift.scores.roles import BASELINE, MODEL, TRAINING, UNDECIDED, YARDSTICK
from snowdrift.scores.score_sets import COMPARED, SampleSet, ScoreSettings, score_sets
from snowdrift.scores.sharpness import sharpness
from snowdrift.scores.two_sample import real_trial, trial, two_sample_test
from snowdrift.scores.xray_classifier import ClassifierSettings
from snowdrift.statistics.intervals import Area, Share, of_one_set, of_redraws

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


# Precision and coverage, copies, sharpness


def test_precision_agrees_with_torch_fidelity():
    fake, real, k = features(40, 5, seed=1, shift=0.3), features(50, 5), 3
    theirs = torch_fidelity.metric_prc.prc_features_to_metric(
        torch.from_numpy(fake), torch.from_numpy(real), prc_neighborhood=k, verbose=False
    )
    assert inside(fake, real, ball_radii(real, k)).mean() == pytest.approx(theirs["precision"])


def test_coverage_agrees_with_its_definition():
    fake, real, k = features(40, 5, seed=1, shift=0.3), features(50, 5), 3
    among = np.linalg.norm(real[:, None] - real[None], axis=2)
    to_fake = np.linalg.norm(real[:, None] - fake[None], axis=2)
    covered = [min(to) <= sorted(own)[k] for to, own in zip(to_fake, among, strict=True)]
    assert coverage(fake, real, ball_radii(real, k)) == pytest.approx(np.mean(covered))


def test_coverage_of_equal_sources_is_what_its_authors_derive():
    """1 - (m-1)...(m-k) / ((2m-1)...(2m-k)) for m images each, whatever the distribution."""
    m, k = 60, 3
    expected = 1 - math.prod((m - i) / (2 * m - i) for i in range(1, k + 1))
    found = [
        coverage(
            rng(seed).normal(size=(m, 4)), real := rng(seed + 1000).normal(size=(m, 4)), ball_radii(real, k)
        )
        for seed in range(150)
    ]
    assert np.mean(found) == pytest.approx(expected, abs=0.01)


def test_a_repeated_picture_covers_nothing_and_has_no_distances():
    real = features(60)
    again = np.repeat(real[:1], 60, axis=0)
    assert coverage(again, real, ball_radii(real, 3)) < 0.15
    assert coverage(features(60, seed=1), real, ball_radii(real, 3)) > 0.75
    assert mean_distance(again) == pytest.approx(0, abs=1e-6)
    assert mean_distance(real) == pytest.approx(mean_distance(features(60, seed=1)), rel=0.1)


def test_precision_and_coverage_need_more_images_than_neighbours():
    with pytest.raises(SnowdriftError, match="3 neighbours, but a set has 3 images"):
        ball_radii(features(3), 3)


def smooth_pictures(n, seed, side=64):
    """Pictures with structures of about 8 pixels."""
    coarse = torch.rand((n, 1, side // 8, side // 8), generator=torch.Generator().manual_seed(seed))
    large = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic", antialias=True)
    return (large * 160 + 40).clamp(0, 255).round().to(torch.uint8)


def altered(images, change):
    noise = torch.randn(images.shape, generator=torch.manual_seed(3))
    floats = {
        "same": images.float(),
        "shifted": torch.roll(images.float(), (2, -3), (2, 3)),
        "blurred": gaussian_blur(images.float(), [7, 7], [1.0, 1.0]),
        "noisy": images + 5 * noise,
        "faint": (images.float() - 128) * 0.7 + 140,
    }
    return floats[change].round().clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("change", ["same", "shifted", "blurred", "noisy", "faint"])
def test_lightly_altered_training_images_are_found_and_new_ones_are_not(change):
    training = smooth_pictures(80, 0)
    threshold = copy_threshold(closest_training(smooth_pictures(40, 1), training))
    found = closest_training(altered(training[10:30], change), training)
    assert found.nearest.tolist() == list(range(10, 30))
    assert (found.correlation > threshold).all()
    assert (closest_training(smooth_pictures(40, 2), training).correlation > threshold).mean() < 0.1


def test_large_and_small_and_coloured_copies_are_found_too():
    for side in (16, 128):
        training = smooth_pictures(20, 0, side)
        found = closest_training(training[:5].repeat(1, 3, 1, 1), training)
        assert found.nearest.tolist() == [0, 1, 2, 3, 4]
        assert found.correlation == pytest.approx(1, abs=1e-5)


def test_sharpness_falls_with_blur_and_rises_with_contrast():
    images = torch.randint(0, 256, (5, 1, 32, 32), dtype=torch.uint8, generator=torch.manual_seed(0))
    blurred = gaussian_blur(images, [5, 5], [1.5, 1.5])
    assert (sharpness(blurred) < sharpness(images) / 10).all()
    assert (sharpness(images // 2) < sharpness(images)).all()
    assert sharpness(torch.full((2, 3, 8, 8), 9, dtype=torch.uint8)).tolist() == [0, 0]


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


@pytest.mark.parametrize("sets", [3, 10])
def test_intervals_over_redraws_hold_the_truth_as_often_as_they_say(sets):
    """Also of scores as skewed as FID and KID are, and of one set that varies as others do."""
    held = np.zeros(4)
    for seed in range(400):
        drawn, others = rng(seed).gamma(6, size=(2, sets))
        covers = [
            of_redraws(drawn).interval(0.95),
            of_redraws(drawn).difference(of_redraws(others), 0.95)[1:],
            of_one_set(drawn[0], others).interval(0.95),
            of_one_set(drawn[0], others).difference(of_redraws(others), 0.95)[1:],
        ]
        held += [low <= truth <= high for (low, high), truth in zip(covers, (6, 0, 6, 0), strict=True)]
    assert (held / 400 > 0.9).all(), held


def test_redraws_that_do_not_vary_have_no_reach_and_limits_are_kept():
    assert of_redraws([1.0, 1.0, 1.0]).interval(0.95) == (1, 1)
    assert of_redraws([1.0, 1.0]).difference(of_redraws([0.5, 0.5]), 0.95) == (0.5, 0.5, 0.5)
    assert of_redraws([0.1, 0.5], limits=(0, 1)).interval(0.95) == (0, 1)


@pytest.mark.parametrize("separation", [0.0, 1.0, 3.0])
def test_intervals_of_areas_hold_the_truth_as_often_as_they_say(separation):
    truth = float(norm.cdf(separation / math.sqrt(2)))
    held = 0
    for seed in range(300):
        real, fake = rng(seed).normal(size=40), rng(seed + 1000).normal(separation, size=60)
        low, high = Area(float((fake[:, None] > real).mean()), 40, 60).interval(0.95)
        assert 0 <= low <= high <= 1
        held += low <= truth <= high
    assert held / 300 > 0.92


def test_an_area_of_1_has_an_interval_and_differs_from_a_half():
    low, high = Area(1.0, 40, 60).interval(0.95)
    assert 0.85 < low < 0.99 and high == 1
    assert Area(0.0, 40, 60).interval(0.95) == pytest.approx((0, 1 - low), abs=1e-6)
    assert Area(0.1, 40, 60).told_apart == Area(0.9, 40, 60) == Area(0.9, 40, 60).told_apart
    difference = Area(1.0, 40, 60).difference(Area(0.5, 40, 60), 0.95)
    assert 0 < difference.low < difference.value == 0.5 < difference.high


# The whole table


class Pixels:
    """Extractor for tests: gray values of a corner as features, means of stripes as logits."""

    name = "pixels"

    def extract(self, images):
        flat = images[:, :1, :4, :4].double().flatten(1).numpy() / 255
        return Features(flat, flat[:, :5] * 4)


NETWORK = ClassifierSettings(image_size=16, filters=4, epochs=4, batch_size=16, learning_rate=0.01)
SETTINGS = ScoreSettings(study_images=30, study_splits=10, neighbours=3, two_sample=NETWORK)
CPU = torch.device("cpu")


def picture_set(name, role, n, seed, dim=1.0):
    random = torch.Generator().manual_seed(seed)
    pixels = torch.rand((n, 1, 8, 8), generator=random) * 255 * dim
    return SampleSet(name, role, pixels.to(torch.uint8))


def reference(n=240):
    return Reference(picture_set("reference", "", n, 0).images, [f"patient{i // 2}" for i in range(n)])


@pytest.fixture(scope="module")
def scored():
    learned = reference()
    sets = [
        picture_set("real", YARDSTICK, 40, 1),
        picture_set("good", MODEL, 240, 2),
        picture_set("twin", MODEL, 240, 3),
        picture_set("dark", MODEL, 240, 4, dim=0.3),
        SampleSet("thief", MODEL, learned.images.clone()),
        SampleSet("same", MODEL, learned.images[:1].repeat(240, 1, 1, 1)),
        picture_set("dull", BASELINE, 240, 5, dim=0.1),
    ]
    return score_sets(sets, learned, [Pixels()], SETTINGS, seed=0, device=CPU)


def verdicts(scored):
    return scored.comparisons.set_index(["score", "first", "second"])["verdict"]


def test_only_what_differs_is_called_better(scored):
    found = verdicts(scored)
    for score in ("fid", "kid", "sharpness"):
        assert found[score, "good", "dark"] == "good"
        assert found[score, "good", "dull"] == "good"
    for score in COMPARED:
        assert found[score, "good", "twin"] == UNDECIDED
        assert found[score, "good", "real"] == UNDECIDED
        assert found[score, "real", TRAINING] == UNDECIDED


def test_a_generator_redrawn_is_hardly_ever_called_different_from_itself():
    sets = [picture_set("real", YARDSTICK, 40, 1)]
    sets += [picture_set(f"redrawn{number}", MODEL, 120, 10 + number, dim=0.8) for number in range(8)]
    found = score_sets(sets, reference(), [Pixels()], SETTINGS, seed=0, device=CPU).comparisons
    own = found[found["second"].str.startswith("redrawn")]
    assert len(own) == 28 * len(COMPARED)
    assert (own["verdict"] != UNDECIDED).mean() < 0.05


def test_a_model_that_repeats_its_training_images_is_found_out(scored):
    rows = scored.scores.set_index("model")
    assert rows.loc["thief", "near_copies"] == 1
    assert rows.loc[["good", TRAINING], "near_copies"].max() < 0.1
    assert verdicts(scored)["near_copies", "thief", "real"] == "real"
    thief = scored.neighbours[scored.neighbours["model"] == "thief"]
    assert thief["training_image"].tolist() == list(range(240))
    assert thief["near_copy"].all()


def test_a_model_that_repeats_one_image_is_found_out(scored):
    rows = scored.scores.set_index("model")
    assert rows.loc["same", "distance_ratio"] < 1e-6
    assert rows.loc["same", "coverage"] < 0.2 < 0.7 < rows.loc["good", "coverage"]
    assert {verdicts(scored)[score, "same", "real"] for score in ("distance_ratio", "coverage")} == {"real"}


def test_every_score_lies_in_its_interval_and_below_its_bound(scored):
    rows = scored.scores
    assert rows["model"].iloc[-1] == TRAINING
    for score in (*COMPARED, "inception_score"):
        assert (rows[f"{score}_low"] <= rows[score] + 1e-12).all()
        assert (rows[score] <= rows[f"{score}_high"] + 1e-12).all()
    assert (rows["study_inception_score_bound"] == 3).all()
    assert (rows["inception_score"] <= rows["inception_score_bound"]).all()
    assert rows.set_index("model")["redraws"].to_dict() == {
        "real": 1, "good": 6, "twin": 6, "dark": 6, "thief": 6, "same": 6, "dull": 6, TRAINING: 6
    }  # fmt: skip


def test_a_network_tells_what_differs_and_not_real_from_real():
    learned = Reference(smooth_pictures(160, 0, 16), [f"patient{number // 2}" for number in range(160)])
    held_out, network = smooth_pictures(40, 1, 16), replace(NETWORK, epochs=15)
    chequered = smooth_pictures(160, 2, 16)
    chequered[..., ::2, ::2] += 40
    told, null = (
        two_sample_test(images, network, seed=0, device=CPU)
        for images in (trial(learned, held_out, chequered), real_trial(learned, held_out, 0))
    )
    assert told.value > 0.95
    assert null.interval(0.95)[0] < 0.5 < null.interval(0.95)[1]


def test_real_against_real_shares_no_patient():
    numbers = torch.arange(101, dtype=torch.uint8)[:, None, None, None]
    learned = Reference(numbers, [f"patient{number // 2}" for number in range(101)])
    parts = real_trial(learned, numbers[:20], 0)
    real, doubtful, _, unseen = ({int(value) // 2 for value in part.flatten()} for part in parts)
    assert real and doubtful and unseen
    assert not real & doubtful and not (real | doubtful) & unseen


def test_no_patient_is_in_a_set_and_in_what_it_is_held_against():
    learned = reference(101)
    for part in learned.parts(25, seed=3):
        of_part = {learned.patients[index] for index in part.own}
        assert len(part.own) == 25
        assert not of_part & {learned.patients[index] for index in part.rest}


def test_the_same_seed_gives_the_same_table():
    sets = [picture_set("real", YARDSTICK, 40, 1), picture_set("good", MODEL, 120, 2)]
    first, second = (
        score_sets(sets, reference(), [Pixels()], SETTINGS, seed=5, device=CPU) for _ in range(2)
    )
    assert first.scores.equals(second.scores)


@pytest.mark.parametrize(
    ("images", "fault"),
    [
        (torch.zeros((40, 1, 9, 9), dtype=torch.uint8), "images of one size; got real 9x9"),
        (torch.zeros((5, 1, 8, 8), dtype=torch.uint8), "real: 5 images are too few to score; at least 10"),
        (torch.zeros((130, 1, 8, 8), dtype=torch.uint8), "240 images are too few to score; 260 are needed"),
    ],
)
def test_sets_that_cannot_be_scored_are_named(images, fault):
    with pytest.raises(SnowdriftError, match=fault):
        score_sets(
            [SampleSet("real", YARDSTICK, images)], reference(), [Pixels()], SETTINGS, seed=0, device=CPU
        )

"""The nullifying attack on translators whose optimum is known, its queries counted by the translator itself."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from snowdrift.attack.directions import EVERY_VALUE, Scale
from snowdrift.attack.gradient_free import GradientSettings, gradient_attack, mixing_weight
from snowdrift.attack.methods import GRADIENT_METHODS, start_attack
from snowdrift.attack.objective import SUCCESS, Budget, Goal
from snowdrift.attack.queries import Query, QueryCounter
from snowdrift.attack.square import square_attack
from snowdrift.attack.white_box import projected_gradient

CPU = torch.device("cpu")
BUDGET = Budget(0.1)
PLAIN = GradientSettings(scales=(EVERY_VALUE,))
METHODS = (
    "las_gsa",
    "rgf",
    "prior_rgf",
    "square",
    "no_momentum",
    "no_prior",
    "no_limits",
    "no_sliding",
    "no_scales",
)


class Shift(nn.Module):
    """Adds the same picture to every image, and counts the images that it sees."""

    def __init__(self, size=0.12, shape=(3, 8, 8)):
        super().__init__()
        self.shift = torch.randn(shape, generator=torch.Generator().manual_seed(5)).sign() * size
        self.seen = 0

    def forward(self, images):
        self.seen += len(images)
        return images + self.shift


class Gate(Shift):
    """Adds its picture only as far as the image resembles a pattern: a planted switch."""

    def forward(self, images):
        self.seen += len(images)
        pattern = self.shift.sign().flip(-1)
        open_ = torch.sigmoid(60 * (images * pattern).flatten(1).mean(1) - 1)
        return images + 4 * self.shift * open_[:, None, None, None]


def picture(seed=0, shape=(3, 8, 8)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 0.5


def attack(generator, originals, how, *, limit=3000, seed=0, **options):
    """`how`: a method's name, or settings."""
    counter = QueryCounter(generator, limit=limit, batch_size=7, device=CPU)

    def start(index, goal):
        random = torch.Generator().manual_seed(seed + index)
        if isinstance(how, str):
            return start_attack(how, goal, limit, random)
        return gradient_attack(goal, how, random)

    return counter.attack(originals, start, BUDGET, **options)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("planted", [Shift, Gate])
def test_every_method_comes_within_a_tenth_of_the_ceiling(planted, method):
    generator = planted()
    ceiling = projected_gradient(generator, picture(), BUDGET, iterations=100, momentum=0.9).score
    (progress,) = attack(generator, [picture()], method, stop_at_success=False)
    assert ceiling > SUCCESS
    assert progress.score >= 0.9 * ceiling
    change = (progress.best_image - picture()).abs().max()
    assert change <= BUDGET.epsilon + 1e-6


def test_the_ceiling_of_a_shift_is_the_one_that_can_be_computed():
    """The best change undoes as much of the shift as the box allows."""
    generator = Shift(0.25)
    end = projected_gradient(generator, picture(), BUDGET, iterations=60)
    assert end.queries == generator.seen == 62
    assert end.score == pytest.approx(1 - (0.15 / 0.25) ** 2, abs=1e-3)


@pytest.mark.parametrize("method", [*METHODS, "las_gsa_published"])
def test_queries_are_counted_as_the_translator_sees_them(method):
    generator = Shift()
    progress = attack(generator, [picture(0), picture(1)], method, limit=150)
    assert sum(each.queries for each in progress) == generator.seen
    assert all(each.queries <= 150 for each in progress)


def test_an_attack_stops_at_success_unless_told_not_to():
    (stopped,) = attack(Shift(), [picture()], "las_gsa")
    (ran_on,) = attack(Shift(), [picture()], "las_gsa", stop_at_success=False, limit=2000)
    assert stopped.score >= SUCCESS
    assert stopped.first_success == ran_on.first_success == stopped.queries
    assert ran_on.queries > stopped.queries


def test_the_best_answer_is_kept_or_the_last():
    def start(index, goal):
        yield Query((goal.original - 0.05 * Shift().shift.sign())[None], candidate=True)
        yield Query((goal.original - 0.01 * Shift().shift.sign())[None], candidate=True)

    scores = []
    for keep_best in (True, False):
        counter = QueryCounter(Shift(), limit=10, batch_size=2, device=CPU)
        (progress,) = counter.attack([picture()], start, BUDGET, keep_best=keep_best)
        assert progress.queries == 3
        scores.append(progress.score)
    assert scores[0] == pytest.approx(1 - (0.07 / 0.12) ** 2, abs=1e-4)
    assert scores[1] == pytest.approx(1 - (0.11 / 0.12) ** 2, abs=1e-4)


def test_images_attacked_together_end_as_they_do_alone():
    together = attack(Shift(), [picture(0), picture(1)], "las_gsa", limit=300)
    counter = QueryCounter(Shift(), limit=300, batch_size=7, device=CPU)
    (alone,) = counter.attack(
        [picture(1)],
        lambda index, goal: start_attack("las_gsa", goal, 300, torch.Generator().manual_seed(1)),
        BUDGET,
    )
    assert torch.equal(together[1].best_image, alone.best_image)
    assert together[1].trace == alone.trace


def test_a_step_stays_in_the_box_and_sliding_spends_more_of_it():
    ramp = torch.linspace(0.05, 0.6, 192).view(3, 8, 8)
    goal = Goal.of(picture(), picture() + ramp, BUDGET)
    moved = {}
    for sliding in (True, False):
        settings = replace(PLAIN, sliding=sliding, iterations=1, step=0.09)
        generator = gradient_attack(goal, settings, torch.Generator().manual_seed(0))
        query = next(generator)
        while not query.candidate:
            query = generator.send(query.images + ramp)
        moved[sliding] = query.images[0]
        assert torch.equal(goal.project(moved[sliding]), moved[sliding])
    lengths = {sliding: float((image - goal.original).norm()) for sliding, image in moved.items()}
    assert lengths[True] > lengths[False]


def test_values_at_their_limit_are_drawn_inwards_alone():
    """An image at the upper end of its box: no direction that is drawn may point out of it."""
    goal = replace(Goal.of(picture(), picture() + 0.3, BUDGET), translation=picture() + 0.4)
    at_limit = replace(goal, original=goal.upper)
    settings = replace(PLAIN, prior=False, directions=5)
    query = next(gradient_attack(at_limit, settings, torch.Generator().manual_seed(0)))
    assert (query.images <= goal.upper + 1e-6).all()


def test_directions_repeat_with_the_period_within_a_block_and_not_beyond():
    settings = GradientSettings(prior=False, limit_aware=False, directions=2, scales=(Scale(4, 8),))
    original = torch.zeros(3, 20, 16)
    query = next(
        gradient_attack(Goal.of(original, original + 1, BUDGET), settings, torch.Generator().manual_seed(0))
    )
    probe = query.images[0]
    assert torch.allclose(probe[:, :4, :4], probe[:, 4:8, 4:8])
    assert not torch.allclose(probe[:, :4, :4], probe[:, 8:12, :4])
    assert probe.shape == original.shape


@pytest.mark.parametrize(("alpha", "share"), [(0.0, 0.0), (1.0, 1.0), (-1.0, 1.0)])
def test_a_prior_weighs_nothing_where_it_is_useless_and_all_where_it_is_right(alpha, share):
    assert mixing_weight(alpha, 1000, 10) == share


def test_the_weight_of_a_prior_grows_with_its_cosine():
    weights = [mixing_weight(alpha, 1000, 10) for alpha in (0.04, 0.06, 0.1, 0.13)]
    assert weights == sorted(weights)
    assert 0 < weights[0] < weights[-1] < 1


class Turn(nn.Module):
    """Swaps the halves of an image and the sign of one: what it answers to a step is at right angles to it."""

    def forward(self, images):
        left, right = images.chunk(2, -1)
        return torch.cat([right, -left], -1)


def test_a_prior_that_points_uphill_is_followed_downhill_but_not_as_published():
    reached = {}
    for guarded in (True, False):
        settings = replace(PLAIN, guarded_prior=guarded, norm_directions=30, iterations=1, step=0.01)
        (progress,) = attack(Turn(), [picture()], settings, keep_best=False)
        reached[guarded] = progress.score
    assert reached[True] > 0 > reached[False]


def probes_of_a_step(settings, effect=0.3):
    """All images that one step of an attack on a shift asks for."""
    goal = Goal.of(picture(), picture() + effect, BUDGET)
    steps = gradient_attack(goal, replace(settings, iterations=1), torch.Generator().manual_seed(0))
    query, seen = next(steps), []
    while not query.candidate:
        seen += list(query.images)
        query = steps.send(query.images + effect)
    return seen, query.images[0] - goal.original


def test_a_published_step_costs_what_its_code_costs_and_grows_with_the_raw_gradient():
    published = replace(GRADIENT_METHODS["las_gsa_published"], prior=False)
    seen, move = probes_of_a_step(published)
    assert len(seen) == 1000
    _, weaker = probes_of_a_step(published, effect=0.0003)
    assert 0 < weaker.norm() < 0.02 * move.norm()
    with_prior, _ = probes_of_a_step(GRADIENT_METHODS["las_gsa_published"])
    assert len(with_prior) in (1 + 1 + 30, 1 + 1 + 30 + 1000)  # by the prior alone, or with all directions


def test_a_default_step_is_as_long_whatever_the_gradient():
    lengths = [
        probes_of_a_step(replace(PLAIN, prior=False), effect)[1].norm().item() for effect in (0.3, 0.03)
    ]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.05)


def test_the_published_attack_goes_on_after_success_and_hands_out_its_last_image():
    (end,) = attack(
        Shift(0.11), [picture()], "las_gsa_published", limit=4000, keep_best=False, stop_at_success=False
    )
    assert end.first_success is not None
    assert end.queries > end.first_success + 30
    assert end.score == end.trace[-1][1]


def test_a_square_never_spends_a_query_on_what_is_there_already():
    generator = Shift()
    goal = Goal.of(picture(), generator(picture()[None])[0], BUDGET)
    squares = square_attack(goal, 3000, torch.Generator().manual_seed(0))
    before = next(squares).images
    for _ in range(200):
        assert not torch.equal(
            squares.send(before + 1).images, before
        )  # never better: all start from the first


def test_a_translator_that_changes_nothing_is_no_goal():
    assert not Goal.of(picture(), picture() + 0.001, BUDGET).is_attackable
    assert Goal.of(picture(), picture() + 0.1, BUDGET).is_attackable


def test_the_budget_ends_where_the_values_end():
    lower, upper = BUDGET.bounds(torch.tensor([-0.95, 0.0, 0.99]))
    assert lower.tolist() == pytest.approx([-1, -0.1, 0.89])
    assert upper.tolist() == pytest.approx([-0.85, 0.1, 1])


def test_scores_are_1_at_the_original_and_0_at_the_translation():
    goal = Goal.of(picture(), picture() + 0.2, BUDGET)
    outputs = torch.stack([picture(), picture() + 0.2, picture() + 0.1])
    assert goal.score(outputs).tolist() == pytest.approx([1, 0, 0.75], abs=1e-5)
    assert math.isclose(goal.translation_energy, 0.04 * 192, rel_tol=1e-4)


@pytest.mark.parametrize(
    ("side", "batch_size", "sizes"), [(256, 32, [8, 8, 4]), (256, 6, [6, 6, 6, 2]), (1024, 32, [1] * 20)]
)
def test_a_device_other_than_the_cpu_sees_few_large_images_at_once(side, batch_size, sizes):
    seen = []

    class Recorder(nn.Module):
        def forward(self, images):
            seen.append(len(images))
            return images

    device = torch.device("meta")  # which has shapes alone, in place of a GPU
    counter = QueryCounter(Recorder(), limit=99, batch_size=batch_size, device=device)
    assert counter._run(torch.empty((20, 3, side, side), device=device)).shape == (20, 3, side, side)
    assert seen == sizes

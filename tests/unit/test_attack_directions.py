"""Directions: scales, limits; and finite differences against true derivatives on a network of the study's kind."""

import pytest
import torch

from snowdrift.attack.directions import EVERY_VALUE, Scale, orthogonal, scaled_by_room, unit
from snowdrift.attack.gradient_free import GradientSettings, gradient_attack
from snowdrift.attack.methods import GRADIENT_METHODS
from snowdrift.attack.objective import Budget, Goal
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise


def random(seed=3):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("scale", "dimensions"), [(Scale(1, 1), 3 * 16 * 24), (Scale(1, 8), 18), (Scale(4, 8), 288)]
)
def test_a_scale_spans_as_many_dimensions_as_it_draws(scale, dimensions):
    drawn = scale.draw(400, torch.zeros(3, 16, 24), random()).flatten(1)
    assert torch.linalg.matrix_rank(drawn) == min(dimensions, 400)


def test_a_smooth_scale_is_of_one_colour_within_a_block():
    drawn = Scale(1, 8).draw(1, torch.zeros(3, 20, 16), random())[0]
    assert drawn.shape == (3, 20, 16)
    assert (drawn[:, :8, :8] == drawn[:, :1, :1]).all()
    assert (drawn[:, 16:, :8] != drawn[:, :4, :8]).all()


def test_what_is_orthogonal_to_a_prior_and_of_length_1():
    prior = unit(torch.randn(1, 3, 8, 8, generator=random(1)))[0]
    drawn = unit(orthogonal(EVERY_VALUE.draw(5, prior, random()), prior))
    assert torch.allclose((drawn * prior).flatten(1).sum(1), torch.zeros(5), atol=1e-6)
    assert torch.allclose(drawn.flatten(1).norm(dim=1), torch.ones(5))
    assert (unit(torch.zeros(1, 3, 8, 8)) == 0).all()


def test_a_value_at_its_limit_goes_inwards_alone():
    goal = Goal.of(torch.zeros(3, 8, 8), torch.ones(3, 8, 8), Budget(0.1))
    drawn = EVERY_VALUE.draw(6, goal.original, random())
    assert (scaled_by_room(drawn, goal, goal.upper) <= 0).all()
    assert (scaled_by_room(drawn, goal, goal.lower) >= 0).all()
    frozen = scaled_by_room(drawn, goal, goal.upper, both_ways=True)
    assert frozen.abs().max() < 1e-4 < scaled_by_room(drawn, goal, goal.upper).abs().max()


@pytest.fixture(scope="module")
def network():
    generator = ResnetGenerator(16, 2)
    initialise(generator, random())
    for parameter in generator.parameters():  # as strong as a trained one
        parameter.data *= 3
    return generator.eval().requires_grad_(False)


def relative_error(network, settings):
    """Of slopes along the directions that an attack asks for, against those by differentiation."""
    image = torch.rand(3, 256, 256, generator=random(1)) * 2 - 1
    goal = Goal.of(image, network(image[None])[0], Budget(0.1))
    step = settings.difference * (image.numel() ** 0.5 if settings.normalised else 1.0)
    directions = unit(EVERY_VALUE.draw(12, image, random()))
    here = image.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad((network(here[None])[0] - image).double().square().sum(), here)
    true = (directions * gradient).flatten(1).sum(1).double()
    distance = goal.distance_in_single if settings.single else goal.distance
    moved = distance(network(image + step * directions))
    measured = (moved - distance(goal.translation[None])) / step
    return float((measured - true).norm() / true.norm())


def test_float_noise_does_not_rule_the_default_differences_as_it_does_the_published(network):
    default = relative_error(network, GRADIENT_METHODS["las_gsa"])
    published = relative_error(network, GRADIENT_METHODS["las_gsa_published"])
    assert default < 0.1
    assert published > 0.5


def test_directions_come_from_the_scale_in_which_the_slopes_are_steep():
    """A translator that answers to the mean colour of 8 x 8 blocks alone is probed by smooth directions."""
    image = torch.zeros(3, 32, 32)

    def translate(images):
        blocks = torch.nn.functional.avg_pool2d(images, 8)
        return torch.nn.functional.interpolate(blocks, scale_factor=8) + 0.5

    goal = Goal.of(image, translate(image[None])[0], Budget(0.3))
    settings = GradientSettings(
        prior=False, limit_aware=False, directions=200, scales=(EVERY_VALUE, Scale(1, 8))
    )
    attack = gradient_attack(goal, settings, random())
    query = next(attack)
    probes = []
    while not query.candidate:
        probes.append(query.images)
        query = attack.send(translate(query.images))
    drawn = torch.cat(probes)[10:]  # after five directions of each scale, which only measure
    smooth = (drawn[:, :, :8, :8] == drawn[:, :, :1, :1]).flatten(1).all(1)
    assert len(drawn) == 200
    assert 170 < int(smooth.sum()) < 200

"""How far finite differences are off the true slopes, for the differences of `las_gsa` and of `las_gsa_published`.

PYTHONPATH=workflow/scripts python benchmarks/attack_slopes.py results/demo/snow/cyclegan/generator.pth FRAME.jpg
"""

import argparse
import math
from pathlib import Path

import torch

from snowdrift.attack.directions import EVERY_VALUE, unit
from snowdrift.attack.methods import GRADIENT_METHODS, LAS_GSA, LAS_GSA_PUBLISHED
from snowdrift.attack.objective import Budget, Goal
from snowdrift.attack.shard import prepare
from snowdrift.snow.networks.inference import accelerated
from snowdrift.snow.translators.cyclegan.weights import load_generator


def main() -> None:
    """Print the relative error over random directions, and what of it they do not share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("frame", type=Path)
    parser.add_argument("--directions", type=int, default=12)
    options = parser.parse_args()
    network = load_generator(options.generator)
    asked = accelerated(network)  # as a shard asks
    for size in (64, 256):
        image = prepare(options.frame, size)
        with torch.no_grad():
            goal = Goal.of(image, asked(image[None])[0], Budget(0.1))
        directions = unit(EVERY_VALUE.draw(options.directions, image, torch.Generator().manual_seed(0)))
        here = image.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(goal.distance(network(here[None])).sum(), here)
        true = (directions * gradient).flatten(1).sum(1).double()
        for method in (LAS_GSA, LAS_GSA_PUBLISHED):
            settings = GRADIENT_METHODS[method]
            step = settings.difference * (math.sqrt(image.numel()) if settings.normalised else 1.0)
            distance = goal.distance_in_single if settings.single else goal.distance
            with torch.no_grad():
                ahead = torch.cat([distance(asked((image + step * each)[None])) for each in directions])
            error = ((ahead - distance(goal.translation[None])) / step).double() - true
            whole, own = (float(part.norm() / true.norm()) for part in (error, error - error.mean()))
            print(f"{size} px, {method}: off by {whole:.1%}, {own:.1%} without what all directions share")


if __name__ == "__main__":
    main()

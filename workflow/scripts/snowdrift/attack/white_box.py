"""The ceiling: what an attack reaches that sees the generator's gradients."""

import torch
from torch import Tensor, nn

from snowdrift.attack.objective import Budget, Goal
from snowdrift.attack.queries import Progress


def projected_gradient(
    generator: nn.Module, original: Tensor, budget: Budget, *, iterations: int, momentum: float = 0.0
) -> Progress:
    """Signed gradient steps from the original (PGD: Madry et al., arXiv:1706.06083), all iterations of them.

    With a momentum the gradients are first made of one L1 length and summed (Dong et al., arXiv:1710.06081). The
    step falls linearly, from a quarter of the budget on.

    Args:
        generator: in evaluation mode, on the image's device.
        original: (3, h, w) in [-1, 1].
        budget: of the change.
        iterations: steps, one gradient each.
        momentum: share of the summed gradients that a step keeps; 0 is plain PGD.

    Returns:
        The best image and its score. Every output of the generator counts as a query.
    """
    with torch.no_grad():
        goal = Goal.of(original, generator(original[None])[0], budget)
    progress = Progress(goal, 1, original)
    image, summed = original.clone(), torch.zeros_like(original)
    for iteration in range(iterations + 1):
        image = image.detach().requires_grad_(True)
        output = generator(image[None])
        progress.queries += 1
        progress.offer(image.detach(), float(goal.score(output.detach())[0]), progress.queries)
        if iteration == iterations:
            break
        (gradient,) = torch.autograd.grad((output[0] - original).square().sum(), image)
        if momentum:
            summed = momentum * summed + gradient / gradient.abs().mean().clamp_min(1e-12)
            gradient = summed
        step = budget.epsilon / 4 * (1 - iteration / iterations)
        image = goal.project(image.detach() - step * gradient.sign())
    return progress

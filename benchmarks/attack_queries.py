"""Time per query of the `published` attack, batched against one direction at a time, side by side in one run.

    PYTHONPATH=workflow/scripts python benchmarks/attack_queries.py --generator results/demo/snow/generator.pth

Without `--generator` the network is drawn at random, of the study's size unless `--filters` and `--blocks` say other.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from torch import nn

from snowdrift.cyclegan.networks import ResnetGenerator, initialise
from snowdrift.cyclegan.weights import load_generator
from snowdrift.nullify.methods import PUBLISHED, start_attack
from snowdrift.nullify.objective import Budget
from snowdrift.nullify.queries import QueryCounter


def main() -> None:
    """Print the medians of both, and their ratio with its range over the rounds."""
    options = _options()
    torch.set_num_threads(options.threads)
    network = _network(options)
    image = torch.rand((3, options.size, options.size), generator=torch.Generator().manual_seed(0)) * 2 - 1
    seconds: dict[int, list[float]] = {1: [], options.batch: []}
    for _ in range(options.rounds + 1):
        for batch, times in seconds.items():
            times.append(_seconds_per_query(network, image, batch, options.queries))
    single, batched = (times[1:] for times in seconds.values())  # the first round warms up
    ratios = [one / many for one, many in zip(single, batched, strict=True)]
    print(
        f"{options.size} px, {options.threads} thread(s), {network.filters} filters, {network.blocks} blocks"
    )
    print(f"one at a time: {1000 * statistics.median(single):.1f} ms a query")
    print(f"batches of {options.batch}: {1000 * statistics.median(batched):.1f} ms a query")
    print(f"ratio: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--generator", type=Path)
    parser.add_argument("--filters", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=9)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def _network(options: argparse.Namespace) -> ResnetGenerator:
    if options.generator:
        return load_generator(options.generator)
    network = ResnetGenerator(options.filters, options.blocks)
    initialise(network, torch.Generator().manual_seed(0))
    return network


def _seconds_per_query(network: nn.Module, image: torch.Tensor, batch: int, queries: int) -> float:
    counter = QueryCounter(network, limit=queries, batch_size=batch, device=torch.device("cpu"))
    random = torch.Generator().manual_seed(0)
    started = time.perf_counter()
    (end,) = counter.attack(
        [image],
        lambda index, goal: start_attack(PUBLISHED, goal, queries, random),
        Budget(0.1),
        stop_at_success=False,
    )
    return (time.perf_counter() - started) / end.queries


if __name__ == "__main__":
    main()

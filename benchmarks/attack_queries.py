"""Time per query of an attack, as a shard asks it, against one direction at a time through the plain network.

    PYTHONPATH=workflow/scripts python benchmarks/attack_queries.py --generator results/demo/snow/cyclegan/generator.pth

Without `--generator` the network is drawn at random, of the study's size unless `--filters` and `--blocks` say other.
Both sides run the `las_gsa_published` attack on the same photograph with the same directions, in turn.
"""

import argparse
import atexit
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import torch
from measure import Side, generator_work, interleaved, limit_of, print_machine, print_ratios

from snowdrift.attack.methods import LAS_GSA_PUBLISHED, start_attack
from snowdrift.attack.objective import Budget
from snowdrift.attack.queries import QueryCounter
from snowdrift.runtime.devices import full_precision
from snowdrift.runtime.workers import one_core_threads
from snowdrift.snow.networks import fast_convolution
from snowdrift.snow.networks.inference import accelerated
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise
from snowdrift.snow.translators.cyclegan.weights import load_generator


def main() -> None:
    """Print the medians of both, and their ratio with its range over the rounds."""
    options = _options()
    print_machine()
    network = _network(options)
    for threads in options.threads:
        sides = {
            "one at a time, plain": Side(plain, options, threads),
            "shared, accelerated": Side(shared, options, threads, True),
        }
        if options.device == "cpu":
            sides["the same without NNPACK"] = Side(shared, options, threads, False)
        seconds = interleaved(sides, options.rounds)
        print(f"{options.size} px, {threads} thread(s), {network.filters} filters, {network.blocks} blocks")
        work = generator_work(network.filters, network.blocks, options.size, options.size)
        print_ratios(seconds, "query", work, limit_of(options.device, threads))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--generator", type=Path)
    parser.add_argument("--filters", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=9)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--queries", type=int, default=8, help="in each round, after the one for the start")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    return parser.parse_args()


def _network(options: argparse.Namespace) -> ResnetGenerator:
    if options.generator:
        return load_generator(options.generator)
    network = ResnetGenerator(options.filters, options.blocks)
    initialise(network, torch.Generator().manual_seed(0))
    return network.eval().requires_grad_(False)


def plain(options: argparse.Namespace, threads: int) -> Callable[[], float]:
    """One direction at a time, each with all threads."""
    torch.set_num_threads(threads)
    network = _network(options)
    return lambda: _seconds_per_query(network, options, 1, None)


def shared(options: argparse.Namespace, threads: int, nnpack: bool) -> Callable[[], float]:
    """As `attack_shard` asks."""
    torch.set_num_threads(1)
    if not nnpack:
        fast_convolution.nnpack_works = lambda: False
    network = _network(options)
    if options.device == "cuda":
        return lambda: _seconds_per_query(network, options, options.batch, None)
    network, pools = accelerated(network), ExitStack()
    pool = pools.enter_context(one_core_threads(threads))
    atexit.register(pools.close)  # a shard has one pool for all of its queries, and new threads begin slowly
    return lambda: _seconds_per_query(network, options, options.batch, pool)


def _seconds_per_query(
    network: ResnetGenerator, options: argparse.Namespace, batch: int, pool: ThreadPoolExecutor | None
) -> float:
    """Of the directions that measure the gradient's length, the first queries that `las_gsa_published` asks."""
    image = (
        torch.rand((3, options.size, options.size), generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    )
    limit = options.queries + 1
    device = torch.device(options.device)
    counter = QueryCounter(network, limit=limit, batch_size=batch, device=device, pool=pool)
    random, started = torch.Generator().manual_seed(0), 0.0

    def start(index, goal):
        nonlocal started
        started = (
            time.perf_counter()
        )  # the photograph itself has been asked for, once for all queries to come
        attack = start_attack(LAS_GSA_PUBLISHED, goal, options.queries, random)
        query = next(attack)
        outputs = yield query._replace(images=query.images[: options.queries])
        return outputs

    with full_precision():
        (end,) = counter.attack([image.to(device)], start, Budget(0.1), stop_at_success=False)
    return (time.perf_counter() - started) / (end.queries - 1)


if __name__ == "__main__":
    main()

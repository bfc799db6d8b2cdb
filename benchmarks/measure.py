"""What the programs here share: rounds in turn, each side in a process of its own, ratios, and this machine's limit."""

import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import torch
from torch.nn.functional import conv2d

_SIDE, _CHANNELS, _PIXELS = 2048, 256, 64


class Side:
    """One side of a comparison, in a process of its own, so that neither inherits the other's threads or memory.

    Args:
        prepare: importable function that returns what measures once: seconds an item.
        arguments: for `prepare`.
    """

    def __init__(self, prepare: Callable[..., Callable[[], float]], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, prepare, arguments), daemon=True)
        self._process.start()

    def measure(self) -> float:
        """Seconds an item, measured now."""
        self._here.send("measure")
        return self._here.recv()

    def end(self) -> None:
        """Let the process go."""
        self._here.send("end")
        self._process.join()


def _serve(pipe, prepare, arguments) -> None:
    measure = prepare(*arguments)
    while pipe.recv() == "measure":
        pipe.send(measure())


def interleaved(sides: Mapping[str, Side], rounds: int) -> dict[str, list[float]]:
    """Every side's seconds an item in each round, measured in turn; a round before them warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            measured = side.measure()
            if number:
                seconds[name].append(measured)
    for side in sides.values():
        side.end()
    return seconds


def print_ratios(seconds: Mapping[str, Sequence[float]], unit: str, work: float, limit: float) -> None:
    """Print medians, ratios to the first side, and the share of the machine's rate.

    Args:
        seconds: an item, by side and round; the first side is what the others are compared with.
        unit: what an item is.
        work: floating-point operations an item, as the direct convolution has them.
        limit: of the machine, operations a second, from `best_rate`.
    """
    first = next(iter(seconds.values()))
    for name, own in seconds.items():
        ratios = [one / other for one, other in zip(first, own, strict=True)]
        median = statistics.median(own)
        print(
            f"  {name:<28} {1000 * median:8.1f} ms a {unit}   {statistics.median(first) / median:5.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})   {work / median / limit:4.0%} of the limit",
            flush=True,
        )


def best_rate(threads: int) -> float:
    """The best rate of floating-point operations a second here: of a matrix product and a 3x3 convolution."""
    former = torch.get_num_threads()
    torch.set_num_threads(threads)
    matrix = torch.rand(_SIDE, _SIDE)
    images = torch.rand(1, _CHANNELS, _PIXELS + 2, _PIXELS + 2)
    weight = torch.rand(_CHANNELS, _CHANNELS, 3, 3)
    with torch.inference_mode():
        rate = max(
            2 * _SIDE**3 / _fastest(lambda: matrix @ matrix),
            2 * 9 * _CHANNELS**2 * _PIXELS**2 / _fastest(lambda: conv2d(images, weight)),
        )
    torch.set_num_threads(former)
    return rate


def limit_of(device: str, threads: int) -> float:
    """`best_rate` of the CPU, or a GPU's in 16 bits, which is what tensor cores are for."""
    return best_rate(threads) if device == "cpu" else _best_rate_of_gpu()


def _best_rate_of_gpu() -> float:
    """Operations a second of a matrix product in bfloat16."""
    side = 8192
    matrix = torch.rand(side, side, device="cuda", dtype=torch.bfloat16)

    def compute() -> None:
        matrix @ matrix
        torch.cuda.synchronize()

    return 2 * side**3 / _fastest(compute)


def _fastest(compute: Callable[[], object], times: int = 8) -> float:
    return min(seconds_of(compute) for _ in range(times))


def seconds_of(compute: Callable[[], object]) -> float:
    """How long it takes, once."""
    started = time.perf_counter()
    compute()
    return time.perf_counter() - started


def generator_work(filters: int, blocks: int, width: int, height: int) -> float:
    """Floating-point operations of the ResNet generator for one image, as direct convolutions: two a product."""
    ends = 2 * 49 * 3 * filters
    sampling = 2 * (9 * 2 * filters**2 / 4 + 9 * 8 * filters**2 / 16)
    residual = 2 * blocks * 9 * 16 * filters**2 / 16
    return 2 * (ends + sampling + residual) * width * height


def print_machine() -> None:
    """Date, processor and torch, for who reads the figures."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    processor = f"{len(models)} x {models[0]}" if models else platform.processor()
    print(f"{date.today()}, {processor}, torch {torch.__version__}", flush=True)

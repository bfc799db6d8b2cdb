"""Winter frames, from JPEG file to file, against a loop in the manner of the reference's `test.py`, interleaved.

    PYTHONPATH=workflow/scripts python benchmarks/winter_inference.py --size 256 --threads 2

The reference's way: one picture at a time through the plain network in 32 bits with all threads, each written as a PNG
file before the next is read. Ours is `winterize_shard` on the same files. Its pixels are held against the reference's
before they are encoded: a shard is written as PNG once, and no value may differ by more than 1 of 255.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from measure import Side, best_rate, generator_work, interleaved, print_machine, print_ratios, seconds_of
from PIL import Image

from snowdrift.cyclegan import fast_convolution
from snowdrift.cyclegan.data import open_rgb, to_picture, to_tensor
from snowdrift.cyclegan.inference import accelerated, translate
from snowdrift.cyclegan.networks import ResnetGenerator, initialise
from snowdrift.cyclegan.winterize import WinterSettings, winterize_shard
from snowdrift.runtime.resume import JobState

FILTERS, BLOCKS = 64, 9


def main() -> None:
    """Print the ratios, whether the pixels agree, and where the time goes."""
    options = _options()
    print_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = _draw_frames(folder, options.frames, options.width or options.size, options.size)
        common = (folder, table, options.threads, options.device)
        sides = {
            "reference": Side(reference, *common),
            "ours": Side(ours, *common, True),
        }
        if options.device == "cpu":
            sides["ours without NNPACK"] = Side(ours, *common, False)
        seconds = interleaved(sides, options.rounds)
        limit = best_rate(options.threads) if options.device == "cpu" else _best_rate_of_gpu()
        width, height = options.width or options.size, options.size
        print(f"{width}x{height} px, {options.threads} threads, limit {limit / 1e9:.0f} GFLOP/s")
        print_ratios(seconds, "frame", generator_work(FILTERS, BLOCKS, width, height), limit)
        print(f"  largest difference of a value: {_largest_difference(folder, table, options)} of 255")
        if options.device == "cpu":
            _print_parts(folder / table["image"][0])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="height of the frames")
    parser.add_argument("--width", type=int, help="as the height where not given")
    parser.add_argument("--frames", type=int, default=8, help="in each round; best a multiple of the threads")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    return parser.parse_args()


def _draw_frames(folder: Path, count: int, width: int, height: int) -> pd.DataFrame:
    """Soft random pictures with a little noise, about as large as photographs when encoded."""
    rows = []
    for number in range(count):
        random = np.random.default_rng(number)
        soft = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((width, height))
        pixels = np.asarray(soft, np.int16) + random.integers(-6, 7, (height, width, 3))
        image = f"V/images/{number:05d}.jpg"
        (folder / image).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / image, quality=95)
        rows.append((f"V/{number:05d}", "V", image, width, height))
    return pd.DataFrame(rows, columns=["frame_id", "video", "image", "width", "height"])


def _network() -> ResnetGenerator:
    network = ResnetGenerator(FILTERS, BLOCKS).eval().requires_grad_(False)
    initialise(network, torch.Generator().manual_seed(0))
    network.model[-2].weight.mul_(3)  # over the whole range of colours
    return network


def reference(folder: Path, table: pd.DataFrame, threads: int, device: str) -> Callable[[], float]:
    """One picture after the other, and nothing at the same time."""
    torch.set_num_threads(threads)
    network = _network().to(device)

    def measure() -> float:
        started = time.perf_counter()
        for row in table.itertuples():
            image = to_tensor(open_rgb(folder / row.image))[None].to(device)
            with torch.no_grad():
                winter = network(image)
            to_picture(winter[0]).save(folder / f"reference-{Path(row.image).stem}.png")
        return (time.perf_counter() - started) / len(table)

    return measure


def ours(
    folder: Path, table: pd.DataFrame, threads: int, device: str, nnpack: bool, form: str = "jpeg"
) -> Callable[[], float]:
    """A shard, as a job of the workflow makes it."""
    torch.set_num_threads(1)
    if not nnpack:
        fast_convolution.nnpack_works = lambda: False
    network, rounds = _network(), iter(range(10**6))

    def measure() -> float:
        state = JobState(folder / f"state-{form}-{nnpack}", str(next(rounds)))
        started = time.perf_counter()
        winterize_shard(
            table,
            network,
            WinterSettings("native", form, 95, 1 if device == "cpu" else 8),
            root=folder,
            output=folder / "winter",
            manifest=folder / f"{form}-{nnpack}.parquet",
            state=state,
            device=torch.device(device),
            threads=threads,
        )
        return (time.perf_counter() - started) / len(table)

    return measure


def _largest_difference(folder: Path, table: pd.DataFrame, options: argparse.Namespace) -> int:
    side = Side(ours, folder, table, options.threads, options.device, True, "png")
    side.measure()
    side.end()
    differences = []
    for image in table["image"]:
        winter = np.asarray(Image.open(folder / "winter" / Path(image).with_suffix(".png")), int)
        plain = np.asarray(Image.open(folder / f"reference-{Path(image).stem}.png"), int)
        differences.append(np.abs(winter - plain).max())
    return max(differences)


def _best_rate_of_gpu() -> float:
    """Of a matrix product in 16 bits."""
    side = 8192
    matrix = torch.rand(side, side, device="cuda", dtype=torch.float16)

    def compute() -> None:
        matrix @ matrix
        torch.cuda.synchronize()

    return 2 * side**3 / min(seconds_of(compute) for _ in range(10))


def _print_parts(path: Path) -> None:
    """Where one frame's time goes on one core."""
    torch.set_num_threads(1)
    plain = _network()
    fast = accelerated(plain)
    image = to_tensor(open_rgb(path))[None]
    picture = to_picture(translate(fast, image)[0])
    target = path.with_name("part")
    parts = {
        "decode": lambda: open_rgb(path),
        "copy to tensor and back": lambda: to_picture(to_tensor(picture)),
        "network, plain": lambda: translate(plain, image),
        "network, accelerated": lambda: translate(fast, image),
        "encode PNG and write": lambda: picture.save(f"{target}.png"),
        "encode JPEG and write": lambda: picture.save(f"{target}.jpg", quality=95),
        "write alone": lambda: target.write_bytes(bytes(100_000)),
    }
    print("on one core, the best of three:")
    for name, compute in parts.items():
        print(f"  {name:<28} {1000 * min(seconds_of(compute) for _ in range(3)):8.1f} ms", flush=True)


if __name__ == "__main__":
    main()

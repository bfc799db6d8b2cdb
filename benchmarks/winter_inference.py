"""Winter frames, from JPEG file to file, against a loop in the manner of the reference's `test.py`, interleaved.

    PYTHONPATH=workflow/scripts python benchmarks/winter_inference.py --size 256 --threads 2

The reference's way: one picture at a time through the plain network in 32 bits with all threads, each written as a PNG
file before the next is read. Ours is `winterize_shard` on the same files. Its pixels are compared with the reference's
before they are encoded, in a shard that is written as PNG: on the CPU no value may differ by more than 1 of 255.
"""

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from measure import Side, generator_work, interleaved, limit_of, print_machine, print_ratios, seconds_of
from PIL import Image

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.runtime.resume import JobState
from snowdrift.snow.networks import fast_convolution
from snowdrift.snow.networks.inference import accelerated, translate
from snowdrift.snow.networks.resnet import ResnetGenerator, initialise
from snowdrift.snow.pixels import to_picture, to_tensor
from snowdrift.snow.translators.cyclegan.translator import CycleGANTranslator
from snowdrift.snow.winterize import WinterSettings, winterize_shard

FILTERS, BLOCKS = 64, 9
ALL_FRAMES = 294_713


def main() -> None:
    """Print the ratios, whether the pixels agree, and where the time goes."""
    options = _options()
    print_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = _draw_frames(folder, options.frames, options.width or options.size, options.size)
        sides = {
            "reference": Side(reference, folder, table[: options.reference_frames], options),
            "ours": Side(ours, folder, table, options),
        }
        if options.device == "cpu":
            sides["ours without NNPACK"] = Side(ours, folder, table, options, False)
        seconds = interleaved(sides, options.rounds)
        limit = limit_of(options.device, options.threads)
        width, height = options.width or options.size, options.size
        print(f"{width}x{height} px, {options.threads} threads, limit {limit / 1e9:.0f} GFLOP/s")
        print_ratios(seconds, "frame", generator_work(FILTERS, BLOCKS, width, height), limit)
        frame = statistics.median(seconds["ours"])
        hours = frame * ALL_FRAMES / 3600
        print(
            f"  {ALL_FRAMES:,} frames of this size: {hours:.2f} h here, {hours / 2:.2f} h on two such devices"
        )
        largest, decibels = _differences(folder, table[: options.reference_frames], options)
        print(f"  largest difference of a value: {largest} of 255, PSNR {decibels:.1f} dB")
        if options.device == "cpu":
            _print_parts(folder / table["image"][0])
            if largest > 1:
                sys.exit("pixels differ by more than 1 of 255")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="height of the frames")
    parser.add_argument("--width", type=int, help="as the height where not given")
    parser.add_argument("--frames", type=int, default=8, help="in each round; best a multiple of the threads")
    parser.add_argument("--reference-frames", type=int, help="of them, for the reference; all if not given")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1, help="frames at once on a GPU: winterize.batch_size")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    return parser.parse_args()


def _draw_frames(folder: Path, count: int, width: int, height: int) -> pd.DataFrame:
    """Soft random pictures with a little noise, about as large as photographs when encoded."""
    (folder / "V/images").mkdir(parents=True)
    images = [f"V/images/{number:05d}.jpg" for number in range(count)]
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_draw_frame, folder, width, height), images, range(count), chunksize=8))
    rows = [(f"V/{number:05d}", "V", image, width, height) for number, image in enumerate(images)]
    return pd.DataFrame(rows, columns=["frame_id", "video", "image", "width", "height"])


def _draw_frame(folder: Path, width: int, height: int, image: str, number: int) -> None:
    random = np.random.default_rng(number)
    soft = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((width, height))
    pixels = np.asarray(soft, np.int16) + random.integers(-6, 7, (height, width, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / image, quality=95)


def _network() -> ResnetGenerator:
    network = ResnetGenerator(FILTERS, BLOCKS).eval().requires_grad_(False)
    initialise(network, torch.Generator().manual_seed(0))
    network.model[-2].weight.mul_(3)  # over the whole range of colours
    return network


def reference(folder: Path, table: pd.DataFrame, options: argparse.Namespace) -> Callable[[], float]:
    """One picture after the other, and nothing at the same time."""
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True  # as the reference sets it
    device = options.device
    network = _network().to(device)

    def measure() -> float:
        started = time.perf_counter()
        for row in table.itertuples():
            image = to_tensor(open_picture(folder / row.image))[None].to(device)
            with torch.no_grad():
                winter = network(image)
            to_picture(winter[0]).save(folder / f"reference-{Path(row.image).stem}.png")
        return (time.perf_counter() - started) / len(table)

    return measure


def ours(
    folder: Path, table: pd.DataFrame, options: argparse.Namespace, nnpack: bool = True, form: str = "jpeg"
) -> Callable[[], float]:
    """A shard, as a job of the workflow makes it."""
    torch.set_num_threads(1)
    if not nnpack:
        fast_convolution.nnpack_works = lambda: False
    translator, rounds = CycleGANTranslator.from_config({}, seed=0), iter(range(10**6))
    translator.network = _network()

    def measure() -> float:
        state = JobState(folder / f"state-{form}-{nnpack}", str(next(rounds)))
        started = time.perf_counter()
        winterize_shard(
            table,
            translator,
            WinterSettings("native", form, 95, options.batch),
            root=folder,
            manifest=folder / f"ours/shards/{form}-{nnpack}.parquet",
            state=state,
            device=torch.device(options.device),
            threads=options.threads,
        )
        return (time.perf_counter() - started) / len(table)

    return measure


def _differences(folder: Path, table: pd.DataFrame, options: argparse.Namespace) -> tuple[int, float]:
    """The largest, and the PSNR in decibels, of all values of all frames."""
    side = Side(ours, folder, table, options, True, "png")
    side.measure()
    side.end()
    largest, squares = 0, []
    for image in table["image"]:
        winter = np.asarray(Image.open(folder / "ours/frames" / Path(image).with_suffix(".png")), int)
        plain = np.asarray(Image.open(folder / f"reference-{Path(image).stem}.png"), int)
        largest = max(largest, int(np.abs(winter - plain).max()))
        squares.append(np.square(winter - plain).mean())
    error = float(np.mean(squares))
    return largest, 10 * math.log10(255**2 / error) if error else math.inf


def _print_parts(path: Path) -> None:
    """Where one frame's time goes on one core."""
    torch.set_num_threads(1)
    plain = _network()
    fast = accelerated(plain)
    image = to_tensor(open_picture(path))[None]
    picture = to_picture(translate(fast, image)[0])
    target = path.with_name("part")
    parts = {
        "decode": lambda: open_picture(path),
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

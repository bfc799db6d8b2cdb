"""Loading frames of 1920x1080 for a detector, and frames at its size: `python benchmarks/detector_loading.py`.

Ultralytics' own training set, over rendered noise, in turns: what `load_image` takes for each frame, and what the
whole item takes, with its mosaic and other augmentation, which are the same on both sides.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from snowdrift.detection.ultralytics_api import load_resized, prepare_ultralytics, read_arrays

SIZE, WIDTH, HEIGHT = 640, 1920, 1080


def write_frames(folder: Path, count: int) -> None:
    """JPEG files of some 0.6 MB with an empty label each, and their arrays in a folder of the same layout."""
    generator = np.random.default_rng(0)
    for kind in ("plain", "cached"):
        (folder / kind / "images").mkdir(parents=True)
        (folder / kind / "labels").mkdir()
    for number in range(count):
        coarse = generator.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
        picture = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        name = f"{number:04}"
        for kind in ("plain", "cached"):
            cv2.imwrite(str(folder / kind / f"images/{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
            (folder / kind / f"labels/{name}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
        np.save(folder / f"cached/images/{name}.npy", load_resized(folder / f"plain/images/{name}.jpg", SIZE))


def training_set(folder: Path):
    """Ultralytics' data set of a folder, with the augmentation of a training."""
    from ultralytics.cfg import get_cfg
    from ultralytics.data.dataset import YOLODataset

    dataset = YOLODataset(
        img_path=str(folder / "images"),
        data={"names": {0: "person"}, "channels": 3},
        imgsz=SIZE,
        hyp=get_cfg(),
        batch_size=16,
    )
    read_arrays(dataset)
    return dataset


def milliseconds(dataset, read) -> float:
    """Time of an item over an epoch."""
    dataset.buffer.clear()
    dataset.ims = [None] * len(dataset)
    for index in range(16):
        dataset.load_image(index)  # what mosaics are made of
    started = time.perf_counter()
    for index in range(16, len(dataset)):
        read(index)
    return 1e3 * (time.perf_counter() - started) / (len(dataset) - 16)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=80)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    prepare_ultralytics()
    with tempfile.TemporaryDirectory() as folder:
        write_frames(Path(folder), given.frames)
        size = statistics.mean(path.stat().st_size for path in Path(folder).glob("plain/images/*.jpg"))
        print(
            f"{given.frames} frames of {WIDTH}x{HEIGHT}, {size / 1e6:.2f} MB each; medians of {given.rounds} rounds"
        )
        sides = {kind: training_set(Path(folder, kind)) for kind in ("plain", "cached")}
        for what in ("load_image", "__getitem__"):
            taken: dict[str, list[float]] = {kind: [] for kind in sides}
            for _ in range(given.rounds):
                for kind, dataset in sides.items():
                    taken[kind].append(milliseconds(dataset, getattr(dataset, what)))
            plain, cached = (statistics.median(taken[kind]) for kind in ("plain", "cached"))
            ratios = sorted(a / b for a, b in zip(taken["plain"], taken["cached"], strict=True))
            spread = f"({ratios[0]:.1f} to {ratios[-1]:.1f})"
            print(f"{what}: {plain:.2f} ms, cached {cached:.2f} ms, {plain / cached:.1f} times {spread}")


if __name__ == "__main__":
    main()

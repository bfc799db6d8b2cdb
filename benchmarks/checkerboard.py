"""The checkerboard of a study's generator with and without a blur after each doubling, trained alike.

    snakemake --cores 2 --configfile config/demo.yaml -- results/demo/snow/training_{frames,style}.csv
    PYTHONPATH=workflow/scripts python benchmarks/checkerboard.py results/demo/snow config/config.yaml config/demo.yaml

Trains the study's CycleGAN twice on one thread, from the same seed and pictures, for as many steps; the CPU time of
each is printed, because a blur takes a little. Then both translate every eighth frame of each video as they are, and
the energy at the frequencies of the generator's steps is measured in each video's frames (`checkerboard.grid_energy`).
For a study with rendered data.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import print_machine

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.runtime.files import read_table
from snowdrift.runtime.resume import JobState
from snowdrift.settings.config import load_schema, read_config
from snowdrift.snow.checkerboard import grid_energy
from snowdrift.snow.networks.inference import accelerated, translate
from snowdrift.snow.pixels import to_picture, to_tensor
from snowdrift.snow.translators.cyclegan.training import TrainingSettings, train_cyclegan
from snowdrift.snow.translators.cyclegan.weights import load_generator, weight_file

_SCHEMA = Path(__file__).parents[1] / "workflow/schemas/config.schema.yaml"
_EVERY = 8


def main() -> None:
    """Print the energy of originals and of both generators' winter, over videos, and what each training took."""
    options = _options()
    torch.set_num_threads(1)
    print_machine()
    config = read_config(options.configs, load_schema(_SCHEMA))
    rendered = options.snow.parent / "data/rendered"
    videos = _videos(rendered / "VFP290K")
    _print_row("originals", _energies(videos, open_picture), "")
    for upsampling in ("transposed", "smoothed"):
        with tempfile.TemporaryDirectory() as folder:
            seconds = _train(options.snow, rendered, config, upsampling, Path(folder))
            generator = load_generator(weight_file(Path(folder) / "snapshots", "latest", "G_A"))
        network = accelerated(generator)

        def winter(path: Path, network=network):
            return to_picture(translate(network, to_tensor(open_picture(path))[None])[0])

        _print_row(upsampling, _energies(videos, winter), f"trained in {seconds:.0f} s of one core")


def _train(snow: Path, rendered: Path, config: dict[str, Any], upsampling: str, folder: Path) -> float:
    """Train as the study's rule does; CPU seconds."""
    section = config["cyclegan"] | {"upsampling": upsampling}
    settings = TrainingSettings(**{field.name: section[field.name] for field in fields(TrainingSettings)})
    content, style = (
        [rendered / place / image for image in read_table(snow / f"training_{name}.csv")["image"]]
        for name, place in (("frames", "VFP290K"), ("style", "DAWN"))
    )
    started = time.process_time()
    train_cyclegan(
        content,
        style,
        settings,
        snapshots=folder / "snapshots",
        samples=folder / "samples",
        losses=folder / "losses.csv",
        state=JobState(folder / "state", "key", minutes=60),
        seed=config["seed"],
        devices=[torch.device("cpu")],
    )
    return time.process_time() - started


def _videos(root: Path) -> list[list[Path]]:
    """Every eighth frame of each video."""
    folders = sorted(folder for folder in root.iterdir() if (folder / "images").is_dir())
    return [sorted((folder / "images").glob("*.jpg"))[::_EVERY] for folder in folders]


def _energies(videos: Sequence[Sequence[Path]], make: Callable[[Path], Any]) -> list[float]:
    return [grid_energy([np.asarray(make(path)) for path in frames]) for frames in videos]


def _print_row(name: str, energies: Sequence[float], more: str) -> None:
    print(
        f"  {name:<12} mean {statistics.mean(energies):6.2f}  median {statistics.median(energies):6.2f}  "
        f"{min(energies):.2f} to {max(energies):.2f} over {len(energies)} videos  {more}".rstrip(),
        flush=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("snow", type=Path, help="the study's folder snow/, with its lists of training images")
    parser.add_argument("configs", type=Path, nargs="+", help="the study's config files, the last on top")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""What `epoch: best` goes by, beside the truth: how far each epoch's winter is from winter as it is rendered.

    snakemake --cores 2 --configfile config/demo.yaml every.yaml -- results/every/snow/true_winter.csv
    PYTHONPATH=workflow/scripts python benchmarks/best_epoch.py results/every config/{config,demo}.yaml every.yaml

every.yaml holds `study: every` and `cyclegan: {snapshot_every: 1}`. For each snapshot: its measures on validation
frames, see `snow.epochs`, and the mean absolute difference of test frames from the same scenes in true winter, by which
nothing is chosen. For a study with rendered data. With `--translator cut`, of CUT's snapshots.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from measure import print_machine
from scipy.stats import spearmanr

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.selection import evenly
from snowdrift.data.tables import OK
from snowdrift.runtime.files import read_table
from snowdrift.settings.config import load_schema, read_config
from snowdrift.snow.epochs import compare_epochs, frames_to_compare, snapshot_files, winter_of
from snowdrift.snow.translator import load_translator
from snowdrift.snow.winterize import WinterSettings

_SCHEMA = Path(__file__).parents[1] / "workflow/schemas/config.schema.yaml"
_TEST_FRAMES = 60


def main() -> None:
    """Print a row an epoch, and the rank correlation of the measures with the truth."""
    options = _options()
    torch.set_num_threads(1)
    print_machine()
    config = read_config(options.configs, load_schema(_SCHEMA))
    winterize, study = config["winterize"], options.study
    settings = WinterSettings(**{key: winterize[key] for key in ("size", "format", "quality", "batch_size")})
    data, cpu = study / "data", torch.device("cpu")
    frames, style = read_table(data / "frames.parquet"), read_table(study / "snow/training_style.csv")
    translator = load_translator(options.translator).from_config({}, config["seed"])
    snapshots = study / "snow" / options.translator / "snapshots"
    table = compare_epochs(
        translator,
        snapshots,
        frames_to_compare(frames, read_table(data / "boxes.parquet"), data / "rendered/VFP290K"),
        [data / "rendered/DAWN" / image for image in style["image"]],
        settings,
        cpu,
    )
    test = frames[(frames["split"] == "test") & (frames["status"] == OK)]
    images = evenly(list(test["image"]), _TEST_FRAMES)
    originals, truth = (
        [open_picture(data / "rendered" / name / image) for image in images]
        for name in ("VFP290K", "true_winter")
    )
    print(f"originals: {_difference(originals, truth):.1f} of 255 levels from true winter")
    distances = []
    for file in snapshot_files(snapshots, translator.generator).values():
        translator.load(file)
        distances.append(_difference(winter_of(originals, translator.network, settings, cpu), truth))
    table["from_true_winter"] = distances
    print(table.to_string(index=False, float_format="{:.3f}".format))
    table["product"] = table["style_reached"] * table["edges_kept"]
    for name in ("style_reached", "edges_kept", "product"):
        print(f"{name} and from_true_winter: Spearman {spearmanr(table[name], distances).statistic:+.2f}")


def _difference(pictures, truth) -> float:
    """Mean absolute difference over all pixels and channels, in levels of 0 to 255."""
    pairs = zip(pictures, truth, strict=True)
    return float(
        np.mean(
            [
                np.abs(np.asarray(one, np.float32) - np.asarray(other, np.float32)).mean()
                for one, other in pairs
            ]
        )
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path, help="results/<study>")
    parser.add_argument("configs", type=Path, nargs="+", help="config files, the defaults first")
    parser.add_argument("--translator", default="cyclegan", choices=("cyclegan", "cut"))
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""The picture of README.md, of the demo's results.

python docs/images/finding.py results/demo GOPR1737/GOPR1737_00007 docs/images/finding.jpg: what the study's three
detectors find on one of the report's test frames, on its generated winter version, and in true winter.
"""

import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow/scripts"))

from snowdrift.detection.datasets import read_boxes
from snowdrift.report.figures.detections import draw_detections
from snowdrift.runtime.files import read_table

DETECTORS = ("original", "winter", "mixed")


def main(study: Path, frame: str, output: Path) -> None:
    """Write the picture of one frame of `detection/evaluation/*_examples.parquet`."""
    tables = [study / f"detection/evaluation/{name}-seed0_examples.parquet" for name in DETECTORS]
    examples = pd.concat([read_table(table) for table in tables])
    true_winter = [study / f"data/true_winter/{name}.parquet" for name in ("frames", "boxes")]
    boxes = read_boxes(study / "data/boxes.parquet", true_winter)
    shown = examples["frame_id"].isin([frame, f"true_winter/{frame}"])
    draw_detections(examples[shown], boxes, ["normal", "fallen"], output)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

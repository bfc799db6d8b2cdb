"""The picture of README.md, of the demo's results.

python docs/images/finding.py results/demo GOPR1737/GOPR1737_00007 docs/images/finding.jpg: what the three detectors
find on one of the report's test frames and on its winter version.
"""

import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow/scripts"))

from snowdrift.report.detections import draw_detections
from snowdrift.runtime.files import read_table


def main(study: Path, frame: str, output: Path) -> None:
    """Write the picture of one frame of `detection/evaluation/*_examples.parquet`."""
    tables = sorted((study / "detection/evaluation").glob("*-seed0_examples.parquet"))
    examples = pd.concat([read_table(table) for table in tables])
    boxes, classes = read_table(study / "data/boxes.parquet"), ["normal", "fallen"]
    draw_detections(examples[examples["frame_id"] == frame], boxes, classes, output)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

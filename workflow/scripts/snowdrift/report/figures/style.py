"""What all plots share: fonts, colours, and how they are written."""

import logging
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from snowdrift.report.figures.pictures import FAINT, INK
from snowdrift.runtime.files import atomic_path

logger = logging.getLogger(__name__)

WARM, COLD = "#d55e00", "#0072b2"
GRID = "#e3e7eb"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "snowdrift",
}
"""For `matplotlib.rc_context`."""


def write_figure(figure: Figure, output: Path | str) -> None:
    """Write as PNG or SVG by the suffix, atomically; the same table gives the same bytes."""
    with atomic_path(output) as temporary:
        metadata = {"Date": None} if temporary.suffix == ".svg" else {}
        figure.savefig(temporary, dpi=160, metadata=metadata)
    logger.info("%s: written", output)

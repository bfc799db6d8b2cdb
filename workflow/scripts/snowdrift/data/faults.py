"""What a run says about faulty files, and when they are too many."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from snowdrift.data.decoding.images import fault_kind
from snowdrift.runtime.errors import SnowdriftError

_SHOWN = 5


def report_faults(
    faults: Sequence[tuple[str, str]],
    total: int,
    max_rejected: float,
    what: str,
    table: Path,
    logger: logging.Logger,
) -> None:
    """Log how many files are faulty and why, and stop the run where they are too many.

    Args:
        faults: File and reason of each.
        total: All files, faulty or not.
        max_rejected: The largest share that may be faulty, in [0, 1].
        what: Plural noun, with the place: "frames in data/VFP290K".
        table: The file that lists them all.
        logger: Where to log.

    Raises:
        SnowdriftError: More than that share is faulty, or all are. The message counts the reasons, and names the
            first files and the table.
    """
    kinds = Counter(fault_kind(reason) for _, reason in faults).most_common()
    if len(faults) / total > max_rejected or len(faults) == total:
        lines = [f"  {count} x {kind}" for kind, count in kinds]
        lines += ["first files:", *(f"  {file}: {reason}" for file, reason in faults[:_SHOWN])]
        lines += [f"all of them are listed in {table}"]
        limit = "none is left" if len(faults) == total else f"data.max_rejected allows {max_rejected:.1%}"
        raise SnowdriftError(
            f"{len(faults)} of {total} {what} are faulty ({len(faults) / total:.1%}), {limit}:\n"
            + "\n".join(lines),
            "mend or remove these files, or raise data.max_rejected if the study can do without them",
        )
    logger.info("%d of %d %s are faulty and left out", len(faults), total, what)
    for kind, count in kinds:
        logger.info("  %d x %s", count, kind)

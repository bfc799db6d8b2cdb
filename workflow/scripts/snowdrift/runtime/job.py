"""The frame around every script: log file, clear last line, no traceback for what a user can mend."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from snowdrift.runtime.digests import write_digests
from snowdrift.runtime.errors import SnowdriftError


@contextmanager
def job(log_file: Path | str, outputs: Mapping[str, str] | None = None) -> Iterator[logging.Logger]:
    """Run a script's body with its messages in `log_file` and on stderr, and write down what it has made.

    `outputs` are the files and folders that the rule declares; the one called `digests` becomes the manifest of the
    others when the body has ended well.

    A SnowdriftError, and an OSError such as a full disk, end the process with status 1 and one clear message.
    Anything else is a bug and keeps its traceback, in the log too.
    """
    logger = _configure_logging(Path(log_file))
    try:
        yield logger
        if outputs is not None:
            write_digests([path for name, path in outputs.items() if name != "digests"], outputs["digests"])
    except SnowdriftError as error:
        logger.error("Error: %s", error)
        sys.exit(1)
    except OSError as error:
        logger.error(
            "Error: %s: %s\nHint: check free space and permissions there, then run again",
            error.filename or "a file of this job",
            error.strerror or error,
        )
        sys.exit(1)
    except Exception:
        logger.exception("This is a fault in Snowdrift, not in your data; please report it with this log")
        sys.exit(1)


def _configure_logging(log_file: Path) -> logging.Logger:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("snowdrift")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    formatter = logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    for handler in (logging.FileHandler(log_file, mode="w"), logging.StreamHandler(sys.stderr)):
        handler.setFormatter(formatter)
        logger.addHandler(handler)
    return logger

"""The frame around every script: log file, clear last line, no traceback for what a user can mend."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from snowdrift.runtime import progress
from snowdrift.runtime.digests import write_digests
from snowdrift.runtime.errors import SnowdriftError, hint_for, is_out_of_memory

_LESS_MEMORY = (
    "lower this stage's batch_size, its workers or the size of its network or pictures in the config, or run fewer "
    "jobs at a time (--cores); a container may need more shared memory (docker run --shm-size 8g)"
)


@contextmanager
def job(
    log_file: Path | str,
    outputs: Mapping[str, str] | None = None,
    beside: Mapping[str, str] | None = None,
) -> Iterator[logging.Logger]:
    """Run a script's body with its messages in `log_file` and on stderr, and write down what it has made.

    What is only worth a look when something is wrong (`logger.debug`) is in the file alone.

    `outputs` are the files and folders that the rule declares. When the body has ended well, the one called
    `<name>_digests` becomes the manifest of the output `name`, and the one called `digests` that of all others, and of
    the files `beside` them, see `write_digests`.

    A SnowdriftError, an OSError such as a full disk, and want of memory end the process with status 1 and one clear
    message.
    Anything else is a bug and keeps its traceback, in the log too.
    """
    logger = logging.getLogger("snowdrift")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.INFO)
    _add_handler(logger, terminal)
    try:
        Path(log_file).parent.mkdir(parents=True, exist_ok=True)
        _add_handler(logger, _LogFile(log_file, mode="w"))
        with progress.shown(log_file):
            yield logger
            if outputs is not None:
                _write_manifests(outputs, beside)
    except SnowdriftError as error:
        logger.error("Error: %s", error)
        sys.exit(1)
    except OSError as error:
        logger.error(
            "Error: %s: %s\nHint: %s",
            error.filename or "a file of this job",
            error.strerror or error,
            hint_for(error),
        )
        sys.exit(1)
    except Exception as error:
        if is_out_of_memory(error):
            reason = str(error).strip().splitlines()[:1] or ["no more is said"]
            logger.error("Error: the memory does not suffice: %s\nHint: %s", *reason, _LESS_MEMORY)
            sys.exit(1)
        logger.exception("This is a fault in Snowdrift, not in your data; please report it with this log")
        sys.exit(1)


def _write_manifests(outputs: Mapping[str, str], beside: Mapping[str, str] | None) -> None:
    rest = dict(outputs.items())
    manifest = rest.pop("digests")
    for name in [name for name in rest if name.endswith("_digests")]:
        write_digests([rest.pop(name.removesuffix("_digests"))], rest.pop(name))
    write_digests(rest.values(), manifest, beside)


class _LogFile(logging.FileHandler):
    """A log that a full disk may cut short: stderr has the same lines."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def _add_handler(logger: logging.Logger, handler: logging.Handler) -> None:
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)

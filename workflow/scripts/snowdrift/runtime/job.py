"""The frame around every script: log file, clear last line, no traceback for what a user can mend."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from snowdrift.runtime import progress
from snowdrift.runtime.digests import write_digests
from snowdrift.runtime.errors import IN_VAIN, SnowdriftError, hint_for, is_out_of_memory

_FORMAT = "%(asctime)s %(message)s"
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
    message; Ctrl-C ends it without one, since Snakemake speaks for all jobs then.
    Anything else is a bug and keeps its traceback, in the log too.
    """
    logger = logging.getLogger("snowdrift")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.INFO)
    name = progress.name_of(log_file)
    _add_handler(logger, terminal, f"%(asctime)s {name}: %(message)s" if name else _FORMAT)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupt_of(os.getpid()))
    try:
        Path(log_file).parent.mkdir(parents=True, exist_ok=True)
        _add_handler(logger, _LogFile(log_file, mode="w"))
        with progress.shown(log_file):
            yield logger
            if outputs is not None:
                _write_manifests(outputs, beside)
    except KeyboardInterrupt:
        logger.debug("interrupted")
        sys.exit(128 + signal.SIGINT)
    except SnowdriftError as error:
        logger.error("Error: %s", error)
        if not error.passes:
            logger.debug(IN_VAIN)
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


def _interrupt_of(job: int) -> Callable[[int, FrameType | None], None]:
    """Ctrl-C for the process `job`: it counts once, so that what cleans up is left in peace, and for no fork of it."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() == job:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise KeyboardInterrupt

    return interrupt


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


def _add_handler(logger: logging.Logger, handler: logging.Handler, text: str = _FORMAT) -> None:
    handler.setFormatter(logging.Formatter(text, "%H:%M:%S"))
    logger.addHandler(handler)

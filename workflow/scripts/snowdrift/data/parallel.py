"""Checks of many files on several processes, in order and with progress."""

import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from snowdrift.runtime.progress import report

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")
CHUNK = 256
_SECONDS_BETWEEN_LINES = 10.0


def map_chunks(
    function: Callable[[Sequence[Item]], Result], items: Sequence[Item], workers: int, what: str
) -> list[Result]:
    """Apply `function` to consecutive chunks of `items` and return the results in order.

    Args:
        function: Takes a chunk; must be picklable where `workers` is above 1.
        items: What to work on.
        workers: Processes; 1 works in this one.
        what: Plural noun for the progress lines.
    """
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    if min(workers, len(chunks)) <= 1:
        return _collect(map(function, chunks), chunks, len(items), what)
    # Forked, because a spawned process would first run the script again that is being run here.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(min(workers, len(chunks)), mp_context=context) as pool:
        return _collect(pool.map(function, chunks), chunks, len(items), what)


def _collect(
    results: Iterator[Result], chunks: Sequence[Sequence[Item]], total: int, what: str
) -> list[Result]:
    collected, done, last = [], 0, time.monotonic()
    for chunk, result in zip(chunks, results, strict=True):
        collected.append(result)
        done += len(chunk)
        report(f"checking {what}", done, total, what)
        if time.monotonic() - last > _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            logger.info("%s checked: %d of %d", what, done, total)
    return collected

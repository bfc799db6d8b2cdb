"""Threads that work side by side, each with torch on one core, and what they make in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def one_core_threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads in each of which torch uses one core: for many small jobs faster than one with all cores.

    torch leaves Python's lock while it computes. In the whole process it uses one core until the block ends. A
    process that has computed with more before should not use NNPACK here: its own threads do not become fewer.
    """
    former = torch.get_num_threads()
    started = Barrier(count)

    def start(_: int) -> None:
        # All of them before the first job: torch makes NNPACK's threads again each time, under who computes with them.
        torch.set_num_threads(1)
        started.wait()

    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(start, range(count)))
            yield pool
    finally:
        torch.set_num_threads(former)


def map_ahead(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    """`pool.map` that takes no more than `ahead` items before their results are asked for.

    So neither items nor results pile up, and several of them in a row overlap: while the last is waited for, the
    first is at work on what comes next.
    """
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()

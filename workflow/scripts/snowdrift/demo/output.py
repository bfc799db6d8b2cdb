"""How the demo's pictures get onto the disk: their quality, and by several processes."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

JPEG_QUALITY = 92
Part = TypeVar("Part")


def spread(task: Callable[[Part], None], parts: Iterable[Part], workers: int) -> None:
    """Run `task` on every part, in `workers` processes."""
    if workers <= 1:
        for part in parts:
            task(part)
        return
    # Forked, since spawned processes would run the calling script again from its first line.
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        for _ in pool.map(task, parts):
            pass

"""How the demo's pictures get onto the disk: their quality, and by several processes."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

JPEG_QUALITY = 92


def spread(task: Callable[[int], None], indices: Iterable[int], workers: int) -> None:
    """Run `task` on every index, in `workers` processes."""
    if workers <= 1:
        for index in indices:
            task(index)
        return
    # Forked, since spawned processes would run the calling script again from its first line.
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        for _ in pool.map(task, indices):
            pass

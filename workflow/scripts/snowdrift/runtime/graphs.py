"""CUDA graphs: what a GPU does again and again, launched at once instead of kernel by kernel."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.cuda import _POOL_HANDLE  # what `graph_pool_handle` gives has no public name

Computation = Callable[..., tuple[Tensor, ...]]
"""From tensors to tensors, on the device alone: no value may decide what is done, and no random number be drawn."""


class Repeated:
    """A computation that is done with tensors of the same shapes over and over.

    On a GPU the second time records a graph, which is replayed from then on. The first time chooses and loads kernels,
    which no graph may record. Where tensors of other shapes come, it begins again.

    Args:
        compute: what to do. What it leaves behind besides its results, like gradients, stays in its place in memory.
        memory: from `torch.cuda.graph_pool_handle`, to share with what never runs at the same time.
    """

    def __init__(self, compute: Computation, memory: "_POOL_HANDLE | None" = None) -> None:
        self._compute, self._memory = compute, memory
        self._shapes: list[torch.Size] | None = None
        self._replay: Computation | None = None

    def __call__(self, *given: Tensor) -> tuple[Tensor, ...]:
        """The results for tensors on one device."""
        shapes = [tensor.shape for tensor in given]
        on_gpu = given[0].device.type == "cuda"
        if shapes != self._shapes:
            self._shapes, self._replay = shapes, None
            return _on_another_stream(self._compute, given) if on_gpu else self._compute(*given)
        if not on_gpu:
            return self._compute(*given)
        if self._replay is None:
            self._replay = recorded(self._compute, given, self._memory)
        return self._replay(*given)


def _on_another_stream(compute: Computation, given: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Torch's notes on graphs want it so, since a graph is recorded on a stream of its own, too."""
    main, other = torch.cuda.current_stream(), torch.cuda.Stream()
    other.wait_stream(main)
    with torch.cuda.stream(other):
        results = compute(*given)
    main.wait_stream(other)
    return results


def recorded(compute: Computation, examples: Sequence[Tensor], memory: "_POOL_HANDLE | None") -> Computation:
    """The computation as a graph, for tensors like the examples; its results are the caller's to keep."""
    given, graph = [example.clone() for example in examples], torch.cuda.CUDAGraph()
    # Threads that load what comes next ask for pinned memory meanwhile, which a global recording would not survive.
    with torch.cuda.graph(graph, pool=memory, capture_error_mode="thread_local"):
        results = compute(*given)

    def replay(*tensors: Tensor) -> tuple[Tensor, ...]:
        for own, tensor in zip(given, tensors, strict=True):
            own.copy_(tensor)
        graph.replay()
        return tuple(result.clone() for result in results)  # the next replay overwrites them

    return replay

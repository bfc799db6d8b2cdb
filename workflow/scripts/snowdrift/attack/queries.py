"""The only way in which black-box attacks reach a generator: every image that it sees is counted here."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from snowdrift.attack.objective import Budget, Goal
from snowdrift.runtime.progress import report


class Query(NamedTuple):
    """What an attack asks: outputs of (n, 3, h, w) images, each of which counts as one query.

    Attributes:
        images: what the generator is to translate.
        candidate: whether these are allowed images that may be the attack's answer, not only probes.
    """

    images: Tensor
    candidate: bool = False


Attack = Generator[Query, Tensor, None]
"""Yields queries, is sent the outputs (n, 3, h, w), and ends when it has nothing left to try."""


@dataclass
class Progress:
    """One image under attack.

    Attributes:
        goal: what is to be reached.
        queries: images that the generator has seen for it, the original among them.
        best_image: what the attack would hand out now: the best candidate, or the last where it keeps that.
        score: of `best_image`.
        trace: queries and score, one entry each time that `best_image` changed.
        first_success: queries after which a candidate first succeeded; None where none has.
    """

    goal: Goal
    queries: int
    best_image: Tensor
    score: float = 0.0
    trace: list[tuple[int, float]] = field(default_factory=list)
    first_success: int | None = None

    def offer(self, image: Tensor, score: float, queries: int, *, keep_best: bool = True) -> None:
        """Take an allowed image for the best where it is better, or the latest; `queries` were spent by then."""
        if score >= self.goal.success and self.first_success is None:
            self.first_success = queries
        if score > self.score or not keep_best:
            self.best_image, self.score = image, score
            self.trace.append((queries, score))


# Pixels that go through a generator together on the CPU: more fall out of its caches, fewer leave small images to the
# cost of calls.
_PIXELS_TOGETHER = 2**15

# The same on a GPU: 8 images of 256 x 256. In batches of 32 cuDNN chose convolutions by Fourier transforms, which are
# slower: on an H100 a query took 5.7 ms alone, 4.4 ms in a batch of 8, and 10 to 40 ms in one of 32 (see
# docs/benchmarks.md).
_PIXELS_TOGETHER_ON_GPU = 2**19


class QueryCounter:
    """A generator that counts, batches, and gives out no gradients.

    Args:
        generator: what is asked; on the CPU best an `inference.accelerated` one.
        limit: queries that one image may cost.
        batch_size: images that are kept together, and the most that go through the generator at once; on a
            GPU, or with a pool, large images go in smaller batches.
        device: where the generator runs.
        pool: on the CPU, threads that share each batch, from `one_core_threads`; without one it goes as a whole.

    Attributes:
        limit: queries that one image may cost.
    """

    def __init__(
        self,
        generator: nn.Module,
        *,
        limit: int,
        batch_size: int,
        device: torch.device,
        pool: Executor | None = None,
    ) -> None:
        self._generator, self._device = generator.to(device).eval(), device
        self._batch_size, self._pool = batch_size, pool
        self.limit = limit

    def attack(
        self,
        originals: Sequence[Tensor],
        start: Callable[[int, Goal], Attack],
        budget: Budget,
        *,
        keep_best: bool = True,
        stop_at_success: bool = True,
        stage: str = "attack",
    ) -> list[Progress]:
        """Attack several images at once, so that their queries share batches.

        Args:
            originals: (3, h, w) each, all of one size.
            start: makes the attack on image number i with its goal.
            budget: of every image.
            keep_best: whether the answer is the best candidate; else it is the last.
            stop_at_success: whether an attack ends at its first success.
            stage: name of these attacks where the job's progress is shown.

        Returns:
            Where each attack ended: at success, out of queries, or with nothing left to try.
        """
        images = torch.stack(list(originals)).to(self._device)
        progress = [
            Progress(Goal.of(image, output, budget), 1, image)
            for image, output in zip(images, self._run(images), strict=True)
        ]
        attacks = {index: start(index, each.goal) for index, each in enumerate(progress)}
        offered: dict[int, Query | None] = {index: next(attack, None) for index, attack in attacks.items()}
        while pending := self._affordable(offered, progress):
            following: dict[int, Query | None] = {}
            for group in self._groups(pending):
                outputs = self._run(torch.cat([query.images for query in group.values()]))
                parts = outputs.split([len(query.images) for query in group.values()])
                for (index, query), part in zip(group.items(), parts, strict=True):
                    self._count(progress[index], query, part, keep_best)
                    if not (stop_at_success and progress[index].first_success):
                        following[index] = _send(attacks[index], part)
            offered = following
            spent = sum(each.queries for each in progress)
            report(stage, spent, self.limit * len(progress), "queries", {"score": _mean_score(progress)})
        return progress

    def _groups(self, queries: Mapping[int, Query]) -> Iterator[dict[int, Query]]:
        """Queries that share batches, as many as fill one, so that memory does not grow with the images."""
        group: dict[int, Query] = {}
        for index, query in queries.items():
            group[index] = query
            if sum(len(each.images) for each in group.values()) >= self._batch_size:
                yield group
                group = {}
        if group:
            yield group

    def _affordable(
        self, queries: Mapping[int, Query | None], progress: Sequence[Progress]
    ) -> dict[int, Query]:
        """Queries that fit into their images' limits; the other attacks end."""
        return {
            index: query
            for index, query in queries.items()
            if query is not None and progress[index].queries + len(query.images) <= self.limit
        }

    def _count(self, progress: Progress, query: Query, outputs: Tensor, keep_best: bool) -> None:
        before = progress.queries
        progress.queries += len(query.images)
        if not query.candidate:
            return
        for number, score in enumerate(progress.goal.score(outputs).tolist()):
            progress.offer(query.images[number], score, before + number + 1, keep_best=keep_best)

    def _run(self, images: Tensor) -> Tensor:
        """Outputs of (n, 3, h, w) images, in batches that depend on sizes and the device's kind alone."""
        if self._device.type != "cpu":
            batches = images.split(self._together(images, _PIXELS_TOGETHER_ON_GPU))
        elif self._pool is None:
            batches = images.split(self._batch_size)
        else:
            batches = images.split(self._together(images, _PIXELS_TOGETHER))
        ask = map if self._pool is None else self._pool.map
        return torch.cat(list(ask(self._ask, batches)))

    def _together(self, images: Tensor, pixels: int) -> int:
        """How many of these images at once have at most so many pixels; at least one."""
        return min(self._batch_size, max(1, pixels // (images.shape[-2] * images.shape[-1])))

    @torch.inference_mode()
    def _ask(self, images: Tensor) -> Tensor:
        answers: Tensor = self._generator(images)
        return answers


def _mean_score(progress: Sequence[Progress]) -> float:
    return sum(each.score for each in progress) / len(progress)


def _send(attack: Attack, outputs: Tensor) -> Query | None:
    try:
        return attack.send(outputs)
    except StopIteration:
        return None

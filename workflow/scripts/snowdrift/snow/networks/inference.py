"""The generator as it runs fastest when nothing is to be learned: one copy for the CPU, one for a GPU."""

import copy
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from snowdrift.runtime.devices import full_precision
from snowdrift.runtime.graphs import Repeated
from snowdrift.snow.networks.fast_convolution import (
    FastConvolution,
    RowConvolution,
    has_few_outputs,
    replace_layers,
)
from snowdrift.snow.networks.fused_norm import fuse
from snowdrift.snow.networks.generator import Generator

logger = logging.getLogger(__name__)
Label = TypeVar("Label")
AnyGenerator = TypeVar("AnyGenerator", bound=Generator)

MIN_PSNR = 45.0
"""Decibels, against 32 bits and over the range of [-1, 1], from which on a GPU computes in 16 bits."""
MOST_GRAPHS = 8
"""Sizes of batches that are recorded as CUDA graphs; of photographs of many sizes each would hold memory."""


@torch.inference_mode()
def translate(generator: Generator, images: Tensor) -> Tensor:
    """Run the generator on images of any size, see `padded`.

    Args:
        generator: in evaluation mode, on the images' device; its `stride` divides the sides of what it takes.
        images: (n, 3, h, w) in [-1, 1].

    Returns:
        The same shape and range.
    """
    return padded(generator, images, generator.stride)


def padded(network: Callable[[Tensor], Tensor], images: Tensor, multiple: int) -> Tensor:
    """Run a network whose input must have sides that are multiples of a number.

    Other sides are padded at the right and bottom with the border's pixels, and the result is cropped back.
    """
    height, width = images.shape[-2:]
    right, bottom = -width % multiple, -height % multiple
    if right or bottom:
        images = pad(images, (0, right, 0, bottom), mode="replicate")
    return network(images)[..., :height, :width]


def accelerated(generator: AnyGenerator) -> AnyGenerator:
    """A copy for inference on the CPU that gives the same pictures but for rounding.

    Convolutions of stride 1 are `FastConvolution`s. The copy has other state-dict keys: save the original.
    """
    network = copy.deepcopy(generator).float().requires_grad_(False)
    replace_layers(network, FastConvolution)
    return network


def psnr(images: Tensor, expected: Tensor) -> float:
    """Peak signal-to-noise ratio in decibels of images in [-1, 1]; infinite where they are equal, NaN for NaN."""
    error = float((images.double() - expected.double()).square().mean())
    return math.inf if error == 0 else 10 * math.log10(4 / error)


class _Launched(NamedTuple):
    """A batch on its way.

    Attributes:
        result: its pictures, once `finished`.
        sound: whether no value was beyond the numbers that it was computed in.
        finished: the event after which both are there.
        given: its pictures before.
        held: what keeps alive what the device still reads.
    """

    result: Tensor
    sound: Tensor
    finished: torch.Event
    given: Tensor
    held: tuple[Tensor, ...]


class BatchTranslator:
    """Translates batches of 8-bit pictures on a GPU, which is never idle while there is a next one.

    Copies run on streams of their own beside the network. It computes in 16 bits if the first batch comes out as in
    32 bits but for `MIN_PSNR`, in memory order `channels_last`, and replays a CUDA graph for sizes that come again. A
    batch in which numbers of 16 bits overflow all the same is done again in 32.

    Args:
        generator: from `weights.load_generator`.
        device: of the network; the CPU does, too, for tests, without graphs.
        dtype: of the network, unless it is too far off.
    """

    def __init__(
        self, generator: Generator, device: torch.device, dtype: torch.dtype = torch.float16
    ) -> None:
        self.dtype = dtype
        self._whole = copy.deepcopy(generator)
        fuse(self._whole, without_bias=True)
        self._whole.to(device).to(memory_format=torch.channels_last)
        self._network: Generator | None = None
        self._device, self._library = device, torch.get_device_module(device)
        self._upload, self._download = self._library.Stream(), self._library.Stream()
        self._sizes: dict[torch.Size, Repeated] = {}
        # One memory for all, since no two are replayed at a time.
        self._memory = torch.cuda.graph_pool_handle() if device.type == "cuda" else None

    def run(self, batches: Iterable[tuple[Label, Tensor]]) -> Iterator[tuple[Label, Tensor]]:
        """Translate one batch after the other, of which two are on the device at once.

        Args:
            batches: any label with its (n, h, w, 3) pictures of 8 bits, best in pinned memory.

        Yields:
            The label with its pictures, of the same shape and kind.
        """
        pending: deque[tuple[Label, _Launched]] = deque()
        for label, pictures in batches:
            pending.append((label, self._launch(pictures)))
            if len(pending) > 1:
                yield self._finish(*pending.popleft())
        while pending:
            yield self._finish(*pending.popleft())

    @torch.inference_mode()
    @full_precision()
    def _launch(self, pictures: Tensor) -> _Launched:
        library = self._library
        main = library.current_stream()
        with library.stream(self._upload):
            given = pictures.to(self._device, non_blocking=True)
        main.wait_stream(self._upload)
        computed = self._levels(given)
        self._download.wait_stream(main)
        with library.stream(self._download):
            result, sound = (
                torch.empty(part.shape, dtype=part.dtype, pin_memory=self._device.type == "cuda")
                for part in computed
            )
            result.copy_(computed[0], non_blocking=True)
            sound.copy_(computed[1], non_blocking=True)
            finished = library.Event()
            finished.record()
        return _Launched(result, sound, finished, pictures, (given, *computed))

    @torch.inference_mode()
    @full_precision()
    def _finish(self, label: Label, launched: _Launched) -> tuple[Label, Tensor]:
        launched.finished.synchronize()
        if launched.sound or self.dtype == torch.float32:
            return label, launched.result
        logger.warning("%s does not hold a batch's values: it is done again in 32 bits", self.dtype)
        levels, _ = _translate_levels(self._whole, torch.float32, launched.given.to(self._device))
        return label, levels.cpu()

    def _levels(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """See `_translate_levels`, by the way that suits this size and what has been seen of it."""
        if self._network is None:
            self._network = self._chosen(pictures)
        compute = partial(_translate_levels, self._network, self.dtype)
        if pictures.shape not in self._sizes and len(self._sizes) < MOST_GRAPHS:
            self._sizes[pictures.shape] = Repeated(compute, self._memory)
        levels, sound = self._sizes.get(pictures.shape, compute)(pictures)
        return levels, sound

    def _chosen(self, pictures: Tensor) -> Generator:
        """The network in 16 bits, or as it is where they do not do."""
        low = copy.deepcopy(self._whole).to(self.dtype)
        for place, layer in enumerate(low.model):
            if has_few_outputs(layer):
                low.model[place] = RowConvolution(layer)
        images = _to_images(pictures)
        quality = psnr(translate(low, images.to(self.dtype)), translate(self._whole, images))
        enough = quality >= MIN_PSNR
        logger.info(
            "%s against 32 bits: %.1f dB, %s", self.dtype, quality, "enough" if enough else "so 32 bits it is"
        )
        if not enough:
            self.dtype = torch.float32
        return low if enough else self._whole


def _to_images(pictures: Tensor) -> Tensor:
    """(n, h, w, 3) of 8 bits to (n, 3, h, w) float32 in [-1, 1], in the same order in memory."""
    return pictures.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def _translate_levels(network: Generator, dtype: torch.dtype, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """8 bits to 8 bits, truncated as `data.to_picture` does; and whether all values were finite before."""
    winter = translate(network, _to_images(pictures).to(dtype)).float()
    sound = winter.isfinite().all()
    return winter.add_(1.0).mul_(127.5).clamp_(0.0, 255.0).byte().permute(0, 2, 3, 1).contiguous(), sound

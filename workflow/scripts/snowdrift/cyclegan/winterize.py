"""Winter frames: the trained generator run over every frame, shard by shard."""

import hashlib
import io
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from snowdrift.cyclegan.data import open_rgb, to_picture, to_tensor
from snowdrift.cyclegan.networks import ResnetGenerator
from snowdrift.frames.tables import winter_name
from snowdrift.runtime.devices import memory_limit
from snowdrift.runtime.files import atomic_path, digest_file, write_table
from snowdrift.runtime.resume import JobState

logger = logging.getLogger(__name__)

MANIFEST_COLUMNS = ["frame_id", "image", "digest", "bytes", "width", "height"]
_ENCODINGS = {"jpeg": ("JPEG", ".jpg"), "png": ("PNG", ".png")}


@dataclass(frozen=True)
class WinterSettings:
    """The config's `winterize` section, as far as the shards read it.

    Attributes:
        size: `native`, or the short side in pixels at which the generator sees a frame. The winter frame has
            its original's size either way, so that labels in pixels stay true.
        format: `jpeg` or `png` (lossless).
        quality: of JPEG, 1 to 100.
        batch_size: frames of one size that go through the generator together.
    """

    size: str | int
    format: str
    quality: int
    batch_size: int

    def network_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height at which the generator sees a frame of this size."""
        if self.size == "native":
            return width, height
        factor = int(self.size) / min(width, height)
        return max(1, round(width * factor)), max(1, round(height * factor))


class WinterFrame(NamedTuple):
    """One row of a shard's manifest."""

    frame_id: str
    image: str
    digest: str
    bytes: int
    width: int
    height: int


def shard_frames(frames: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """The rows of shard 0, 1, ...: contiguous parts that differ in length by one row at most."""
    bounds = np.linspace(0, len(frames), shards + 1).round().astype(int)
    return frames.iloc[bounds[shard] : bounds[shard + 1]]


@torch.inference_mode()
def translate(generator: ResnetGenerator, images: Tensor) -> Tensor:
    """Run the generator on images of any size.

    Sides that are no multiple of the generator's stride are padded at the right and bottom with the border's
    pixels, and the result is cropped back.

    Args:
        generator: in evaluation mode, on the images' device.
        images: (n, 3, h, w) in [-1, 1].

    Returns:
        The same shape and range.
    """
    height, width = images.shape[-2:]
    right, bottom = -width % generator.stride, -height % generator.stride
    if right or bottom:
        images = pad(images, (0, right, 0, bottom), mode="replicate")
    return generator(images)[..., :height, :width]


def winterize_shard(
    frames: pd.DataFrame,
    generator: ResnetGenerator,
    settings: WinterSettings,
    *,
    root: Path,
    output: Path,
    manifest: Path,
    state: JobState,
    device: torch.device,
    threads: int,
) -> None:
    """Translate the given frames, and write them and their manifest.

    The manifest comes last, so that it never speaks of a frame that is not there. Frames that a killed job has left
    whole are kept.

    Args:
        frames: the shard's rows of the frame table.
        generator: from `weights.load_generator`.
        settings: size, format, batch.
        root: folder that the table's `image` is relative to.
        output: folder that receives `<video>/images/<name>`.
        manifest: Parquet file with one row a winter frame and its SHA-256.
        state: what a killed job goes on from: the rows of the frames that it has written.
        device: where the generator runs.
        threads: decoders and encoders that work beside it.

    Raises:
        SnowdriftError: a frame has broken since the index, or the device's memory is too small for it.
    """
    generator = generator.to(device)
    written = {item["frame_id"]: WinterFrame(**item) for item in state.items()}
    if written:
        logger.info(
            "%d of %d winter frames were written before the job was interrupted", len(written), len(frames)
        )
    done: list[WinterFrame] = []
    pending: list[Future[WinterFrame]] = []
    with ThreadPoolExecutor(threads) as pool:
        for batch in _equal_size_batches(frames, settings.batch_size):
            # Only whole batches are kept: a kernel may sum in another order for another batch size.
            if kept := _still_whole(batch, written, output):
                done += _collect(pending, state, len(frames), len(done)) + kept
                pending = []
                continue
            pictures = list(pool.map(open_rgb, [root / row.image for row in batch]))
            winter = _translate_pictures(generator, pictures, settings, device)
            # Collected one batch later, so that encoding overlaps the next batch's network.
            done += _collect(pending, state, len(frames), len(done))
            pending = [
                pool.submit(_write_frame, picture, row, output, settings)
                for row, picture in zip(batch, winter, strict=True)
            ]
        done += _collect(pending, state, len(frames), len(done))
    write_table(pd.DataFrame(done, columns=MANIFEST_COLUMNS), manifest)
    state.finish()


def _equal_size_batches(frames: pd.DataFrame, batch_size: int) -> Iterator[list]:
    """Consecutive rows of one size, at most `batch_size` at a time, as named tuples."""
    for _, group in groupby(frames.itertuples(index=False), key=lambda row: (row.width, row.height)):
        rows = list(group)
        for start in range(0, len(rows), batch_size):
            yield rows[start : start + batch_size]


def _translate_pictures(
    generator: ResnetGenerator, pictures: list[Image.Image], settings: WinterSettings, device: torch.device
) -> list[Image.Image]:
    """Scale, translate, scale back."""
    full = pictures[0].size
    resize = _resizer(settings.network_size(*full))
    images = torch.stack([to_tensor(resize(picture)) for picture in pictures])
    with memory_limit(
        f"a batch of {len(pictures)} frame(s) of {images.shape[-1]}x{images.shape[-2]} px",
        "lower winterize.batch_size, or set winterize.size to a smaller short side",
    ):
        outputs = translate(generator, images.to(device)).float().cpu()
    return [_resizer(full)(to_picture(image)) for image in outputs]


def _resizer(size: tuple[int, int]) -> Callable[[Image.Image], Image.Image]:
    """Bicubic scaling to `size` that leaves pictures of that size untouched."""
    return lambda picture: picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)


def _write_frame(picture: Image.Image, row, output: Path, settings: WinterSettings) -> WinterFrame:
    """Encode and write one winter frame, and drop the one that another format left in its place."""
    name, _ = _ENCODINGS[settings.format]
    options = {"quality": settings.quality} if name == "JPEG" else {"compress_level": 1}
    buffer = io.BytesIO()
    picture.save(buffer, name, **options)
    image = winter_name(row.video, row.image, settings.format)
    with atomic_path(output / image) as temporary:
        temporary.write_bytes(buffer.getvalue())
    for other in _ENCODINGS.keys() - {settings.format}:
        (output / winter_name(row.video, row.image, other)).unlink(missing_ok=True)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    return WinterFrame(row.frame_id, image, digest, buffer.tell(), picture.width, picture.height)


def _collect(
    pending: list[Future[WinterFrame]], state: JobState, total: int, before: int
) -> list[WinterFrame]:
    """Wait for the frames being written, and write them down; say now and then how far the shard is."""
    written = [future.result() for future in pending]
    for frame in written:
        state.append(frame._asdict())
    step = max(1, total // 10)
    if (before + len(written)) // step > before // step:
        logger.info("%d of %d winter frames", before + len(written), total)
    return written


def _still_whole(batch: list, written: dict[str, WinterFrame], root: Path) -> list[WinterFrame]:
    """The rows of a batch that was written before, with every frame as it was; or else none."""
    rows = [written[row.frame_id] for row in batch if row.frame_id in written]
    return rows if len(rows) == len(batch) and all(_is_whole(root / row.image, row) for row in rows) else []


def _is_whole(path: Path, row: WinterFrame) -> bool:
    try:
        return digest_file(path) == row.digest
    except FileNotFoundError:
        return False

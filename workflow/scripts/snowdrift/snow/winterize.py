"""Winter frames: a translator run over every frame, shard by shard."""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from snowdrift.data.decoding.pictures import open_picture
from snowdrift.data.tables import winter_folder, winter_name
from snowdrift.runtime.devices import memory_limit
from snowdrift.runtime.files import atomic_path, digest_file, write_table
from snowdrift.runtime.progress import report
from snowdrift.runtime.resume import JobState
from snowdrift.runtime.workers import map_ahead, one_core_threads
from snowdrift.snow.networks.inference import BatchTranslator
from snowdrift.snow.translator import Frame, NetworkTranslator, Translator

logger = logging.getLogger(__name__)

MANIFEST_COLUMNS = ["frame_id", "image", "digest", "bytes", "width", "height"]
_ENCODINGS = {"jpeg": ("JPEG", ".jpg"), "png": ("PNG", ".png")}


@dataclass(frozen=True)
class WinterSettings:
    """The config's `winterize` section, as far as the shards read it.

    Attributes:
        size: `native`, or the short side in pixels at which a translator with `at_network_size` sees a frame. The
            winter frame has its original's size either way, so that labels in pixels stay true.
        format: `jpeg` or `png` (lossless), which a frame's name follows; or `own`, the kind and the name that it has.
        quality: of JPEG, 1 to 100.
        batch_size: frames of one size that go through a network together on a GPU; on the CPU each goes alone.
    """

    size: str | int
    format: str
    quality: int
    batch_size: int

    def network_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height at which such a translator sees a frame of this size."""
        if self.size == "native":
            return width, height
        factor = int(self.size) / min(width, height)
        return max(1, round(width * factor)), max(1, round(height * factor))


class FrameRow(Protocol):
    """A row of the frame table, as far as the shards read it."""

    frame_id: str
    video: str
    image: str
    width: int
    height: int


Batch = Sequence[FrameRow]


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


def winterize_shard(
    frames: pd.DataFrame,
    translator: Translator,
    settings: WinterSettings,
    *,
    root: Path,
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
        translator: it has learned what it needs.
        settings: size, format, batch.
        root: folder that the table's `image` is relative to.
        manifest: Parquet file with one row a winter frame and its SHA-256; `tables.winter_folder` of it receives
            `<video>/images/<name>`, or with the format `own` each picture under the name that it has below `root`.
        state: what a killed job continues from: the rows of the frames that it has written.
        device: where networks run.
        threads: on the CPU, batches at work at a time, each on one core; on a GPU, decoders and encoders beside it.

    Raises:
        SnowdriftError: a frame has broken since the index, or the device's memory is too small for it.
    """
    output = winter_folder(manifest)
    shard = _Shard(translator, settings, root, output)
    in_batches = isinstance(translator, NetworkTranslator) and device.type != "cpu"
    written = {item["frame_id"]: WinterFrame(**item) for item in state.items()}
    if written:
        logger.info(
            "%d of %d winter frames were written before the job was interrupted", len(written), len(frames)
        )
    done: dict[str, WinterFrame] = {}

    def missing() -> Iterator[Batch]:
        # Only whole batches are kept: a kernel may sum in another order for another batch size. On the CPU a frame
        # alone is a network's fastest batch.
        size = settings.batch_size if in_batches else translator.batch_size
        for batch in _equal_size_batches(frames, size):
            kept = _still_whole(batch, written, output)
            done.update({row.frame_id: row for row in kept})
            if not kept:
                yield batch

    make = shard.in_batches if in_batches else shard.in_threads
    for batch in make(device, missing(), threads):
        for row in batch:
            state.append(row._asdict())
        _report(len(done), len(batch), len(frames))
        done.update({row.frame_id: row for row in batch})
    rows = [done[frame_id] for frame_id in frames["frame_id"]]
    write_table(pd.DataFrame(rows, columns=MANIFEST_COLUMNS), manifest)
    state.finish()


def _equal_size_batches(frames: pd.DataFrame, batch_size: int) -> Iterator[Batch]:
    """Consecutive rows of one size, at most `batch_size` at a time, as named tuples."""
    for _, group in groupby(frames.itertuples(index=False), key=lambda row: (row.width, row.height)):
        rows = list(group)
        for start in range(0, len(rows), batch_size):
            yield rows[start : start + batch_size]


@dataclass(frozen=True)
class _Shard:
    """What is done with each batch of a shard, and two ways to have several of them at work."""

    translator: Translator
    settings: WinterSettings
    root: Path
    output: Path

    def in_threads(
        self, device: torch.device, batches: Iterable[Batch], threads: int
    ) -> Iterator[list[WinterFrame]]:
        """Every thread takes frames from file to file on its own core, so that each comes out the same anywhere."""
        translate = self.translator.start(device)

        def make(batch: Batch) -> list[WinterFrame]:
            frames = [Frame(row.frame_id, row.video) for row in batch]
            return self._write(batch, translate(self._read(batch), frames))

        with one_core_threads(threads) as pool:
            yield from map_ahead(pool, make, batches, 2 * threads)

    def in_batches(
        self, device: torch.device, batches: Iterable[Batch], threads: int
    ) -> Iterator[list[WinterFrame]]:
        """Threads decode and encode, while this one keeps the device at work."""
        assert isinstance(self.translator, NetworkTranslator)  # `winterize_shard` sees to that
        network = BatchTranslator(self.translator.network, device)

        def read(batch: Batch) -> tuple[Batch, Tensor]:
            pictures = torch.from_numpy(np.stack([np.asarray(picture) for picture in self._read(batch)]))
            return batch, pictures.pin_memory() if device.type == "cuda" else pictures

        def write(translated: tuple[Batch, Tensor]) -> list[WinterFrame]:
            batch, pictures = translated
            return self._write(batch, [Image.fromarray(picture) for picture in pictures.numpy()])

        memory = memory_limit(
            f"a batch of {self.settings.batch_size} frame(s)",
            "lower winterize.batch_size, or set winterize.size to a smaller short side",
        )
        with ThreadPoolExecutor(threads) as pool, memory:
            winter = network.run(map_ahead(pool, read, batches, 2 * threads))
            yield from map_ahead(pool, write, winter, 2 * threads)

    def _read(self, batch: Batch) -> list[Image.Image]:
        """Decoded, at the size at which the translator sees them."""
        pictures = [open_picture(self.root / row.image) for row in batch]
        if not self.translator.at_network_size:
            return pictures
        return [resized(picture, self.settings.network_size(*picture.size)) for picture in pictures]

    def _write(self, batch: Batch, pictures: Iterable[Image.Image]) -> list[WinterFrame]:
        """At the size of the originals again, encoded and written."""
        return [
            _write_frame(resized(picture, (row.width, row.height)), row, self.output, self.settings)
            for row, picture in zip(batch, pictures, strict=True)
        ]


def resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scaled bicubically, or untouched where it has that size."""
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)


def _write_frame(picture: Image.Image, row: FrameRow, output: Path, settings: WinterSettings) -> WinterFrame:
    """Encode and write one winter frame, and drop the one that another format left in its place."""
    if settings.format == "own":
        image, kind = row.image, "jpeg" if row.image.lower().endswith((".jpg", ".jpeg")) else "png"
        others: set[str] = set()
    else:
        image, kind = winter_name(row.video, row.image, settings.format), settings.format
        others = _ENCODINGS.keys() - {kind}
    name, _ = _ENCODINGS[kind]
    options = {"quality": settings.quality} if name == "JPEG" else {"compress_level": 1}
    with atomic_path(output / image) as temporary:
        picture.save(temporary, name, **options)  # into a file, Pillow encodes without Python's lock
        content = temporary.read_bytes()
    for other in others:
        (output / winter_name(row.video, row.image, other)).unlink(missing_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    return WinterFrame(row.frame_id, image, digest, len(content), picture.width, picture.height)


def _report(before: int, more: int, total: int) -> None:
    """Say now and then how far the shard is."""
    report("translating", before + more, total, "frames")
    step = max(1, total // 10)
    if (before + more) // step > before // step:
        logger.info("%d of %d winter frames", before + more, total)


def _still_whole(batch: Batch, written: dict[str, WinterFrame], root: Path) -> list[WinterFrame]:
    """The rows of a batch that was written before, with every frame as it was; or else none."""
    rows = [written[row.frame_id] for row in batch if row.frame_id in written]
    return rows if len(rows) == len(batch) and all(_is_whole(root / row.image, row) for row in rows) else []


def _is_whole(path: Path, row: WinterFrame) -> bool:
    try:
        return digest_file(path) == row.digest
    except FileNotFoundError:
        return False

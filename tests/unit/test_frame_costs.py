"""What one more frame costs must not depend on how many there are: files opened, CPU time, memory."""

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from full_count import write_dataset

from snowdrift.data.index import Reading, index_frames, write_index
from snowdrift.data.tables import read_frames, winter_folder
from snowdrift.detection.datasets import read_pictures
from snowdrift.detection.datasets import write_dataset as write_tree
from snowdrift.detection.domains import training_selections
from snowdrift.runtime.digests import find_damage, write_digests
from snowdrift.runtime.files import write_table
from snowdrift.runtime.fingerprints import file_fingerprints, folder_fingerprint, record_fingerprints
from snowdrift.snow.verify import find_winter_damage

FEW, MANY = 300, 3000
NAMES = ["normal", "fallen"]


class Study(NamedTuple):
    """Where the data of one count lie, and what is made from them."""

    root: Path
    results: Path

    @property
    def frames(self) -> Path:
        return self.results / "data/frames.parquet"


class Cost(NamedTuple):
    opened: int
    cpu_seconds: float


def index(study: Study) -> None:
    stamps = file_fingerprints(study.root)
    splits = {"train": 100, "val": 78, "test": 0}
    data = study.results / "data"
    found = index_frames(
        study.root,
        reading=Reading("vfp290k", NAMES),
        splits=splits,
        group=None,
        seed=0,
        max_rejected=0,
        rejected=data / "rejected.csv",
    )
    write_index(found, study.frames, data / "boxes.parquet")
    known = dict(zip(found.frames["image"], found.frames["digest"], strict=True))
    record_fingerprints(study.root, stamps, "state", study.frames, threads=1, known=known)


def label_tree(study: Study) -> None:
    pictures = read_pictures(study.frames, study.results / "data/boxes.parquet", study.root, NAMES)
    selections = training_selections(pictures.frames, "original", {"original": 1}, seed=0)
    write_tree(study.results / "tree", pictures, selections)


def manifest(study: Study) -> None:
    write_digests([study.results / "tree"], study.results / "digests/build_dataset.csv")


def verify(study: Study) -> None:
    files, damage = find_damage(study.results, 1)
    assert damage == [] and files >= 2 * len(read_frames(study.frames))


def verify_winter(study: Study) -> None:
    """The frames themselves stand in for winter ones."""
    frames = read_frames(study.frames)
    sizes = [(study.root / image).stat().st_size for image in frames["image"]]
    shard = study.results / "snow/copied/shards/0.parquet"
    write_table(frames[["frame_id", "image", "digest"]].assign(bytes=sizes), shard)
    if not (place := winter_folder(shard)).exists():
        place.symlink_to(study.root.absolute())
    assert find_winter_damage([shard], 1) == (len(frames), [])


STAGES: dict[Callable[[Study], None], int] = {
    index: 4,
    label_tree: 2,
    manifest: 1,
    verify: 1,
    verify_winter: 1,
}
"""Each stage, in their order, and how many files it opens for a frame.

The index opens the picture twice, to check and to digest it, and the annotation twice, the tree the picture's end and
the label.
"""
_opened: list[str] | None = None


def _listen(event: str, arguments: tuple) -> None:
    if event == "open" and _opened is not None:
        _opened.append(str(arguments[0]))


sys.addaudithook(_listen)


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """A list that names each file of a frame that is opened meanwhile."""
    global _opened
    _opened = []
    try:
        yield _opened
    finally:
        _opened = None


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Callable, int], Cost]:
    """Of each stage at each count."""
    costs = {}
    for count in (FEW, MANY):
        folder = tmp_path_factory.mktemp(f"{count}")
        study = Study(folder / "VFP290K", folder / "results")
        write_dataset(study.root, count)
        for stage in STAGES:
            began = time.process_time()
            with opened_files() as opened:
                stage(study)
            seconds = time.process_time() - began
            costs[stage, count] = Cost(sum("GOPR" in name for name in opened), seconds)
    return costs


@pytest.mark.parametrize("stage", STAGES)
def test_one_more_frame_opens_as_many_files(costs: dict[tuple[Callable, int], Cost], stage: Callable):
    assert costs[stage, FEW].opened == STAGES[stage] * FEW
    assert costs[stage, MANY].opened == STAGES[stage] * MANY


@pytest.mark.parametrize("stage", STAGES)
def test_one_more_frame_takes_as_much_time(costs: dict[tuple[Callable, int], Cost], stage: Callable):
    # What is quadratic takes 100 times as long for 10 times as many. The first count pays for imports, too.
    assert costs[stage, MANY].cpu_seconds < 30 * costs[stage, FEW].cpu_seconds


def test_a_plan_holds_no_list_of_the_frames(tmp_path: Path):
    peaks = []
    for count in (FEW, MANY):
        write_dataset(tmp_path / f"{count}", count)
        tracemalloc.start()
        folder_fingerprint(tmp_path / f"{count}", tmp_path / "none.parquet")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 20 * (MANY - FEW), "bytes; a path and its stamp alone take 200"

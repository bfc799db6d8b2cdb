"""What Snakemake takes to plan the study, and to find it finished, at 1,000, 30,000 and 294,713 frames.

    PYTHONPATH=workflow/scripts python benchmarks/plan.py

It is the study of config/config.yaml. Its frames are empty files and links to their folders, its results empty files
that Snakemake takes for made, its tables whole.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from measure import print_machine

from snowdrift.data.tables import BOX_COLUMNS
from snowdrift.runtime.files import write_table
from snowdrift.runtime.fingerprints import file_fingerprints, folder_fingerprint, record_fingerprints

REPOSITORY = Path(__file__).parents[1]
RESULTS = "results/vfp290k"
SIZES = {"1,000": (10, 100), "30,000": (60, 500), "294,713": (178, 1656)}
"""Videos and the frames of each; the last are 55 more than VFP290K has."""

# Through a small process, since one that is started by a large one begins with the large one's peak.
_MEASURE = """
import resource, subprocess, sys, time
began = time.monotonic()
status = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("measured", time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)
sys.exit(status)
"""


class Call(NamedTuple):
    """A call of Snakemake that has ended well: what it said, and what it took."""

    text: str
    seconds: float
    cpu_seconds: float
    """Of all its processes; other work on the machine hardly slows it."""
    megabytes: int
    """Of its largest process."""


def call_snakemake(folder: Path, *arguments: str, cores: int = 8) -> Call:
    """Call Snakemake with `folder` as its working directory, and measure it.

    Raises:
        RuntimeError: it failed; the message is what it said.
    """
    command = [sys.executable, "-c", _MEASURE, sys.executable, "-m", "snakemake", *arguments]
    command += ["--cores", str(cores), "--resources", "gpu=2"]
    command += ["--workflow-profile", "none", "--directory", str(folder)]
    done = subprocess.run(
        command, cwd=REPOSITORY, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        raise RuntimeError(done.stdout)
    measured = re.search(r"^measured (\S+) (\S+) (\d+)$", done.stdout, flags=re.MULTILINE)
    return Call(done.stdout, float(measured[1]), float(measured[2]), int(measured[3]))


def make_finished_study(folder: Path, videos: int, length: int) -> None:
    """Make a study below `folder` that Snakemake takes for finished: its data, its tables, and empty results.

    Only the first video has files of its own. The others are links to its folder, which a plan looks at alike.
    """
    root, tables = folder / "data/VFP290K", folder / RESULTS / "data"
    for path in (root / "GOPR0000/images", root / "GOPR0000/clean_xml", tables):
        path.mkdir(parents=True)
    for key in ("DAWN", "chest_xray"):
        (folder / "data" / key).mkdir()
    for frame in range(length):
        (root / f"GOPR0000/images/GOPR0000_{frame:05d}.jpg").touch()
        (root / f"GOPR0000/clean_xml/GOPR0000_{frame:05d}.xml").touch()
    write_tables(tables, videos, length)
    outputs = re.findall(rf"^({RESULTS}/\S+)\t", call_snakemake(folder, "--summary").text, flags=re.MULTILINE)
    for output in [folder / output for output in outputs]:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.touch() if output.suffix else output.mkdir(exist_ok=True)
    call_snakemake(folder, "--touch")  # now they count as made by the jobs, with these params
    state = folder_fingerprint(root, tables / "frames.parquet")
    for video in range(1, videos):
        (root / f"GOPR{video:04d}").symlink_to(root / "GOPR0000")
    stamps = file_fingerprints(root)
    assert len(stamps) == 2 * videos * length
    known = dict.fromkeys(stamps, "0" * 64)
    record_fingerprints(root, stamps, state, tables / "frames.parquet", threads=1, known=known)


def write_tables(folder: Path, videos: int, length: int) -> None:
    """The tables of frames and of boxes, two a frame."""
    frames = pd.DataFrame({"video": [f"GOPR{video:04d}" for video in range(videos) for _ in range(length)]})
    stems = [f"GOPR0000_{frame:05d}" for frame in range(length)] * videos
    frames.insert(0, "frame_id", frames["video"] + "/" + stems)
    frames["image"] = frames["video"] + "/images/" + stems + ".jpg"
    frames = frames.assign(width=1920, height=1080, split="train", boxes=2, status="ok")
    frames["digest"] = [sha256(f"{index}".encode()).hexdigest() for index in range(len(frames))]
    ids = frames["frame_id"].repeat(2).reset_index(drop=True)
    sides = dict.fromkeys(BOX_COLUMNS[2:], ids.index / len(ids))
    write_table(frames, folder / "frames.parquet")
    write_table(pd.DataFrame({"frame_id": ids, "class_id": 1, **sides}), folder / "boxes.parquet")


def main() -> None:
    """Print the medians over the rounds, with their ranges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print_machine()
    calls: dict[tuple[str, str], list[Call]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        for size, (videos, length) in SIZES.items():
            make_finished_study(Path(place) / size, videos, length)
        for _ in range(options.rounds):
            for size in SIZES:
                planned = call_snakemake(Path(place) / size, "--dry-run", "--forceall")
                calls[size, "plan of all jobs"].append(planned)
                finished = call_snakemake(Path(place) / size)
                assert "Nothing to be done" in finished.text
                calls[size, "nothing to do"].append(finished)
    print(f"{'frames':>8}  {'':16}  {'s':>18}  {'CPU s':>18}  {'MB':>5}")
    for (size, what), measured in calls.items():
        seconds, cpu_seconds = ([call[field] for call in measured] for field in (1, 2))
        megabytes = max(call.megabytes for call in measured)
        print(f"{size:>8}  {what:16}  {_range(seconds)}  {_range(cpu_seconds)}  {megabytes:5}")


def _range(values: list[float]) -> str:
    return f"{statistics.median(values):4.1f} ({min(values):4.1f} to {max(values):4.1f})"


if __name__ == "__main__":
    main()

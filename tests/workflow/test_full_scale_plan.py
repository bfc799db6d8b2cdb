"""The plan of the study at full scale: its time and memory must not grow with the frames."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import yaml
from conftest import REPOSITORY

FRAMES, VIDEOS = 294_713, 178
SECONDS, MEGABYTES = 15, 500
# Through a small process, since one that is started by a large one begins with the large one's peak.
MEASURE = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, "MB")
sys.exit(status)
"""


def test_a_table_of_294713_frames_is_planned_in_15_seconds_and_500_megabytes(tmp_path: Path):
    for key in ("VFP290K", "DAWN", "chest_xray"):
        (tmp_path / "data" / key).mkdir(parents=True)
    videos = [f"GOPR{index:04d}" for index in range(VIDEOS)]
    ids = [f"{videos[index % VIDEOS]}/{index:06d}" for index in range(FRAMES)]
    table = pd.DataFrame({"frame_id": ids})
    table["video"] = table["frame_id"].str[:8]
    table["image"] = table["video"] + "/images/" + table["frame_id"].str[9:] + ".jpg"
    table = table.assign(width=1920, height=1080, split="train", boxes=1, status="ok")
    data = tmp_path / "results/vfp290k/data"
    data.mkdir(parents=True)
    table.to_parquet(data / "frames.parquet")
    started = time.monotonic()
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "8", "--resources", "gpu=2"]
    command += ["--workflow-profile", "none", "--directory", str(tmp_path)]
    planned = subprocess.run(
        [sys.executable, "-c", MEASURE, *command],
        cwd=REPOSITORY,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    seconds = time.monotonic() - started
    assert planned.returncode == 0, planned.stdout
    shards = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())["winterize"]["shards"]
    assert re.search(rf"^winterize_shard +{shards}$", planned.stdout, flags=re.MULTILINE)
    megabytes = int(re.search(r"^peak (\d+) MB$", planned.stdout, flags=re.MULTILINE)[1])
    print(f"planned in {seconds:.1f} s and {megabytes} MB")
    assert seconds < SECONDS
    assert megabytes < MEGABYTES

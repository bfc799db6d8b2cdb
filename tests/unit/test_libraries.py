"""Libraries that come under another distribution's name than the pinned one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
PROGRAM = """
import json
from snowdrift.operation.doctor import check_environment
from snowdrift.report.provenance import versions
from snowdrift.runtime.libraries import installed
from snowdrift.runtime.resume import job_key
found = dict(
    cv2=installed(["cv2"]),
    nothing=installed(["no_such_module"]),
    page=versions(),
    key=job_key({}, files=[]),
    doctor=[str(finding) for finding in check_environment()],
)
print(json.dumps(found))
"""


def site(folder: Path, others: dict[str, str | None]) -> Path:
    """This environment's packages through links, some distributions under another name, or without one."""
    folder.mkdir()
    import numpy

    for entry in Path(numpy.__file__).parents[1].iterdir():
        name = next((name for name in others if entry.name.startswith(f"{name}-")), None)
        if name is None:
            (folder / entry.name).symlink_to(entry)
        elif other := others[name]:
            copy = folder / entry.name.replace(name, other.replace("-", "_"))
            copy.mkdir()
            for file in ("METADATA", "RECORD"):
                text = (entry / file).read_text()
                (copy / file).write_text(text.replace(f"Name: {name.replace('_', '-')}", f"Name: {other}"))
    return folder


@pytest.mark.parametrize(
    ("others", "cv2", "pillow"),
    [
        ({}, "opencv-python", "pillow"),
        ({"opencv_python": "opencv-python-headless"}, "opencv-python-headless", "pillow"),
        ({"opencv_python": "opencv-contrib-python", "pillow": "pillow-simd"}, "opencv-contrib-python", "pillow-simd"),
        ({"opencv_python": None, "pillow": None}, "cv2", "PIL"),
    ],
)  # fmt: skip
def test_a_library_may_come_under_any_name(others, cv2: str, pillow: str, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM],
        env={"PYTHONPATH": f"{SCRIPTS}:{site(tmp_path / 'site', others)}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found["cv2"]) == [cv2]
    assert found["cv2"][cv2][0].isdigit()
    assert found["nothing"] == {}
    assert list(found["page"]) == [
        *("python", "torch", "torchvision", "ultralytics", "snakemake", "numpy", "pandas", pillow)
    ]
    assert len(found["key"]) == 16
    assert found["doctor"] == ["      ok   the environment is as pinned"]

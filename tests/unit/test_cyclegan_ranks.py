"""One training shared by two processes: the same losses as one, exact resume, and no process left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from test_cyclegan_training import SETTINGS, files, pictures, train

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.ranks import Ranks, run_ranks
from snowdrift.snow.translators.cyclegan.training import CycleGAN

TWO = [torch.device("cpu")] * 2
# An epoch is one step, so that the loss table has a row for each of 20, which make far more images than a pool holds.
STEPS = replace(SETTINGS, batch_size=4, epochs=10, decay_epochs=10, snapshot_every=10)


def four(folder: Path) -> tuple[list[Path], list[Path]]:
    return pictures(folder / "summer", 4, (60, 120, 50)), pictures(folder / "winter", 3, (225, 230, 235))


def children(process: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [int(child) for child in task.read_text().split()]
    return found


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: Callable[[], object], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def when_saved_again(state: Path, act: Callable[[], None]) -> Iterator[None]:
    """Do something from the side once the training below has saved."""
    before = set(state.glob("*/snapshot-*.pth"))

    def wait() -> None:
        until(lambda: set(state.glob("*/snapshot-*.pth")) - before)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def losses_of_20_steps(ranks: Ranks, device: torch.device) -> torch.Tensor:
    """(20, 8) in double precision: in single, rounding alone moves a GAN's losses by 1e-2 within 20 steps."""
    model = CycleGAN(STEPS, 0, device, ranks)
    for network in model.networks.values():
        network.double()
    random = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(20):
        summer, winter = torch.rand(2, 4, 3, 32, 32, generator=random, dtype=torch.float64) * 2 - 1
        losses.append(torch.stack([*model.step(ranks.own_part(summer), ranks.own_part(winter)).values()]))
    assert len(model.winter_pool.images) == STEPS.pool_size < 20
    return torch.stack(losses)


def test_two_processes_have_the_losses_of_one_over_20_steps(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    one, two = (run_ranks(losses_of_20_steps, devices) for devices in (TWO[:1], TWO))
    difference = (two - one).abs().max().item()
    print(f"largest difference of a loss: {difference:.1e}")
    assert difference < 1e-9
    assert (one[0] - one[-1]).abs().max() > 0.5


def gathered(ranks: Ranks, device: torch.device) -> torch.Tensor:
    images = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5) + 1000 * ranks.rank
    return ranks.gather(images.contiguous(memory_format=torch.channels_last))


def test_images_are_gathered_whatever_their_order_in_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    one = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    together = run_ranks(gathered, TWO)
    assert torch.equal(together, torch.cat([one, one + 1000]))
    assert together.is_contiguous()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in Linux' /proc")
def test_a_training_by_two_processes_goes_on_exactly_after_either_kind_of_death(tmp_path: Path):
    unpaired = four(tmp_path)
    train(tmp_path / "one", unpaired, STEPS)
    train(tmp_path / "two", unpaired, STEPS, devices=TWO)
    one, two = (
        pd.read_csv(tmp_path / name / "losses.csv").drop(columns="seconds") for name in ("one", "two")
    )
    assert np.allclose(one[:4], two[:4], rtol=0, atol=1e-4)  # before rounding tells
    assert np.allclose(one, two, rtol=0.1, atol=0.1)

    killed = tmp_path / "killed"
    parent = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys, test_cyclegan_ranks as t, pathlib; p = pathlib.Path(sys.argv[1]);"
            "t.train(p / 'killed', t.four(p), t.STEPS, devices=t.TWO)",
            str(tmp_path),
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    until(lambda: list(killed.glob("state/*/snapshot-*.pth")))
    ranks = children(parent.pid)
    parent.kill()
    parent.wait()
    assert len(ranks) == 2
    until(lambda: not any(map(is_running, ranks)), seconds=2)
    assert not (killed / "losses.csv").exists()

    with (
        when_saved_again(killed / "state", lambda: os.kill(children(os.getpid())[1], signal.SIGKILL)),
        pytest.raises(SnowdriftError, match=r"process 2 of 2 \(number \d+\) was ended by signal 9"),
    ):
        train(killed, unpaired, STEPS, devices=TWO)
    assert not children(os.getpid())

    train(killed, unpaired, STEPS, devices=TWO)
    assert files(killed) == files(tmp_path / "two")


def test_the_error_of_one_process_is_the_jobs_and_ends_the_other(tmp_path: Path):
    unpaired = four(tmp_path)
    unpaired[0][3].write_bytes(b"broken")
    with pytest.raises(SnowdriftError, match=r"3\.png: cannot be read as a picture any more"):
        train(tmp_path, unpaired, STEPS, devices=TWO)


def test_a_batch_that_the_devices_cannot_share_is_refused(tmp_path: Path):
    with pytest.raises(SnowdriftError, match="batch_size is 3, which 2 devices cannot share"):
        train(tmp_path, four(tmp_path), replace(STEPS, batch_size=3), devices=TWO)


def test_one_device_needs_no_other_process():
    def where(ranks: Ranks, device: torch.device) -> tuple[int, Ranks, torch.device]:
        return os.getpid(), ranks, device

    assert run_ranks(where, TWO[:1]) == (os.getpid(), Ranks(0, 1), TWO[0])

"""A Slurm of one node with two stand-in GPUs, in a folder of its own: nothing is installed, and nothing stays.

By hand, as root: `python tests/slurm/cluster.py` starts one, and tells how to use it.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
UNPACKED = REPOSITORY / ".venv/slurm"
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
DAEMONS = ("slurmctld", "slurmd", "slurmstepd", "munged")
COMMANDS = ("sbatch", "scancel", "scontrol", "sinfo", "sacctmgr", "sshare")
GPUS = 2

# Jobs start as soon as there is room for them. The node is taken at its word, since Slurm would count this machine's
# cores. A terminal stands in for each GPU: Slurm wants a device to be there, and no job opens it.
CONFIG = """\
ClusterName=snowdrift
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
PluginDir={plugins}
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
KillWait=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=128000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
GRES = f"Name=gpu File=/dev/tty[1-{GPUS}]\n"

# The plugin starts a job's step without SLURM_CONF.
SRUN = """\
#!/bin/sh
SLURM_CONF={folder}/slurm.conf exec {root}/usr/bin/srun "$@"
"""

# The plugin waits ten seconds longer after every answer without news, so the answer waits for news.
SQUEUE = """\
#!/bin/bash
[[ "$*" == *--states=all* ]] || exec {root}/usr/bin/squeue "$@"
for _ in {{1..100}}; do
  answer=$({root}/usr/bin/squeue "$@") || exit
  ended=$(grep -cE 'COMPLETED|FAILED|CANCELLED|TIMEOUT' <<< "$answer")
  [ "$ended" == "$(cat {folder}/ended 2>/dev/null)" ] || break
  sleep 0.3
done
echo "$ended" > {folder}/ended
echo "$answer"
"""


class Unavailable(Exception):
    """Why there can be no Slurm here."""


class Slurm:
    """A Slurm with its programs below `root`; `start` it, and `stop` it whatever happens.

    Attributes:
        folder: its state and its logs.
        environment: for processes that are to use it.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self._root = folder, root
        self._plugins = next(root.glob("usr/lib/*/slurm-wlm"))
        self._daemons: dict[str, subprocess.Popen] = {}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SLURM")},
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{REPOSITORY}/profiles/slurm/without-accounting:{folder}/bin:{os.environ['PATH']}",
            "LD_LIBRARY_PATH": f"{self._plugins}:{self._plugins.parent}",
        }

    def start(self) -> None:
        """Configure it, start its daemons, and wait until its node takes jobs."""
        config = CONFIG.format(
            folder=self.folder,
            host=socket.gethostname().split(".")[0],
            controller_port=_free_port(),
            node_port=_free_port(),
            plugins=self._plugins,
            gpus=GPUS,
        )
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "slurm.conf").write_text(config)
        (self.folder / "gres.conf").write_text(GRES)
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o400)
        self._make_commands()
        names = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid"}
        names |= {"log-file": "munged.log", "seed-file": "munged.seed"}
        options = [f"--{name}={self.folder / file}" for name, file in names.items()]
        self._start("munged", "--foreground", "--force", *options)
        self._wait_for((self.folder / "munge.socket").exists)
        self.start_controller()
        self._start("slurmd", "-D", "-d", str(self._root / "usr/sbin/slurmstepd"))
        self._wait_for(lambda: self.run("sinfo", "--noheader", "--format=%T") == "idle")

    def start_controller(self) -> None:
        """Start slurmctld, which continues from the state that it left."""
        self._start("slurmctld", "-D")

    def kill_controller(self) -> None:
        """End slurmctld as a crash would, once it has on the disk what it knows: it writes that every few seconds."""
        saved = self.folder / "state/job_state"
        asked = time.time()
        self._wait_for(lambda: saved.exists() and saved.stat().st_mtime > self._last_submission(asked))
        self._daemons["slurmctld"].kill()
        self._daemons["slurmctld"].wait()

    def run(self, *command: str) -> str:
        """The output of a command, without its last line break."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True).stdout.rstrip(
            "\n"
        )

    def stop(self) -> None:
        """End everything that runs in it or with it, in whatever state it is."""
        ours = f"SLURM_CONF={self.environment['SLURM_CONF']}".encode()
        for _ in range(100):
            left = [pid for pid in _processes() if ours in _environment(pid)]
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for daemon in self._daemons.values():
                daemon.poll()
            if not left:
                return
            time.sleep(0.1)
        raise AssertionError(f"processes {left} of {self.folder} do not end")

    def _last_submission(self, default: float) -> float:
        times = self.run("squeue", "--noheader", "--format=%V").split()
        return max((datetime.fromisoformat(time).timestamp() + 1 for time in times), default=default - 60)

    def _make_commands(self) -> None:
        for name in COMMANDS:
            (self.folder / "bin" / name).symlink_to(self._root / "usr/bin" / name)
        for name, script in {"srun": SRUN, "squeue": SQUEUE}.items():
            path = self.folder / "bin" / name
            path.write_text(script.format(folder=self.folder, root=self._root))
            path.chmod(0o755)

    def _start(self, name: str, *options: str) -> None:
        with open(self.folder / f"{name}.out", "a") as log:
            self._daemons[name] = subprocess.Popen(
                [self._root / "usr/sbin" / name, *options], env=self.environment, stdout=log, stderr=log
            )

    def _wait_for(self, ready: Callable[[], bool], seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while not ready():
            ended = any(daemon.poll() is not None for daemon in self._daemons.values())
            if ended or time.monotonic() > until:
                logs = "\n".join(path.read_text() for path in sorted(self.folder.glob("*.out")))
                raise AssertionError(f"Slurm does not start:\n{logs}")
            time.sleep(0.1)


@contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """A running Slurm with its state in `folder`.

    Raises:
        Unavailable: this machine cannot have one, or has one of its own.
    """
    if os.getuid() != 0:
        raise Unavailable("needs root")
    running = {name for pid in _processes() if (name := _name(pid)) in DAEMONS}
    if running:
        raise Unavailable(f"this machine runs {', '.join(sorted(running))} already")
    if not all(os.path.exists(f"/dev/tty{number + 1}") for number in range(GPUS)):
        raise Unavailable(f"no /dev/tty1 to /dev/tty{GPUS} that stand in for GPUs")
    cluster = Slurm(folder, _programs())
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _programs() -> Path:
    """The folder below which Debian's programs lie: installed ones, or else packages unpacked in .venv."""
    for root in (Path("/"), UNPACKED):
        if all((root / "usr/sbin" / name).exists() for name in DAEMONS):
            return root
    if os.environ.get("SNOWDRIFT_SLURM") != "unpack":
        raise Unavailable(
            f"no {PACKAGES[0]}; SNOWDRIFT_SLURM=unpack fetches Debian's packages into {UNPACKED}"
        )
    if not shutil.which("apt-get"):
        raise Unavailable("no apt-get, which SNOWDRIFT_SLURM=unpack needs")
    _unpack()
    return UNPACKED


def _unpack() -> None:
    """Fetch Debian's packages with all that they need, and unpack them; nothing of the system changes."""
    with tempfile.TemporaryDirectory(dir=UNPACKED.parent) as temporary:
        lists, archives, root = (Path(temporary, name) for name in ("lists", "archives", "root"))
        for folder in (lists, archives):
            (folder / "partial").mkdir(parents=True)
        places = {"State::Lists": lists, "Cache": temporary, "Cache::archives": archives}
        get = ["apt-get", "--quiet", "--yes", *(f"-oDir::{name}={place}" for name, place in places.items())]
        _run(*get, "update")
        _run(*get, "install", "--download-only", "--no-install-recommends", *PACKAGES)
        for package in archives.glob("*.deb"):
            _run("dpkg", "--extract", str(package), str(root))
        # Slurm's daemons go by their own names, which Debian's scripts would make.
        for program in root.glob("usr/sbin/*-wlm"):
            program.with_name(program.name.removesuffix("-wlm")).symlink_to(program.name)
        root.rename(UNPACKED)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Unavailable(f"{command[0]}: {done.stdout.strip().splitlines()[-1:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if int(path.name) != os.getpid()]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip().removesuffix("-wlm")
    except OSError:
        return ""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary, slurm(Path(temporary)) as cluster:
        for name in ("SLURM_CONF", "PATH", "LD_LIBRARY_PATH"):
            print(f"export {name}={cluster.environment[name]}")
        print("Use it with these; Ctrl-C ends it.", flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()

"""Random leases, releases and kills in many processes, in a program without torch: `lease_steps.py SEED STEPS`.

Prints the number of steps of each kind. Two holders of one device, or a lease that takes ten seconds, end it with an
error. That nobody else holds a device is seen by locks of another kind (POSIX, by process) on files of its own.
"""

import fcntl
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack

from snowdrift.runtime import leases

DEVICES = ("a", "b", "c", "d")
PROCESSES = 8
KILLS_PER_STEP = 0.05


def work(seed: float, folder: str, report: int) -> None:
    """Lease at random for ever; a letter to `report` for each step."""
    random.seed(seed)
    # Opened first, so that of a killed process the kernel closes them before it frees the lease.
    witnesses = {name: os.open(f"{folder}/{name}.witness", os.O_RDWR | os.O_CREAT) for name in DEVICES}
    while True:
        pool = random.sample(DEVICES, random.randint(1, len(DEVICES)))
        with leases.lease(pool, random.randint(1, len(pool))) as held:
            for name in held:
                try:
                    fcntl.lockf(witnesses[name], fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.write(report, b"!")
            os.write(report, b"l")
            time.sleep(random.uniform(0, 0.01))
            for name in held:
                fcntl.lockf(witnesses[name], fcntl.LOCK_UN)
        os.write(report, b"r")


def start(folder: str, report: int) -> int:
    """Fork one more process; its number."""
    seed = random.random()
    if not (process := os.fork()):
        work(seed, folder, report)
    return process


def main(seed: int, steps: int) -> None:
    """Run until there were so many steps."""
    random.seed(seed)
    leases._POLL = 0.01
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        os.environ["SNOWDRIFT_LOCKS"] = folder
        reading, writing = os.pipe()
        running = [start(folder, writing) for _ in range(PROCESSES)]
        stack.callback(lambda: [os.kill(process, signal.SIGKILL) for process in running])
        while counts.total() < steps:
            if not select.select([reading], [], [], 10)[0]:
                sys.exit("deadlock: nothing happened for ten seconds")
            news = os.read(reading, 8).decode()
            counts.update(news)
            if "!" in news:
                sys.exit("overlap: two processes held one device")
            for _ in news:
                if random.random() < KILLS_PER_STEP:
                    victim = running.pop(random.randrange(PROCESSES))
                    os.kill(victim, signal.SIGKILL)
                    os.waitpid(victim, 0)
                    running.append(start(folder, writing))
                    counts["k"] += 1
    print(
        *(
            f"{counts[letter]} {word}"
            for letter, word in zip("lrk", ("leases", "releases", "kills"), strict=True)
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

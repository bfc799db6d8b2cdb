"""Seeds that differ by purpose and repeat by run."""

import hashlib


def derive_seed(seed: int, *labels: str | int) -> int:
    """A seed in [0, 2**32) for one purpose, so that two purposes never share random numbers.

    `derive_seed(0, "splits")` is the same on every machine and in every Python process.
    """
    text = "/".join(str(part) for part in (seed, *labels))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

"""Which picture of each frame a training or test domain shows: the original or its winter version."""

import logging

import numpy as np
import pandas as pd

from snowdrift.runtime.errors import SnowdriftError
from snowdrift.runtime.seeds import derive_seed

DOMAINS = ("vfp", "winter", "mixed")
TEST_DOMAINS = ("vfp", "winter")

_log = logging.getLogger(__name__)


def domain_frames(
    frames: pd.DataFrame, domain: str, *, split: str, mixed: str | float, seed: int
) -> pd.DataFrame:
    """The pictures of one split in one domain, ordered by frame.

    Args:
        frames: The frame table; only frames of `split` with status `ok` are used.
        domain: `vfp` (every frame as it was taken), `winter` (every frame translated) or `mixed`.
        split: train, val or test. The test split has no mixed domain: it is what the domains are compared on.
        mixed: What `mixed` means. `half`: half of the split's videos (rounded down) in their winter version,
            whole videos at a time, so that the number of frames is that of the other domains. A number in (0, 1):
            that share of them, at least one video and not all. `union`: both versions.
        seed: The study's seed, from which the winter videos of `half` are drawn; the same for every training.

    Returns:
        Columns frame_id, video and source (`vfp` or `winter`), sorted by frame_id and source.

    Raises:
        SnowdriftError: The split has no usable frame, or too few videos to mix.
    """
    if (
        domain not in DOMAINS
        or not (mixed in ("half", "union") or 0 < mixed < 1)
        or (domain == "mixed" and split == "test")
    ):
        raise ValueError(f"no such domain: {domain} ({mixed}) in the {split} split")
    chosen = frames.loc[(frames["split"] == split) & (frames["status"] == "ok"), ["frame_id", "video"]]
    if chosen.empty:
        raise SnowdriftError(
            f"splits.{split}: no usable frame in the {split} split",
            f"give splits.{split} a video whose frames are not all rejected (see data/rejected.csv)",
        )
    if domain != "mixed":
        pictures = chosen.assign(source=domain)
    elif mixed == "union":
        pictures = pd.concat([chosen.assign(source=source) for source in TEST_DOMAINS])
    else:
        share = 0.5 if mixed == "half" else mixed
        winter = _winter_videos(sorted(chosen["video"].unique()), share, split, seed)
        pictures = chosen.assign(source=np.where(chosen["video"].isin(winter), "winter", "vfp"))
    return pictures.sort_values(["frame_id", "source"], ignore_index=True)


def training_selections(
    frames: pd.DataFrame, domain: str, *, mixed: str | float, seed: int
) -> dict[str, pd.DataFrame]:
    """The pictures of a domain's train and val splits, see `domain_frames`, by split."""
    selections = {}
    for split in ("train", "val"):
        chosen = domain_frames(frames, domain, split=split, mixed=mixed, seed=seed)
        counts = ", ".join(f"{count} {source}" for source, count in chosen["source"].value_counts().items())
        _log.info("%s, %s: %d videos, frames: %s", domain, split, chosen["video"].nunique(), counts)
        selections[split] = chosen
    return selections


def _winter_videos(videos: list[str], share: float, split: str, seed: int) -> list[str]:
    if len(videos) < 2:
        if split == "train":
            raise SnowdriftError(
                f"detector.mixed: a mixture needs at least two training videos, and there is one: {videos[0]}",
                "raise splits.train, or set detector.mixed to union",
            )
        _log.info("the %s split has one video: the mixed domain keeps it as it is", split)
        return []
    count = min(max(1, int(share * len(videos))), len(videos) - 1)
    generator = np.random.default_rng(derive_seed(seed, "mixed", split))
    drawn = generator.permutation(len(videos))[:count]
    return [videos[index] for index in sorted(drawn)]

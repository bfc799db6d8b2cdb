"""Training sets and test sets: their names, what they may be made of, and what is wrong with a config of them.

Snakemake reads this module at every start, so it imports nothing heavy.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

ORIGINAL = "original"
TRANSLATOR = "cyclegan"
"""The study's translator: its frames are the winter that the study means. There are others, see `snow.names`."""

TRUE_WINTER = "true_winter"
"""Winter that no translator made: videos of their own, with labels."""

TEST_SETS = {"original": ORIGINAL, "winter": TRANSLATOR, "true_winter": TRUE_WINTER}
"""The source whose pictures each test set shows."""

STUDY_TEST_SETS = ("original", "winter")
"""Those that the study tested on, which are always there."""

Shares = Mapping[str, float]
"""What a training set is made of: for each source (`original`, a translator, `true_winter`) the share of the training
videos that it shows. Of true winter it is a share of its own training videos, of the others one of the study's."""


class Gate(NamedTuple):
    """Which frames of a translator a training set shows: those whose labels are the truest.

    Attributes:
        keep: share of the frames, in (0, 1].
        by: measure of `snow.quality`.
    """

    keep: float
    by: str = "edges_kept"


_MIXED = "mixed"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PRECISION = 1e-6  # of a sum of shares such as 0.7 + 0.2 + 0.1


def shows_all(shares: Shares) -> bool:
    """Whether every video is shown from each of the sources, so that nothing is drawn."""
    return all(share == 1 for share in shares.values())


def versions(shares: Shares) -> dict[str, float]:
    """The shares of the study's own videos, without that of true winter."""
    return {source: share for source, share in shares.items() if source != TRUE_WINTER}


def videos_needed(shares: Shares) -> int:
    """How many of the study's training videos it takes to show at least one of them from each source."""
    return 1 if shows_all(shares) else len(versions(shares))


def complete_sets(
    training_sets: Mapping[str, Mapping[str, Any] | None], *, true_winter: bool
) -> dict[str, dict[str, float]]:
    """The shares of the training sets, without sets that are null and sources whose share is 0.

    Snakemake merges config files key by key, so this is how a file leaves out what a file below it names. Without
    `true_winter`, the sets that show it are left out too: the demo's would be in the way of a user's own frames.
    """
    sets = {
        name: {source: share for source, given in shares.items() if (share := _share_of(given))}
        for name, shares in training_sets.items()
        if shares is not None
    }
    return {name: shares for name, shares in sets.items() if true_winter or TRUE_WINTER not in shares}


def gates_of(training_sets: Mapping[str, Mapping[str, Any] | None]) -> dict[str, dict[str, dict[str, Any]]]:
    """The gates of the training sets, by set and source, as the config has them: `keep` and `by`."""
    return {
        name: {
            source: Gate(given["keep"], given.get("by", "edges_kept"))._asdict()
            for source, given in gated.items()
        }
        for name, shares in training_sets.items()
        if (gated := {source: given for source, given in (shares or {}).items() if _is_gated(given)})
    }


def _is_gated(given: Any) -> bool:
    return isinstance(given, Mapping) and "keep" in given


def _share_of(given: Any) -> float:
    share: float = given["share"] if isinstance(given, Mapping) else given
    return share


def complete_test_sets(test_sets: Collection[str], *, true_winter: bool) -> list[str]:
    """The test sets of a config and the study's own, in the order of TEST_SETS, but no true winter if there is none."""
    wanted = {*STUDY_TEST_SETS, *test_sets} - (set() if true_winter else {TRUE_WINTER})
    return [name for name in TEST_SETS if name in wanted]


def has_true_winter(data: Mapping[str, Any]) -> bool:
    """Whether there is true winter: a folder of the user's or, if the frames are rendered, the same world in winter."""
    return data["true_winter"]["folder"] is not None or data["vfp290k"] is None


def shows_true_winter(config: Mapping[str, Any]) -> bool:
    """Whether any set of a complete config shows true winter, so that it has to be there."""
    sets = config["training_sets"].values()
    return TRUE_WINTER in config["test_sets"] or any(TRUE_WINTER in shares for shares in sets)


def set_faults(
    training_sets: Mapping[Any, Shares], train_videos: int, translators: Collection[str]
) -> Iterator[tuple[str, str]]:
    """What is wrong with training sets that `complete_sets` gave, as (key, fault).

    Args:
        training_sets: the shares of each.
        train_videos: how many videos there are to draw from.
        translators: those that there are.
    """
    for name in (*STUDY_TEST_SETS, _MIXED):
        if name not in training_sets:
            yield f"training_sets.{name}", "null; the study's own three training sets cannot be left out"
    for name, shares in training_sets.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            yield (
                "training_sets",
                f"{name!r}; expected a name of small letters, digits and `_`, with a letter first",
            )
        elif fault := _reserved(name, shares) or _unknown(shares, translators) or _sum(shares):
            yield f"training_sets.{name}", fault
        elif train_videos < (needed := videos_needed(shares)):
            videos = "one video" if train_videos == 1 else f"{train_videos} videos"
            yield (
                "splits.train",
                f"{videos}; expected at least {needed}, since `training_sets.{name}` takes some of them from each of "
                f"{' and '.join(shares)}",
            )


def _reserved(name: str, shares: Shares) -> str | None:
    """The study's names keep their meaning, because the finding is read off them."""
    if name in STUDY_TEST_SETS and shares != {TEST_SETS[name]: 1}:
        return f"{_show(shares)}; expected {{{TEST_SETS[name]}: 1}}, as the study has it; choose another name"
    if name == _MIXED and set(shares) != {ORIGINAL, TRANSLATOR}:
        return f"{_show(shares)}; expected shares of {ORIGINAL} and {TRANSLATOR} alone; choose another name"
    return None


def _unknown(shares: Shares, translators: Collection[str]) -> str | None:
    known = (ORIGINAL, *translators, TRUE_WINTER)
    unknown = [str(source) for source in shares if source not in known]
    if unknown:
        return f"there is no source {' or '.join(unknown)}; expected some of {', '.join(known)}"
    return None


def _sum(shares: Shares) -> str | None:
    total = sum(shares.values())
    if shares and (shows_all(shares) or math.isclose(total, 1, abs_tol=_PRECISION)):
        return None
    return (
        f"{_show(shares)}, {total:g} in all; expected shares that add up to 1, or 1 for each source, which shows every "
        "video from each (the share 0 leaves out a source that another file has named)"
    )


def moved_mix(value: Any) -> str:
    """What a config says now that said `detector.mixed: value`."""
    if value == "half":
        return "leave it out: `training_sets.mixed` is half and half unless you say otherwise"
    if value == "union":
        shares: dict[str, float] = {ORIGINAL: 1, TRANSLATOR: 1}
    else:
        share = value if isinstance(value, float) and 0 < value < 1 else 0.5
        shares = {ORIGINAL: round(1 - share, 9), TRANSLATOR: share}
    return f"write `training_sets: {{{_MIXED}: {_show(shares)}}}` instead"


def in_words(shares: Shares, gates: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Such as "50 % original, 50 % cyclegan", or "original and cyclegan, every video from each"."""
    if len(shares) > 1 and shows_all(shares):
        words = f"{' and '.join(shares)}, every video from each"
    else:
        words = ", ".join(f"{100 * share:g} % {source}" for source, share in shares.items())
    kept = (
        f"; of {source} the {100 * gate['keep']:g} % of the frames "
        + ("by chance" if gate["by"] == "random" else f"with the truest labels ({gate['by']})")
        for source, gate in (gates or {}).items()
    )
    return words + "".join(kept)


def _show(shares: Shares) -> str:
    """As YAML has it in one line."""
    return f"{{{', '.join(f'{source}: {share:g}' for source, share in shares.items())}}}"

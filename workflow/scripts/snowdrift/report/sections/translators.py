"""Which way of making winter is worth its cost: what its detector reaches on true winter, and what it takes to make."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from snowdrift.data.sets import ORIGINAL, TRUE_WINTER, in_words
from snowdrift.data.splits import UNUSED
from snowdrift.report.blocks import Table, Text
from snowdrift.report.tables import benchmark_seconds
from snowdrift.runtime.files import read_table
from snowdrift.statistics.intervals import LEVEL, joint_level
from snowdrift.statistics.jackknife import Jackknife

_STUDY = "mixed"


class Cost(NamedTuple):
    """What a translator takes on the machine that ran it, in seconds: NaN if nothing has measured it.

    Attributes:
        training: all that it learns, over all attempts and resumes of a training; 0 if it learns nothing here.
        frame: a winter frame, with its share of the time that the jobs take to start.
    """

    training: float
    frame: float


def costs_of(
    translators: Sequence[str],
    frames: pd.DataFrame,
    losses: Sequence[Path],
    benchmarks: Path,
    config: Mapping[str, Any],
) -> dict[str, Cost]:
    """The cost of each translator.

    Args:
        translators: their names.
        frames: `data/frames.parquet`.
        losses: `snow/<translator>/losses.csv` of those that this study trained.
        benchmarks: folder of Snakemake's benchmark files.
        config: the complete configuration.
    """
    trained = {path.parent.name: float(read_table(path)["seconds"].sum()) for path in losses}
    used = frames["split"] != UNUSED if config["winterize"]["frames"] == "splits" else frames["split"] != ""
    costs = {}
    for name in translators:
        learned = trained.get(name, benchmark_seconds(benchmarks, f"fit_translator/{name}", missing=0.0))
        made = benchmark_seconds(benchmarks, f"winterize_shard/{name}", missing=math.nan)
        costs[name] = Cost(learned, made / max(int(used.sum()), 1))
    return costs


def compared_translators(
    scores: Mapping[str, Jackknife], costs: Mapping[str, Cost], config: Mapping[str, Any]
) -> list[Text | Table]:
    """A table of the training sets that show winter of some translator, and a sentence on them.

    Args:
        scores: mAP50 on true winter by training set.
        costs: by translator, see `costs_of`.
        config: the complete configuration.

    Returns:
        Nothing if the study's own translator is the only one that a detector has learned from.
    """
    sets = {
        name: _translators(shares) for name, shares in config["training_sets"].items() if _translators(shares)
    }
    if len({each for names in sets.values() for each in names}) < 2:
        return []
    leads = {name: scores[name] - scores[_STUDY] for name in sets if name != _STUDY}
    rows = []
    for name, translators in sets.items():
        cost = _of_all(translators, costs)
        rows.append(
            [
                name,
                in_words(config["training_sets"][name], config["gates"].get(name)),
                scores[name].share_interval(LEVEL).in_words(".3f"),
                leads[name].interval(LEVEL).in_words("+.3f") if name in leads else "",
                _duration(cost.training),
                _duration(cost.frame),
            ]
        )
    header = ["trained on", "videos", "mAP50", "more than mixed", "winter learned in", "a frame in"]
    return [
        Table("Ways of making winter, by what they do for a detector on true winter", header, rows),
        Text(_verdict(leads, {name: _of_all(sets[name], costs) for name in sets})),
    ]


def _translators(shares: Mapping[str, float]) -> list[str]:
    """Those in a training set; none if it shows true winter, which is no way of making any."""
    return [] if TRUE_WINTER in shares else [source for source in shares if source != ORIGINAL]


def _of_all(translators: Sequence[str], costs: Mapping[str, Cost]) -> Cost:
    """What several take together; of a frame the dearest."""
    several = [costs[name] for name in translators]
    return Cost(sum(each.training for each in several), max(each.frame for each in several))


def _verdict(leads: Mapping[str, Jackknife], costs: Mapping[str, Cost]) -> str:
    """Who is ahead of `mixed` and who behind, by intervals that hold together, and the cheapest that does as well."""
    level = joint_level(LEVEL, len(leads))
    intervals = {name: lead.interval(level) for name, lead in leads.items()}
    ahead = [name for name, interval in intervals.items() if interval.low > 0]
    behind = [name for name, interval in intervals.items() if interval.high < 0]
    undecided = [name for name in leads if name not in (*ahead, *behind)]
    said = [
        f"{words} {_listed(names)}"
        for names, words in (
            (ahead, "ahead of mixed on true winter:"),
            (behind, "behind it:" if ahead else "behind mixed on true winter:"),
            (undecided, "not decided by these videos and trainings:"),
        )
        if names
    ]
    no_worse = [name for name in costs if name not in leads or leads[name].value >= 0]
    cheapest = min(no_worse, key=lambda name: costs[name].training)
    return (
        f"By intervals that hold for all of them together ({LEVEL:.0%}), {'; '.join(said)}. Of the detectors that do "
        f"at least as well as mixed on these videos, that of {cheapest} has the winter that costs the least to learn "
        f"({_duration(costs[cheapest].training)}; that of mixed: {_duration(costs[_STUDY].training)}). Times are those "
        "of this study's machine, with whatever else it was doing."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _duration(seconds: float) -> str:
    """Such as "12 ms", "3.4 s", "12 min" or "5.2 h"."""
    if math.isnan(seconds):
        return "not measured"
    if seconds == 0:
        return "nothing to learn"
    for limit, unit, name in ((1, 0.001, "ms"), (90, 1, "s"), (5400, 60, "min")):
        if seconds < limit:
            return f"{seconds / unit:.2g} {name}" if seconds / unit < 10 else f"{seconds / unit:.0f} {name}"
    return f"{seconds / 3600:.1f} h"

"""The study's finding, read off the cross-domain table."""

from dataclasses import dataclass

import pandas as pd

from snowdrift.detection.intervals import jackknives
from snowdrift.runtime.errors import SnowdriftError
from snowdrift.statistics.intervals import LEVEL, joint_level
from snowdrift.statistics.jackknife import Interval, Jackknife

TRAIN_DOMAINS = ("original", "winter", "mixed")
TEST_DOMAINS = ("original", "winter")


LEARNED = 0.05
"""MAP50 that a detector has to reach on its own domain before anything is read off the others."""


@dataclass(frozen=True)
class Finding:
    """What the detectors' mAP50 (overall, mean over seeds) says about the domains.

    The finding rests on four differences, two drops and two leads. Their intervals hold all together at `LEVEL`
    (Bonferroni over the four).

    Attributes:
        scores: mAP50 of each train domain (rows) on each test domain (columns), 0 to 1.
        means: For each train domain, its mean over both test domains.
        drops: For original and winter, the own domain's mAP50 less that on the other domain.
        leads: Over original and winter, the mixed detector's mean over both domains less theirs.
        clusters: Test videos, or groups of them, that the intervals are over.
        seeds: Trainings of each detector, which the intervals are over too if there are several.
    """

    scores: pd.DataFrame
    means: dict[str, float]
    drops: dict[str, Interval]
    leads: dict[str, Interval]
    clusters: int
    seeds: int

    @property
    def differences(self) -> list[Interval]:
        """All that the finding rests on."""
        return [*self.drops.values(), *self.leads.values()]

    @property
    def learned(self) -> bool:
        """Whether each single-domain detector has learned its own domain at all."""
        return all(self.scores.loc[domain, domain] >= LEARNED for domain in TEST_DOMAINS)

    @property
    def lead(self) -> float:
        """How far the mixed detector's mean over both domains is above the better of the others'."""
        return min(lead.value for lead in self.leads.values())

    @property
    def margin(self) -> float:
        """The smallest of the differences that the finding rests on."""
        return min(difference.value for difference in self.differences)

    @property
    def holds(self) -> bool:
        """Whether the finding of the original study shows, and no difference may be chance."""
        return self.learned and all(difference.low > 0 for difference in self.differences)


def finding(table: pd.DataFrame, left_out: pd.DataFrame) -> Finding:
    """Compute the finding from the rows of class `all`.

    Args:
        table: The cross-domain table: train_domain, test_domain, class_name, seed, map50.
        left_out: The same without each test video, see `jackknives`.

    Raises:
        SnowdriftError: A pair of domains has no score, with some seed.
    """
    cells = jackknives(table[table["class_name"] == "all"], left_out, "map50")
    of = {
        trained: {tested: _cell(cells, trained, tested) for tested in TEST_DOMAINS}
        for trained in TRAIN_DOMAINS
    }
    over_both = {trained: 0.5 * (row[TEST_DOMAINS[0]] + row[TEST_DOMAINS[1]]) for trained, row in of.items()}
    drops = {own: of[own][own] - of[own][other] for own, other in (TEST_DOMAINS, TEST_DOMAINS[::-1])}
    leads = {other: over_both["mixed"] - over_both[other] for other in TEST_DOMAINS}
    level = joint_level(LEVEL, len(drops) + len(leads))
    return Finding(
        pd.DataFrame(
            {name: {tested: score.value for tested, score in row.items()} for name, row in of.items()}
        ).T,
        {name: score.value for name, score in over_both.items()},
        {name: score.interval(level) for name, score in drops.items()},
        {name: score.interval(level) for name, score in leads.items()},
        min(score.clusters for score in over_both.values()),
        len(over_both["mixed"].values),
    )


def _cell(cells: dict[tuple[str, ...], Jackknife], trained: str, tested: str) -> Jackknife:
    cell = cells.get((trained, tested, "all"))
    if cell is None or pd.isna(cell.value):
        raise SnowdriftError(
            f"detection/cross_domain.csv: no mAP50 of the {trained} detector on {tested}",
            "run `snakemake detection` again: it makes the missing evaluations",
        )
    return cell

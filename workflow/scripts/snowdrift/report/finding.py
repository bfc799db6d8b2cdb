"""The study's finding, read off the cross-domain table."""

from dataclasses import dataclass, replace

import pandas as pd

from snowdrift.runtime.errors import SnowdriftError

TRAIN_DOMAINS = ("original", "winter", "mixed")
TEST_DOMAINS = ("original", "winter")


LEARNED = 0.05
"""MAP50 that a detector has to reach on its own domain before anything is read off the others."""


@dataclass(frozen=True)
class Finding:
    """What the detectors' mAP50 (overall, mean over seeds) says about the domains.

    Attributes:
        scores: mAP50 of each train domain (rows) on each test domain (columns), 0 to 1.
        drops: For original and winter, the own domain's mAP50 less that on the other domain.
        means: For each train domain, its mean over both test domains.
        trainings: What each seed's detectors say by themselves; none where the finding itself is of one seed.
    """

    scores: pd.DataFrame
    drops: dict[str, float]
    means: dict[str, float]
    trainings: tuple["Finding", ...] = ()

    @property
    def learned(self) -> bool:
        """Whether each single-domain detector has learned its own domain at all."""
        return all(self.scores.loc[domain, domain] >= LEARNED for domain in TEST_DOMAINS)

    @property
    def single_domains_drop(self) -> bool:
        """Whether both single-domain detectors do worse on the other domain than on their own."""
        return all(drop > 0 for drop in self.drops.values())

    @property
    def lead(self) -> float:
        """How far the mixed detector's mean over both domains is above the better of the others'."""
        return self.means["mixed"] - max(self.means[domain] for domain in TEST_DOMAINS)

    @property
    def shows(self) -> bool:
        """Whether these scores are as the original study found them."""
        return self.learned and self.single_domains_drop and self.lead > 0

    @property
    def holds(self) -> bool:
        """Whether the finding of the original study shows, on average and with every seed."""
        return self.shows and all(training.shows for training in self.trainings)

    @property
    def margin(self) -> float:
        """The smallest of the differences that the finding rests on."""
        return min(*self.drops.values(), self.lead)


def finding(table: pd.DataFrame) -> Finding:
    """Compute the finding from the rows of class `all`.

    Args:
        table: The cross-domain table: train_domain, test_domain, class_name, seed, map50.

    Raises:
        SnowdriftError: A pair of domains has no score, with some seed.
    """
    overall = table[table["class_name"] == "all"]
    trainings = tuple(_of(rows) for _, rows in overall.groupby("seed"))
    return trainings[0] if len(trainings) == 1 else replace(_of(overall), trainings=trainings)


def _of(overall: pd.DataFrame) -> Finding:
    scores = overall.pivot_table(index="train_domain", columns="test_domain", values="map50", aggfunc="mean")
    scores = scores.reindex(index=list(TRAIN_DOMAINS), columns=list(TEST_DOMAINS))
    for train_domain, row in scores.iterrows():
        for test_domain, score in row.items():
            if pd.isna(score):
                raise SnowdriftError(
                    f"detection/cross_domain.csv: no mAP50 of the {train_domain} detector on {test_domain}",
                    "run `snakemake detection` again: it makes the missing evaluations",
                )
    drops = {
        own: float(scores.loc[own, own] - scores.loc[own, other])
        for own, other in (TEST_DOMAINS, TEST_DOMAINS[::-1])
    }
    means = {domain: float(scores.loc[domain].mean()) for domain in TRAIN_DOMAINS}
    return Finding(scores, drops, means)

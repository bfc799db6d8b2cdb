"""The study's answer in words, with the figures that it rests on."""

from dataclasses import dataclass

from snowdrift.report.finding import TEST_DOMAINS, Finding

_FRAMES = {"vfp": "original", "winter": "winter"}


@dataclass(frozen=True)
class Headline:
    """What the page opens with.

    Attributes:
        holds: whether the study's finding shows.
        answer: that, and which part of it fails where it does not.
        figures: the numbers behind it.
    """

    holds: bool
    answer: str
    figures: str


def headline(finding: Finding) -> Headline:
    """Put the finding into words; where it does not show, or only in part, say so first."""
    return Headline(finding.holds, _answer(finding), _figures(finding))


def _answer(finding: Finding) -> str:
    if finding.holds:
        return (
            "The study's finding shows: a detector trained on one domain does worse on the other, and the "
            "one trained on both is the best over both."
        )
    faults = [
        f"the detector trained on {_FRAMES[own]} frames does no worse on {_FRAMES[other]} ones"
        for own, other in (TEST_DOMAINS, TEST_DOMAINS[::-1])
        if finding.drops[own] <= 0
    ]
    if not finding.mixed_is_best:
        faults.append("the mixed detector is not the best over both domains")
    return f"The study's finding does not show here: {'; '.join(faults)}."


def _figures(finding: Finding) -> str:
    own_and_other = "; ".join(
        f"trained on {_FRAMES[own]} frames, {finding.scores.loc[own, own]:.3f} on {_FRAMES[own]} test frames "
        f"and {finding.scores.loc[own, other]:.3f} on {_FRAMES[other]} ones"
        for own, other in (TEST_DOMAINS, TEST_DOMAINS[::-1])
    )
    means = ", ".join(f"{value:.3f} ({domain})" for domain, value in finding.means.items())
    seeds = "one training" if finding.seeds == 1 else f"the mean of {finding.seeds} trainings"
    return (
        f"mAP50: {own_and_other}. Mean over both domains: {means}. Each figure is from {seeds}; the mixed "
        f"detector's lead is {_lead(finding):+.3f}."
    )


def _lead(finding: Finding) -> float:
    """How far the mixed detector's mean is above the better of the others."""
    return finding.means["mixed"] - max(finding.means[domain] for domain in TEST_DOMAINS)

"""The study's answer in words, with the figures that it rests on."""

from dataclasses import dataclass

from snowdrift.report.finding import LEARNED, TEST_DOMAINS, Finding

NARROW = 0.02
"""A difference of mAP50 that one more training of the same detector may turn."""


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
    """Put the finding into words; where it does not show, in part or by little, say so first."""
    return Headline(finding.holds, _answer(finding), _figures(finding))


def _answer(finding: Finding) -> str:
    untaught = [name for name in TEST_DOMAINS if finding.scores.loc[name, name] < LEARNED]
    if untaught:
        names = " and ".join(f"{name} frames" for name in untaught)
        return (
            f"The detectors have learned too little to tell: trained on {names}, they hardly find people on "
            "frames of the same kind."
        )
    agreeing = sum(training.shows for training in finding.trainings)
    if finding.shows and agreeing < len(finding.trainings):
        return (
            f"The study's finding shows on average alone: {len(finding.trainings) - agreeing} of "
            f"{len(finding.trainings)} trainings say otherwise."
        )
    if finding.shows:
        narrow = finding.margin < NARROW and not finding.trainings
        return (
            "The study's finding shows: a detector trained on one domain does worse on the other, and the "
            "one trained on both is the best over both"
            + (
                f", but by no more than {finding.margin:.3f}: another training may turn it."
                if narrow
                else "."
            )
        )
    faults = [
        f"the detector trained on {own} frames does no worse on {other} ones"
        for own, other in (TEST_DOMAINS, TEST_DOMAINS[::-1])
        if finding.drops[own] <= 0
    ]
    if finding.lead <= 0:
        faults.append("the mixed detector is not the best over both domains")
    return f"The study's finding does not show here: {'; '.join(faults)}."


def _figures(finding: Finding) -> str:
    own_and_other = "; ".join(
        f"trained on {own} frames, {finding.scores.loc[own, own]:.3f} on {own} test frames "
        f"and {finding.scores.loc[own, other]:.3f} on {other} ones"
        for own, other in (TEST_DOMAINS, TEST_DOMAINS[::-1])
    )
    means = ", ".join(f"{value:.3f} ({domain})" for domain, value in finding.means.items())
    leads = [training.lead for training in finding.trainings]
    seeds = f"the mean of {len(leads)} trainings" if leads else "one training"
    spread = f" ({min(leads):+.3f} to {max(leads):+.3f} in single trainings)" if leads else ""
    return (
        f"mAP50: {own_and_other}. Mean over both domains: {means}. Each figure is from {seeds}; the mixed "
        f"detector's lead is {finding.lead:+.3f}{spread}."
    )

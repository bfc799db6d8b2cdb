"""The study's answer in words, with the figures that it rests on."""

from dataclasses import dataclass

from snowdrift.report.sections.finding import LEARNED, TEST_DOMAINS, Finding

NARROW = 0.02
"""A difference of mAP50 that is little even if it is no chance."""


@dataclass(frozen=True)
class Headline:
    """What the page opens with.

    Attributes:
        holds: whether the study's finding shows.
        answer: that, and which part of it fails or is open where it does not.
        figures: the numbers behind it.
    """

    holds: bool
    answer: str
    figures: str


def headline(finding: Finding, units: str = "test videos") -> Headline:
    """Put the finding into words: what is not so, what the intervals leave open, and only then that it shows.

    Args:
        finding: what the table says.
        units: what the intervals are over, see `drawn_units`.
    """
    return Headline(finding.holds, _answer(finding, units), _figures(finding, units))


def _answer(finding: Finding, units: str) -> str:
    untaught = [name for name in TEST_DOMAINS if finding.scores.loc[name, name] < LEARNED]
    if untaught:
        names = " and ".join(f"{name} frames" for name in untaught)
        return (
            f"The detectors have learned too little to tell: trained on {names}, they hardly find people on "
            "frames of the same kind."
        )
    if finding.holds:
        little = f", but by no more than {finding.margin:.3f}" if finding.margin < NARROW else ""
        return (
            "The study's finding shows: a detector trained on one domain does worse on the other, and the "
            f"one trained on both is the best over both{little}."
        )
    faults = [
        f"the detector trained on {own} frames does no worse on {other} ones"
        for own, other in (TEST_DOMAINS, TEST_DOMAINS[::-1])
        if finding.drops[own].value <= 0
    ]
    if finding.lead <= 0:
        faults.append("the mixed detector is not the best over both domains")
    if faults:
        return f"The study's finding does not show here: {'; '.join(faults)}."
    return _undecided(finding, units)


def _undecided(finding: Finding, units: str) -> str:
    """All differences point the finding's way, and some may be none."""
    open_ones = [
        f"whether the detector trained on {own} frames does worse on {other} ones"
        for own, other in (TEST_DOMAINS, TEST_DOMAINS[::-1])
        if not finding.drops[own].decides
    ]
    open_ones += [
        f"whether the mixed detector is better over both domains than the one trained on {other} frames"
        for other, lead in finding.leads.items()
        if not lead.decides
    ]
    if len(open_ones) == len(finding.differences):
        return (
            "The intervals decide nothing here: every difference points the way of the study's finding, and each may "
            f"be chance with {finding.clusters} {units}."
        )
    return f"The study's finding is not decided here. The intervals leave open {'; '.join(open_ones)}."


def _figures(finding: Finding, units: str) -> str:
    drops = "; ".join(
        f"trained on {own} frames, {finding.scores.loc[own, own]:.3f} on {own} test frames "
        f"and {finding.scores.loc[own, other]:.3f} on {other} ones, {finding.drops[own].in_words('.3f')} less"
        for own, other in (TEST_DOMAINS, TEST_DOMAINS[::-1])
    )
    means = ", ".join(f"{value:.3f} ({domain})" for domain, value in finding.means.items())
    leads = " and ".join(f"{lead.in_words('+.3f')} over {other}" for other, lead in finding.leads.items())
    return (
        f"mAP50: {drops}. Mean over both domains: {means}; the mixed detector's lead is {leads}. The intervals "
        f"hold all four together at 95 % (Bonferroni), {_drawn(finding, units)}."
    )


def _drawn(finding: Finding, units: str) -> str:
    """What the intervals are over."""
    over = f"over {finding.clusters} {units}"
    if finding.seeds == 1:
        return f"{over}; each detector is one training, and what another would give is not in them"
    return f"{over} and {finding.seeds} trainings of each detector"

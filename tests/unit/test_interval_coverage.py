"""How often intervals hold the truth, on detectors drawn at random; benchmarks/interval_coverage.py in short."""

import pytest
from interval_coverage import SETTINGS, simulate


@pytest.mark.parametrize(("videos", "samples"), [(6, 150), (10, 100), (30, 50)])
def test_intervals_of_95_percent_hold_the_truth_in_at_least_90(videos, samples):
    counts = simulate(SETTINGS["middling detectors"], videos, samples)
    for name in ("AP", "precision", "recall", "difference", "missed", "false alarms"):
        assert counts[name].coverage >= 0.9, f"{name} {counts[name]}"
        assert len(counts[name].held) > 0.9 * samples
    share = counts["share of the gap"]
    assert share.coverage >= 0.9, str(share)
    assert len(share.held) > 0.5 * samples


def test_intervals_over_trainings_hold_the_truth_which_those_over_videos_alone_do_not():
    counts = simulate(SETTINGS["three trainings of each"], 10, 40, bootstraps=20)
    assert counts["AP"].coverage >= 0.9 and counts["difference"].coverage >= 0.9
    assert counts["difference, percentiles"].coverage < 0.8

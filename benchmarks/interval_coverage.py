"""How often the intervals of `snowdrift.statistics.jackknife` hold the truth, on detectors that are drawn at random.

    PYTHONPATH=workflow/scripts python benchmarks/interval_coverage.py --samples 2000 --bootstraps 200

Each sample draws test videos with objects, and what three detectors find in them: videos differ in length and in how
hard they are, for all detectors and for each by itself, so that frames of one video resemble each other. The truth is
what 4,000 videos say. Printed is the share of samples whose interval holds it, and the interval's median width; of
percentile bootstraps over the videos beside it. docs/study.md has what came out.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from measure import print_machine

from snowdrift.detection.intervals import MOST_ALARMS
from snowdrift.detection.ultralytics_api import prepare_ultralytics
from snowdrift.statistics.intervals import LEVEL
from snowdrift.statistics.jackknife import Interval, Jackknife, ratio_interval

_OBJECTS = 2.0  # a frame, on average
_FRAMES = 12  # a video, on average; geometric, so half of the videos have fewer than 8
_CONFIDENCE = 0.4
_TRUTH = 4000  # videos that stand for all there are


@dataclass(frozen=True)
class Setting:
    """A world to draw videos from.

    Attributes:
        skills: of the three detectors, in standard deviations of how hard an object is; `original`, `mixed`, `oracle`.
        videos: standard deviation of how hard videos are, for all detectors; each has half of it for itself.
        trainings: of each detector.
        luck: standard deviation of what a training adds to a detector's skill.
    """

    skills: tuple[float, float, float]
    videos: float = 0.7
    trainings: int = 1
    luck: float = 0.0


SETTINGS = {
    "middling detectors": Setting((0.0, 0.6, 1.2)),
    "good ones": Setting((1.8, 2.2, 2.8)),
    "poor ones": Setting((-2.4, -2.0, -1.2)),
    "videos that differ much": Setting((0.0, 0.6, 1.2), videos=1.4),
    "three trainings of each": Setting((0.0, 0.6, 1.2), trainings=3, luck=0.3),
}


class Detections(NamedTuple):
    """Those of one detector, and the numbers of objects and of frames in each video."""

    right: np.ndarray
    confidence: np.ndarray
    video: np.ndarray
    objects: np.ndarray
    frames: np.ndarray

    def without(self, video: int) -> "Detections":
        """Those of the other videos."""
        kept = self.video != video
        counts = (np.delete(count, video) for count in self[3:])
        return Detections(*(part[kept] for part in self[:3]), *counts)

    def repeated(self, times: np.ndarray) -> "Detections":
        """Those of videos that were drawn so many times."""
        each = times[self.video]
        parts = (np.repeat(part, each) for part in self[:3])
        return Detections(*parts, *(np.repeat(count, times) for count in self[3:]))

    def scores(self) -> np.ndarray:
        """AP at one IoU, precision and recall at the best F1, by Ultralytics, and then `rates`."""
        from ultralytics.utils.metrics import ap_per_class

        labels, truth = np.zeros(len(self.right)), np.zeros(self.objects.sum())
        _, _, precision, recall, _, ap, *_ = ap_per_class(self.right[:, None], self.confidence, labels, truth)
        return np.array([ap[0, 0], precision[0], recall[0], *self.rates()])

    def rates(self) -> tuple[float, float]:
        """The share of objects that are missed, and false alarms in 100 frames, at `_CONFIDENCE`."""
        counted = self.confidence >= _CONFIDENCE
        missed = 1 - (counted & self.right).sum() / self.objects.sum()
        return missed, 100 * (counted & ~self.right).sum() / self.frames.sum()


def draw(setting: Setting, videos: int, random: np.random.Generator) -> list[list[Detections]]:
    """What each training of each of the three detectors finds in the same videos."""
    frames = random.geometric(1 / _FRAMES, videos)
    objects = 1 + random.poisson(_OBJECTS * frames)
    hard_video = random.normal(0, setting.videos, videos)
    owner = np.repeat(np.arange(videos), objects)
    hard = hard_video[owner] + random.normal(0, 1, len(owner))
    return [
        [
            _detect(
                skill + random.normal(0, setting.luck),
                setting,
                frames,
                objects,
                owner,
                hard,
                hard_video,
                random,
            )
            for _ in range(setting.trainings)
        ]
        for skill in setting.skills
    ]


def _detect(
    skill: float,
    setting: Setting,
    frames: np.ndarray,
    objects: np.ndarray,
    owner: np.ndarray,
    hard: np.ndarray,
    hard_video: np.ndarray,
    random: np.random.Generator,
) -> Detections:
    own = random.normal(0, setting.videos / 2, len(frames))
    margin = skill + own[owner] - hard + random.normal(0, 0.7, len(owner))
    sure = margin[margin > 0] - 0.5 + random.normal(0, 0.5, (margin > 0).sum())
    rate = np.exp(random.normal(0.4, 0.7, len(frames)) - 0.4 * (skill - own + hard_video))
    wrong = np.repeat(np.arange(len(frames)), random.poisson(np.minimum(rate, 20) * frames))
    unsure = random.normal(-2, 1.2, len(wrong)) + random.normal(0, 0.5, len(frames))[wrong]
    return Detections(
        np.repeat([True, False], [len(sure), len(wrong)]),
        1 / (1 + np.exp(-np.concatenate([sure, unsure]))),
        np.concatenate([owner[margin > 0], wrong]),
        objects,
        frames,
    )


def jackknife(trainings: list[Detections]) -> list[Jackknife]:
    """AP, precision, recall, misses and false alarms of one detector, without each video in turn."""
    videos = len(trainings[0].objects)
    values = np.array([training.scores() for training in trainings])
    left_out = np.array(
        [[training.without(video).scores() for video in range(videos)] for training in trainings]
    )
    names = tuple(map(str, range(videos)))
    return [Jackknife(values[:, place], left_out[..., place], names, videos) for place in range(5)]


def intervals(drawn: list[list[Detections]]) -> dict[str, Interval]:
    """The intervals that are tested, of one sample."""
    original, mixed, oracle = (jackknife(trainings) for trainings in drawn)
    gap = oracle[0] - original[0]
    return {
        "AP": mixed[0].share_interval(LEVEL),
        "precision": mixed[1].share_interval(LEVEL),
        "recall": mixed[2].share_interval(LEVEL),
        "difference": (mixed[0] - original[0]).interval(LEVEL),
        "share of the gap": ratio_interval(mixed[0] - original[0], gap, LEVEL),
        "missed": mixed[3].share_interval(LEVEL),
        "false alarms": mixed[4].rate_interval(LEVEL, MOST_ALARMS),
    }


def percentiles(
    drawn: list[list[Detections]], replicates: int, random: np.random.Generator
) -> dict[str, Interval]:
    """The same by percentiles of a bootstrap over the videos, for AP and the difference."""
    videos = len(drawn[0][0].objects)
    resampled = []
    for times in random.multinomial(videos, np.full(videos, 1 / videos), size=replicates):
        means = [np.mean([t.repeated(times).scores()[0] for t in trainings]) for trainings in drawn[:2]]
        resampled.append((means[1], means[1] - means[0]))
    ends = np.percentile(resampled, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], axis=0)
    return {
        f"{name}, percentiles": Interval(np.nan, low, high)
        for name, low, high in zip(("AP", "difference"), *ends, strict=True)
    }


def truth(setting: Setting) -> dict[str, float]:
    """What would be measured on all videos, as the mean over trainings."""
    random = np.random.default_rng(99)
    times = 1 if setting.luck == 0 else 60
    parts = [draw(setting, _TRUTH // min(times, 4), random) for _ in range(times)]
    original, mixed, oracle = (
        np.mean([np.mean([training.scores() for training in part[place]], axis=0) for part in parts], axis=0)
        for place in range(3)
    )
    difference = mixed[0] - original[0]
    named = dict(zip(("AP", "precision", "recall", "missed", "false alarms"), mixed, strict=True))
    named |= {"difference": difference, "share of the gap": difference / (oracle[0] - original[0])}
    return named | {f"{name}, percentiles": named[name] for name in ("AP", "difference")}


@dataclass
class Count:
    """Of one kind of interval: how many hold the truth, how wide they are, and how many there are at all."""

    held: list[bool] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    samples: int = 0

    def add(self, interval: Interval, value: float) -> None:
        """Count an interval, if it has ends."""
        self.samples += 1
        if interval.low == interval.low:
            self.held.append(interval.low <= value <= interval.high)
            self.widths.append(interval.high - interval.low)

    @property
    def coverage(self) -> float:
        """The share, in [0, 1], of the intervals given that hold the truth."""
        return float(np.mean(self.held))

    def __str__(self) -> str:
        given = len(self.held) / self.samples
        partly = "" if given > 0.995 else f", given in {given:.0%}"
        return f"{self.coverage:.1%} ({np.median(self.widths):.2f}{partly})"


def simulate(
    setting: Setting, videos: int, samples: int, *, bootstraps: int = 0, seed: int = 0
) -> dict[str, Count]:
    """Draw samples, and count how often each kind of interval holds the truth."""
    prepare_ultralytics()
    values, random = truth(setting), np.random.default_rng((seed, videos))
    counts: dict[str, Count] = {}
    for _ in range(samples):
        drawn = draw(setting, videos, random)
        found = intervals(drawn)
        if bootstraps:
            found |= percentiles(drawn, bootstraps, random)
        for name, interval in found.items():
            counts.setdefault(name, Count()).add(interval, values[name])
    return counts


def _rows(samples: int, bootstraps: int, clusters: list[int], names: list[str]) -> Iterator[str]:
    titles = ["AP", "difference", "share of the gap", "precision", "recall", "missed", "false alarms"]
    if bootstraps:
        titles += ["AP, percentiles", "difference, percentiles"]
    yield f"| | videos | {' | '.join(titles)} |"
    yield "|---" * (len(titles) + 2) + "|"
    for name in names:
        for videos in clusters:
            counts = simulate(SETTINGS[name], videos, samples, bootstraps=bootstraps)
            yield f"| {name} | {videos} | {' | '.join(str(counts[title]) for title in titles)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--bootstraps", type=int, default=0, help="replicates of the percentile bootstrap")
    parser.add_argument("--videos", type=int, nargs="+", default=[4, 6, 10, 30])
    parser.add_argument(
        "--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS), metavar="NAME"
    )
    options = parser.parse_args()
    print_machine()
    for row in _rows(options.samples, options.bootstraps, options.videos, options.settings):
        print(row, flush=True)


if __name__ == "__main__":
    main()

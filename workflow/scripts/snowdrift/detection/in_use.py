"""What a user of a detector asks: what it misses at one confidence, how often it errs, and how small people may be."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from snowdrift.detection.metrics import sample_of, ultralytics_metric, video_clusters

HEIGHTS = {"below 10 %": (0.0, 0.1), "10 to 20 %": (0.1, 0.2), "above 20 %": (0.2, np.inf)}
"""Heights of people as shares of the picture's height: at least the first number and less than the second."""
PER_FRAMES = 100


class InUse(NamedTuple):
    """What one detector does on one test set.

    Attributes:
        rates: class_name (with `all`, which counts the objects of every class), clusters (those of `video_clusters`
            that show the class), missed (the share of the objects that the detector does not find at an IoU of 0.5, or
            takes for another class) and false_alarms (detections that are no such object, for each PER_FRAMES frames).
        rates_left_out: the same without each cluster, with left_out as in `Measured`.
        heights: class_name (with `all`, the mean over the classes), height, clusters, instances, and map50 of the
            objects of that height alone. As in COCO, detections of other objects do not count, and of those that are
            wrong only the ones of that height do.
        heights_left_out: the same without each cluster.
    """

    rates: pd.DataFrame
    rates_left_out: pd.DataFrame
    heights: pd.DataFrame
    heights_left_out: pd.DataFrame


def best_confidence(matches: pd.DataFrame) -> float:
    """The confidence with the best F1, mean over the classes, as Ultralytics chooses it.

    Args:
        matches: of the validation videos, see `match_table`.

    Returns:
        In [0, 1]; NaN if the detector finds no object at any confidence, so that none is better than another.
    """
    metric = ultralytics_metric(sample_of(matches))
    from ultralytics.utils.metrics import smooth

    score = metric.f1_curve.mean(0)
    return float(metric.px[smooth(score, 0.1).argmax()]) if score.max() > 0 else np.nan


def measure_in_use(matches: pd.DataFrame, confidence: float) -> InUse:
    """Compute what `InUse` holds.

    Args:
        matches: of one test set, see `match_table`.
        confidence: detections below it count as none, for `rates`; if it is NaN, there are no rates.
    """
    names, clusters = video_clusters(matches["group"])
    matches = matches.assign(cluster=clusters)
    parts = {name: matches[clusters != number] for number, name in enumerate(names)}
    rates, heights = _rates(matches, confidence), _heights(matches)
    rates_of = {name: _rates(part, confidence) for name, part in parts.items()}
    heights_of = {name: _heights(part) for name, part in parts.items()}
    return InUse(
        rates,
        _left_out(rates, rates_of, ["class_name"]),
        heights,
        _left_out(heights, heights_of, ["class_name", "height"]),
    )


def _left_out(whole: pd.DataFrame, parts: dict[str, pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    """The parts in one table, with the number of clusters that the whole draws on."""
    table = pd.concat([part.assign(left_out=name) for name, part in parts.items()], ignore_index=True)
    return table.drop(columns="clusters").merge(whole[[*keys, "clusters"]], on=keys)


def _rates(matches: pd.DataFrame, confidence: float) -> pd.DataFrame:
    chosen = not np.isnan(confidence)
    counted = matches["confidence"] >= confidence
    is_object = matches["object_height"].notna()
    frames = matches["frame_id"].nunique()
    rows = []
    for name in ("all", *matches["class_name"].cat.categories):
        own = matches["class_name"].notna() if name == "all" else matches["class_name"] == name
        objects, missed = own & is_object, own & is_object & ~counted
        wrong = own & counted & ~matches["tp50"]
        rows.append(
            (
                name,
                matches.loc[objects, "cluster"].nunique(),
                missed.sum() / objects.sum() if chosen and objects.any() else np.nan,
                PER_FRAMES * wrong.sum() / frames if chosen and frames else np.nan,
            )
        )
    return pd.DataFrame(rows, columns=["class_name", "clusters", "missed", "false_alarms"])


def _heights(matches: pd.DataFrame) -> pd.DataFrame:
    # That of the object counts, and that of the detection only if it found none.
    height = matches["object_height"].fillna(matches["height"]).to_numpy()
    parts = {name: matches[(low <= height) & (height < high)] for name, (low, high) in HEIGHTS.items()}
    return pd.concat(
        [_of_height(part).assign(height=name) for name, part in parts.items()], ignore_index=True
    )


def _of_height(matches: pd.DataFrame) -> pd.DataFrame:
    sample = sample_of(matches, matches["cluster"].to_numpy())
    metric = ultralytics_metric(sample._replace(true_positive=sample.true_positive[:, :1]))
    precision = dict(zip(metric.ap_class_index, metric.ap50, strict=True))
    rows = []
    for label, name in enumerate(matches["class_name"].cat.categories):
        own = sample.object_label == label
        clusters = len(np.unique(sample.object_cluster[own]))
        rows.append((name, clusters, int(own.sum()), float(precision.get(label, np.nan))))
    table = pd.DataFrame(rows, columns=["class_name", "clusters", "instances", "map50"])
    shown = table[table["instances"] > 0]
    fewest = int(shown["clusters"].min()) if len(shown) else 0
    together = pd.DataFrame(
        [("all", fewest, len(sample.object_label), shown["map50"].mean())], columns=table.columns
    )
    return pd.concat([together, table], ignore_index=True)

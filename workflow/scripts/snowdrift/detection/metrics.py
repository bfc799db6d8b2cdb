"""Metrics of detection: Ultralytics' own functions, on the table of matches and without each cluster of its videos."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from snowdrift.detection.intervals import METRICS
from snowdrift.detection.matches import TRUE_POSITIVE
from snowdrift.detection.ultralytics_api import prepare_ultralytics

CURVE_POINTS = 101
MOST_GROUPS = 50
"""More clusters than this, such as single photographs, are left out in groups of neighbours."""


class Measured(NamedTuple):
    """The metrics of one detector on one test set.

    Attributes:
        metrics: one row per class, with `all` first: class_name, images (for a class: those that show it), instances,
            precision and recall (at the confidence of the best F1), map50, map50_95. A class without instances has
            NaN metrics, and `all` averages over the others.
        curves: the precision-recall curve at IoU 0.5 of each class that has instances, with `all` as their mean:
            class_name, recall (0 to 1 in CURVE_POINTS steps), precision.
        left_out: the metrics without each cluster of `video_clusters`: left_out (its name), clusters (those that show
            the class; for `all`, the class that fewest show), class_name and METRICS. If the one cluster that shows a
            class is left out, the class has NaN metrics and `all` is of the others; such a score draws on one cluster
            and gets no interval.
    """

    metrics: pd.DataFrame
    curves: pd.DataFrame
    left_out: pd.DataFrame


class Sample(NamedTuple):
    """What Ultralytics computes metrics from: d detections and m objects, with the cluster of each."""

    true_positive: np.ndarray
    confidence: np.ndarray
    label: np.ndarray
    cluster: np.ndarray
    object_label: np.ndarray
    object_cluster: np.ndarray

    def without(self, cluster: int) -> "Sample":
        """The sample of the other clusters."""
        detections, objects = self.cluster != cluster, self.object_cluster != cluster
        return Sample(
            self.true_positive[detections],
            self.confidence[detections],
            self.label[detections],
            self.cluster[detections],
            self.object_label[objects],
            self.object_cluster[objects],
        )


def measure(matches: pd.DataFrame) -> Measured:
    """Compute the metrics of one detector on one test set.

    Args:
        matches: See `match_table`; the categories of `class_name` are the classes, in the order of their ids.
    """
    class_names = list(matches["class_name"].cat.categories)
    names, clusters = video_clusters(matches["group"])
    sample = sample_of(matches, clusters)
    metric = ultralytics_metric(sample)
    parts = [
        _values(ultralytics_metric(sample.without(number)), class_names).assign(left_out=name)
        for number, name in enumerate(names)
    ]
    left_out = pd.concat(parts, ignore_index=True)
    left_out["clusters"] = left_out["class_name"].map(_clusters_that_show(sample, class_names))
    values = _values(metric, class_names).drop(columns="class_name")
    return Measured(
        pd.concat([_counts(matches, class_names), values], axis=1),
        _curves(metric, class_names),
        left_out[["left_out", "clusters", "class_name", *METRICS]],
    )


def video_clusters(groups: pd.Series) -> tuple[list[str], np.ndarray]:
    """The clusters that are left out in turn: groups of videos, or neighbours by name if there are many groups.

    Videos of one group, such as a scene, resemble each other, so they count as one draw. A video that belongs to no
    group is a group by itself.

    Args:
        groups: The group of each row.

    Returns:
        The clusters' names (the group, or the first and the last of neighbours), and the cluster of each row.
    """
    present = sorted(groups.unique())
    blocks = np.array_split(np.arange(len(present)), min(len(present), MOST_GROUPS))
    names = [present[block[0]] + (f"..{present[block[-1]]}" if len(block) > 1 else "") for block in blocks]
    cluster_of = {present[index]: number for number, block in enumerate(blocks) for index in block}
    return names, groups.map(cluster_of).to_numpy(int)


def sample_of(matches: pd.DataFrame, clusters: np.ndarray | None = None) -> Sample:
    """The arrays of a match table whose rows belong to these clusters, or all to one."""
    clusters = np.zeros(len(matches), int) if clusters is None else clusters
    detected, objects = matches["confidence"].notna().to_numpy(), matches["object_height"].notna().to_numpy()
    confidence = matches["confidence"].to_numpy()[detected]
    if matches.loc[detected, "frame_id"].nunique() < matches["frame_id"].nunique():
        # Ultralytics joins the arrays of all frames, and that of a frame without detections has 64 bits: then all have,
        # and equal confidences are sorted in another order than with 32, which shows in a metric's last digits.
        confidence = confidence.astype(np.float64)
    labels = matches["class_name"].cat.codes.to_numpy(int)
    return Sample(
        matches.loc[detected, list(TRUE_POSITIVE)].to_numpy(bool),
        confidence,
        labels[detected],
        clusters[detected],
        labels[objects],
        clusters[objects],
    )


def ultralytics_metric(sample: Sample) -> Any:
    """Compute the sample's `ultralytics.utils.metrics.Metric`."""
    prepare_ultralytics()
    from ultralytics.utils.metrics import Metric, ap_per_class

    metric = Metric()
    metric.update(ap_per_class(*sample[:3], sample.object_label)[2:])
    return metric


def _values(metric: Any, class_names: Sequence[str]) -> pd.DataFrame:
    """The metrics of `all` and of each class, NaN for a class that is not there."""
    place = {int(label): row for row, label in enumerate(metric.ap_class_index)}
    rows = [("all", *metric.mean_results())]
    for label, name in enumerate(class_names):
        rows.append(
            (name, *(metric.class_result(place[label]) if label in place else [np.nan] * len(METRICS)))
        )
    return pd.DataFrame(rows, columns=["class_name", *METRICS])


def _counts(matches: pd.DataFrame, class_names: Sequence[str]) -> pd.DataFrame:
    objects = matches[matches["object_height"].notna()]
    rows = [("all", matches["frame_id"].nunique(), len(objects))]
    for name in class_names:
        own = objects[objects["class_name"] == name]
        rows.append((name, own["frame_id"].nunique(), len(own)))
    return pd.DataFrame(rows, columns=["class_name", "images", "instances"])


def _clusters_that_show(sample: Sample, class_names: Sequence[str]) -> dict[str, int]:
    clusters = {
        name: len(np.unique(sample.object_cluster[sample.object_label == label]))
        for label, name in enumerate(class_names)
    }
    return {"all": min(count for count in clusters.values() if count)} | clusters


def _curves(metric: Any, class_names: Sequence[str]) -> pd.DataFrame:
    recall = np.linspace(0, 1, CURVE_POINTS)
    curves = {
        class_names[int(label)]: np.interp(recall, metric.px, precision)
        for label, precision in zip(metric.ap_class_index, metric.prec_values, strict=True)
    }
    curves = {"all": np.mean(list(curves.values()), axis=0)} | curves
    tables = [
        pd.DataFrame({"class_name": name, "recall": recall, "precision": precision.round(4)})
        for name, precision in curves.items()
    ]
    return pd.concat(tables, ignore_index=True)

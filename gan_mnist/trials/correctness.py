"""Which test images were classified correctly, and of how many: for intervals over test images."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gan_mnist.data.subsets import Subset
from gan_mnist.study.statistics.test_images import pack, shares_right

# Prefixes of metrics that weigh classes alike, and parts of the names of means over images.
_BY_CLASS, _OF_IMAGES = ("balanced_", "macro_"), ("accuracy", "recall")


def correctness(
    metric: str,
    metrics: Mapping[str, float],
    test: Subset,
    trainings: Sequence[np.ndarray],
    averaged: Sequence[str] | None = None,
    at: Mapping[str, Sequence[np.ndarray]] | None = None,
) -> dict[str, Any] | None:
    """The value of `Outcome.correct`: test images by stratum, and which of them were right.

    Args:
        metric: Name of the primary metric.
        metrics: Values of all metrics of the trial.
        test: The test images.
        trainings: bool (n,) for each classifier: which images it got right.
        averaged: Classes whose mean recall the metric is; None where its name says so.
        at: By name of a metric at a number of images, of the primary metric's kind: which images
            its classifiers got right, as `trainings`.

    Returns:
        `labels` (their digest), and for each stratum an entry of `classes` (a name, None for all
        images), `sizes` and `weights`. Where the metric is the mean of what the trainings got
        right, `bits`, too; and `at`, bits by metric, where it is given. None without a test image.
    """
    names = list(test.class_names)
    if averaged is None and metric.startswith("recall_"):
        averaged = [metric.removeprefix("recall_")]
    if metric.startswith(_BY_CLASS):
        averaged = names
    classes: list[str | None] = [None]
    strata = [np.arange(len(test.labels))]
    if averaged and set(averaged) <= set(names):
        classes = [*averaged]
        strata = [np.flatnonzero(test.labels == names.index(name)) for name in averaged]
    classes = [name for name, rows in zip(classes, strata, strict=True) if len(rows)]
    strata = [rows for rows in strata if len(rows)]
    if not strata:
        return None
    entry = {
        "labels": hashlib.sha256(np.asarray(test.labels, np.int32).tobytes()).hexdigest()[:12],
        "classes": classes,
        "sizes": [len(rows) for rows in strata],
        "weights": [1 / len(strata)] * len(strata),
    }
    if not trainings or not any(kind in metric for kind in _OF_IMAGES):
        return entry
    full_entry = entry | {"bits": pack(trainings, strata)}
    # A metric that is not their mean, such as a mean over sizes of training sets, does not follow
    # from which images were right.
    if not _means(full_entry, metrics[metric]):
        return entry
    bits_by_metric = {
        name: pack(metric_trainings, strata)
        for name, metric_trainings in (at or {}).items()
        if len(metric_trainings)
    }
    matching_bits = {
        name: bits for name, bits in bits_by_metric.items()
        if _means({**entry, "bits": bits}, metrics[name])
    }  # fmt: skip
    return full_entry | {"at": matching_bits} if matching_bits else full_entry


def _means(entry: Mapping[str, Any], value: float) -> bool:
    mean = float(np.mean([shares.mean() for shares in shares_right(entry)]))
    return math.isclose(mean, value, abs_tol=1e-6)

"""Which test images were right, as a record holds it for intervals over test images."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gan_mnist.data.subsets import Subset
from gan_mnist.study.spec import Metric
from gan_mnist.study.statistics.test_images import pack, unpack


def correctness(
    metric: Metric,
    metrics: Mapping[str, float],
    test: Subset,
    trainings: Sequence[np.ndarray],
    averaged: Sequence[str] | None = None,
) -> dict[str, Any] | None:
    """What `Outcome.correct` is.

    Args:
        metric: The primary one.
        metrics: Of the trial.
        test: The images.
        trainings: bool (n,), which images each classifier called right.
        averaged: Classes whose mean recall the metric is; None where its name says so.

    Returns:
        `labels` (their digest), and for each stratum an entry of `classes` (a name, None for all
        images), `sizes`, `weights` and `bits`. None unless the metric is the mean of what they say.
    """
    names = list(test.class_names)
    if averaged is None and metric.name.startswith("recall_"):
        averaged = [metric.name.removeprefix("recall_")]
    if metric.name == "balanced_accuracy":
        averaged = names
    if metric.name == "accuracy":
        classes: list[str | None] = [None]
        strata = [np.arange(len(test.labels))]
    elif averaged and set(averaged) <= set(names):
        classes = [*averaged]
        strata = [np.flatnonzero(test.labels == names.index(name)) for name in averaged]
    else:
        return None
    if not trainings or not all(map(len, strata)):
        return None
    told = {
        "labels": hashlib.sha256(np.asarray(test.labels, np.int32).tobytes()).hexdigest()[:12],
        "classes": classes,
        "sizes": [len(rows) for rows in strata],
        "weights": [1 / len(strata)] * len(strata),
        "bits": pack(trainings, strata),
    }
    mean = float(np.mean([shares.mean() for shares in unpack(told)]))
    # Of another number, such as a mean over sizes of training sets, these images tell nothing.
    return told if math.isclose(mean, metrics[metric.name], abs_tol=1e-6) else None

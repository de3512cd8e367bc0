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
    at: Mapping[str, Sequence[np.ndarray]] | None = None,
) -> dict[str, Any] | None:
    """What `Outcome.correct` is.

    Args:
        metric: The primary one.
        metrics: Of the trial.
        test: The images.
        trainings: bool (n,), which images each classifier called right.
        averaged: Classes whose mean recall the metric is; None where its name says so.
        at: By metric at a number of images, each of the primary one's kind: as `trainings`.

    Returns:
        `labels` (their digest), and for each stratum an entry of `classes` (a name, None for all
        images), `sizes`, `weights` and `bits`; `at`, where it is given, has bits by metric.
        None unless the metric is the mean of what they say.
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
    # Of another number, such as a mean over sizes of training sets, these images tell nothing.
    if not _means(told, metrics[metric.name]):
        return None
    packed = {name: pack(those, strata) for name, those in (at or {}).items() if len(those)}
    of_metric = {
        name: bits for name, bits in packed.items()
        if _means({**told, "bits": bits}, metrics[name])
    }  # fmt: skip
    return told | {"at": of_metric} if of_metric else told


def _means(told: Mapping[str, Any], value: float) -> bool:
    mean = float(np.mean([shares.mean() for shares in unpack(told)]))
    return math.isclose(mean, value, abs_tol=1e-6)

"""One trial of the scaling study: a classifier, and a generator, at every number of images."""

import dataclasses
import functools

import numpy as np

from gan_mnist.data.images import as_uint8
from gan_mnist.data.subsets import Allotment
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.trials import ClassifierSteps
from gan_mnist.trials.basics import GALLERY, mean_metrics

from .study import DataScalingSettings

GALLERY_IMAGES = 14

Steps = ClassifierSteps[DataScalingSettings]


def run_trial(trial: Trial[DataScalingSettings]) -> Outcome:
    """Trains and evaluates a classifier at every size.

    `size-N` in the trial's directory holds the curves and `result.json` of N training images. A
    size that has its result is not trained again.
    """
    steps, settings = Steps(trial), trial.settings
    allotment = steps.allot(None)
    order = balanced_order(allotment.train.labels, trial.stream("class_order"))
    accuracies, size_metrics = {}, []
    for size in settings.sizes:
        train, held_back = (allotment.train.take(rows) for rows in np.split(order, [size]))
        size_allotment = dataclasses.replace(allotment, train=train, held_back=held_back)
        run = functools.partial(_run_size, steps, size_allotment)
        size_metrics.append(steps.part(f"size-{size}", run, in_primary=True, needed=(GALLERY,)))
        accuracies[f"accuracy_at_{size}"] = size_metrics[-1]["accuracy"]
    steps.join_galleries([f"size-{size}" for size in settings.sizes], GALLERY_IMAGES)
    means = {"accuracy": float(np.mean(list(accuracies.values())))}
    means |= mean_metrics([steps.further.of(metrics) for metrics in size_metrics])
    return steps.outcome(means | accuracies, settings.updates * len(accuracies))


def balanced_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """An order of all rows whose first n, for any n, are balanced between classes.

    Classes take turns, in an order of the seed's own, until they are used up; those that run dry
    are passed over.

    Args:
        labels: int (n,), 0..k-1.
        seed: Seed of the order in which classes take turns.

    Returns:
        int (n,), a permutation of 0..n-1.
    """
    rng = np.random.default_rng(seed)
    class_ranks = rng.permutation(labels.max() + 1)
    turns = np.empty_like(labels)
    for label in np.unique(labels):
        in_class = labels == label
        turns[in_class] = np.arange(in_class.sum())
    return np.lexsort((class_ranks[labels], turns))


def _run_size(steps: Steps, allotment: Allotment) -> dict[str, float]:
    """Metrics of the classifier trained on the images, and on what is generated from them.

    Initial weights, order and dropout are those of every other size.
    """
    settings, size = steps.trial.settings, f"size-{len(allotment.train)}"
    columns = gallery_columns = allotment.train.images, allotment.train.labels
    sources = [(columns, settings.batch_size)]
    generator = steps.generator(allotment)
    if generator is not None:
        requested_labels = np.arange(settings.pool_images, dtype=np.int32) % len(settings.classes)
        generated, labels = steps.generate(generator, requested_labels.astype(np.int32), "pool")
        gallery_columns = as_uint8(generated), labels
        half = settings.batch_size // 2
        sources = [(columns, settings.batch_size - half), (gallery_columns, half)]
    # The last rows are those that no smaller size has.
    steps.save_gallery(gallery_columns[0][-GALLERY_IMAGES:], size)
    model = steps.train(steps.recipe(), steps.batches(*sources), allotment.validation, part=size)
    metrics, probabilities = steps.evaluate(model)
    if len(allotment.train) == settings.largest:
        steps.save_and_export(model, probabilities, metrics, generator)
    return metrics

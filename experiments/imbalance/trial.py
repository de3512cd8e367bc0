"""One trial of the imbalance study: fill the starved class, train a classifier, test it once."""

from collections.abc import Sequence

import numpy as np

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import Subset
from gan_mnist.generators.contract import Generator
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.trials import ClassifierSteps

from .study import ImbalanceSettings

GALLERY_IMAGES = 12
Columns = tuple[np.ndarray, np.ndarray, np.ndarray]


def run_trial(trial: Trial[ImbalanceSettings]) -> Outcome:
    """Trains classifiers on what the arm's treatment makes of the images, and judges each once."""
    steps, settings = ClassifierSteps(trial), trial.settings
    images = steps.allot(settings.counts)
    generator = steps.generator(images)
    columns = _training_rows(steps, images.train, generator)
    _save_gallery(steps, columns)

    recipe = steps.recipe(minority=_starved(settings))
    found = []
    for repeat in range(settings.repeats):
        batches = steps.batches((columns, settings.batch_size))
        model = steps.train(recipe, batches, images.validation, repeat)
        metrics, probabilities = steps.evaluate(model)
        found.append(metrics)
        if repeat == 0:
            steps.keep(model, probabilities, metrics, generator)
    means = _mean_metrics(settings, found)
    starved = [settings.classes[_starved(settings)]]
    return steps.outcome(means, repeats=settings.repeats, averaged=starved)


def _training_rows(
    steps: ClassifierSteps[ImbalanceSettings], subset: Subset, generator: Generator | None
) -> Columns:
    """Images, labels and loss weights of the training set that the arm's treatment makes."""
    settings = steps.trial.settings
    counts = np.array(settings.counts)
    balanced = np.full_like(counts, counts.max())
    num_real = balanced if settings.duplicate else counts
    num_generated = balanced - num_real
    if settings.every_class:
        num_real = num_generated = np.full_like(counts, settings.generated_per_class)
    rows = np.concatenate(
        [np.resize(np.flatnonzero(subset.labels == c), n) for c, n in enumerate(num_real)]
    )
    images, labels = subset.images[rows], subset.labels[rows]
    if generator is not None:
        wanted = np.repeat(np.arange(len(counts), dtype=np.int32), num_generated)
        fake_images, shown = steps.generate(generator, wanted, "generated")
        # Class by class, so that a row of the batch order is of one class in every arm of a seed.
        order = np.argsort(np.concatenate([labels, wanted]), kind="stable")
        images = np.concatenate([as_float(images), fake_images])[order]
        labels = np.concatenate([labels, shown])[order]
    weights = np.ones(len(labels), np.float32)
    if settings.weighted:
        weights = (len(labels) / (len(counts) * np.bincount(labels)))[labels].astype(np.float32)
    return images, labels, weights


def _starved(settings: ImbalanceSettings) -> int:
    """The label of the class with the fewest images."""
    return int(np.argmin(settings.counts))


def _mean_metrics(
    settings: ImbalanceSettings, found: Sequence[dict[str, float]]
) -> dict[str, float]:
    """Each metric's mean over the classifiers of one draw."""
    mean = {name: float(np.mean([metrics[name] for metrics in found])) for name in found[0]}
    return {"minority_recall": mean[f"recall_{settings.classes[_starved(settings)]}"], **mean}


def _save_gallery(steps: ClassifierSteps[ImbalanceSettings], columns: Columns) -> None:
    """The starved class as this arm shows it to the network, for the report."""
    rows = np.flatnonzero(columns[1] == _starved(steps.trial.settings))
    shown = np.resize(np.random.default_rng(0).permutation(rows), GALLERY_IMAGES)
    steps.save_gallery(columns[0][shown])

"""One trial of the imbalance study: fill the rare classes, train a classifier, test it once."""

from collections.abc import Sequence

import numpy as np

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import Allotment
from gan_mnist.errors import NotApplicable
from gan_mnist.evaluation.classification import precision_metrics
from gan_mnist.generators.contract import Generator
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.trials import ClassifierSteps

from .settings import ImbalanceSettings

GALLERY_IMAGES = 12
Columns = tuple[np.ndarray, np.ndarray, np.ndarray]


def run_trial(trial: Trial[ImbalanceSettings]) -> Outcome:
    """Trains classifiers on what the arm's treatment makes of the images, and judges each once.

    Raises:
        NotApplicable: If the arm's generator has no images for a rare class.
    """
    steps, settings = ClassifierSteps(trial), trial.settings
    images = steps.allot(settings.counts, tuple(settings.starved))
    generator = steps.generator(images)
    columns = _training_rows(steps, images, generator)
    _save_gallery(steps, columns)

    recipe = steps.recipe(minority=settings.rare)
    found = []
    for repeat in range(settings.repeats):
        batches = steps.batches((columns, settings.batch_size))
        model = steps.train(recipe, batches, images.validation, repeat)
        metrics, probabilities = steps.evaluate(model)
        metrics |= precision_metrics(steps.test.labels, probabilities, settings.classes)
        found.append(metrics)
        if repeat == 0:
            steps.keep(model, probabilities, metrics, generator)
    means = _mean_metrics(settings, found)
    rare = [settings.classes[label] for label in settings.rare]
    return steps.outcome(means, repeats=settings.repeats, averaged=rare)


def _training_rows(
    steps: ClassifierSteps[ImbalanceSettings], parts: Allotment, generator: Generator | None
) -> Columns:
    """Images, labels and loss weights of the training set that the arm's treatment makes."""
    settings, subset = steps.trial.settings, parts.train
    num_real, num_generated = _numbers(settings, parts, generator)
    rows = np.concatenate(
        [np.resize(np.flatnonzero(subset.labels == c), n) for c, n in enumerate(num_real)]
    )
    images, labels = subset.images[rows], subset.labels[rows]
    if generator is not None:
        wanted = np.repeat(np.arange(len(num_real), dtype=np.int32), num_generated)
        fake_images, shown = steps.generate(generator, wanted, "generated")
        # Class by class, so that a row of the batch order is of one class in every arm of a seed.
        order = np.argsort(np.concatenate([labels, wanted]), kind="stable")
        images = np.concatenate([as_float(images), fake_images])[order]
        labels = np.concatenate([labels, shown])[order]
    weights = np.ones(len(labels), np.float32)
    if settings.weighted:
        weights = (len(labels) / (len(num_real) * np.bincount(labels)))[labels].astype(np.float32)
    return images, labels, weights


def _numbers(
    settings: ImbalanceSettings, parts: Allotment, generator: Generator | None
) -> tuple[np.ndarray, np.ndarray]:
    """How many real images of each class are shown, and how many generated: int (k,) each."""
    counts = np.array(settings.counts)
    if settings.generator == "held_back":
        held_back = np.bincount(parts.held_back.labels, minlength=len(counts))
        if not held_back.any():
            raise NotApplicable(
                "no real images are held back; --set starve=CLASS:COUNT takes some away"
            )
        # Classes of which none are left are repeated, or what comes back would drown them.
        return (counts + held_back).max() - held_back, held_back
    if settings.every_class:
        every = np.full_like(counts, settings.generated_per_class)
        return every, every
    balanced = np.full_like(counts, counts.max())
    if settings.duplicate:
        return balanced, np.zeros_like(counts)
    missing = balanced - counts
    if generator is not None and generator.supply is not None:
        # Images from elsewhere may be there for rare classes alone; those they must have.
        is_spared = generator.supply == 0
        is_spared[list(settings.rare)] = False
        missing[is_spared] = 0
    return counts, missing


def _mean_metrics(
    settings: ImbalanceSettings, found: Sequence[dict[str, float]]
) -> dict[str, float]:
    """Each metric's mean over the classifiers of one draw."""
    mean = {name: float(np.mean([metrics[name] for metrics in found])) for name in found[0]}
    recalls = [mean[f"recall_{settings.classes[label]}"] for label in settings.rare]
    return {"minority_recall": float(np.mean(recalls)), **mean}


def _save_gallery(steps: ClassifierSteps[ImbalanceSettings], columns: Columns) -> None:
    """The rare classes as this arm shows them to the network, for the report."""
    rows = np.flatnonzero(np.isin(columns[1], steps.trial.settings.rare))
    shown = np.resize(np.random.default_rng(0).permutation(rows), GALLERY_IMAGES)
    steps.save_gallery(columns[0][shown])

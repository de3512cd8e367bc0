"""One trial of the study of usefulness: a classifier at every number of real images."""

import functools
from typing import Any

import numpy as np

from gan_mnist.data.duplicates import find_pairs
from gan_mnist.data.images import as_uint8
from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.evaluation.generation import nearness
from gan_mnist.files import write_arrays
from gan_mnist.generators.contract import Generator
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.training.judge import trained_judge
from gan_mnist.trials import ClassifierSteps
from gan_mnist.trials.shown import in_turn

from .study import UsefulnessSettings

GALLERY_IMAGES = 14
# How many generated images are compared with real ones, at most and at least.
MOST_COMPARED, FEWEST_COMPARED = 2_000, 20
ACCURACIES = ("balanced_accuracy", "accuracy")
COMPARED = ("kid", "precision", "recall", "density", "coverage")

Steps = ClassifierSteps[UsefulnessSettings]
Table = tuple[np.ndarray, np.ndarray]


def run_trial(trial: Trial[UsefulnessSettings]) -> Outcome:
    """Trains and evaluates a classifier at every number of real images.

    Raises:
        NotApplicable: If there are no generated images of a class, or too few held back.
    """
    steps, settings = Steps(trial), trial.settings
    all_metrics: dict[str, float] = {}
    for size in settings.images_per_class:
        name = str(size or "all")
        run = functools.partial(_run_size, steps, size, name)
        metrics = steps.part(f"images-{name}", run, in_primary=True)
        all_metrics |= {f"{key}_at_{name}": metrics.pop(key) for key in ACCURACIES}
        # What is left, of further test sets and of generated images, is that of the largest number.
        all_metrics |= metrics
    accuracies = [
        value for key, value in all_metrics.items() if key.startswith("balanced_accuracy_at_")
    ]
    updates = settings.updates * len(accuracies)
    metrics = {"balanced_accuracy": float(np.mean(accuracies))} | all_metrics
    return steps.outcome(metrics, updates, further_of=f"images-{name}")


def _run_size(steps: Steps, size: int, name: str) -> dict[str, float]:
    """Metrics of the classifier that is trained on `size` real images a class, all for 0."""
    settings = steps.trial.settings
    allotment = _allotted(steps, size)
    generator = steps.generator(allotment)
    tables = _tables(steps, allotment.train, generator)
    is_last = size == settings.images_per_class[-1]
    if is_last:
        _save_gallery(steps, tables[-1])
    # Class by class, so that a row of the batch order is of one class in every arm of a seed.
    labels = np.concatenate([labels for _, labels in tables])
    order = np.argsort(labels, kind="stable")
    columns = np.concatenate([images for images, _ in tables])[order], labels[order]
    model = steps.train(
        steps.recipe(),
        steps.batches((columns, settings.batch_size)),
        allotment.validation,
        part=f"images-{name}",
    )
    metrics, probabilities = steps.evaluate(model)
    reported = {key: metrics[key] for key in ACCURACIES} | dict(steps.further.of(metrics))
    if is_last:
        steps.save_and_export(model, probabilities, metrics, generator)
        if generator is not None and settings.measured:
            reported |= _compared(steps, generator)
    return reported


def _allotted(steps: Steps, size: int) -> Allotment:
    """`size` images of every class, or all if it is 0; the others are held back."""
    classes = steps.trial.settings.classes
    return steps.allot((size,) * len(classes) if size else None, classes)


def _tables(steps: Steps, real: Subset, generator: Generator | None) -> list[Table]:
    """uint8 images and int32 labels: real ones, generated ones, or both, in this order."""
    settings, tables = steps.trial.settings, []
    if settings.trained_on != "generated":
        tables.append((real.images, real.labels))
    if settings.trained_on != "real":
        if generator is None:
            raise NotApplicable("there is no generator whose images it could be trained on")
        counts = np.bincount(real.labels, minlength=len(settings.classes))
        class_counts = np.maximum(1, np.round(counts * settings.share).astype(int))
        if generator.supply is not None:
            class_counts = np.minimum(class_counts, generator.supply)
        if settings.trained_on == "generated" and not class_counts.all():
            missing_class = settings.classes[int(class_counts.argmin())]
            raise NotApplicable(f"there is no generated image of class {missing_class}")
        labels = np.repeat(np.arange(len(class_counts), dtype=np.int32), class_counts)
        generated, assigned_labels = steps.generate(generator, labels, "generated")
        tables.append((as_uint8(generated), assigned_labels))
    return tables


def _compared(steps: Steps, generator: Generator) -> dict[str, float]:
    """How near generated images are to real ones, and how many of them are copies."""
    settings, test = steps.trial.settings, steps.test
    everything = steps.allot(None)
    with steps.measured("evaluation"):
        fake_images = _to_compare(steps, generator)
        metrics = _copies(steps, fake_images, everything.train)
    if min(len(fake_images), len(test)) < FEWEST_COMPARED:
        return metrics
    # Its curves are not those of the trial, whose intervals may not divide its updates.
    recipe = steps.recipe(network=build_small_cnn, updates=settings.judge_updates, intervals=1)
    stream = steps.trial.experiment, steps.trial.seed
    batch_size, workdir = settings.batch_size, steps.trial.workdir
    judge, seconds = trained_judge(recipe, batch_size, everything, stream, workdir)
    # Every arm counts the seconds of the judge's training, whichever arm had it trained.
    steps.seconds["evaluation"] += seconds
    with steps.measured("evaluation"):
        real, generated = (judge.predict(images).features for images in (test.images, fake_images))
        nearness_metrics = nearness(real, generated, steps.trial.stream("kid"))
    return metrics | {key: nearness_metrics[key] for key in COMPARED}


def _to_compare(steps: Steps, generator: Generator) -> np.ndarray:
    """Generated images, uint8 (n, H, W, C), as many as are compared with real ones."""
    settings, test = steps.trial.settings, steps.test
    if generator.supply is None:
        counts = np.bincount(test.labels, minlength=len(settings.classes))
        if generator.most is not None:
            counts = np.minimum(counts, generator.most)
        supply = counts * min(1.0, MOST_COMPARED / len(test))
    else:
        supply = generator.supply * min(1.0, MOST_COMPARED / generator.supply.sum())
    labels = np.repeat(np.arange(len(supply), dtype=np.int32), np.ceil(supply).astype(int))
    return as_uint8(generator.sample(labels, steps.trial.stream("compared")))


def _copies(steps: Steps, fake_images: np.ndarray, train: Subset) -> dict[str, float]:
    """The shares of generated images that are copies, of which some are kept as pictures."""
    metrics: dict[str, float] = {}
    pairs: dict[str, Any] = {}
    for name, subset in (("train", train), ("test", steps.test)):
        duplicates = find_pairs(fake_images, subset.images)
        metrics[f"copies_of_{name}"] = len(duplicates) / len(fake_images)
        rows = slice(0, GALLERY_IMAGES)
        pairs[name] = np.stack(
            [fake_images[duplicates.rows[rows]], subset.images[duplicates.matches[rows]]]
        )
    write_arrays(steps.trial.directory / "copies.npz", **pairs)
    return metrics


def _save_gallery(steps: Steps, table: Table) -> None:
    """An image of each class in turn."""
    images, labels = table
    steps.save_gallery(images[in_turn(labels, GALLERY_IMAGES)])

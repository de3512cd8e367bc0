"""One trial of the substitution study: real or generated images in, a ROC curve a class out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gan_mnist.data.images import as_uint8
from gan_mnist.data.pipelines import Table
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.evaluation.classification import class_aucs, roc_points
from gan_mnist.files import read_rows, write_rows
from gan_mnist.generators.contract import Generator
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.trials import ClassifierSteps

from .study import SubstitutionSettings

GALLERY_IMAGES = 14

Columns = tuple[np.ndarray, ...]
Steps = ClassifierSteps[SubstitutionSettings]


def run_trial(trial: Trial[SubstitutionSettings]) -> Outcome:
    """Trains and evaluates one classifier; `roc.csv` holds a curve a class.

    The curves hold `test_accuracy`, which only `checkpoints` uses, to report what choosing by it
    would have given.

    Raises:
        NotApplicable: If the generator has no images for such classes, or there is none.
    """
    steps, settings = Steps(trial), trial.settings
    allotment = steps.allot(settings.counts, settings.classes)
    generator = steps.generator(allotment)
    sources = _sources(steps, allotment.train, generator)
    model = steps.train(
        steps.recipe(), steps.batches(*sources), allotment.validation, watched=("test", steps.test)
    )
    metrics, probabilities = steps.evaluate(model)
    predictions = (steps.test.labels, probabilities, settings.classes)
    metrics |= class_aucs(*predictions) | checkpoints(read_rows(trial.directory / "curves.csv"))
    write_rows(trial.directory / "roc.csv", roc_points(*predictions))
    steps.save_and_export(model, probabilities, metrics, generator)
    return steps.outcome(metrics)


def checkpoints(rows: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Accuracy at the end and at two checkpoints: the best by validation, and the best by test.

    Args:
        rows: Of `curves.csv`, with `test_accuracy` and, if there are validation images,
            `val_accuracy`.

    Returns:
        `val_accuracy` at the end, `val_accuracy_at_best`, `accuracy_at_best_validation` and
        `habit_accuracy_at_best_test`, the habit under study; nothing without validation images.
    """
    if "val_accuracy" not in rows[-1]:
        return {}
    validation, test = (
        np.array([float(row[name]) for row in rows]) for name in ("val_accuracy", "test_accuracy")
    )
    return {
        "val_accuracy": float(validation[-1]),
        "val_accuracy_at_best": float(validation.max()),
        "accuracy_at_best_validation": float(test[validation.argmax()]),
        "habit_accuracy_at_best_test": float(test.max()),
    }


def _sources(steps: Steps, subset: Subset, generator: Generator | None) -> list[tuple[Any, ...]]:
    """The sources of the batches, as `mixed_batches` takes them, real images first."""
    settings = steps.trial.settings
    kinds = ("real", "generated") if settings.trained_on == "both" else (settings.trained_on,)
    # Of an odd batch the larger part is real.
    sizes = [(settings.batch_size + i) // len(kinds) for i in reversed(range(len(kinds)))]
    tables: list[Columns] = []
    pool_updates = settings.pool_updates or settings.updates
    num_pools = math.ceil(settings.updates / pool_updates)
    for kind, size in zip(kinds, sizes, strict=True):
        if kind == "real":
            tables.append((_in_order(subset.images, subset.labels), subset.labels))
            continue
        if generator is None:
            raise NotApplicable("there is no generator whose images it could be trained on")
        max_images = pool_updates * size if num_pools > 1 else len(subset)
        tables.append(_generated(steps, subset, generator, num_pools, max_images))
    _save_gallery(steps, tables)
    sources: list[tuple[Any, ...]] = []
    for kind, size, table in zip(kinds, sizes, tables, strict=True):
        columns = _columns(settings, table, is_real=kind == "real")
        is_single_pool = kind == "real" or num_pools == 1
        sources.append(
            (columns, size) if is_single_pool else Table(columns, size, num_pools, pool_updates)
        )
    return sources


def _generated(
    steps: Steps, subset: Subset, generator: Generator, num_pools: int, max_images: int
) -> Columns:
    """Pools of generated images, one after the other, at most `max_images` in each."""
    settings = steps.trial.settings
    # A copier is not capped: it must hand out what `real_only` is trained on.
    cap = len(subset) if settings.generator == "copy" else settings.generated_images
    num_images = min(len(subset), cap, max_images)
    # Labels at even steps through the classes have the real proportions.
    labels = subset.labels[np.arange(num_images) * len(subset) // num_images]
    if missing_labels := {*np.unique(subset.labels)} - {*labels}:
        name = subset.class_names[min(missing_labels)]
        raise NotApplicable(
            f"{num_images} generated images in real proportions hold none of {name!r}"
        )
    parts = []
    for pool in range(num_pools):
        purpose = ("generated", str(pool)) if pool else ("generated",)
        images, assigned_labels = steps.generate(generator, labels, *purpose)
        parts.append((_in_order(as_uint8(images), labels), assigned_labels))
    images, assigned_labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    return images, assigned_labels


def _columns(settings: SubstitutionSettings, table: Columns, is_real: bool) -> Columns:
    """Images; labels, or shares of the classes where labels are smoothed; and loss weights.

    There are no weights where all images weigh alike.
    """
    images, labels = table
    columns: list[np.ndarray] = [images, labels]
    if settings.label_smoothing:
        smoothing = 0.0 if is_real else settings.label_smoothing
        num_classes = len(settings.classes)
        shares = (1 - smoothing) * np.eye(num_classes)[labels] + smoothing / num_classes
        columns[1] = shares.astype(np.float32)
    if settings.generated_weight != 1:
        weight = 1.0 if is_real else settings.generated_weight
        columns.append(np.full(len(labels), weight, np.float32))
    return tuple(columns)


def _in_order(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Images class by class, as the `labels` are, and within a class by pixels.

    Equal sets of images thus make equal tables, and equal trainings; and the classes of a batch are
    the same in all arms whose tables are as long.
    """
    return images[sorted(range(len(labels)), key=lambda i: (labels[i], images[i].tobytes()))]


def _save_gallery(steps: Steps, tables: Sequence[Columns]) -> None:
    """One image of each class in turn, from each table in turn."""
    gallery, rng = [], np.random.default_rng(0)
    for turn in range(GALLERY_IMAGES):
        images, labels = tables[turn % len(tables)]
        # Of few images under wrong labels a class may have none.
        class_rows = np.flatnonzero(labels == turn % len(steps.trial.settings.classes))
        gallery.append(images[rng.choice(class_rows if len(class_rows) else len(labels))])
    steps.save_gallery(np.stack(gallery))

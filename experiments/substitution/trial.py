"""One trial of the substitution study: real or generated images in, a ROC curve a class out."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from gan_mnist.data.augmentation import Augmentation, augment
from gan_mnist.data.images import as_float, as_uint8
from gan_mnist.data.subsets import Subset
from gan_mnist.evaluation.classification import class_aucs, roc_points
from gan_mnist.files import write_rows
from gan_mnist.generators.contract import Generator, HeldBack, mislabelled
from gan_mnist.generators.gans import conditional_recipe
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.seeding import derive_seed
from gan_mnist.trials import ClassifierTrial, save_gallery

from .study import SubstitutionSettings

GALLERY_IMAGES = 14

Table = tuple[np.ndarray, np.ndarray]


def run_trial(
    settings: SubstitutionSettings, arm: str, seed: int, directory: Path
) -> dict[str, Any]:
    """Runs one arm with one seed; see `imbalance` for the contract.

    `roc.csv` holds a curve a class.
    """
    trial = ClassifierTrial("substitution", settings, arm, seed, directory)
    allotment = trial.allot(settings.counts)
    generator = _generator(settings, trial, allotment.train)
    with trial.measured("generator"):
        tables = _tables(settings, allotment.train, generator, seed)
    _save_gallery(tables, len(settings.classes), trial.augmentation, directory / "gallery.npz")

    # Of an odd batch the larger part is real.
    sizes = [(settings.batch_size + i) // len(tables) for i in reversed(range(len(tables)))]
    batches = trial.batches(*zip(tables, sizes, strict=True))
    model = trial.train(trial.recipe(build_small_cnn), batches, allotment.validation)
    metrics, probabilities = trial.examine(model)
    judged = (trial.test.labels, probabilities, settings.classes)
    metrics |= class_aucs(*judged)
    write_rows(directory / "roc.csv", roc_points(*judged))
    trial.keep(model, probabilities, metrics, generator)
    return trial.record(metrics)


def _generator(
    settings: SubstitutionSettings, trial: ClassifierTrial, subset: Subset
) -> Generator | None:
    if settings.trained_on == "real":
        return None
    if settings.copies:
        return HeldBack(subset)
    return trial.generator(conditional_recipe(settings, settings.gan_updates), subset)


def _tables(
    settings: SubstitutionSettings, subset: Subset, generator: Generator | None, seed: int
) -> list[Table]:
    """What batches are drawn from: uint8 images and int32 labels, real ones first."""
    tables = []
    if settings.trained_on != "generated":
        tables.append(_in_order(subset.images, subset.labels))
    if generator is not None:
        # A copier is not capped: it must hand out what `real_only` is trained on.
        wanted = len(subset) if settings.copies else min(len(subset), settings.generated_images)
        # Labels at even steps through the classes have the real proportions.
        labels = subset.labels[np.arange(wanted) * len(subset) // wanted]
        drawn = generator.sample(labels, derive_seed("substitution", seed, "generated"))
        images, labels = _in_order(as_uint8(drawn), labels)
        if settings.shuffled:
            stream = derive_seed("substitution", seed, "shuffled_labels")
            labels = mislabelled(labels, len(settings.classes), stream)
        tables.append((images, labels))
    return tables


def _in_order(images: np.ndarray, labels: np.ndarray) -> Table:
    """Class by class and, within one, by pixels.

    Equal sets of images thus make equal tables, and equal trainings; and the classes of a batch are
    the same in all arms whose tables are as long.
    """
    rows = sorted(range(len(labels)), key=lambda row: (labels[row], images[row].tobytes()))
    return images[rows], labels[rows]


def _save_gallery(
    tables: list[Table], num_classes: int, augmentation: Augmentation | None, path: Path
) -> None:
    """One image of each class in turn, from each table in turn."""
    shown, rng = [], np.random.default_rng(0)
    for turn in range(GALLERY_IMAGES):
        images, labels = tables[turn % len(tables)]
        # Of few images under wrong labels a class may have none.
        of_class = np.flatnonzero(labels == turn % num_classes)
        shown.append(images[rng.choice(of_class if len(of_class) else len(labels))])
    pictures = np.stack(shown)
    if augmentation is not None:
        floats = tf.constant(as_float(pictures))
        pictures = as_uint8(augment(floats, augmentation, (0, tf.constant(0))).numpy())
    save_gallery(pictures, path)

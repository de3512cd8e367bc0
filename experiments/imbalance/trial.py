"""One trial of the imbalance study: fill the starved class, train a classifier, test it once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from gan_mnist.data.augmentation import Augmentation, augment
from gan_mnist.data.images import as_float, as_uint8
from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.generators.contract import Copies, Generator, HeldBack, Smote
from gan_mnist.generators.gans import GANRecipe, WarpRecipe, conditional_recipe
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.seeding import derive_seed
from gan_mnist.trials import ClassifierTrial, save_gallery

from .study import ImbalanceSettings

GALLERY_IMAGES = 12


def run_trial(settings: ImbalanceSettings, arm: str, seed: int, directory: Path) -> dict[str, Any]:
    """Runs one arm with one seed.

    Args:
        settings: The arm's settings, complete.
        arm: Its name; used for labels only.
        seed: The replicate.
        directory: Receives `predictions.csv`, `curves.csv` and `gallery.npz`.

    Returns:
        `metrics`, `seconds` (of one classifier, where there are several), `updates`, `device` and
        `dataset_sha256` for the record.

    Raises:
        NotApplicable: If the arm has no meaning for these counts.
        TrainingDiverged: If a loss is no number.
    """
    trial = ClassifierTrial("imbalance", settings, arm, seed, directory)
    allotment = trial.allot(settings.counts)
    generator = _generator(settings, trial, allotment)
    with trial.measured("generator"):
        columns = _training_rows(settings, allotment.train, generator, seed)
    _save_gallery(settings, columns, trial.augmentation, directory / "gallery.npz")

    recipe = trial.recipe(build_small_cnn, minority=_starved(settings))
    found = []
    for repeat in range(settings.repeats):
        batches = trial.batches((columns, settings.batch_size))
        model = trial.train(recipe, batches, allotment.validation, repeat)
        metrics, probabilities = trial.examine(model)
        found.append(metrics)
        if repeat == 0:
            trial.keep(model, probabilities, metrics, generator)
    return trial.record(_mean_metrics(settings, found), settings.repeats)


def _generator(
    settings: ImbalanceSettings, trial: ClassifierTrial, allotment: Allotment
) -> Generator | None:
    """What fills the starved class."""
    if settings.fill in ("none", "duplicate"):
        return None
    if settings.fill == "copy":
        return Copies(allotment.train)
    if settings.fill == "smote":
        return Smote(allotment.train)
    if settings.fill == "held_back":
        return HeldBack(allotment.held_back)
    return trial.generator(_recipe(settings), allotment.train)


def _recipe(settings: ImbalanceSettings) -> GANRecipe:
    if settings.fill == "warp_gan":
        return WarpRecipe(
            updates=0 if settings.untrained else settings.warp_updates,
            batch_size=settings.gan_batch_size,
            width=settings.warp_width,
            precision=settings.precision,
        )
    return conditional_recipe(settings, settings.gan_updates, augment=settings.diffaugment)


def _training_rows(
    settings: ImbalanceSettings, subset: Subset, generator: Generator | None, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, labels and loss weights of the training set that the arm's treatment makes."""
    counts = np.array(settings.counts)
    target = counts if settings.fill == "none" else np.full_like(counts, counts.max())
    num_real = target if generator is None else counts
    num_generated = target - num_real
    if settings.every_class:
        num_real = num_generated = np.full_like(counts, settings.generated_per_class)
    rows = np.concatenate(
        [np.resize(np.flatnonzero(subset.labels == c), n) for c, n in enumerate(num_real)]
    )
    images, labels = as_float(subset.images[rows]), subset.labels[rows]
    if generator is not None:
        wanted = np.repeat(np.arange(len(counts), dtype=np.int32), num_generated)
        fakes = generator.sample(wanted, derive_seed("imbalance", seed, "generated"))
        images, true_labels = np.concatenate([images, fakes]), np.concatenate([labels, wanted])
        if settings.shuffled:
            rng = np.random.default_rng(derive_seed("imbalance", seed, "shuffled_labels"))
            wanted = (wanted + rng.integers(1, len(counts), len(wanted))) % len(counts)
        # Class by class, so that a row of the batch order is of one class in every arm of a seed.
        order = np.argsort(true_labels, kind="stable")
        images, labels = images[order], np.concatenate([labels, wanted])[order].astype(np.int32)
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


def _save_gallery(
    settings: ImbalanceSettings,
    columns: tuple[np.ndarray, np.ndarray, np.ndarray],
    augmentation: Augmentation | None,
    path: Path,
) -> None:
    """The starved class as this arm shows it to the network, for the report."""
    rows = np.flatnonzero(columns[1] == _starved(settings))
    images = columns[0][np.resize(np.random.default_rng(0).permutation(rows), GALLERY_IMAGES)]
    if augmentation is not None:
        images = augment(tf.constant(images), augmentation, (0, tf.constant(0))).numpy()
    save_gallery(as_uint8(images), path)

"""One trial of the imbalance study: fill the starved class, train a classifier, test it once."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from experiments.imbalance.study import ImbalanceSettings
from gan_mnist.classifiers import ClassifierRecipe, predict, save_predictions, train_classifier
from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.pipelines import Augmentation, random_affine
from gan_mnist.data.subsets import Allotment, Subset, allot, held_out
from gan_mnist.evaluation.classification import classification_metrics
from gan_mnist.export import export_classifier, export_generator
from gan_mnist.files import write_json
from gan_mnist.gans import ConditionalRecipe, GANRecipe, WarpRecipe, trained
from gan_mnist.generators import Copies, Generator, HeldBack, Smote, TrainedGenerator, as_uint8
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.monitoring import log_trial
from gan_mnist.seeding import derive_seed

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
    keras.config.set_dtype_policy(settings.precision)
    workdir = directory.parents[2]
    dataset = load_dataset(
        settings.dataset,
        settings.data_dir,
        image_size=settings.image_size,
        channels=settings.channels,
    )
    allotment = allot(
        dataset, settings.classes, settings.counts, seed, settings.validation_per_class
    )
    generator, generator_seconds = _generator(settings, allotment, seed, workdir)
    began = time.monotonic()
    columns = _training_rows(settings, allotment.train, generator, seed)
    generator_seconds += time.monotonic() - began
    augmentation = _augmentation(settings)
    _save_gallery(settings, columns, augmentation, directory / "gallery.npz")

    log_directory = workdir / "tensorboard" / arm / f"seed-{seed:02d}"
    found, training_seconds, evaluation_seconds = [], 0.0, 0.0
    for repeat in range(settings.repeats):
        model, seconds = train_classifier(
            _classifier_recipe(settings),
            columns,
            augmentation,
            allotment.validation,
            ("imbalance", seed, repeat),
            directory / f"repeat-{repeat}" if repeat else directory,
            None if repeat else log_directory,
        )
        began = time.monotonic()
        test = held_out(dataset, settings.classes)
        probabilities = predict(model, test.images)
        found.append(classification_metrics(test.labels, probabilities, settings.classes))
        evaluation_seconds += time.monotonic() - began
        training_seconds += seconds
        if repeat == 0:
            save_predictions(test, probabilities, directory / "predictions.csv")
            if seed == 0 and settings.export_dir:
                export_directory = Path(settings.export_dir) / "imbalance" / arm
                _export(model, generator, settings, export_directory)
                about = {"arm": arm, "seed": seed, "settings": settings.identity()}
                about |= {"dataset": dataset.provenance, "metrics": found[0]}
                write_json(export_directory / "about.json", about)

    metrics = _mean_metrics(settings, found)
    log_trial(
        log_directory / "held_out",
        f"{arm} seed {seed}",
        {"arm": arm, "seed": seed, **settings.identity()},
        metrics,
    )
    return {
        "metrics": metrics,
        "seconds": {
            "generator": round(generator_seconds, 3),
            "training": round(training_seconds / settings.repeats, 3),
            "evaluation": round(evaluation_seconds / settings.repeats, 3),
        },
        "updates": settings.updates,
        "device": tf.config.list_logical_devices()[-1].device_type,
        "dataset_sha256": dataset.sha256,
    }


def _export(
    model: keras.Model, generator: Generator | None, settings: ImbalanceSettings, directory: Path
) -> None:
    export_classifier(model, settings.classes, directory)
    if isinstance(generator, TrainedGenerator):
        export_generator(generator, settings.classes, directory)


def _generator(
    settings: ImbalanceSettings, allotment: Allotment, seed: int, workdir: Path
) -> tuple[Generator | None, float]:
    """What fills the starved class, and what its training cost in seconds."""
    subset, seconds = allotment.train, 0.0
    generator: Generator
    if settings.fill in ("none", "duplicate"):
        return None, 0.0
    if settings.fill == "copy":
        generator = Copies(subset)
    elif settings.fill == "smote":
        generator = Smote(subset)
    elif settings.fill == "held_back":
        generator = HeldBack(allotment.held_back)
    else:
        generator, seconds = trained(_recipe(settings), subset, seed, workdir)
    return generator, seconds


def _recipe(settings: ImbalanceSettings) -> GANRecipe:
    if settings.fill == "warp_gan":
        return WarpRecipe(
            updates=0 if settings.untrained else settings.warp_updates,
            batch_size=settings.batch_size,
            width=settings.warp_width,
            precision=settings.precision,
        )
    return ConditionalRecipe(
        updates=settings.gan_updates,
        batch_size=settings.batch_size,
        width=settings.gan_width,
        precision=settings.precision,
        architecture=settings.gan_architecture,
        latent_dim=settings.gan_latent_dim,
        learning_rate=settings.gan_learning_rate,
        augment=settings.diffaugment,
    )


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
    images, labels = subset.images[rows], subset.labels[rows]
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


def _augmentation(settings: ImbalanceSettings) -> Augmentation | None:
    if not settings.classical:
        return None
    return Augmentation(settings.rotation_degrees, settings.shift, settings.zoom, settings.shear)


def _classifier_recipe(settings: ImbalanceSettings) -> ClassifierRecipe:
    return ClassifierRecipe(
        build=build_small_cnn,
        image_shape=(settings.image_size, settings.image_size, settings.channels),
        num_classes=len(settings.classes),
        updates=settings.updates,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        precision=settings.precision,
        minority=_starved(settings),
    )


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
        images = random_affine(tf.constant(images), augmentation, (0, tf.constant(0))).numpy()
    np.savez_compressed(path, images=as_uint8(images))

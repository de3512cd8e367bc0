"""One trial of the scaling study: a classifier, and a generator, at every number of images."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from gan_mnist.data.augmentation import augment
from gan_mnist.data.images import as_float, as_uint8
from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.files import read_json, write_json
from gan_mnist.generators.contract import TrainedGenerator
from gan_mnist.generators.gans import conditional_recipe
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.seeding import derive_seed
from gan_mnist.training.classifier import train_classifier
from gan_mnist.trials import ClassifierTrial, save_gallery

from .study import DataScalingSettings, sizes

GALLERY_IMAGES = 14


def run_trial(
    settings: DataScalingSettings, arm: str, seed: int, directory: Path
) -> dict[str, Any]:
    """Runs one arm with one seed, at all sizes; see `imbalance` for the contract.

    `size-N` in `directory` holds the curves and `result.json` of N training images. A size that has
    its result is not trained again.
    """
    trial = ClassifierTrial("data_scaling", settings, arm, seed, directory)
    allotment = trial.allot(None)
    in_turns = turns(allotment.train.labels, seed)
    fingerprint = settings.fingerprint("data_scaling", seed, trial.dataset.sha256)
    accuracies = {}
    for size in sizes(settings):
        path = directory / f"size-{size}" / "result.json"
        result = read_json(path, "fingerprint", "metrics", "seconds", "generators")
        if result is None or result["fingerprint"] != fingerprint:
            spent, known = dict(trial.seconds), len(trial.generators)
            metrics = _run_size(settings, trial, allotment, in_turns[:size], seed, directory)
            seconds = {part: trial.seconds[part] - spent[part] for part in spent}
            result = {"fingerprint": fingerprint, "metrics": metrics, "seconds": seconds}
            result["generators"] = trial.generators[known:]
            write_json(path, result)
        else:
            for part, more in result["seconds"].items():
                trial.seconds[part] += more
            trial.generators += result["generators"]
        accuracies[f"accuracy_at_{size}"] = result["metrics"]["accuracy"]
    _save_gallery(settings, trial, directory)
    mean = float(np.mean(list(accuracies.values())))
    updates = settings.updates * len(accuracies)
    return trial.record({"accuracy": mean} | accuracies) | {"updates": updates}


def turns(labels: np.ndarray, seed: int) -> np.ndarray:
    """An order of all rows of which every beginning is balanced, and part of every longer one.

    Classes take turns, in an order of the seed's own, until they are used up; those that run dry
    are passed over.

    Args:
        labels: int (n,), 0..k-1.
        seed: The replicate.

    Returns:
        int (n,), a permutation of 0..n-1.
    """
    rng = np.random.default_rng(derive_seed("data_scaling", seed, "class_order"))
    place = rng.permutation(labels.max() + 1)
    turn = np.empty_like(labels)
    for label in np.unique(labels):
        of_class = labels == label
        turn[of_class] = np.arange(of_class.sum())
    return np.lexsort((place[labels], turn))


def _run_size(
    settings: DataScalingSettings,
    trial: ClassifierTrial,
    allotment: Allotment,
    rows: np.ndarray,
    seed: int,
    directory: Path,
) -> dict[str, float]:
    """Metrics of the classifier that sees `rows` of the training images, and what is made of them.

    Initial weights, order and dropout are those of every other size.
    """
    subset = _part(allotment.train, rows)
    columns, generator = (subset.images, subset.labels), None
    sources, shown = [(columns, settings.batch_size)], columns
    if settings.generated:
        generator = trial.generator(conditional_recipe(settings, settings.gan_updates), subset)
        with trial.measured("generator"):
            shown = _pool(settings, generator, seed)
        half = settings.batch_size // 2
        sources = [(columns, settings.batch_size - half), (shown, half)]
    size = f"size-{len(rows)}"
    (directory / size).mkdir(exist_ok=True)
    # The last rows are those that no smaller size has.
    save_gallery(shown[0][-GALLERY_IMAGES:], directory / size / "gallery.npz")
    model, seconds = train_classifier(
        trial.recipe(build_small_cnn),
        trial.batches(*sources),
        allotment.validation,
        ("data_scaling", seed, 0),
        directory / size,
        trial.log_directory / size,
    )
    trial.seconds["training"] += seconds
    metrics, probabilities = trial.examine(model)
    if len(rows) == settings.largest:
        trial.keep(model, probabilities, metrics, generator)
    return metrics


def _part(subset: Subset, rows: np.ndarray) -> Subset:
    return Subset(
        images=subset.images[rows],
        labels=subset.labels[rows],
        class_names=subset.class_names,
        filenames=tuple(subset.filenames[row] for row in rows),
    )


def _pool(
    settings: DataScalingSettings, generator: TrainedGenerator, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Generated images and their labels, as many of each class."""
    labels = np.arange(settings.pool_images, dtype=np.int32) % np.int32(len(settings.classes))
    return as_uint8(generator.sample(labels, derive_seed("data_scaling", seed, "pool"))), labels


def _save_gallery(settings: DataScalingSettings, trial: ClassifierTrial, directory: Path) -> None:
    """As many images of each size as there is room for, as the arm shows them."""
    paths = [directory / f"size-{size}" / "gallery.npz" for size in sizes(settings)]
    each = max(1, GALLERY_IMAGES // len(paths))
    images = np.concatenate([np.load(path)["images"][:each] for path in paths])
    if trial.augmentation is not None:
        floats = tf.constant(as_float(images))
        images = as_uint8(augment(floats, trial.augmentation, (0, tf.constant(0))).numpy())
    save_gallery(images, directory / "gallery.npz")

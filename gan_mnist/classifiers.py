"""A classifier from rows to predictions: the same way in every experiment and every arm."""

import csv
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.pipelines import Augmentation, training_batches
from gan_mnist.data.subsets import Subset
from gan_mnist.evaluation.classification import ClassRecall
from gan_mnist.monitoring import TensorBoardScalars
from gan_mnist.seeding import derive_seed
from gan_mnist.training import ReusableModel, fit, updates_per_call


@dataclass(frozen=True)
class ClassifierRecipe:
    """How a classifier is built and trained; the arms of a study share one.

    Attributes:
        build: Maps (image_shape, num_classes) to a model from images to logits.
        image_shape: (H, W, C).
        num_classes: Width of the logits.
        updates: Number of updates, a multiple of 10.
        batch_size: Rows a batch.
        learning_rate: Of Adam.
        precision: Keras dtype policy, which the caller has set.
        minority: Label whose recall is watched as `minority_recall`, or None.
    """

    build: Callable[[tuple[int, int, int], int], keras.Model]
    image_shape: tuple[int, int, int]
    num_classes: int
    updates: int
    batch_size: int
    learning_rate: float
    precision: str = "float32"
    minority: int | None = None


def train_classifier(
    recipe: ClassifierRecipe,
    columns: Sequence[np.ndarray],
    augmentation: Augmentation | None,
    validation: Subset,
    stream: tuple[str | int, ...],
    directory: Path,
    log_directory: Path | None,
) -> tuple[keras.Model, float]:
    """Trains a fresh classifier.

    Args:
        recipe: How.
        columns: Images, labels and loss weights, row by row.
        augmentation: Of the training images, or None.
        validation: Images for the `val_*` columns of the curves.
        stream: What keys initial weights, batch order and dropout; the same in all arms of a seed.
        directory: Receives `curves.csv`.
        log_directory: Receives TensorBoard's events, or None for none.

    Returns:
        The model, which the next call with this recipe trains anew, and the seconds it took.
    """
    model = _reusable(recipe).fresh(derive_seed(*stream, "weights"))
    log = [TensorBoardScalars(log_directory, recipe.updates)] if log_directory else []
    seconds = fit(
        model,
        functools.partial(
            training_batches,
            columns,
            recipe.batch_size,
            derive_seed(*stream, "order"),
            augmentation,
        ),
        recipe.updates,
        directory,
        derive_seed(*stream, "dropout"),
        log,
        (validation.images, validation.labels),
    )
    return model, seconds


@functools.lru_cache(maxsize=2)
def _reusable(recipe: ClassifierRecipe) -> ReusableModel:
    watched = (
        [] if recipe.minority is None else [ClassRecall(recipe.minority, name="minority_recall")]
    )
    return ReusableModel(
        lambda: recipe.build(recipe.image_shape, recipe.num_classes),
        lambda model: model.compile(
            keras.optimizers.Adam(recipe.learning_rate),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=watched,
            # An object, not a name: its variables exist before the first trace, so there is one.
            weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
            steps_per_execution=updates_per_call(recipe.updates),
        ),
    )


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Probabilities, float32 (n, k), of float32 images (n, H, W, C)."""
    return tf.nn.softmax(model.predict(images, batch_size=250, verbose=0)).numpy()


def save_predictions(test: Subset, probabilities: np.ndarray, path: Path) -> None:
    """Writes a row an image: file name, true class, predicted class and its probability."""
    names = test.class_names
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "label", "prediction", "probability"])
        for filename, label, row in zip(test.filenames, test.labels, probabilities, strict=True):
            writer.writerow([filename, names[label], names[row.argmax()], f"{row.max():.6f}"])

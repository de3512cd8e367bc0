"""Training and predictions of classifiers: the same way in every experiment and every arm."""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import Subset
from gan_mnist.evaluation.classification import Accuracy, MeanRecall, are_soft_labels
from gan_mnist.evaluation.inference import predict_in_chunks
from gan_mnist.files import read_arrays, write_arrays, write_rows
from gan_mnist.models.fixmatch import FixMatch
from gan_mnist.seeding import derive_seed
from gan_mnist.training.adam import Adam
from gan_mnist.training.loop import fit, updates_per_call
from gan_mnist.training.made_once import reusable
from gan_mnist.training.tensorboard import TensorBoardScalars

Batches = Callable[[int, int], tf.data.Dataset]
Watched = tuple[str, Subset]
MOST_BYTES_AS_FLOATS = 100_000_000
# Which watched images were classified correctly so far, while a training is under way.
RIGHT = "right.npz"
BuildNetwork = Callable[[tuple[int, int, int], int, int], keras.Model]


@keras.saving.register_keras_serializable("gan_mnist")
class OneOfAll(keras.losses.SparseCategoricalCrossentropy):
    """Softmax cross-entropy of labels, or of soft labels, where images are mixed."""

    def __init__(self, from_logits: bool = True, **options: Any):
        super().__init__(from_logits=from_logits, **options)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        if are_soft_labels(y_true):
            return tf.nn.softmax_cross_entropy_with_logits(y_true, y_pred)
        return super().call(y_true, y_pred)


@keras.saving.register_keras_serializable("gan_mnist")
class OneAgainstRest(keras.losses.Loss):
    """One-against-rest loss: the binary cross-entropy of each class, averaged over classes."""

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        targets = y_true
        if not are_soft_labels(y_true):
            targets = tf.one_hot(tf.cast(tf.reshape(y_true, [-1]), tf.int32), y_pred.shape[-1])
        losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, y_pred)
        return tf.reduce_mean(losses, axis=-1)


LOSSES: Mapping[str, Callable[[], keras.losses.Loss]] = {
    "softmax": OneOfAll,
    # docs/sources.md#mixing, for classes that exclude each other.
    "sigmoid": OneAgainstRest,
    "fixmatch": FixMatch,
}


@dataclass(frozen=True)
class ClassifierRecipe:
    """How a classifier is built and trained; the arms of a study share one.

    Attributes:
        network: Maps (image_shape, num_classes, width) to a model from images to logits.
        image_shape: (H, W, C).
        num_classes: Width of the logits.
        width: Multiplies the numbers of channels and units.
        updates: Number of updates, a multiple of `intervals`.
        learning_rate: Of Adam.
        decay: Whether the learning rate falls to 0 along a half cosine (arXiv 1608.03983).
        loss: A key of `LOSSES`.
        intervals: Parts of the training after which curves may have a point.
        precision: Keras dtype policy, which the caller has set.
        minority: Labels whose mean recall is watched as `minority_recall`, or none.
    """

    network: BuildNetwork
    image_shape: tuple[int, int, int]
    num_classes: int
    width: int
    updates: int
    learning_rate: float
    decay: bool = False
    loss: str = "softmax"
    intervals: int = 10
    precision: str = "float32"
    minority: tuple[int, ...] = ()

    def build(self) -> keras.Model:
        """The network, not compiled."""
        return self.network(self.image_shape, self.num_classes, self.width)

    def compile(self, model: keras.Model) -> None:
        """Gives it optimizer, loss and metrics."""
        rate: Any = self.learning_rate
        if self.decay:
            rate = keras.optimizers.schedules.CosineDecay(rate, self.updates)
        metrics = [MeanRecall(self.minority, name="minority_recall")] if self.minority else []
        model.compile(
            Adam(rate),
            LOSSES[self.loss](),
            metrics=metrics,
            # An object, not a name: its variables exist before the first trace, so there is one.
            weighted_metrics=[Accuracy(name="accuracy")],
            steps_per_execution=updates_per_call(self.updates, self.intervals),
        )


def train_classifier(
    recipe: ClassifierRecipe,
    batches: Batches,
    validation: Subset,
    stream: tuple[str | int, ...],
    directory: Path,
    log_directory: Path | None = None,
    watched: Watched | None = None,
    rows: Sequence[int] | None = None,
    prepare: Callable[[keras.Model], None] | None = None,
    log_name: str = "",
    right: dict[int, np.ndarray] | None = None,
) -> tuple[keras.Model, float]:
    """Trains a fresh classifier.

    Args:
        recipe: How it is built and trained.
        batches: Maps (seed, first update) to the data set of (images, labels, loss weights); labels
            are int (n,), or shares of the classes, float (n, k).
        validation: Images for the `val_*` columns of the curves; if empty, there are none.
        stream: What keys initial weights, batch order and dropout; the same in all arms of a seed.
        directory: Receives `curves.csv`.
        log_directory: Receives TensorBoard's events, or None for none.
        watched: More images, whose accuracy the curves show beside that of validation.
        rows: As in `fit`.
        prepare: Called with the fresh model before it is trained.
        log_name: Prefix of the metrics' names, if several trainings share `log_directory`.
        right: Receives bool (n,) by interval of `rows`: which watched images are correct.

    Returns:
        The model, which the next call with this recipe trains anew, and the seconds it took.
    """
    model = reusable(recipe).fresh(derive_seed(*stream, "weights"))
    if prepare is not None:
        prepare(model)
    callbacks: list[keras.callbacks.Callback] = []
    if watched is not None:
        kept_intervals = range(1, recipe.intervals + 1) if rows is None else rows
        watch = _Watch(watched, kept_intervals, directory / RIGHT if right is not None else None)
        callbacks.append(watch)
    if log_directory is not None:
        interval = recipe.updates // recipe.intervals
        callbacks.append(TensorBoardScalars(log_directory, interval, name=log_name))
    seconds = fit(
        model,
        functools.partial(batches, derive_seed(*stream, "order")),
        recipe.updates,
        directory,
        derive_seed(*stream, "dropout"),
        callbacks,
        (_shown(validation), validation.labels) if len(validation) else None,
        recipe.intervals,
        rows,
    )
    if watched is not None and right is not None:
        right |= watch.right
        (directory / RIGHT).unlink(missing_ok=True)
    return model, seconds


def _shown(validation: Subset) -> np.ndarray:
    """Its images as float32, or as uint8 where floats would take too much memory."""
    # Converting them batch by batch traces a function for every training.
    is_small = validation.images.nbytes < MOST_BYTES_AS_FLOATS / 4
    return as_float(validation.images) if is_small else validation.images


class _Watch(keras.callbacks.Callback):
    """Adds `NAME_accuracy` of the watched images to the metrics of the intervals in `kept`.

    Which of them are classified correctly is written to `path`, if given, so that a resumed
    training knows it for earlier intervals.
    """

    def __init__(self, watched: Watched, kept: Collection[int], path: Path | None = None):
        super().__init__()
        self._name, subset = watched
        self._images, self._labels = subset.images, subset.labels
        self._kept = kept
        self._path = path
        # Nothing from a file that is damaged or missing.
        saved = (read_arrays(path) if path is not None else None) or {}
        self.right = {int(interval): flags for interval, flags in saved.items()}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs is not None and epoch + 1 in self._kept:
            is_correct = predict(self.model, self._images).argmax(axis=1) == self._labels
            logs[f"{self._name}_accuracy"] = float(np.mean(is_correct))
            if self._path is not None:
                self.right[epoch + 1] = is_correct
                write_arrays(
                    self._path, **{str(interval): flags for interval, flags in self.right.items()}
                )


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Probabilities, float32 (n, k): the softmax of the logits, whatever the loss was.

    After the loss "sigmoid" the ranking of classes is right, but probabilities are not calibrated.
    Images are (n, H, W, C), uint8 or float32 in [0, 1].
    """
    return tf.nn.softmax(predict_in_chunks(model, images)).numpy()


def save_predictions(test: Subset, probabilities: np.ndarray, path: Path) -> None:
    """Writes a row an image: file name, true class, predicted class and its probability."""
    names = test.class_names
    predictions, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    rows = [
        {
            "image": filename,
            "label": names[label],
            "prediction": names[predicted],
            "probability": f"{probability:.6f}",
        }
        for filename, label, predicted, probability in zip(
            test.filenames,
            test.labels.tolist(),
            predictions.tolist(),
            confidences.tolist(),
            strict=True,
        )
    ]
    write_rows(path, rows)

"""Metrics of a classifier on held-out images."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn import metrics


def hard_labels(y_true: tf.Tensor) -> tf.Tensor:
    """Labels (n,) or (n, 1) as they are; of soft labels (n, k) the index of the largest, int64."""
    return tf.argmax(y_true, axis=-1) if are_soft_labels(y_true) else y_true


def are_soft_labels(y_true: tf.Tensor) -> bool:
    """Whether these are soft labels (n, k), shares of the classes, and not class indices."""
    return len(y_true.shape) == 2 and y_true.shape[-1] > 1


@keras.saving.register_keras_serializable("gan_mnist")
class Accuracy(keras.metrics.SparseCategoricalAccuracy):
    """Share of images whose predicted class is the label, or has the largest share in it.

    Takes labels (n,) or (n, 1), or soft labels (n, k), shares of the classes.
    """

    def update_state(
        self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> Any:
        return super().update_state(hard_labels(y_true), y_pred, sample_weight)


@keras.saving.register_keras_serializable("gan_mnist")
class MeanRecall(keras.metrics.Metric):
    """Mean recall of some classes during training.

    Recall is the share of a class's images that get its logit as the highest; classes without
    images are left out.
    """

    def __init__(self, labels: Sequence[int], **options: Any):
        """Averages over the classes with these labels; `options` are of any Keras metric."""
        super().__init__(**options)
        self.labels = tuple(labels)
        self._labels = tf.constant(self.labels, tf.int64)
        shape = (len(labels),)
        self._found = self.add_weight(shape=shape, initializer="zeros", name="found")
        self._present = self.add_weight(shape=shape, initializer="zeros", name="present")

    def update_state(
        self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: None = None
    ) -> None:
        """Adds a batch of labels, or of shares of classes, and of float (n, k) logits."""
        labels = tf.reshape(tf.cast(hard_labels(y_true), tf.int64), [-1, 1])
        is_in_class = labels == self._labels
        is_correct = is_in_class & (tf.argmax(y_pred, axis=-1)[:, None] == labels)
        self._found.assign_add(tf.reduce_sum(tf.cast(is_correct, self.dtype), axis=0))
        self._present.assign_add(tf.reduce_sum(tf.cast(is_in_class, self.dtype), axis=0))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "labels": self.labels}

    def result(self) -> tf.Tensor:
        """In [0, 1]; 0 before there was any image."""
        present = tf.convert_to_tensor(self._present)
        recalls = tf.math.divide_no_nan(tf.convert_to_tensor(self._found), present)
        occurring = tf.reduce_sum(tf.cast(present > 0, recalls.dtype))
        return tf.math.divide_no_nan(tf.reduce_sum(recalls), occurring)


def classification_metrics(
    labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]
) -> dict[str, float]:
    """All metrics of a classifier, by their names in records, TensorBoard and reports.

    Args:
        labels: int (n,) in 0..k-1; every class occurs.
        probabilities: float (n, k), rows sum to 1.
        class_names: The k names, for `recall_<name>`.

    Returns:
        `accuracy`, `balanced_accuracy` (mean recall), `macro_auc` (one class against the rest,
        averaged) and `recall_<name>` a class, all in [0, 1].
    """
    predictions = probabilities.argmax(axis=1)
    recalls = metrics.recall_score(
        labels, predictions, labels=range(len(class_names)), average=None, zero_division=0
    )
    one_hot = np.eye(len(class_names))[labels]
    return {
        "accuracy": float(np.mean(predictions == labels)),
        "balanced_accuracy": float(np.mean(recalls)),
        "macro_auc": float(metrics.roc_auc_score(one_hot, probabilities, average="macro")),
        **{
            f"recall_{name}": float(recall)
            for name, recall in zip(class_names, recalls, strict=True)
        },
    }


def precision_metrics(
    labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]
) -> dict[str, float]:
    """Precision and F1: what predicting a class too often costs, which recall does not show.

    Args:
        labels: int (n,) in 0..k-1; every class occurs.
        probabilities: float (n, k), rows sum to 1.
        class_names: The k names, for `precision_<name>`.

    Returns:
        `macro_f1` (mean over classes) and `precision_<name>` a class, 0 of one that was never
        predicted; all in [0, 1].
    """
    predictions = probabilities.argmax(axis=1)
    options: dict[str, Any] = {"labels": range(len(class_names)), "zero_division": 0}
    precisions = metrics.precision_score(labels, predictions, average=None, **options)
    return {
        "macro_f1": float(metrics.f1_score(labels, predictions, average="macro", **options)),
        **{
            f"precision_{name}": float(precision)
            for name, precision in zip(class_names, precisions, strict=True)
        },
    }


def further_test_metrics(
    name: str, labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]
) -> dict[str, float]:
    """Metrics of a classifier on further test images, which may lack some of its classes.

    Args:
        name: Name of the test set.
        labels: int (n,) in 0..k-1.
        probabilities: float (n, k).
        class_names: The k names.

    Returns:
        `<name>_accuracy`, `<name>_balanced_accuracy` (mean recall of the classes that occur) and
        `<name>_recall_<class>` of each of these, all in [0, 1].
    """
    is_correct = probabilities.argmax(axis=1) == labels
    recalls = {label: float(is_correct[labels == label].mean()) for label in np.unique(labels)}
    return {
        f"{name}_accuracy": float(is_correct.mean()),
        f"{name}_balanced_accuracy": float(np.mean(list(recalls.values()))),
        **{f"{name}_recall_{class_names[label]}": recall for label, recall in recalls.items()},
    }


def class_aucs(
    labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]
) -> dict[str, float]:
    """Area under the ROC curve of each class against the rest; `macro_auc` is their mean.

    Args:
        labels: int (n,) in 0..k-1; every class occurs.
        probabilities: float (n, k).
        class_names: The k names.

    Returns:
        `auc_<name>` a class, in [0, 1].
    """
    one_hot = np.eye(len(class_names))[labels]
    areas = metrics.roc_auc_score(one_hot, probabilities, average=None)
    return {f"auc_{name}": float(area) for name, area in zip(class_names, areas, strict=True)}


def roc_points(
    labels: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    most_points: int = 200,
) -> list[dict[str, Any]]:
    """The ROC curve of each class against the rest, as rows of `roc.csv`.

    Args:
        labels: int (n,) in 0..k-1; every class occurs.
        probabilities: float (n, k).
        class_names: The k names.
        most_points: Points a class, at most. Longer curves are thinned to even steps of the
            true-positive rate plus the log of the false one, so that the steep beginning stays.

    Returns:
        Rows of `class`, `false_positive_rate` and `true_positive_rate`, in [0, 1], from (0, 0) to
        (1, 1) a class.
    """
    rows = []
    for label, name in enumerate(class_names):
        positive = labels == label
        false, true, _ = metrics.roc_curve(positive, probabilities[:, label])
        if len(false) > most_points:
            negatives = np.sum(~positive)
            position = true + np.log1p(negatives * false) / np.log1p(negatives)
            steps = np.linspace(0, position[-1], most_points)
            indices = np.unique(np.searchsorted(position, steps))
            false, true = false[indices], true[indices]
        rows += [
            {"class": name, "false_positive_rate": float(x), "true_positive_rate": float(y)}
            for x, y in zip(false, true, strict=True)
        ]
    return rows

"""What a classifier is worth on held-out images."""

from collections.abc import Sequence

import numpy as np
from sklearn import metrics


def classification_metrics(
    labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]
) -> dict[str, float]:
    """Every metric by the name it has in records, TensorBoard and reports.

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
        **{f"recall_{name}": float(r) for name, r in zip(class_names, recalls, strict=True)},
    }

"""Metrics of a classifier, counted out by hand."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.evaluation.classification import (
    MeanRecall,
    class_aucs,
    classification_metrics,
    further_test_metrics,
    precision_metrics,
    roc_points,
)

NAMES = ("one", "two", "three")


def random_answers(num=60, seed=0):
    """Labels, and probabilities that favour the right class; some are tied."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([0, 1, 2], [num // 6, num // 3, num // 2]))
    scores = rng.integers(0, 4, (num, 3)) + 1.0 * (labels[:, None] == np.arange(3))
    scores = np.exp(scores)
    return labels, scores / scores.sum(axis=1, keepdims=True)


def area_by_pairs(scores, is_positive):
    """How often a positive scores above a negative; a tie counts half."""
    pairs = itertools.product(scores[is_positive], scores[~is_positive])
    return np.mean([(p > n) + 0.5 * (p == n) for p, n in pairs])


@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_what_counting_gives(seed):
    labels, probabilities = random_answers(seed=seed)
    found = classification_metrics(labels, probabilities, NAMES)
    right = [int(np.argmax(row)) == label for row, label in zip(probabilities, labels, strict=True)]
    recalls = [
        np.mean([r for r, of in zip(right, labels, strict=True) if of == k]) for k in range(3)
    ]
    areas = [area_by_pairs(probabilities[:, k], labels == k) for k in range(3)]
    assert found == pytest.approx(
        {
            "accuracy": sum(right) / 60,
            "balanced_accuracy": sum(recalls) / 3,
            "macro_auc": sum(areas) / 3,
            "recall_one": recalls[0],
            "recall_two": recalls[1],
            "recall_three": recalls[2],
        }
    )
    assert all(type(value) is float for value in found.values())
    assert len(set(recalls)) == 3  # Or mixed-up classes would not show.


def test_perfect_and_worst_answers():
    labels = np.array([0, 0, 1, 2])
    perfect = classification_metrics(labels, np.eye(3)[labels], NAMES)
    assert set(perfect.values()) == {1.0}
    worst = classification_metrics(labels, (1 - np.eye(3)[labels]) / 2, NAMES)
    assert set(worst.values()) == {0.0}


def test_two_classes():
    probabilities = np.array([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
    found = classification_metrics(np.array([0, 0, 1]), probabilities, ("a", "b"))
    assert found == pytest.approx(
        {
            "accuracy": 2 / 3,
            "balanced_accuracy": 0.75,
            "macro_auc": 1.0,
            "recall_a": 0.5,
            "recall_b": 1.0,
        }
    )


@pytest.mark.parametrize("column", [False, True])
def test_mean_recall_over_batches_is_the_recall_of_all(column):
    labels, probabilities = random_answers()
    for label in range(3):
        metric = MeanRecall([label], name="minority_recall")
        for rows in np.array_split(np.arange(60), 7):
            batch = labels[rows, None] if column else labels[rows]
            metric.update_state(tf.constant(batch), tf.math.log(probabilities[rows]))
        expected = np.mean(probabilities[labels == label].argmax(axis=1) == label)
        assert float(metric.result()) == pytest.approx(expected)
        metric.reset_state()
        assert float(metric.result()) == 0


def test_mean_recall_of_several_classes_leaves_out_those_without_images():
    labels = np.array([0, 0, 0, 0, 2, 2])
    logits = np.eye(4)[[0, 1, 1, 1, 2, 2]]
    metric = MeanRecall([0, 2, 3], name="minority_recall")
    metric.update_state(tf.constant(labels[:3]), tf.constant(logits[:3]))
    metric.update_state(tf.constant(labels[3:]), tf.constant(logits[3:]))
    assert float(metric.result()) == pytest.approx((1 / 4 + 1) / 2)


def test_precision_of_a_class_that_is_never_predicted_is_0():
    labels, predictions = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1])
    found = precision_metrics(labels, np.eye(3)[predictions], ("a", "b", "c"))
    assert found == pytest.approx(
        {
            "precision_a": 1.0,
            "precision_b": 1 / 3,
            "precision_c": 0.0,
            "macro_f1": (2 / 3 + 1 / 2 + 0) / 3,
        }
    )


def test_mean_recall_keeps_its_name_in_keras_and_ignores_loss_weights():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Identity()])
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[MeanRecall([1], name="minority_recall")],
    )
    labels, probabilities = random_answers()
    logits = np.log(probabilities).astype(np.float32)
    weights = np.random.default_rng(0).random(60).astype(np.float32)
    logs = model.evaluate(logits, labels, sample_weight=weights, verbose=0, return_dict=True)
    expected = np.mean(probabilities[labels == 1].argmax(axis=1) == 1)
    assert logs["minority_recall"] == pytest.approx(expected)


def curve_of(rows, name):
    """Rates of false and of true positives of one class, shape (2, n)."""
    rates = ("false_positive_rate", "true_positive_rate")
    return np.array([[row[rate] for rate in rates] for row in rows if row["class"] == name]).T


def hard_answers(num=6000, seed=0):
    """Three classes of unlike size, and probabilities that tell them apart somewhat."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, num, p=(0.1, 0.3, 0.6))
    scores = np.exp(rng.normal(0, 1, (num, 3)) + 2.0 * (labels[:, None] == np.arange(3)))
    return labels, scores / scores.sum(axis=1, keepdims=True)


def test_area_of_each_class_is_what_counting_gives():
    labels, probabilities = random_answers()
    found = class_aucs(labels, probabilities, NAMES)
    areas = [area_by_pairs(probabilities[:, k], labels == k) for k in range(3)]
    assert list(found) == ["auc_one", "auc_two", "auc_three"]
    assert list(found.values()) == pytest.approx(areas)
    assert len(set(areas)) == 3
    macro = classification_metrics(labels, probabilities, NAMES)["macro_auc"]
    assert np.mean(list(found.values())) == pytest.approx(macro)


def test_a_short_curve_is_whole():
    labels, probabilities = random_answers()
    rows = roc_points(labels, probabilities, NAMES)
    for k, name in enumerate(NAMES):
        false, true = curve_of(rows, name)
        assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
        steps = {(0.0, 0.0)}
        for threshold in probabilities[:, k]:
            called = probabilities[:, k] >= threshold
            steps.add((called[labels != k].mean(), called[labels == k].mean()))
        assert set(zip(false, true, strict=True)) <= steps
        area = np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2)
        assert area == pytest.approx(area_by_pairs(probabilities[:, k], labels == k))


def test_a_long_curve_keeps_its_area_its_ends_and_its_beginning():
    labels, probabilities = hard_answers()
    rows = roc_points(labels, probabilities, NAMES)
    areas = class_aucs(labels, probabilities, NAMES)
    whole = roc_points(labels, probabilities, NAMES, most_points=10_000)
    for name in NAMES:
        false, true = curve_of(rows, name)
        all_false, all_true = curve_of(whole, name)
        assert 100 < len(false) <= 200 < len(all_false)
        assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
        assert (np.diff(false) >= 0).all()
        assert (np.diff(true) >= 0).all()
        area = np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2)
        assert area == pytest.approx(areas[f"auc_{name}"], abs=1e-3)
        # The few false positives at the beginning, where good classifiers differ, are not lost.
        first = all_false[all_false > 0][0]
        grid = np.geomspace(first, 1, 100)
        read, exact = np.interp(grid, false, true), np.interp(grid, all_false, all_true)
        np.testing.assert_allclose(read, exact, atol=0.03)
    rows = roc_points(labels, probabilities, NAMES, most_points=20)
    assert all(curve_of(rows, name).shape[1] <= 20 for name in NAMES)


def test_a_further_test_set_may_lack_classes():
    labels = np.array([0, 0, 0, 2])
    probabilities = np.eye(3)[[0, 1, 0, 1]]
    found = further_test_metrics("new", labels, probabilities, ("ape", "bee", "cat"))
    assert found == {
        "new_accuracy": 0.5,
        "new_balanced_accuracy": pytest.approx(1 / 3),
        "new_recall_ape": pytest.approx(2 / 3),
        "new_recall_cat": 0.0,
    }

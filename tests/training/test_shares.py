"""Classifiers trained on shares of classes, as mixed images have them."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data.augmentation import Augmentation
from gan_mnist.data.pipelines import training_batches
from gan_mnist.data.subsets import Subset
from gan_mnist.evaluation.classification import Accuracy, MeanRecall
from gan_mnist.files import read_rows
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.training.classifier import LOSSES, ClassifierRecipe, train_classifier
from gan_mnist.training.made_once import reusable

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 3)).astype(np.float32)
LABELS = np.array([0, 2, 1, 1, 0, 2], np.int32)
SHARES = RNG.dirichlet((1, 1, 1), 6).astype(np.float32)


# FixMatch gives shares to no image.
@pytest.mark.parametrize("name", [name for name in LOSSES if name != "fixmatch"])
def test_a_loss_of_shares_is_the_mean_of_those_of_the_classes(name):
    loss = LOSSES[name]()
    each = [
        [float(loss(np.full((1,), label, np.int32), LOGITS[row : row + 1])) for label in range(3)]
        for row in range(6)
    ]
    expected = (SHARES * np.array(each)).sum(axis=1)
    found = [float(loss(SHARES[row : row + 1], LOGITS[row : row + 1])) for row in range(6)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    whole = np.eye(3, dtype=np.float32)[LABELS]
    np.testing.assert_allclose(loss(whole, LOGITS), loss(LABELS, LOGITS), rtol=1e-5)


def test_the_loss_of_labels_is_that_of_keras():
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    weights = np.linspace(0.5, 2, 6).astype(np.float32)
    found, expected = (loss(LABELS, LOGITS, weights) for loss in (LOSSES["softmax"](), theirs))
    assert float(found) == float(expected)


def test_metrics_take_the_largest_share_for_the_label():
    for metric in (Accuracy(name="accuracy"), MeanRecall((0, 2), name="recall")):
        metric.update_state(SHARES, LOGITS)
        of_shares = float(metric.result())
        metric.reset_state()
        metric.update_state(SHARES.argmax(axis=1), LOGITS)
        assert of_shares == float(metric.result())
    right = (SHARES.argmax(axis=1) == LOGITS.argmax(axis=1)).mean()
    accuracy = Accuracy(name="accuracy")
    accuracy.update_state(SHARES, LOGITS)
    assert float(accuracy.result()) == pytest.approx(right)


@pytest.mark.slow
def test_a_kept_network_is_traced_once_for_labels_and_once_for_shares(tmp_path):
    images = RNG.integers(0, 256, (20, 8, 8, 1), np.uint8)
    subset = Subset(images, np.arange(20, dtype=np.int32) % 2, ("a", "b"), ("",) * 20)
    traced = []

    def network(*shapes):
        model = build_small_cnn(*shapes)

        class Counting(keras.Model):
            def train_step(self, batch):
                traced.append(batch[1].shape)
                return super().train_step(batch)

        return Counting(model.inputs, model.outputs)

    recipe = ClassifierRecipe(network, (8, 8, 1), 2, 2, updates=20, learning_rate=1e-3, intervals=2)
    columns = images, subset.labels, np.ones(20, np.float32)
    mixing = Augmentation(5, 0.1, 0.1, 0.1, mixup=0.5, num_classes=2)
    for turn in range(3):
        for augmentation in (None, mixing):
            batches = functools.partial(training_batches, columns, 5, augmentation)
            directory = tmp_path / str(turn) / str(augmentation is None)
            train_classifier(recipe, batches, subset, ("study", turn), directory)
            rows = read_rows(directory / "curves.csv")
            assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(rows[0])
    # Keras traces a function of several updates a call, each of which asks for the step.
    assert set(map(tuple, traced)) == {(5,), (5, 2)}
    assert len(traced) <= 4
    assert reusable.cache_info().currsize >= 1


@pytest.mark.slow
def test_shares_teach_what_labels_do(tmp_path):
    rng = np.random.default_rng(1)
    labels = np.arange(60, dtype=np.int32) % 2
    images = np.uint8(rng.integers(0, 60, (60, 8, 8, 1)) + 150 * labels[:, None, None, None])
    subset = Subset(images, labels, ("a", "b"), ("",) * 60)
    recipe = ClassifierRecipe(build_small_cnn, (8, 8, 1), 2, 4, updates=60, learning_rate=1e-2)
    mixing = Augmentation(0, 0, 0, 0, mixup=0.2, cutmix=1.0, num_classes=2)
    columns = images, labels, np.ones(60, np.float32)
    batches = functools.partial(training_batches, columns, 16, mixing)
    model, _ = train_classifier(recipe, batches, subset, ("study", 0), tmp_path)
    right = tf.argmax(model.predict_on_batch(images / np.float32(255)), axis=1) == labels
    assert np.mean(right) > 0.9

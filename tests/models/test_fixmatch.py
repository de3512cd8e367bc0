"""The loss of FixMatch against its equations in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.models.fixmatch import FixMatch

LABELS = np.array([2, 0, 1, -1, -1, -1, -1, -1, -1, -1, -1], np.int32)
WEIGHTS = np.float32(LABELS >= 0)


@pytest.fixture
def logits():
    """Of 3 labelled images and 4 others in two views; of the weak ones two are sure."""
    logits = np.random.default_rng(0).normal(0, 1, (11, 3)).astype(np.float32)
    logits[3], logits[5] = (9, 0, 1), (0, 0, 8)
    logits[4], logits[6] = (1, 0, 0), (2, 1.9, 0)
    return logits


def log_softmax(row):
    return row - np.log(np.exp(row).sum())


def expected(logits):
    supervised = -np.mean([log_softmax(logits[i])[LABELS[i]] for i in range(3)])
    # Strong views are rows 7 to 10, of the images in rows 3 to 6; rows 3 and 5 are above 0.95.
    unlike = -(log_softmax(logits[7])[0] + log_softmax(logits[9])[2])
    return supervised + unlike / 4


def test_it_is_what_the_equations_say(logits):
    found = FixMatch()(LABELS, logits, sample_weight=WEIGHTS)
    assert float(found) == pytest.approx(expected(logits), rel=1e-5)
    # Keras gives labels as a column, and loss weights are no part of the loss.
    assert float(FixMatch()(LABELS[:, None], logits)) == pytest.approx(float(found), rel=1e-6)


def test_weak_views_are_answers_and_learn_nothing(logits):
    shown = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss = FixMatch()(LABELS, shown)
    slopes = tape.gradient(loss, shown).numpy()
    moved = np.abs(slopes).max(axis=1) > 0
    assert list(np.flatnonzero(moved)) == [0, 1, 2, 7, 9]
    step = 1e-2
    for place in ((1, 2), (7, 0), (9, 1)):
        up, down = logits.astype(np.float64), logits.astype(np.float64)
        up[place] += step
        down[place] -= step
        slope = (expected(up) - expected(down)) / (2 * step)
        assert slopes[place] == pytest.approx(slope, rel=1e-3)


def test_of_labelled_images_alone_it_is_the_cross_entropy(logits):
    labels = np.arange(11) % 3
    found = FixMatch()(labels, logits)
    plain = -np.mean([log_softmax(row)[label] for row, label in zip(logits, labels, strict=True)])
    assert float(found) == pytest.approx(plain, rel=1e-5)

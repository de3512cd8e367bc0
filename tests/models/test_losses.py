"""Adversarial losses, against formulas written out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.models.losses import ADVERSARIAL_LOSSES

REAL, FAKE = np.float32([[-3.0], [0.2], [0.9], [1.5]]), np.float32([[2.5], [-0.4], [-1.7], [0.0]])


def log1pexp(x):
    return np.log(1 + np.exp(x))


FORMULAS = {
    "non_saturating": (
        lambda r, f: np.mean(-np.log(1 / (1 + np.exp(-r)))) + np.mean(log1pexp(f)),
        lambda r, f: np.mean(-np.log(1 / (1 + np.exp(-f)))),
    ),
    "hinge": (
        lambda r, f: np.mean(np.maximum(0, 1 - r)) + np.mean(np.maximum(0, 1 + f)),
        lambda r, f: -np.mean(f),
    ),
    "least_squares": (
        lambda r, f: np.mean((r - 1) ** 2) / 2 + np.mean(f**2) / 2,
        lambda r, f: np.mean((f - 1) ** 2) / 2,
    ),
    "relativistic": (
        lambda r, f: np.mean(-np.log(1 / (1 + np.exp(-(r - f))))),
        lambda r, f: np.mean(-np.log(1 / (1 + np.exp(-(f - r))))),
    ),
}


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_losses_follow_their_formulas(name):
    loss, (discriminator, generator) = ADVERSARIAL_LOSSES[name], FORMULAS[name]
    np.testing.assert_allclose(
        loss.discriminator(tf.constant(REAL), tf.constant(FAKE)), discriminator(REAL, FAKE), 1e-5
    )
    shown = tf.constant(REAL) if loss.paired else None, tf.constant(FAKE)
    np.testing.assert_allclose(loss.generator(*shown), generator(REAL, FAKE), 1e-5)


def test_non_saturating_is_binary_cross_entropy():
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    loss = ADVERSARIAL_LOSSES["non_saturating"]
    ones, zeros = np.ones_like(REAL), np.zeros_like(REAL)
    np.testing.assert_allclose(
        loss.discriminator(tf.constant(REAL), tf.constant(FAKE)),
        cross_entropy(ones, REAL) + cross_entropy(zeros, FAKE),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        loss.generator(None, tf.constant(FAKE)), cross_entropy(ones, FAKE), rtol=1e-6
    )


def test_losses_are_finite_for_huge_logits():
    huge = tf.constant([[1e4], [-1e4]])
    for loss in ADVERSARIAL_LOSSES.values():
        assert np.isfinite(loss.discriminator(huge, -huge))
        assert np.isfinite(loss.generator(-huge, huge))

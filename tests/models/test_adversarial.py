"""Losses and the adversarial step, against formulas written out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.conditional_gan import build_conditional_gan
from gan_mnist.models.losses import ADVERSARIAL_LOSSES
from gan_mnist.training import TrainingDiverged, fit

NAMES = ["d_loss", "g_loss", "real_accuracy", "fake_accuracy"]
REAL, FAKE = np.float32([[-3.0], [0.2], [0.9], [1.5]]), np.float32([[2.5], [-0.4], [-1.7], [0.0]])


def log1pexp(x):
    return np.log(1 + np.exp(x))


FORMULAS = {
    "non_saturating": (
        lambda r, f: np.mean(-np.log(1 / (1 + np.exp(-r)))) + np.mean(log1pexp(f)),
        lambda f: np.mean(-np.log(1 / (1 + np.exp(-f)))),
    ),
    "hinge": (
        lambda r, f: np.mean(np.maximum(0, 1 - r)) + np.mean(np.maximum(0, 1 + f)),
        lambda f: -np.mean(f),
    ),
    "least_squares": (
        lambda r, f: np.mean((r - 1) ** 2) / 2 + np.mean(f**2) / 2,
        lambda f: np.mean((f - 1) ** 2) / 2,
    ),
}


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_losses_follow_their_formulas(name):
    loss, (discriminator, generator) = ADVERSARIAL_LOSSES[name], FORMULAS[name]
    np.testing.assert_allclose(
        loss.discriminator(tf.constant(REAL), tf.constant(FAKE)), discriminator(REAL, FAKE), 1e-5
    )
    np.testing.assert_allclose(loss.generator(tf.constant(FAKE)), generator(FAKE), 1e-5)


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
        loss.generator(tf.constant(FAKE)), cross_entropy(ones, FAKE), rtol=1e-6
    )


def test_losses_are_finite_for_huge_logits():
    huge = tf.constant([[1e4], [-1e4]])
    for loss in ADVERSARIAL_LOSSES.values():
        assert np.isfinite(loss.discriminator(huge, -huge))
        assert np.isfinite(loss.generator(huge))


class LinearGAN(AdversarialModel):
    """A generator w * z, a discriminator a * x + c, and the noise in the batch: (real, z)."""

    def latents(self, batch, seed):
        return batch[1]

    def generate(self, batch, latents):
        return self.generator(latents, training=True)

    def show_real(self, batch, seed):
        return batch[0]

    def show_fake(self, batch, fake_images, seed):
        return fake_images


def linear_gan(penalty=0.0, optimizer=keras.optimizers.SGD, **options):
    def line(use_bias):
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=use_bias)])

    class Penalised(LinearGAN):
        def generator_penalty(self, batch, latents, fake_images):
            return penalty * tf.reduce_mean(fake_images)

    model = Penalised(line(False), line(True), average_decay=0.75, **options)
    model.generator.set_weights([np.array([[0.5]])])
    model.average.set_weights([np.array([[0.5]])])
    model.discriminator.set_weights([np.array([[0.8]]), np.array([-0.3])])
    model.compile(optimizer(0.2), optimizer(0.1))
    return model


def linear_batch():
    rng = np.random.default_rng(0)
    return rng.normal(1.0, 1.0, (6, 1)), rng.normal(0.0, 1.0, (6, 1))


def as_tensors(batch):
    return tuple(tf.constant(part, tf.float32) for part in batch)


def updated_by_hand(w, a, c, real, z, penalty):
    """One update of `linear_gan`, in float64."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    fake = w * z
    # d/dl softplus(-l) = -sigmoid(-l) and d/dl softplus(l) = sigmoid(l).
    to_real, to_fake = -sigmoid(-(a * real + c)), sigmoid(a * fake + c)
    values = {
        "d_loss": np.mean(log1pexp(-(a * real + c)) + log1pexp(a * fake + c)),
        "real_accuracy": np.mean(a * real + c > 0),
        "fake_accuracy": np.mean(a * fake + c < 0),
    }
    a, c = (
        a - 0.1 * np.mean(to_real * real + to_fake * fake),
        c - 0.1 * np.mean(to_real + to_fake),
    )
    values["g_loss"] = np.mean(log1pexp(-(a * fake + c)))
    w = w - 0.2 * np.mean((-sigmoid(-(a * fake + c)) * a + penalty) * z)
    return w, a, c, values


@pytest.mark.parametrize("penalty", [0.0, 3.0])
def test_two_updates_follow_the_formulas(penalty):
    model, batch = linear_gan(penalty), linear_batch()
    w, a, c, average, values = 0.5, 0.8, -0.3, 0.5, []
    for _ in range(2):
        logs = model.train_step(as_tensors(batch))
        w, a, c, expected = updated_by_hand(w, a, c, *batch, penalty)
        values.append(expected)
        average = 0.75 * average + 0.25 * w
    np.testing.assert_allclose(model.generator.get_weights()[0], [[w]], rtol=1e-5)
    np.testing.assert_allclose(model.discriminator.get_weights()[0], [[a]], rtol=1e-5)
    np.testing.assert_allclose(model.discriminator.get_weights()[1], [c], rtol=1e-5)
    np.testing.assert_allclose(model.average.get_weights()[0], [[average]], rtol=1e-5)
    for name in NAMES:
        # Metrics are means over the updates since they were last reset.
        np.testing.assert_allclose(logs[name], np.mean([v[name] for v in values]), rtol=1e-5)


@pytest.mark.filterwarnings("default")
def test_a_loss_scale_changes_nothing_in_float32():
    def scaled(rate):
        return keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(rate), initial_scale=2.0**10
        )

    plain, scaling = linear_gan(), linear_gan(optimizer=scaled)
    for _ in range(2):
        plain.train_step(as_tensors(linear_batch()))
        scaling.train_step(as_tensors(linear_batch()))
    for one, other in zip(plain.get_weights(), scaling.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def conditional(augment=False, **options):
    keras.utils.set_random_seed(0)
    model = build_conditional_gan("dcgan", (16, 16, 1), 3, 1, 4, augment, **options)
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return model


def labelled_batch(num_images=6):
    images = np.random.default_rng(0).random((num_images, 16, 16, 1), np.float32)
    return tf.constant(images), tf.range(num_images) % 3


def test_the_average_follows_weights_and_batch_norm_statistics():
    model = conditional(average_decay=0.9)
    expected = [w.astype(np.float64) for w in model.generator.get_weights()]
    for _ in range(3):
        model.train_step(labelled_batch())
        now = model.generator.get_weights()
        expected = [0.9 * e + 0.1 * w for e, w in zip(expected, now, strict=True)]
    for e, average, weight in zip(expected, model.average.get_weights(), now, strict=True):
        assert not np.array_equal(average, weight)
        np.testing.assert_allclose(average, e, rtol=1e-5, atol=1e-7)


def test_noise_is_new_in_every_update_and_for_every_purpose():
    model, seeds = conditional(augment=True), []

    def record(name):
        method = getattr(model, name)

        def recorded(*arguments):
            seeds.append(tuple(arguments[-1].numpy().tolist()))
            return method(*arguments)

        setattr(model, name, recorded)

    for name in ("latents", "show_real", "show_fake"):
        record(name)
    # `show_real` may go through `show_fake`: then one seed is seen twice, in a row.
    for noise_seed in (0, 1):
        model.noise_seed.assign(noise_seed)
        for _ in range(2):
            model.train_step(labelled_batch())
    distinct = set(seeds)
    # Latents, real images, fake images for either network: 4 purposes, 4 updates.
    assert len(distinct) == 16


def linear_data(first_update, value=1.0):
    real, z = as_tensors(linear_batch())
    return tf.data.Dataset.from_tensors((value * real, z)).repeat().skip(first_update)


def test_history_has_exactly_the_four_metrics():
    history = (
        linear_gan()
        .fit(linear_data(0), steps_per_epoch=2, epochs=2, verbose=0, shuffle=False)
        .history
    )
    assert sorted(history) == sorted(NAMES)
    assert all(len(values) == 2 for values in history.values())


def test_a_number_that_is_not_finite_ends_the_training(tmp_path):
    with pytest.raises(TrainingDiverged, match=r"d_loss, g_loss not finite by update 2"):
        fit(linear_gan(), lambda first: linear_data(first, np.nan), 20, tmp_path, seed=0)

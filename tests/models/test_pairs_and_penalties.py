"""The loss of pairs and the gradient penalties, against formulas written out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gans import LinearGAN, as_tensors, linear_batch, linear_gan, log1pexp

from gan_mnist.models.conditional_gan import build_conditional_gan


def exponential_gan(**options):
    """A generator w * z, a discriminator exp(a * x + c), and SGD that is told by the weights."""

    def layer(**kind):
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, **kind)])

    model = LinearGAN(layer(use_bias=False), layer(activation="exponential"), **options)
    model.generator.set_weights([np.array([[0.5]])])
    model.discriminator.set_weights([np.array([[0.8]]), np.array([-0.3])])
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.1))
    return model


def loss_by_hand(weights, real, fake, penalty):
    """What the discriminator of `exponential_gan` minimises, in float64."""
    a, c = weights
    judged = [np.exp(a * images + c) for images in (real, fake)]
    pairs = np.mean(log1pexp(judged[1] - judged[0]))
    return pairs + penalty / 2 * sum(np.mean((a * logits) ** 2) for logits in judged)


def slopes_by_hand(*arguments, step=1e-6):
    weights, *others = arguments
    return [
        (loss_by_hand(weights + moved, *others) - loss_by_hand(weights - moved, *others)) / 2 / step
        for moved in step * np.eye(2)
    ]


def test_two_updates_with_pairs_follow_the_formulas():
    model, (real, z) = linear_gan(loss="relativistic"), linear_batch()
    w, a, c, values = 0.5, 0.8, -0.3, []
    for _ in range(2):
        logs = model.train_step(as_tensors((real, z)))
        margin = a * (real - w * z)
        expected = {"d_loss": np.mean(log1pexp(-margin)), "real_accuracy": np.mean(margin > 0)}
        # d/dm softplus(-m) = -1 / (1 + exp(m)); what all logits have in common does not count.
        a += 0.1 * np.mean((real - w * z) / (1 + np.exp(margin)))
        margin = a * (real - w * z)
        values.append(expected | {"g_loss": np.mean(log1pexp(margin))})
        w += 0.2 * np.mean(a * z / (1 + np.exp(-margin)))
    np.testing.assert_allclose(model.generator.get_weights()[0], [[w]], rtol=1e-5)
    np.testing.assert_allclose(model.discriminator.get_weights()[0], [[a]], rtol=1e-5)
    np.testing.assert_allclose(model.discriminator.get_weights()[1], [c], rtol=1e-6)
    for name in values[0]:
        np.testing.assert_allclose(logs[name], np.mean([v[name] for v in values]), rtol=1e-5)
    assert logs["fake_accuracy"] == logs["real_accuracy"]


@pytest.mark.parametrize("every", [1, 3])
def test_penalties_come_every_few_updates_and_count_as_much_more(every):
    model = exponential_gan(loss="relativistic", gradient_penalty=0.5, penalty_every=every)
    batch = real, z = linear_batch()
    weights = np.array([0.8, -0.3])
    for update in range(4):
        model.train_step(as_tensors(batch))
        penalty = 0.5 * every if update % every == 0 else 0.0
        weights = weights - 0.1 * np.array(slopes_by_hand(weights, real, 0.5 * z, penalty))
        (a,), c = model.discriminator.get_weights()
        np.testing.assert_allclose(np.concatenate([a, c]), weights, rtol=1e-4)


def test_the_loss_that_is_told_is_without_the_penalty():
    told = []
    for penalty in (0.0, 5.0):
        model = exponential_gan(loss="relativistic", gradient_penalty=penalty)
        told.append(float(model.train_step(as_tensors(linear_batch()))["d_loss"]))
    assert told[0] == told[1]


def test_a_penalty_needs_no_loss_of_pairs():
    plain, penalised = (linear_gan(gradient_penalty=g, penalty_every=1) for g in (0.0, 0.5))
    for model in (plain, penalised):
        model.train_step(as_tensors(linear_batch()))
    # The slope of a line is `a` at every real and every fake image.
    slopes = [model.discriminator.get_weights()[0] for model in (plain, penalised)]
    np.testing.assert_allclose(slopes[1], slopes[0] - 0.1 * 0.5 * 2 * 0.8, rtol=1e-5)


def test_a_generator_without_batch_norm_begins_with_images_that_differ():
    keras.utils.set_random_seed(0)
    model = build_conditional_gan("plain_dcgan", (28, 28, 1), 10, 4, 100)
    layers = model.generator.layers
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
    images = model.sample(tf.range(10), tf.constant([0, 0])).numpy()
    # A spread that neither vanishes nor saturates the sigmoid.
    assert 0.01 < images.std(axis=0).mean() < 0.3

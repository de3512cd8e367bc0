"""The autoencoder and the flow: what each minimises, when each is trained, and what Euler gives."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import same

from gan_mnist.models.vae_flow import EulerSteps, build_vae_flow
from gan_mnist.training.adam import Adam

SHAPE, NUM_CLASSES, DIM = (12, 9, 2), 3, 4
LABELS = np.array([0, 1, 2, 2, 1, 0], np.int32)
IMAGES = np.random.default_rng(0).random((6, *SHAPE), np.float32)
SEED = tf.constant([1, 2])


def build(vae_updates=2, **options):
    random.seed(0)
    model = build_vae_flow(SHAPE, NUM_CLASSES, 1, DIM, vae_updates, **options)
    model.compile(Adam(1e-2))
    return model


def stepped(model, number=1, labels=LABELS):
    for _ in range(number):
        logs = model.train_step((tf.constant(IMAGES), tf.constant(labels)))
    return {name: float(value) for name, value in logs.items()}


def encoder_says(model, means, variances):
    """The same of whatever it is shown."""
    dense = model.encoder.layers[-1]
    dense.set_weights([0 * dense.get_weights()[0], np.array([*means, *np.log(variances)])])


def pull(points, times, one_hot):
    """A velocity: towards the number of the class, and the faster the later."""
    numbers = keras.ops.matmul(one_hot, NUMBERS)
    return 2 * times + numbers - points


NUMBERS = np.array([[0.0], [1.0], [5.0]], np.float32)


@pytest.mark.parametrize("steps", [1, 4, 20])
def test_eulers_steps_follow_the_velocity(steps):
    inputs = [keras.Input((size,)) for size in (1, 1, 3)]
    layer = EulerSteps(keras.Model(inputs, pull(*inputs)), steps)
    start = np.array([[0.5], [-2.0], [0.0]], np.float32)
    expected = start.astype(np.float64)
    for time in np.arange(steps) / steps:
        expected = expected + (2 * time + NUMBERS - expected) / steps
    np.testing.assert_allclose(layer(tf.constant(start), tf.eye(3)), expected, rtol=1e-5)


def test_the_autoencoders_loss_follows_the_formula():
    model = build(kl_weight=0.25)
    means, variances = np.array([0.5, -1.0, 0.0, 2.0]), np.array([1.0, 0.25, 1e-6, 4.0])
    encoder_says(model, means, variances)
    # The decoder says the same of every code: 0.3 of the pixels of one channel, 0.8 of the other.
    chances = np.array([0.3, 0.8])
    decoder = model.generator.get_layer("decoder")
    weights = [0 * weight for weight in decoder.get_weights()]
    decoder.set_weights([*weights[:-1], np.log(chances / (1 - chances))])
    pixels = -np.sum(IMAGES * np.log(chances) + (1 - IMAGES) * np.log(1 - chances), axis=(1, 2, 3))
    divergence = np.sum(means**2 + variances - 1 - np.log(variances)) / 2
    loss = model.autoencoder_loss(tf.constant(IMAGES), tf.constant(LABELS), SEED)
    np.testing.assert_allclose(loss, pixels.mean() + 0.25 * divergence, rtol=1e-5)
    np.testing.assert_allclose(model.metrics[1].result(), divergence, rtol=1e-5)


def test_the_flows_loss_is_that_of_a_straight_way_from_noise_to_codes():
    """At first velocities are 0: of codes N(m, v) it is the mean of m^2 + v + 1 in the long run."""
    model = build()
    means, variances = np.array([0.5, -1.0, 0.0, 2.0]), np.array([1.0, 0.25, 1e-6, 4.0])
    encoder_says(model, means, variances)
    images, labels = np.repeat(IMAGES, 500, axis=0), np.repeat(LABELS, 500)
    loss = model.flow_loss(tf.constant(images), tf.constant(labels), SEED)
    np.testing.assert_allclose(loss, np.mean(means**2 + variances + 1), rtol=0.05)
    # One that knows where codes end, at 3 of every number, misses nothing on the way there.
    encoder_says(model, np.full(DIM, 3.0), np.full(DIM, 1e-12))
    model._velocity = lambda inputs, training: (3.0 - inputs[0]) / (1 - inputs[1])
    loss = model.flow_loss(tf.constant(images), tf.constant(labels), SEED)
    np.testing.assert_allclose(loss, 0, atol=1e-4)


@pytest.mark.slow
def test_the_autoencoder_is_trained_first_and_then_the_flow():
    model = build(vae_updates=2)
    parts = {
        "encoder": model.encoder.trainable_variables,
        "decoder": model.generator.get_layer("decoder").trainable_variables,
        "flow": model.generator.get_layer("flow").trainable_variables,
    }
    for update in range(4):
        before = {name: [v.numpy() for v in part] for name, part in parts.items()}
        logs = stepped(model)
        still = {
            name: np.mean(same(before[name], [v.numpy() for v in part]))
            for name, part in parts.items()
        }
        if update < 2:
            assert still == {"encoder": 0, "decoder": 0, "flow": 1}
            assert logs["flow_loss"] == 0
        else:
            assert (still["encoder"], still["decoder"]) == (1, 1)
            # The last layer is 0 in the beginning, and holds up those before it.
            assert still["flow"] < (1 if update == 2 else 0.01)
        assert logs["pixel_loss"] > 0


def test_the_average_follows_the_generator():
    model = build(average_decay=0.75)
    before = model.average.get_weights()
    stepped(model)
    after = zip(before, model.generator.get_weights(), model.average.get_weights(), strict=True)
    for old, new, average in after:
        np.testing.assert_allclose(average, 0.75 * old + 0.25 * new, atol=1e-6)


@pytest.mark.slow
def test_images_without_a_label_teach_all_but_what_reads_labels():
    def kernels(model):
        """Of the first layers that see a code and a label."""
        parts = model.generator.get_layer("decoder"), model.generator.get_layer("flow").velocity
        return [
            next(w for w in part.weights if w.path.endswith("kernel")).numpy() for part in parts
        ]

    def labels_read(labels):
        model = build(vae_updates=2)
        before = kernels(model)
        stepped(model, 4, labels)
        # The label comes last.
        after = zip(before, kernels(model), strict=True)
        moved = [np.any(old != new, axis=1) for old, new in after]
        assert all(rows[:-NUM_CLASSES].all() for rows in moved)
        return [rows[-NUM_CLASSES:].tolist() for rows in moved]

    assert labels_read(np.full(6, -1)) == 2 * [[False, False, False]]
    assert labels_read(np.array([0, -1, 2, 2, -1, 0])) == 2 * [[True, False, True]]


@pytest.mark.slow
def test_labels_change_the_image_of_one_latent():
    model = build()
    images = model.sample(tf.constant([0, 0]), SEED).numpy()
    others = model.sample(tf.constant([0, 1]), SEED).numpy()
    np.testing.assert_allclose(images[0], others[0], atol=1e-6)
    assert np.abs(images[1] - others[1]).max() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_both_parts_are_trained_in_less_precision(policy, dtype_policy):
    dtype_policy(policy)
    model = build(vae_updates=1)
    # In half precision the scale of the loss falls first, until gradients are finite.
    for _ in range(30):
        logs = stepped(model)
        if model.generator_optimizer.iterations == 2:
            break
    assert model.generator_optimizer.iterations == 2
    assert np.isfinite(list(logs.values())).all()
    assert logs["flow_loss"] > 0
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    images = model.sample(tf.constant(LABELS), SEED)
    assert images.dtype == tf.float32
    assert 0 <= images.numpy().min() < images.numpy().max() <= 1

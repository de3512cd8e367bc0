"""BAGAN: its autoencoder, the Gaussians of its codes, the switch, and its classifying losses."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import same

from gan_mnist.models.bagan import LEAST_VARIANCE, MEMORY, ClassGaussians, build_bagan
from gan_mnist.training.adam import Adam
from gan_mnist.training.loop import TrainingDiverged, fit

SHAPE, NUM_CLASSES, DIM = (12, 9, 2), 3, 4
LABELS = np.array([0, 1, 2, 2, 1, 0], np.int32)
IMAGES = np.random.default_rng(0).random((6, *SHAPE), np.float32)
BATCH = tf.constant(IMAGES), tf.constant(LABELS)
ONE_HOT = np.eye(NUM_CLASSES, dtype=np.float32)


def build(autoencoder_updates=2, **options):
    random.seed(0)
    model = build_bagan(SHAPE, NUM_CLASSES, 1, DIM, autoencoder_updates, **options)
    model.compile(Adam(1e-2))
    return model


def convolutions(network):
    return [weight.numpy() for layer in network.layers[:-1] for weight in layer.weights]


def test_gaussians_are_those_of_the_codes_and_older_codes_matter_less():
    rng = np.random.default_rng(0)
    layer = ClassGaussians()
    layer(tf.zeros((1, 2)), tf.zeros((1, NUM_CLASSES)))
    batches = [(rng.normal([1, -3], [2, 0.5], (40, 2)).astype("f4"), rng.integers(0, 2, 40))
               for _ in range(30)]  # fmt: skip
    for codes, labels in batches:
        layer.update_statistics(tf.constant(codes), tf.constant(ONE_HOT[labels]))
    codes, labels = (np.concatenate(column) for column in zip(*batches, strict=True))
    weights = np.repeat(MEMORY ** np.arange(29, -1, -1.0), 40)
    points = rng.normal(size=(5, 2)).astype("f4")
    for label in range(2):
        own = labels == label
        mean = np.average(codes[own], axis=0, weights=weights[own])
        variances = np.cov(codes[own].T, aweights=weights[own], ddof=0)
        factor = np.linalg.cholesky(variances + LEAST_VARIANCE * np.eye(2))
        moved = layer(tf.constant(points), tf.constant(ONE_HOT[[label] * 5]))
        np.testing.assert_allclose(moved, points @ factor.T + mean, rtol=1e-3, atol=1e-3)
    # The third class was never seen.
    unmoved = layer(tf.constant(points), tf.constant(ONE_HOT[[2] * 5]))
    np.testing.assert_allclose(unmoved, points, rtol=1e-6)


def test_a_class_of_one_code_is_a_point_with_a_little_around_it():
    layer = ClassGaussians()
    layer(tf.zeros((1, 2)), tf.zeros((1, NUM_CLASSES)))
    for _ in range(100):
        layer.update_statistics(tf.constant([[30.0, -7.0]]), tf.constant(ONE_HOT[[1]]))
    points = tf.random.stateless_normal((50, 2), [0, 0])
    moved = layer(points, tf.constant(ONE_HOT[[1] * 50])).numpy()
    assert np.isfinite(moved).all()
    assert np.abs(moved - [30.0, -7.0]).max() < 0.5


@pytest.mark.slow
def test_codes_beyond_all_bounds_are_a_training_that_diverged(tmp_path):
    """Rounded, their covariances have no root."""
    model = build(autoencoder_updates=0)
    gaussians = model.generator.get_layer("gaussians")
    codes = tf.constant([[1e6, 3e5, -2e6, 7e5]] * NUM_CLASSES)
    gaussians.update_statistics(codes / 3, tf.constant(ONE_HOT))
    gaussians.update_statistics(codes, tf.constant(ONE_HOT))
    gaussians.products.assign(gaussians.products * 0.999)

    def batches(first_update):
        return tf.data.Dataset.from_tensors(BATCH).repeat()

    with pytest.raises(TrainingDiverged, match=r"g_loss.* not finite by update 1$"):
        fit(model, batches, 1, tmp_path, seed=0, intervals=1)


def test_what_is_known_of_codes_is_no_average():
    model = build(average_decay=0.9)
    rng = np.random.default_rng(0)
    for weight in model.generator.weights:
        weight.assign(rng.random(weight.shape))
    before = model.average.get_layer("decoder").get_weights()
    model.update_average()
    learnt, averaged = (
        network.get_layer("gaussians") for network in (model.generator, model.average)
    )
    assert all(same(averaged.get_weights(), learnt.get_weights()))
    for old, now, target in zip(
        before,
        model.average.get_layer("decoder").get_weights(),
        model.generator.get_layer("decoder").get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(now, 0.9 * old + 0.1 * target, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_first_the_autoencoder_learns_and_then_the_others():
    model = build(autoencoder_updates=2)
    inner = [*model.discriminator.get_weights(), *model.encoder.get_weights()]
    for _ in range(2):
        logs = model.train_step(BATCH)
    assert float(logs["pixel_loss"]) > 0
    assert {float(logs[name]) for name in logs if name != "pixel_loss"} == {0}
    after = [*model.discriminator.get_weights(), *model.encoder.get_weights()]
    of_discriminator = len(model.discriminator.weights)
    assert all(same(inner[:of_discriminator], after[:of_discriminator]))
    assert not any(same(inner[of_discriminator:], after[of_discriminator:]))
    assert (model.generator.get_layer("gaussians").seen.numpy() > 0).all()

    gaussians = model.generator.get_layer("gaussians")
    encoder, seen = model.encoder.get_weights(), gaussians.get_weights()
    begun = {}
    compete = model._compete

    def spy(batch):
        begun["discriminator"] = convolutions(model.discriminator)
        compete(batch)

    model._compete = spy
    logs = model.train_step(BATCH)
    # It begins with what the encoder has learnt, which learns no more.
    assert all(same(begun["discriminator"], convolutions(model.encoder)))
    assert not any(same(convolutions(model.discriminator), begun["discriminator"]))
    assert all(same(encoder, model.encoder.get_weights()))
    assert all(same(seen, gaussians.get_weights()))
    assert float(logs["d_loss"]) > 0
    # Later its convolutions are its own.
    model.train_step(BATCH)
    assert not any(same(convolutions(model.discriminator), convolutions(model.encoder)))


@pytest.mark.slow
def test_no_step_is_longer_than_the_rate_when_the_discriminator_begins():
    """As Adam's are that has counted updates in which other variables were trained."""
    model = build(autoencoder_updates=1)
    step = tf.function(model.train_step)
    step(BATCH)
    model.discriminator_optimizer.iterations.assign(1000)  # as after so long a first part
    encoder, last = convolutions(model.encoder), model.discriminator.layers[-1].get_weights()
    step(BATCH)
    now = [*convolutions(model.discriminator), *model.discriminator.layers[-1].get_weights()]
    moved = max(np.abs(a - b).max() for a, b in zip(now, [*encoder, *last], strict=True))
    assert 0 < moved <= 1.001e-2
    assert int(model.update) == 2


def test_both_networks_minimise_what_a_classifier_of_one_class_more_does():
    model = build(autoencoder_updates=0)
    rng = np.random.default_rng(1)
    real, fake = (rng.normal(size=(6, NUM_CLASSES + 1)).astype("f4") for _ in range(2))
    told = iter([real, fake, fake])
    model.discriminator = lambda images, training: tf.constant(next(told))

    def cross_entropy(logits, labels):
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return -np.log(probabilities[np.arange(6), labels]).mean()

    seed = tf.constant([0, 0])
    d_loss, is_class, is_real = model._judge(BATCH, BATCH[0], seed, True)
    expected = 3 / 4 * cross_entropy(real, LABELS) + 1 / 4 * cross_entropy(fake, 3)
    np.testing.assert_allclose(d_loss, expected, rtol=1e-5)
    np.testing.assert_array_equal(is_class > 0, real.argmax(axis=1) == LABELS)
    np.testing.assert_array_equal(is_real < 0, fake.argmax(axis=1) == 3)
    g_loss = model._adversarial_loss(BATCH, BATCH[0], seed)
    np.testing.assert_allclose(g_loss, cross_entropy(fake, LABELS), rtol=1e-5)


@pytest.mark.slow
def test_the_autoencoder_learns_its_images():
    levels = np.linspace(0.05, 0.95, 6, dtype=np.float32)
    batch = tf.fill((6, *SHAPE), 1.0) * levels[:, None, None, None], BATCH[1]
    model = build(autoencoder_updates=1000)
    before = float(model.autoencoder_loss(batch[0]))
    step = tf.function(model.train_step)
    for _ in range(40):
        step(batch)
    assert float(model.autoencoder_loss(batch[0])) < before / 2


@pytest.mark.slow
@pytest.mark.parametrize("updates", [1, 3])
def test_it_is_saved_and_goes_on_as_it_would_have(updates, tmp_path):
    """In the middle of its first part, and after it."""
    model = build(autoencoder_updates=2)
    for _ in range(updates):
        model.train_step(BATCH)
    model.save(tmp_path / "model.keras")
    other = keras.models.load_model(tmp_path / "model.keras")
    for one in (model, other):
        one.train_step(BATCH)
    assert all(same(model.get_weights(), other.get_weights()))

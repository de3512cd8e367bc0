"""A classifier that makes its own images must learn what it would from the same images as data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.models.classifiers import build_deep_cnn
from gan_mnist.models.conditional_gan import build_mlp_generator
from gan_mnist.models.generating_classifier import GeneratingClassifier

SHAPE, NUM_CLASSES, LATENT_DIM = (16, 16, 1), 3, 4


def build(augment=None):
    keras.utils.set_random_seed(1)
    classifier = build_deep_cnn(SHAPE, NUM_CLASSES, 1)
    generator = build_mlp_generator(SHAPE, NUM_CLASSES, 2, LATENT_DIM)
    return GeneratingClassifier(classifier, generator, augment)


def compiled(model):
    model.compile(
        keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return model


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    images = rng.random((5, *SHAPE), np.float32)
    latents = rng.normal(size=(3, LATENT_DIM)).astype(np.float32)
    labels, generated_labels = np.array([0, 1, 2, 2, 1], "i4"), np.array([2, 0, 1], "i4")
    return (images, latents, np.array([7, 3], "i8")), (labels, generated_labels)


def fit(model, batch):
    model.fit(tf.data.Dataset.from_tensors(batch), shuffle=False, verbose=0)


@pytest.mark.slow
def test_a_step_is_that_of_the_same_images_as_data(batch):
    (images, latents, _), (labels, generated_labels) = batch
    model = compiled(build())
    generated = model.generator([latents, np.eye(NUM_CLASSES, dtype="f4")[generated_labels]])
    keras.utils.set_random_seed(1)
    plain = compiled(build_deep_cnn(SHAPE, NUM_CLASSES, 1))
    plain.set_weights(model.get_weights()[: len(plain.weights)])
    before = [weight.numpy() for weight in plain.weights]
    plain.train_on_batch(
        np.concatenate([images, generated]), np.concatenate([labels, generated_labels])
    )
    fit(model, batch)
    for start, expected, found in zip(before, plain.weights, model.weights, strict=False):
        assert np.any(start != expected.numpy())
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_a_step_leaves_the_generator_as_it_is(batch):
    model = compiled(build())
    before = [weight.numpy() for weight in model.generator.weights]
    fit(model, batch)
    for start, weight in zip(before, model.generator.weights, strict=True):
        np.testing.assert_array_equal(start, weight)
    assert not model.generator.trainable_variables


@pytest.mark.slow
def test_generated_images_alone_are_augmented(batch):
    seen = []

    def augment(images, key):
        seen.append((images.shape, key))
        return images * 0

    model = compiled(build(augment))
    fit(model, batch)
    assert seen[0][0] == (3, *SHAPE)
    (images, latents, key), (labels, generated_labels) = batch
    black = compiled(build())
    black.generator.set_weights([weight * 0 - 1e3 for weight in black.generator.get_weights()])
    fit(black, ((images, latents, key), (labels, generated_labels)))
    for one, other in zip(model.trainable_variables, black.trainable_variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_it_predicts_as_the_network_it_was_made_of(batch):
    images = batch[0][0]
    model = compiled(build())
    keras.utils.set_random_seed(1)
    classifier = build_deep_cnn(SHAPE, NUM_CLASSES, 1)
    np.testing.assert_allclose(
        model.predict(images, verbose=0), classifier.predict(images, verbose=0), rtol=1e-5
    )

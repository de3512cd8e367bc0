"""How labels get into the conditional GAN, and what DiffAugment is applied to."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.models import conditional_gan
from gan_mnist.models.conditional_gan import build_conditional_gan, build_dcgan_discriminator
from gan_mnist.models.diffaugment import diff_augment
from gan_mnist.models.latents import Latents

NUM_CLASSES = 4
both_architectures = pytest.mark.parametrize("architecture", ["mlp", "dcgan"])


def model_of(architecture, shape=(16, 16, 1), augment=False):
    keras.utils.set_random_seed(0)
    model = build_conditional_gan(architecture, shape, NUM_CLASSES, 2, 6, augment)
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    return model


def batch_of(num=8, shape=(16, 16, 1)):
    images = np.random.default_rng(0).random((num, *shape), np.float32)
    return tf.constant(images), tf.range(num) % NUM_CLASSES


@pytest.mark.parametrize("shape", [(16, 16, 1), (20, 24, 3)])
def test_the_dcgan_discriminator_sees_one_constant_plane_a_class(shape):
    """Its first layer is a convolution over the images and the planes, made here."""
    keras.utils.set_random_seed(1)
    discriminator = build_dcgan_discriminator(shape, NUM_CLASSES, 2)
    first = discriminator.layers[2]
    first.bias.assign([0.5, -0.3])
    images, labels = batch_of(8, shape)
    one_hot = np.eye(NUM_CLASSES, dtype=np.float32)[labels]
    planes = np.ones((*images.shape[:3], 1), np.float32) * one_hot[:, None, None, :]
    shown = np.concatenate([images, planes], axis=-1)
    expected = tf.nn.elu(tf.nn.conv2d(shown, first.kernel, 1, "VALID") + first.bias)
    out = keras.Model(discriminator.inputs, first.output)([images, tf.constant(one_hot)])
    np.testing.assert_allclose(out, expected, atol=1e-6)
    assert np.std(expected) > 0.1


@both_architectures
def test_the_discriminator_judges_an_image_by_its_label(architecture):
    discriminator = model_of(architecture).discriminator
    images = tf.repeat(batch_of(1)[0], NUM_CLASSES, axis=0)
    logits = discriminator([images, tf.eye(NUM_CLASSES)]).numpy().ravel()
    assert np.abs(logits[:, None] - logits)[np.triu_indices(NUM_CLASSES, 1)].min() > 1e-5


@pytest.mark.slow
@both_architectures
def test_labels_change_the_image_of_one_latent(architecture):
    model = model_of(architecture)
    seed = tf.constant([3, 4])
    for other in range(1, NUM_CLASSES):
        first = model.sample(tf.constant([0, 0]), seed).numpy()
        second = model.sample(tf.constant([0, other]), seed).numpy()
        # Latents go by position, so an image does not depend on its neighbours' labels.
        np.testing.assert_allclose(first[0], second[0], atol=1e-6)
        assert np.abs(first[1] - second[1]).max() > 1e-3


def test_samples_come_from_the_average():
    model = model_of("mlp")
    labels, seed = tf.constant([0, 1]), tf.constant([0, 0])
    before = model.sample(labels, seed).numpy()
    model.generator.set_weights([np.zeros_like(w) for w in model.generator.get_weights()])
    np.testing.assert_array_equal(model.sample(labels, seed), before)
    model.average.set_weights(model.generator.get_weights())
    np.testing.assert_array_equal(model.sample(labels, seed), np.full((2, 16, 16, 1), 0.5))


def test_generated_labels_are_those_of_the_batch():
    model, (images, labels) = model_of("mlp"), batch_of()
    latents = model.latents((images, labels), tf.constant([1, 2]))
    fakes = model.generate((images, labels), latents)
    one_hot = np.eye(NUM_CLASSES, dtype=np.float32)[labels]
    np.testing.assert_array_equal(fakes, model.generator([latents, tf.constant(one_hot)]))
    for shown in (model.show_real((images, labels), None), model.show_fake(
        (images, labels), fakes, None
    )):  # fmt: skip
        np.testing.assert_array_equal(shown[1], one_hot)


def test_latents_are_standard_normal():
    latents = model_of("mlp").latents(batch_of(4000), tf.constant([1, 2])).numpy()
    assert latents.shape == (4000, 6)
    # Standard errors of mean and sd: 1 / sqrt(4000) = 0.016, and 0.011.
    np.testing.assert_allclose(latents.mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose(latents.std(axis=0), 1, atol=0.045)


@both_architectures
@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_training_and_sampling_draw_from_one_prior(architecture, distribution):
    keras.utils.set_random_seed(0)
    model = build_conditional_gan(
        architecture, (16, 16, 1), NUM_CLASSES, 2, 6, distribution=distribution
    )
    batch, seed = batch_of(40), tf.constant([1, 2])
    expected = Latents(6, distribution).draw(40, seed)
    assert (np.abs(expected).max() > 1) == (distribution == "normal")
    np.testing.assert_array_equal(model.latents(batch, seed), expected)
    one_hot = np.eye(NUM_CLASSES, dtype=np.float32)[batch[1]]
    images = model.average([expected, tf.constant(one_hot)], training=False)
    np.testing.assert_array_equal(model.decode(expected, batch[1]), images)
    np.testing.assert_array_equal(model.sample(batch[1], seed), images)


def test_without_diffaugment_images_are_shown_as_they_are():
    model, batch = model_of("mlp"), batch_of()
    np.testing.assert_array_equal(model.show_real(batch, tf.constant([1, 2]))[0], batch[0])
    np.testing.assert_array_equal(
        model.show_fake(batch, batch[0], tf.constant([1, 2]))[0], batch[0]
    )


def test_diffaugment_is_applied_to_real_and_fake_images_in_both_updates(monkeypatch):
    calls = []

    def spy(images, seed):
        calls.append((images.numpy(), tuple(seed.numpy().tolist())))
        return diff_augment(images, seed)

    monkeypatch.setattr(conditional_gan, "diff_augment", spy)
    model, batch = model_of("mlp", augment=True), batch_of()
    model.generator_optimizer.learning_rate = 1.0
    before = model.generator.get_weights()
    model.train_step(batch)
    real, fake, fake_again = (images for images, _ in calls)
    np.testing.assert_array_equal(real, batch[0])
    np.testing.assert_array_equal(fake, fake_again)
    assert not np.array_equal(real, fake)
    assert len({seed for _, seed in calls}) == 3
    # And what the discriminator says of it reaches the generator.
    for old, new in zip(before, model.generator.get_weights(), strict=True):
        assert not np.array_equal(old, new)


def test_the_discriminator_judges_what_diffaugment_returns():
    model, batch = model_of("mlp", augment=True), batch_of()
    seed = tf.constant([5, 6])
    expected = diff_augment(batch[0], seed)
    np.testing.assert_array_equal(model.show_real(batch, seed)[0], expected)
    np.testing.assert_array_equal(model.show_fake(batch, batch[0], seed)[0], expected)
    assert not np.array_equal(expected, batch[0])

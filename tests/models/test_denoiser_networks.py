"""The networks of the denoiser, layer by layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from gan_mnist.models.denoiser import (
    build_denoising_discriminator,
    build_residual_denoiser,
)

pytestmark = pytest.mark.usefixtures("deep_networks")
SHAPE = (16, 16, 1)


def pictures(num, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).random((num, *shape), np.float32)


def convolved(images, kernel):
    """A convolution of 3 x 3 that keeps the size, as nine matrix products."""
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(
        padded[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(3) for j in range(3)
    )


@pytest.mark.parametrize("input_skip", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_denoiser_is_seven_convolutions_and_their_skips(input_skip, channels):
    shape = (5, 6, channels)
    keras.utils.set_random_seed(0)
    network = build_residual_denoiser(shape, 4, input_skip)
    rng = np.random.default_rng(0)
    weights = [w if w.ndim == 4 else rng.uniform(0.3, 1.0, w.shape) for w in network.get_weights()]
    network.set_weights(weights)
    rest = iter([w.astype(np.float32).astype(np.float64) for w in weights])

    def block(x):
        kernel, gamma, beta, mean, variance = (next(rest) for _ in range(5))
        x = (convolved(x, kernel) - mean) / np.sqrt(variance + 1e-3) * gamma + beta
        return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))

    noisy_images, references = pictures(2, shape), pictures(2, shape, seed=1)
    both = np.concatenate([noisy_images, references], axis=-1, dtype=np.float64)
    x = block(both)
    for _ in range(4):
        x = block(x) + x
    x = block(x) + (both if input_skip else 0)
    expected = 1 / (1 + np.exp(-(convolved(x, next(rest)) + next(rest))))
    assert next(rest, None) is None
    assert expected.std() > 0.01
    np.testing.assert_allclose(network([noisy_images, references]), expected, rtol=1e-3, atol=1e-5)


def test_layers_of_the_discriminator_have_the_sources_sizes():
    network = build_denoising_discriminator((28, 28, 1), 1, conditional=True)
    sizes = [x.output.shape[1:] for x in network.layers if isinstance(x, layers.Activation)]
    assert sizes == [(24, 24, 1), (20, 20, 2), (16, 16, 4), (8, 8, 8), (4, 4, 16), (1, 1, 32)]
    assert sum(isinstance(x, layers.BatchNormalization) for x in network.layers) == 5


@pytest.mark.parametrize("side", [13, 14, 29, 64])
@pytest.mark.parametrize("spectral", [False, True])
def test_the_discriminator_judges_images_of_other_sizes(side, spectral):
    network = build_denoising_discriminator((side, side, 1), 1, spectral=spectral)
    logits = network(pictures(3, (side, side, 1))).numpy()
    assert logits.shape == (3, 1)
    assert len(np.unique(logits)) == 3
    # Beyond the source's size a kernel may repeat, but none grows.
    assert max(max(w.shape[:2]) for w in network.weights if len(w.shape) == 4) <= 5


def test_only_the_conditional_discriminator_sees_the_input():
    assert len(build_denoising_discriminator(SHAPE, 1).inputs) == 1
    conditional = build_denoising_discriminator(SHAPE, 1, conditional=True)
    inputs = [pictures(2, seed=i) for i in range(3)]
    logits = conditional(inputs).numpy()
    for changed in range(3):
        others = [1 - x if i == changed else x for i, x in enumerate(inputs)]
        assert not np.array_equal(conditional(others), logits)


@pytest.mark.slow
def test_spectral_norms_become_one_and_no_batch_is_normed():
    keras.utils.set_random_seed(0)
    network = build_denoising_discriminator(SHAPE, 2, conditional=True, spectral=True)
    assert not [x for x in network.layers if isinstance(x, layers.BatchNormalization)]
    inputs = [tf.constant(pictures(1)) for _ in range(3)]
    see = tf.function(lambda: network(inputs, training=True))
    for _ in range(60):
        see()
    norms = [
        np.linalg.norm(np.reshape(w, (-1, w.shape[-1])), 2)
        for w in network.trainable_weights
        if w.path.endswith("kernel")
    ]
    assert len(norms) == 7
    np.testing.assert_allclose(norms, 1, rtol=0.05)

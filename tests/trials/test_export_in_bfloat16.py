"""What was trained in mixed_bfloat16, exported: it takes and gives what all others do."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.generators.trained import TrainedGenerator
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.models.conditional_gan import build_conditional_gan
from gan_mnist.models.warp_gan import build_warp_gan
from gan_mnist.trials.export import export_classifier, export_generator

pytestmark = pytest.mark.slow

NAMES, SHAPE = ("a", "b", "c"), (16, 16, 1)
LABELS = np.int32([2, 0, 1, 1, 0])
GANS = {
    "mlp": lambda: build_conditional_gan("mlp", SHAPE, 3, 2, 4),
    "warp": lambda: build_warp_gan(SHAPE, 2),
}
# Of 1: bfloat16 has eight bits.
DIGITS = 0.02


@pytest.fixture
def both(dtype_policy):
    """`both(build)`: the same network in float32 and in mixed_bfloat16, which stays set."""

    def built(build):
        networks = []
        for policy in ("float32", "mixed_bfloat16"):
            dtype_policy(policy)
            keras.utils.set_random_seed(0)
            networks.append(build())
        return networks

    return built


def test_a_classifier_takes_floats_and_bytes(both, dtype_policy, tmp_path):
    exact, network = both(lambda: build_small_cnn(SHAPE, 3, 4))
    export_classifier(network, NAMES, tmp_path)
    dtype_policy("float32")
    pixels = np.random.default_rng(0).integers(0, 256, (6, *SHAPE), np.uint8)
    images = (pixels / 255).astype(np.float32)
    classifier = tf.saved_model.load(str(tmp_path / "classifier"))
    answers = classifier.classify(images)
    probabilities = answers["probabilities"].numpy()
    expected = tf.nn.softmax(exact(images, training=False)).numpy()
    assert probabilities.dtype == np.float32
    assert 0 < np.abs(probabilities - expected).max() < DIGITS
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    for name, value in classifier.classify_uint8(pixels).items():
        np.testing.assert_array_equal(value, answers[name])


@pytest.mark.parametrize("name", GANS)
def test_a_generator_gives_float32_images(name, both, dtype_policy, tmp_path):
    networks = both(GANS[name])
    for network in networks:
        network.adopt(np.random.default_rng(2).random((3, *SHAPE), np.float32), np.arange(3))
    exact, network = networks
    export_generator(TrainedGenerator(network), NAMES, tmp_path)
    dtype_policy("float32")
    signatures = tf.saved_model.load(str(tmp_path / "generator")).signatures
    drawn = signatures["generate_seeded"](labels=tf.constant(LABELS), seed=tf.constant(5))
    images = drawn["images"].numpy()
    expected = exact.sample(tf.constant(LABELS), tf.constant([5, 0])).numpy()
    assert images.dtype == np.float32
    assert 0 < np.abs(images - expected).mean() < DIGITS
    assert 0 <= images.min() < images.max() <= 1

"""A frozen classifier: its features are what its last layer reads, and they stay as they are."""

import keras
import numpy as np
import pytest

from gan_mnist.data.images import MOST_TOGETHER
from gan_mnist.evaluation.features import FrozenClassifier
from gan_mnist.evaluation.inference import predict_in_chunks
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.training.classifier import predict

SHAPE, NUM_CLASSES, WIDTH = (8, 8, 1), 3, 2


@pytest.fixture
def classifier():
    keras.utils.set_random_seed(0)
    return build_small_cnn(SHAPE, NUM_CLASSES, WIDTH)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (2 * MOST_TOGETHER + 7, *SHAPE), np.uint8)


def test_features_are_what_the_last_layer_reads(classifier, images):
    seen = FrozenClassifier(classifier).predict(images)
    assert seen.features.shape == (len(images), 4 * WIDTH)
    assert (seen.features.dtype, seen.probabilities.dtype) == (np.float32, np.float32)
    kernel, bias = classifier.layers[-1].get_weights()
    odds = np.exp(seen.features @ kernel + bias)
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(seen.probabilities, expected, rtol=1e-5)
    np.testing.assert_allclose(seen.probabilities, predict(classifier, images), rtol=1e-5)
    assert len(np.unique(seen.features, axis=0)) > 100


def test_neither_company_nor_type_of_an_image_matters(classifier, images):
    frozen = FrozenClassifier(classifier)
    together = frozen.predict(images)
    as_floats = frozen.predict(images / np.float32(255))
    np.testing.assert_array_equal(together.features, as_floats.features)
    for row in (0, MOST_TOGETHER - 1, MOST_TOGETHER, len(images) - 1):
        alone = frozen.predict(images[row : row + 1])
        np.testing.assert_allclose(alone.features[0], together.features[row], atol=1e-6)
        np.testing.assert_allclose(alone.probabilities[0], together.probabilities[row], atol=1e-6)


def test_what_becomes_of_the_original_changes_nothing(classifier, images):
    frozen = FrozenClassifier(classifier)
    before = frozen.predict(images)
    classifier.set_weights([weight + 1 for weight in classifier.get_weights()])
    after = frozen.predict(images)
    np.testing.assert_array_equal(before.features, after.features)
    np.testing.assert_array_equal(before.probabilities, after.probabilities)
    assert not np.allclose(FrozenClassifier(classifier).predict(images).features, after.features)


def test_features_are_float32_whatever_the_precision(images, dtype_policy):
    dtype_policy("mixed_bfloat16")
    seen = FrozenClassifier(build_small_cnn(SHAPE, NUM_CLASSES, WIDTH)).predict(images)
    assert (seen.features.dtype, seen.probabilities.dtype) == (np.float32, np.float32)


def test_copies_of_one_classifier_share_a_trace_and_keep_their_own_weights(classifier, images):
    images = images[:9]
    first = FrozenClassifier(classifier)
    before, traced = first.predict(images), first._network.predict_function
    # Trained anew, as the judges of several seeds are.
    classifier.set_weights([weight + 1 for weight in classifier.get_weights()])
    second = FrozenClassifier(classifier)
    after = second.predict(images)
    assert second._network.predict_function is traced
    apart = keras.models.clone_model(classifier)
    apart.set_weights(classifier.get_weights())
    alone = FrozenClassifier(apart).predict(images)
    for frozen, expected in ((second, alone), (first, before), (second, after)):
        for found, values in zip(frozen.predict(images), expected, strict=True):
            np.testing.assert_array_equal(found, values)
    assert not np.array_equal(before.features, after.features)


@pytest.mark.parametrize(("side", "most"), [(28, 250), (64, 250), (224, 20), (2000, 1)])
def test_of_large_images_few_are_shown_at_a_time(side, most):
    """At 224 x 224 the answers to 250 kept a gigabyte."""
    network = keras.Sequential([keras.Input((side, side, 1)), keras.layers.GlobalMaxPooling2D()])
    numbers, shown = 2 * most + 1, []
    images = np.broadcast_to(
        np.arange(numbers, dtype=np.float32)[:, None, None, None], (numbers, side, side, 1)
    )

    class Watched:
        def predict_on_batch(self, batch):
            shown.append(len(batch))
            return network.predict_on_batch(batch)

    found = predict_in_chunks(Watched(), images)
    assert shown == [most, most, 1]
    np.testing.assert_array_equal(found[:, 0], np.arange(numbers))

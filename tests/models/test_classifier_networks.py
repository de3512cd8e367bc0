"""Classifiers against their layers written by hand; sizes that the sources do not have."""

import inspect
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.models import classifiers
from gan_mnist.models.classifiers import (
    build_colour_cnn,
    build_deep_cnn,
    build_digit_cnn,
    build_resnet,
    build_small_cnn,
)
from gan_mnist.models.names import CLASSIFIERS

BUILDERS = [getattr(classifiers, row.name) for row in CLASSIFIERS.values()]


def images_of(shape, num=3):
    return np.random.default_rng(0).random((num, *shape), np.float32)


def by_hand(images, weights, steps):
    """Applies `weights`, in order, as `steps` say; what pools or flattens takes no weights."""
    x, weights = images, iter(weights)
    for step, *options in steps:
        if step == "conv":
            padding, stride, activation = options
            x = activation(tf.nn.conv2d(x, next(weights), stride, padding) + next(weights))
        elif step == "pool":
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        elif step == "flatten":
            x = tf.reshape(x, (len(x), -1))
        else:
            x = options[0](x @ next(weights) + next(weights))
    assert not list(weights)
    return x


RELU = ("conv", "SAME", 1, tf.nn.relu)
VALID = ("conv", "VALID", 1, tf.nn.elu)
STRIDED = ("conv", "SAME", 2, tf.nn.elu)
POOL, FLATTEN, LOGITS = ("pool",), ("flatten",), ("dense", tf.identity)
SMALL = [RELU, POOL, RELU, POOL, FLATTEN, ("dense", tf.nn.relu), LOGITS]
DEEP = [VALID, VALID, VALID, STRIDED, STRIDED, VALID, FLATTEN, ("dense", tf.nn.elu), LOGITS]
DEEPER = DEEP[:4] + [STRIDED] * 2 + DEEP[4:]
DIGIT = [RELU, POOL, RELU, POOL, FLATTEN, LOGITS]
COLOUR = [RELU, POOL] * 3 + [FLATTEN, ("dense", tf.nn.relu), ("dense", tf.nn.relu), LOGITS]


@pytest.mark.parametrize(
    ("build", "shape", "steps"),
    [
        (build_small_cnn, (14, 18, 1), SMALL),
        (build_deep_cnn, (28, 28, 1), DEEP),
        (build_deep_cnn, (13, 16, 3), DEEP),
        (build_deep_cnn, (64, 64, 3), DEEPER),
        (build_digit_cnn, (28, 28, 1), DIGIT),
        (build_colour_cnn, (20, 24, 3), COLOUR),
    ],
    ids=["small", "deep", "deep-small", "deep-large", "digit", "colour"],
)
def test_outputs_are_those_of_the_layers_written_by_hand(build, shape, steps):
    model, images = build(shape, 5, 3), images_of(shape)
    # Biases of some size, or a forgotten one would not show.
    rng = np.random.default_rng(1)
    weights = [w + 0.05 * rng.standard_normal(w.shape, np.float32) for w in model.get_weights()]
    model.set_weights(weights)
    expected = by_hand(images, weights, steps)
    assert np.ptp(expected) > 1e-2
    np.testing.assert_allclose(model(images), expected, rtol=1e-4, atol=1e-5)


def test_the_small_cnn_starts_from_the_weights_of_the_published_results():
    keras.utils.set_random_seed(3)
    model = build_small_cnn((28, 28, 1), 3)
    keras.utils.set_random_seed(3)
    published = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(3),
        ]
    )
    for weight, expected in zip(model.get_weights(), published.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert [layer.name.split("_")[0] for layer in model.layers] == [
        layer.name.split("_")[0] for layer in published.layers
    ]


@pytest.mark.parametrize(("side", "left"), [(13, 1), (16, 1), (20, 2), (28, 4), (29, 3), (64, 4)])
def test_the_deep_cnns_last_convolution_spans_what_is_left(side, left):
    model = build_deep_cnn((side, side, 1), 10, 1)
    *_, last = (layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    assert last.kernel.shape == (left, left, 16, 32)
    assert last.output.shape[1:] == (1, 1, 32)


@pytest.mark.parametrize("shape", [(13, 13, 1), (16, 40, 1), (28, 28, 1), (64, 64, 3)])
def test_the_deep_cnn_sees_every_pixel(shape):
    model, images = build_deep_cnn(shape, 2, 2), tf.constant(images_of(shape, num=1))
    with tf.GradientTape() as tape:
        tape.watch(images)
        logit = model(images)[:, 0]
    assert np.all(tape.gradient(logit, images).numpy() != 0)


@pytest.mark.slow
def test_the_deep_cnn_of_large_images_is_not_much_larger():
    source = build_deep_cnn((28, 28, 3), 10).count_params()
    strided = 4 * 4 * 512 * 512 + 512
    assert build_deep_cnn((64, 64, 3), 10).count_params() == source + 2 * strided


def test_the_digit_cnn_starts_from_truncated_normal_weights_and_biases():
    keras.utils.set_random_seed(0)
    weights = build_digit_cnn((28, 28, 1), 10, 16).get_weights()
    for kernel, bias, sd in zip(weights[::2], weights[1::2], [0.1, 0.1, 1.0], strict=True):
        both = np.concatenate([kernel.ravel(), bias])
        # Cut at two sd, a normal distribution keeps 0.880 of its sd.
        assert np.abs(both).max() <= 2 * sd
        assert np.abs(both).max() > 1.8 * sd
        assert both.std() == pytest.approx(0.88 * sd, rel=0.15)  # 272 draws at least.
        assert bias.std() == pytest.approx(0.88 * sd, rel=0.5)


def test_the_table_of_names_holds_every_classifier_and_its_usual_width():
    public = {value for name, value in vars(classifiers).items() if name.startswith("build_")}
    assert {build.__name__ for build in BUILDERS} == {build.__name__ for build in public}
    for row, build in zip(CLASSIFIERS.values(), BUILDERS, strict=True):
        assert inspect.signature(build).parameters["width"].default == row.width
        build((row.least_side, row.least_side, 1), 2, 1)


def test_the_resnet_adds_to_each_block_what_came_in():
    """Written by hand, with batch norm as it is at rest."""
    build_resnet((8, 8, 1), 2, 1)  # So that names of layers end in numbers below.
    model, images = build_resnet((11, 14, 3), 5, 2), images_of((11, 14, 3))
    rng = np.random.default_rng(1)
    model.set_weights([w + 0.1 * rng.random(w.shape, np.float32) for w in model.get_weights()])

    def made_first(kind):
        found = [layer for layer in model.layers if isinstance(layer, kind)]
        return iter(sorted(found, key=lambda layer: int(layer.name.rpartition("_")[2])))

    kernels = made_first(keras.layers.Conv2D)
    norms = made_first(keras.layers.BatchNormalization)

    def normalised(x, stride=1):
        gamma, beta, mean, variance = next(norms).get_weights()
        x = tf.nn.conv2d(x, *next(kernels).get_weights(), stride, "SAME")
        return gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta

    x = tf.nn.relu(normalised(images))
    x = tf.nn.relu(normalised(tf.nn.relu(normalised(x))) + x)
    for _ in range(2):
        shortcut = normalised(x, stride=2)
        x = tf.nn.relu(normalised(tf.nn.relu(normalised(x, stride=2))) + shortcut)
    kernel, bias = model.layers[-1].get_weights()
    expected = tf.reduce_mean(x, axis=(1, 2)) @ kernel + bias
    assert np.ptp(expected) > 1e-2
    np.testing.assert_allclose(model(images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("build", BUILDERS)
def test_no_two_layers_draw_the_same_numbers(build):
    drawn = [w.ravel() for w in build((28, 28, 1), 10, 4).get_weights() if np.ptp(w)]
    starts = [w[:4] / w[0] for w in drawn]  # Whatever the scale.
    for one, other in itertools.combinations(starts, 2):
        assert not np.allclose(one, other)


@pytest.mark.parametrize(
    ("build", "drops"),
    [
        (build_small_cnn, True),
        (build_deep_cnn, False),
        (build_digit_cnn, False),
        (build_colour_cnn, True),
        (build_resnet, False),
    ],
)
def test_dropout_is_where_the_source_has_it_and_in_training_only(build, drops):
    model, images = build((28, 28, 1), 3), images_of((28, 28, 1))
    at_rest = model(images, training=False)
    first, second = (model(images, training=True) for _ in range(2))
    assert np.array_equal(first, second) is not drops
    if build is not build_resnet:  # Whose batch norm looks at the batch in training.
        assert np.array_equal(first, at_rest) is not drops
    rates = {x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)}
    assert rates == ({0.3} if drops else set())

"""What each pixel's neighbourhood holds, beside sums and maxima taken pixel by pixel."""

import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.models.warping import largest_around, mean_around

SHAPES = [(3, 7, 9, 1), (2, 6, 5, 3), (2, 1, 4, 1), (1, 2, 1, 2)]


def pictures(shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def around(images, radius, measure):
    """`measure` of the pixels up to `radius` away, those that there are."""
    found = np.empty_like(images)
    for row, column in np.ndindex(images.shape[1:3]):
        window = images[:, max(row - radius, 0) : row + radius + 1]
        window = window[:, :, max(column - radius, 0) : column + radius + 1]
        found[:, row, column] = measure(window, axis=(1, 2))
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mean_is_that_of_the_pixels_that_are_in_the_image(shape):
    images = pictures(shape)
    np.testing.assert_allclose(
        mean_around(tf.constant(images)), around(images, 1, np.mean), atol=1e-6
    )


@pytest.mark.parametrize("radius", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_maximum_is_one_of_the_pixels(shape, radius):
    images = pictures(shape)
    np.testing.assert_array_equal(
        largest_around(tf.constant(images), radius), around(images, radius, np.max)
    )


def test_a_graph_rounds_as_single_operations_do():
    """So numbers do not depend on the graph that they are a part of."""
    images = tf.constant(pictures((20, 28, 28, 1)))

    def three_times(images):
        return mean_around(mean_around(mean_around(images)))

    np.testing.assert_array_equal(tf.function(three_times)(images), three_times(images))


def test_they_can_be_learnt_through():
    images = tf.constant(pictures((1, 5, 5, 1)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        mean, largest = mean_around(images)[0, 2, 2, 0], largest_around(images, 1)[0, 2, 2, 0]
    inside = np.pad(np.full((3, 3), 1 / 9), 1)
    np.testing.assert_allclose(tape.gradient(mean, images)[0, ..., 0], inside, rtol=1e-6)
    slope = tape.gradient(largest, images).numpy()
    assert slope.sum() == slope.max() == 1
    assert images.numpy()[slope == 1] == largest.numpy()

"""DiffAugment, taken apart by an image that shows where each pixel came from."""

import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.models.diffaugment import diff_augment

SHAPES = [(28, 28, 1), (20, 24, 3)]


def augment(images, seed=(1, 2)):
    return diff_augment(tf.constant(images), tf.constant(seed, tf.int32)).numpy()


def textured(shape, num_images):
    """One image of pixels between 10 and 110: far from 0, and no shift looks like another."""
    image = 10 + 100 * np.random.default_rng(0).random(shape, np.float32)
    return np.repeat(image[None], num_images, axis=0)


def shifted(image, down, right):
    """`np.roll` with what comes round set to 0."""
    image = np.roll(image, (down, right), axis=(0, 1))
    rows, columns = np.arange(image.shape[0]), np.arange(image.shape[1])
    image[(rows < down) | (rows >= len(rows) + down)] = 0
    image[:, (columns < right) | (columns >= len(columns) + right)] = 0
    return image


def explain(original, shown):
    """(brightness, (down, right), hidden pixels) that make `shown` of `original`, or fails."""
    height, width, _ = original.shape
    for down in range(-height // 4, height // 4 + 1):
        for right in range(-width // 4, width // 4 + 1):
            moved = shifted(original, down, right)
            filled = moved[..., 0] == 0
            seen = (shown[..., 0] != 0) & ~filled
            added = shown[seen] - moved[seen]
            if seen.any() and np.ptp(added) < 1e-3:
                assert (shown[filled] == 0).all()
                hidden = ~filled & ~seen
                assert (shown[hidden] == 0).all()
                return added.mean(), (down, right), hidden
    raise AssertionError("no shift and brightness explain the image")


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def explained(request):
    images = textured(request.param, 60)
    return request.param, [explain(*pair) for pair in zip(images, augment(images), strict=True)]


def test_every_image_is_shifted_brightened_and_partly_hidden_never_flipped(explained):
    (height, width, _), parts = explained
    brightness = np.array([part[0] for part in parts])
    assert np.abs(brightness).max() <= 0.5 + 1e-3
    assert brightness.min() < -0.4
    assert brightness.max() > 0.4
    down, right = np.array([part[1] for part in parts]).T
    # An eighth of the side, rounded, as in the code of the paper.
    assert (-down.min(), down.max()) == (int(height / 8 + 0.5),) * 2
    assert (-right.min(), right.max()) == (int(width / 8 + 0.5),) * 2


def test_cutout_hides_half_the_side(explained):
    (height, width, _), parts = explained
    sizes = []
    for *_, hidden in parts:
        rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
        assert hidden[np.ix_(rows, columns)].all()  # A full rectangle.
        assert hidden.sum() == len(rows) * len(columns)
        assert np.ptp(rows) == len(rows) - 1
        sizes.append((len(rows), len(columns)))
    # Those at the border are cut off; the largest are whole.
    assert np.max(sizes, axis=0).tolist() == [height // 2, width // 2]
    assert np.min(sizes, axis=0).max() < height // 2


def test_draws_are_of_the_image_and_of_the_seed():
    images = textured((16, 16, 1), 8)
    shown = augment(images)
    np.testing.assert_array_equal(shown, augment(images))
    assert len({image.tobytes() for image in shown}) == 8
    assert not np.array_equal(shown, augment(images, seed=(1, 3)))
    assert not np.array_equal(shown, augment(images, seed=(2, 2)))


def test_gradients_reach_what_is_seen_and_nothing_else():
    images = tf.constant(textured((12, 12, 1), 5))
    with tf.GradientTape() as tape:
        tape.watch(images)
        shown = diff_augment(images, tf.constant([0, 0]))
        total = tf.reduce_sum(shown)
    gradient = tape.gradient(total, images).numpy()
    assert set(np.unique(gradient)) == {0.0, 1.0}
    # Pixels are moved, not mixed: one seen for each that arrives.
    for image_gradient, image_shown, original in zip(gradient, shown, images, strict=True):
        _, (down, right), hidden = explain(original.numpy(), image_shown.numpy())
        arrived = shifted(np.ones((12, 12, 1), np.float32), down, right)[..., 0] * ~hidden
        assert image_gradient.sum() == arrived.sum() > 0


@pytest.mark.parametrize("dtype", [np.float32, tf.bfloat16.as_numpy_dtype])
def test_shape_and_dtype_stay(dtype):
    images = np.ones((3, 10, 14, 3), dtype)
    shown = augment(images)
    assert shown.shape == images.shape
    assert shown.dtype == images.dtype

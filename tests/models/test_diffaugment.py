"""DiffAugment, taken apart by an image that shows where each pixel came from."""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Parts:
    """What was done to one image.

    Attributes:
        brightness: What was added to every pixel.
        saturation: Factor of the distances from the pixel's mean over its channels.
        contrast: Factor of the distances from the image's mean, after the other two.
        moved: Pixels (down, right).
        hidden: Pixels cut out, bool (H, W).
    """

    brightness: float
    saturation: float
    contrast: float
    moved: tuple[int, int]
    hidden: np.ndarray


def explain(original, shown):
    """The `Parts` that make `shown` of `original`, or fails.

    Colour changes are a linear map of a pixel's channels and their mean, found by least squares.
    """
    height, width, channels = original.shape
    grey = original.mean(axis=2, keepdims=True)
    for down in range(-height // 4, height // 4 + 1):
        for right in range(-width // 4, width // 4 + 1):
            moved, moved_grey = (shifted(x, down, right) for x in (original, grey))
            filled = moved[..., 0] == 0
            seen = (shown != 0).any(axis=2) & ~filled
            colour = (moved - moved_grey)[seen].ravel().astype(np.float64)
            light = np.repeat(moved_grey[seen].ravel(), channels).astype(np.float64)
            terms = np.stack([colour, light, np.ones_like(light)], axis=1)
            wanted = shown[seen].ravel()
            (by_colour, contrast, added), *_ = np.linalg.lstsq(terms, wanted, rcond=None)
            if seen.any() and np.abs(terms @ (by_colour, contrast, added) - wanted).max() < 1e-3:
                assert (shown[filled] == 0).all()
                hidden = ~filled & ~seen
                assert (shown[hidden] == 0).all()
                brightness = added - (1 - contrast) * original.mean(dtype=np.float64)
                saturation = by_colour / contrast
                return Parts(brightness, saturation, contrast, (down, right), hidden)
    raise AssertionError("no shift and change of colour explain the image")


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def explained(request):
    images = textured(request.param, 60)
    return request.param, [explain(*pair) for pair in zip(images, augment(images), strict=True)]


def test_every_image_is_shifted_brightened_and_partly_hidden_never_flipped(explained):
    (height, width, _), parts = explained
    brightness = np.array([part.brightness for part in parts])
    assert np.abs(brightness).max() <= 0.5 + 1e-3
    assert brightness.min() < -0.4
    assert brightness.max() > 0.4
    down, right = np.array([part.moved for part in parts]).T
    # An eighth of the side, rounded, as in the code of the paper.
    assert (-down.min(), down.max()) == (int(height / 8 + 0.5),) * 2
    assert (-right.min(), right.max()) == (int(width / 8 + 0.5),) * 2


def test_colour_images_change_in_saturation_and_contrast_grey_ones_do_not(explained):
    (*_, channels), parts = explained
    contrast = np.array([part.contrast for part in parts])
    if channels == 1:
        np.testing.assert_allclose(contrast, 1, atol=1e-5)
        return
    saturation = np.array([part.saturation for part in parts])
    assert -1e-5 < saturation.min() < 0.2
    assert 1.8 < saturation.max() < 2 + 1e-5
    assert 0.5 - 1e-5 < contrast.min() < 0.6
    assert 1.4 < contrast.max() < 1.5 + 1e-5
    draws = [[p.brightness, p.saturation, p.contrast, *p.moved] for p in parts]
    assert np.abs(np.corrcoef(np.transpose(draws)) - np.eye(5)).max() < 4 / np.sqrt(60)


def test_grey_images_get_the_draws_of_the_published_results():
    ramp = np.linspace(0, 1, 36, dtype=np.float32).reshape(6, 6, 1)
    expected = shifted(ramp + 0.3440604, down=-1, right=1)
    expected[:2, :3] = 0
    np.testing.assert_allclose(augment(ramp[None])[0], expected, atol=1e-6)


def test_cutout_hides_half_the_side(explained):
    (height, width, _), parts = explained
    sizes = []
    for hidden in (part.hidden for part in parts):
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


def test_colour_follows_the_seed():
    images = np.random.default_rng(0).random((8, 6, 6, 3), np.float32)
    np.testing.assert_array_equal(augment(images), augment(images))
    assert len({augment(images, seed=seed).tobytes() for seed in [(1, 2), (1, 3), (2, 2)]}) == 3


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
        parts = explain(original.numpy(), image_shown.numpy())
        arrived = shifted(np.ones((12, 12, 1), np.float32), *parts.moved)[..., 0] * ~parts.hidden
        assert image_gradient.sum() == arrived.sum() > 0


def test_gradients_of_colour_images_are_those_of_the_change_that_was_drawn():
    rng, seed = np.random.default_rng(3), tf.constant([4, 5])
    images = tf.constant(rng.random((6, 10, 12, 3), np.float32))
    step = tf.constant(rng.standard_normal(images.shape, np.float32))
    weights = rng.standard_normal(images.shape, np.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(weights * diff_augment(images, seed), axis=[1, 2, 3])
    gradient = tape.gradient(total, images)
    # The change is affine in the image, so that a step of any size is exact.
    after = tf.reduce_sum(weights * diff_augment(images + step, seed), axis=[1, 2, 3])
    predicted = tf.reduce_sum(gradient * step, axis=[1, 2, 3])
    assert np.abs(predicted).min() > 0.1
    np.testing.assert_allclose(after - total, predicted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, tf.bfloat16.as_numpy_dtype])
def test_shape_and_dtype_stay(dtype):
    images = np.ones((3, 10, 14, 3), dtype)
    shown = augment(images)
    assert shown.shape == images.shape
    assert shown.dtype == images.dtype

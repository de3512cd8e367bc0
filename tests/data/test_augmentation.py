"""Augmentation: its moves against scipy's affine transform, its draws by their ranges."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from gan_mnist.data import augmentation as module
from gan_mnist.data.augmentation import Augmentation, augment
from gan_mnist.data.pipelines import training_batches

STILL = Augmentation(rotation_degrees=0, shift=0, zoom=0, shear=0)
STRONG = Augmentation(rotation_degrees=25, shift=0.1, zoom=0.2, shear=0.4)
PHOTOGRAPHS = replace(STRONG, brightness=0.3, flip=True, fill="nearest")


def pictures(num, side=12, channels=1):
    return np.random.default_rng(0).random((num, side, side, channels), np.float32)


def augmented(images, augmentation, seed=0, update=0):
    return augment(tf.constant(images), augmentation, (seed, tf.constant(update))).numpy()


def test_a_repeated_image_is_augmented_anew_each_time():
    images = np.repeat(pictures(1, side=8), 5, axis=0)
    shown = np.concatenate([augmented(images, STRONG, 1, update) for update in range(2)])
    assert len({image.tobytes() for image in shown}) == 10


def coordinates(height, width, num_images, texture):
    """Images whose first channels hold x, y and 1: linear, so bilinear sampling is exact on them.

    What comes out tells from where in the input every pixel was taken.
    """
    y, x = np.mgrid[:height, :width].astype(np.float32)
    channels = np.stack([x, y, np.ones_like(x), texture], axis=-1)
    return np.repeat(channels[None], num_images, axis=0)


def recovered_maps(shown):
    """The 2 x 2 matrices and offsets that took output (x, y) to input (x, y), by least squares."""
    maps = []
    for image in shown:
        inside = image[..., 2] > 1 - 2e-6  # No part of it is fill.
        y, x = np.nonzero(inside)
        outputs = np.stack([x, y, np.ones_like(x)], axis=1)
        solution, *_ = np.linalg.lstsq(outputs, image[inside][:, :2].astype(np.float64), rcond=None)
        assert np.abs(outputs @ solution - image[inside][:, :2]).max() < 1e-3
        maps.append((solution[:2].T, solution[2]))
    return maps


@pytest.mark.parametrize(("height", "width"), [(28, 28), (20, 32)])
def test_the_move_is_one_affine_map_sampled_once(height, width):
    texture = np.random.default_rng(0).random((height, width), np.float32)
    shown = augmented(coordinates(height, width, 12, texture), STRONG, 4, 2)
    for image, (matrix, offset) in zip(shown, recovered_maps(shown), strict=True):
        expected = ndimage.affine_transform(
            texture.astype(np.float64),
            matrix[::-1, ::-1],  # scipy's axes are (y, x).
            offset[::-1],
            order=1,
            mode="grid-constant",
            cval=0,
        )
        np.testing.assert_allclose(image[..., 3], expected, atol=1e-3)


def test_the_move_stays_in_its_ranges_and_fills_them():
    height, width = 24, 32
    texture = np.zeros((height, width), np.float32)
    shown = augmented(coordinates(height, width, 400, texture), STRONG, 0, 0)
    parameters = []
    for matrix, offset in recovered_maps(shown):
        assert np.linalg.det(matrix) > 0  # Never a flip.
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        moved = matrix @ centre + offset - centre
        angle = np.arctan2(matrix[1, 0], matrix[0, 0])
        sheared = np.arctan2(-matrix[0, 1], matrix[1, 1])
        parameters.append(
            [
                np.rad2deg(angle) / STRONG.rotation_degrees,
                (sheared - angle) / STRONG.shear,
                (np.hypot(*matrix[:, 0]) - 1) / STRONG.zoom,
                (np.hypot(*matrix[:, 1]) - 1) / STRONG.zoom,
                moved[0] / (STRONG.shift * width),
                moved[1] / (STRONG.shift * height),
            ]
        )
    parameters = np.array(parameters)
    assert np.abs(parameters).max() < 1.001
    assert (parameters.max(axis=0) > 0.95).all()
    assert (parameters.min(axis=0) < -0.95).all()
    assert np.abs(np.corrcoef(parameters.T) - np.eye(6)).max() < 0.2  # sd 0.05 if independent


def test_nothing_drawn_leaves_the_image():
    images = pictures(3, side=7)
    np.testing.assert_array_equal(augmented(images, STILL, 0, 0), images)


def test_pure_zoom_of_a_linear_image_is_exact():
    x = np.arange(9, dtype=np.float32) - 4
    images = np.tile(x, (50, 9, 1))[..., None]
    shown = augmented(images, Augmentation(0, 0, 0.2, 0), 0, 0)[:, 4, :, 0]
    factors = shown[:, 5]  # One pixel from the centre, where the image is 1.
    np.testing.assert_allclose(shown[:, 2:7], factors[:, None] * x[2:7], atol=1e-5)
    assert factors.min() < 0.85
    assert factors.max() > 1.15


def test_augmented_images_stay_in_range():
    images = np.ones((100, 28, 28, 1), np.float32)
    images[:50] = np.random.default_rng(0).random((50, 28, 28, 1)) > 0.5
    shown = augmented(images, STRONG, 0, 0)
    assert shown.dtype == np.float32
    assert shown.shape == images.shape
    assert shown.min() >= 0
    assert shown.max() <= 1 + 1e-6  # Float rounding of the four weights.


def test_digits_get_the_draws_of_the_published_results():
    images = np.arange(2 * 6 * 6, dtype=np.float32).reshape(2, 6, 6, 1) / 72
    rows = augmented(images, STRONG, seed=1)[:, 2, :, 0]
    published = [
        [0.06181287, 0.09801255, 0.13421223, 0.17041188, 0.20661157, 0.24281125],
        [0.67262304, 0.6833493, 0.6940756, 0.70480186, 0.71552813, 0.5371535],
    ]
    np.testing.assert_allclose(rows, published, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", [STRONG, PHOTOGRAPHS])
def test_an_image_is_augmented_by_seed_and_update_alone(augmentation):
    images = pictures(6, channels=3)
    graph = tf.function(lambda update: augment(tf.constant(images), augmentation, (3, update)))
    shown = augmented(images, augmentation, 3, 5)
    np.testing.assert_array_equal(graph(tf.constant(5, tf.int64)), shown)
    assert not np.array_equal(augmented(images, augmentation, 3, 6), shown)
    assert not np.array_equal(augmented(images, augmentation, 4, 5), shown)


def test_trainings_with_equal_ranges_share_one_graph(monkeypatch):
    made, affine = [], module.affine

    def counted(*arguments):
        made.append(arguments)
        return affine(*arguments)

    monkeypatch.setattr(module, "affine", counted)
    ranges = replace(STRONG, zoom=0.21)
    trainings = [
        training_batches((pictures(number),), 4, ranges, seed, 0)
        for number, seed in ((9, 1), (8, 2))
    ]
    first, second = (next(iter(training))[0].numpy() for training in trainings)
    assert len(made) == 1
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("still", [STILL, STRONG])
def test_half_of_the_images_are_mirrored_before_they_move(still):
    images = pictures(400, side=7, channels=3)
    shown = augmented(images, replace(still, flip=True))
    # The moves are those of the unflipped run, bit by bit.
    as_is, mirrored = augmented(images, still), augmented(images[:, :, ::-1], still)
    flipped = np.array([not np.array_equal(*pair) for pair in zip(shown, as_is, strict=True)])
    np.testing.assert_array_equal(shown[flipped], mirrored[flipped])
    assert abs(flipped.mean() - 0.5) < 4 * 0.025  # The sd of 400 fair coins.


def test_flips_are_drawn_anew_for_each_image_and_update():
    images = pictures(40, side=3)
    flips = [augmented(images, replace(STILL, flip=True), 0, update) for update in range(40)]
    flipped = (np.stack(flips) != images).any(axis=(2, 3, 4))
    assert ((flipped.mean(axis=0) > 0.1) & (flipped.mean(axis=0) < 0.9)).all()
    assert ((flipped.mean(axis=1) > 0.1) & (flipped.mean(axis=1) < 0.9)).all()


def test_brightness_is_one_uniform_factor_an_image():
    images = 0.05 + 0.6 * pictures(400, side=4, channels=3)
    factors = augmented(images, replace(STILL, brightness=0.5)) / images
    assert np.ptp(factors, axis=(1, 2, 3)).max() < 1e-5
    drawn = np.sort(factors[:, 0, 0, 0])
    assert drawn[0] >= 0.5
    assert drawn[-1] <= 1.5
    # Kolmogorov's bound at 1 in 10,000.
    expected = np.linspace(0.5, 1.5, 400)
    assert np.abs(drawn - expected).max() < 2.23 / np.sqrt(400)


def test_brightness_is_clipped_and_moves_nothing():
    images = pictures(50, channels=3)
    brightness = 0.9
    shown = augmented(images, replace(STRONG, brightness=brightness))
    assert (shown.min(), shown.max()) == (0, 1)
    moved = augmented(images, STRONG)
    # A uniform image tells the factors, as long as they do not clip it.
    grey = np.full((50, 12, 12, 3), 0.5, np.float32)
    factors = 2 * augmented(grey, replace(STILL, brightness=brightness))[:, :1, :1, :1]
    np.testing.assert_allclose(shown, np.minimum(moved * factors, 1), atol=1e-6)
    assert (factors.min(), factors.max()) == pytest.approx((0.1, 1.9), abs=0.1)


def test_flips_moves_and_brightness_are_unrelated():
    ramp = np.tile(np.linspace(0.1, 0.5, 9, dtype=np.float32), (500, 9, 1))[..., None]
    images = np.concatenate([ramp, np.full_like(ramp, 0.4)], axis=-1)
    parts = replace(STILL, rotation_degrees=10, shift=0.1, brightness=0.3, flip=True)
    shown = augmented(images, parts)
    centre = shown[:, 4]
    factor = centre[:, 4, 1] / 0.4
    flipped = centre[:, 7, 0] < centre[:, 1, 0]
    # The ramp rises by 0.05 a pixel to the right, from 0.3 in the middle; mirrored, it falls.
    rise = 0.05 * factor * np.where(flipped, -1, 1)
    shift = (centre[:, 4, 0] - 0.3 * factor) / rise
    rotation = (shown[:, 3, 4, 0] - shown[:, 5, 4, 0]) / 2 / rise
    assert np.abs(shift).max() == pytest.approx(0.9, abs=0.01)
    assert np.abs(rotation).max() == pytest.approx(np.sin(np.deg2rad(10)), abs=0.002)
    correlations = np.corrcoef([factor, flipped, shift, rotation]) - np.eye(4)
    assert np.abs(correlations).max() < 4 / np.sqrt(500)


def test_nearest_repeats_the_edge_and_zero_leaves_corners_black():
    white = np.ones((200, 9, 13, 3), np.float32)
    corners = augmented(white, STRONG)[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 0).any()
    filled = augmented(white, replace(STRONG, fill="nearest"))
    np.testing.assert_allclose(filled, 1, atol=1e-6)


def test_nearest_is_scipys_nearest():
    texture = np.random.default_rng(0).random((20, 32), np.float32)
    images = coordinates(20, 32, 12, texture)
    shown = augmented(images, replace(STRONG, fill="nearest"))[..., 3]
    # The maps are those of the images filled with 0.
    maps = recovered_maps(augmented(images, STRONG))
    for image, (matrix, offset) in zip(shown, maps, strict=True):
        expected = ndimage.affine_transform(
            texture.astype(np.float64), matrix[::-1, ::-1], offset[::-1], order=1, mode="nearest"
        )
        np.testing.assert_allclose(image, expected, atol=1e-3)


def test_photographs_stay_in_range():
    images = (pictures(100, channels=3) > 0.5).astype(np.float32)
    shown = augmented(images, PHOTOGRAPHS)
    assert shown.dtype == np.float32
    assert shown.shape == images.shape
    assert shown.min() >= 0
    assert shown.max() <= 1

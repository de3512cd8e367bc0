"""Batches: their order by counting, their augmentation against scipy's affine transform."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from gan_mnist.data.pipelines import (
    Augmentation,
    by_update,
    random_affine,
    shuffled_rows,
    training_batches,
)

STILL = Augmentation(rotation_degrees=0, shift=0, zoom=0, shear=0)
STRONG = Augmentation(rotation_degrees=25, shift=0.1, zoom=0.2, shear=0.4)


def table(num_rows, side=2, seed=0):
    """Images, their numbers and a weight each."""
    images = np.random.default_rng(seed).random((num_rows, side, side, 1), np.float32)
    return images, np.arange(num_rows, dtype=np.int32), np.linspace(1, 2, num_rows, dtype="f4")


def batches(columns, count, batch_size=4, seed=1, augmentation=None, first=0):
    data = training_batches(columns, batch_size, seed, augmentation, first)
    return [[column.numpy() for column in batch] for batch in data.take(count)]


def order(num_rows, passes, seed=1):
    """Row numbers of whole passes, (passes, num_rows)."""
    draw = tf.function(lambda update: shuffled_rows(num_rows, num_rows, seed, update))
    return np.stack([draw(tf.constant(update, tf.int64)) for update in range(passes)])


def affine(images, augmentation, seed, update):
    return random_affine(tf.constant(images), augmentation, (seed, tf.constant(update))).numpy()


@pytest.mark.parametrize(
    ("num_rows", "batch_size"), [(1, 3), (2, 5), (7, 3), (12, 4), (13, 64), (601, 64)]
)
def test_a_pass_shows_every_row_once(num_rows, batch_size):
    passes = 5 if num_rows < 100 else 2
    rows = [
        shuffled_rows(num_rows, batch_size, 3, tf.constant(update, tf.int64)).numpy()
        for update in range(-(-passes * num_rows // batch_size))
    ]
    assert all(r.shape == (batch_size,) and r.dtype == np.int64 for r in rows)
    for shown in np.concatenate(rows)[: passes * num_rows].reshape(passes, num_rows):
        np.testing.assert_array_equal(np.sort(shown), np.arange(num_rows))


def test_passes_are_shuffled_anew_and_fairly():
    places = np.argsort(order(num_rows=40, passes=200), axis=1)
    # The mean place of a row over 200 passes has sd 40 / sqrt(12 * 200) = 0.82.
    assert np.abs(places.mean(axis=0) - 19.5).max() < 4 * 0.82
    # Two rows that lie side by side in the table are rarely shown one after the other.
    follows = np.abs(places[:, 1:] - places[:, :-1]) == 1
    assert 0.03 < follows.mean() < 0.07  # 2 / 40 if orders are random


@pytest.mark.parametrize("num_rows", [100, 900])
def test_seeds_and_passes_have_orders_of_their_own(num_rows):
    def first_rows(seed, pass_number):
        update = tf.constant(pass_number * num_rows // 20, tf.int64)
        return tuple(shuffled_rows(num_rows, 20, seed, update).numpy().tolist())

    powers = [2**k for k in range(31)]
    assert len({first_rows(seed, 0) for seed in [0, *powers]}) == 32
    assert len({first_rows(0, number) for number in [0, *powers[:20]]}) == 21


def test_batches_hold_the_rows_of_all_columns_together():
    columns = table(10)
    for images, numbers, weights in batches(columns, 6):
        assert images.dtype == np.float32
        assert numbers.dtype == np.int32
        np.testing.assert_array_equal(images, columns[0][numbers])
        np.testing.assert_array_equal(weights, columns[2][numbers])


@pytest.mark.parametrize("augmentation", [None, STRONG])
def test_a_batch_depends_on_its_update_alone(augmentation):
    columns = table(10, side=6)
    whole = batches(columns, 9, augmentation=augmentation)
    resumed = batches(columns, 4, augmentation=augmentation, first=5)
    for late, early in zip(resumed, whole[5:], strict=True):
        for a, b in zip(late, early, strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(whole[0][0], whole[5][0])


def test_tables_of_one_length_come_in_one_order():
    first, second = table(11, seed=0), table(11, seed=9)
    for (_, numbers, _), (_, others, _) in zip(batches(first, 8), batches(second, 8), strict=True):
        np.testing.assert_array_equal(numbers, others)


def test_tables_of_one_length_are_augmented_alike():
    first = np.zeros((6, 9, 9, 1), np.float32)
    first[:, 3:6, 3:6] = 1
    shown = batches((first, np.arange(6)), 2, augmentation=STRONG)
    half = batches((first / 2, np.arange(6)), 2, augmentation=STRONG)
    for (images, _), (fainter, _) in zip(shown, half, strict=True):
        np.testing.assert_allclose(images / 2, fainter, atol=1e-7)


def test_the_seed_changes_order_and_augmentation():
    columns = table(30, side=6)
    one, other = batches(columns, 2), batches(columns, 2, seed=2)
    assert not np.array_equal(one[0][1], other[0][1])
    images = columns[0]
    assert not np.array_equal(affine(images, STRONG, 1, 0), affine(images, STRONG, 2, 0))


def test_a_repeated_image_is_augmented_anew_each_time():
    images = np.repeat(table(1, side=8)[0], 5, axis=0)
    shown = np.concatenate([affine(images, STRONG, 1, update) for update in range(2)])
    assert len({image.tobytes() for image in shown}) == 10


def test_by_update_counts_from_the_first_update():
    data = by_update(lambda update: 10 * update, 7)
    assert [int(value) for value in data.take(3)] == [70, 80, 90]


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
def test_random_affine_is_one_affine_map_sampled_once(height, width):
    texture = np.random.default_rng(0).random((height, width), np.float32)
    shown = affine(coordinates(height, width, 12, texture), STRONG, 4, 2)
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


def test_random_affine_stays_in_its_ranges_and_fills_them():
    height, width = 24, 32
    texture = np.zeros((height, width), np.float32)
    shown = affine(coordinates(height, width, 400, texture), STRONG, 0, 0)
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
    images = table(3, side=7)[0]
    np.testing.assert_array_equal(affine(images, STILL, 0, 0), images)


def test_pure_zoom_of_a_linear_image_is_exact():
    x = np.arange(9, dtype=np.float32) - 4
    images = np.tile(x, (50, 9, 1))[..., None]
    shown = affine(images, Augmentation(0, 0, 0.2, 0), 0, 0)[:, 4, :, 0]
    factors = shown[:, 5]  # One pixel from the centre, where the image is 1.
    np.testing.assert_allclose(shown[:, 2:7], factors[:, None] * x[2:7], atol=1e-5)
    assert factors.min() < 0.85
    assert factors.max() > 1.15


def test_augmented_images_stay_in_range():
    images = np.ones((100, 28, 28, 1), np.float32)
    images[:50] = np.random.default_rng(0).random((50, 28, 28, 1)) > 0.5
    shown = affine(images, STRONG, 0, 0)
    assert shown.dtype == np.float32
    assert shown.shape == images.shape
    assert shown.min() >= 0
    assert shown.max() <= 1 + 1e-6  # Float rounding of the four weights.

"""Elastic augmentation: its field against scipy's Hermite splines, its pixels against scipy's."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from scipy import interpolate, ndimage

from gan_mnist.data.augmentation import Augmentation, augment

STILL = Augmentation(rotation_degrees=0, shift=0, zoom=0, shear=0)
ELASTIC = replace(STILL, elastic=0.05)
STRONG = Augmentation(rotation_degrees=25, shift=0.1, zoom=0.2, shear=0.4)
SIDE = 29  # Its control points are the pixels 0, 7, 14, 21 and 28.


def augmented(images, augmentation, seed=0, update=0):
    return augment(tf.constant(images), augmentation, (seed, tf.constant(update))).numpy()


def sources(augmentation, num_images=20, side=SIDE, seed=0):
    """Where pixels were taken from, (n, side, side, 2) as x and y; NaN where from outside."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    images = np.repeat(np.stack([x, y, np.ones_like(x)], axis=-1)[None], num_images, axis=0)
    shown = augmented(images, augmentation, seed)
    return np.where(shown[..., 2:] > 1 - 1e-5, shown[..., :2], np.nan)


def spline(points):
    """The smooth field of 5 x 5 points on all pixels, (side, side)."""
    knots, pixels = np.linspace(0, SIDE - 1, 5), np.arange(SIDE)
    for axis in (0, 1):
        values = np.moveaxis(points, axis, 0)
        ends = np.concatenate([values[:1], values, values[-1:]])
        slopes = (ends[2:] - ends[:-2]) / 2 / (knots[1] - knots[0])
        smooth = interpolate.CubicHermiteSpline(knots, values, slopes)(pixels)
        points = np.moveaxis(smooth, 0, axis)
    return points


def test_the_field_is_a_spline_whose_points_move_evenly_within_their_range():
    y, x = np.mgrid[:SIDE, :SIDE]
    basis = np.stack([spline(unit.reshape(5, 5)).ravel() for unit in np.eye(25)], axis=1)
    moved = (sources(ELASTIC, 400) - np.stack([x, y], axis=-1)).reshape(400, -1, 2)
    inside = np.isfinite(moved).all(axis=2)
    # Least squares of all fields at once, by their normal equations.
    matrices = np.tensordot(inside, basis[:, :, None] * basis[:, None, :], axes=1)
    points = np.linalg.solve(matrices, basis.T @ np.where(inside[..., None], moved, 0))
    np.testing.assert_allclose((basis @ points)[inside], moved[inside], atol=1e-3)
    found = points.reshape(400, -1) / (0.05 * SIDE)
    assert np.abs(found).max() <= 1.01
    assert (found.max(axis=0) > 0.95).all()
    assert (found.min(axis=0) < -0.95).all()
    assert np.abs(np.corrcoef(found.T) - np.eye(50)).max() < 0.25  # sd 0.05 if independent


@pytest.mark.parametrize("fill", ["zero", "nearest"])
def test_pixels_are_sampled_once_where_the_field_and_the_affine_map_say(fill):
    augmentation = replace(STRONG, elastic=0.04, fill=fill)
    texture = np.random.default_rng(0).random((SIDE, SIDE)).astype(np.float32)
    found = sources(augmentation, 6)
    shown = augmented(np.repeat(texture[None, ..., None], 6, axis=0), augmentation)[..., 0]
    for places, image in zip(found, shown, strict=True):
        inside = np.isfinite(places).all(axis=-1)
        assert inside.mean() > 0.3
        expected = ndimage.map_coordinates(texture, places[inside][:, ::-1].T, order=1)
        np.testing.assert_allclose(image[inside], expected, atol=1e-3)


def test_without_a_field_it_is_the_affine_map():
    images = np.random.default_rng(0).random((5, 12, 12, 2)).astype(np.float32)
    barely = augmented(images, replace(STRONG, elastic=1e-6))
    np.testing.assert_allclose(barely, augmented(images, STRONG), atol=1e-3)


@pytest.mark.slow
def test_an_image_is_pulled_by_seed_and_update_alone():
    images = np.random.default_rng(0).random((6, 12, 12, 3)).astype(np.float32)
    shown = augmented(images, ELASTIC, 3, 5)
    graph = tf.function(lambda update: augment(tf.constant(images), ELASTIC, (3, update)))
    np.testing.assert_allclose(graph(tf.constant(5, tf.int64)), shown, atol=1e-5)
    assert not np.array_equal(augmented(images, ELASTIC, 3, 6), shown)
    assert not np.array_equal(augmented(images, ELASTIC, 4, 5), shown)
    same = augmented(np.repeat(images[:1], 6, axis=0), ELASTIC)
    assert len({image.tobytes() for image in same}) == 6


def test_elastic_images_stay_in_range():
    images = (np.random.default_rng(0).random((50, 28, 28, 1)) > 0.5).astype(np.float32)
    shown = augmented(images, replace(STRONG, elastic=0.2))
    assert (shown.dtype, shown.shape) == (np.float32, images.shape)
    assert shown.min() >= 0
    assert shown.max() <= 1 + 1e-6

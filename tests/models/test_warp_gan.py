"""The warp: what its parameters do to an image, against shifts written by hand."""

import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.models.warp_gan import (
    NUM_PARAMETERS,
    Style,
    Warp,
    WarpGAN,
    build_warp_gan,
)
from gan_mnist.models.warping import catmull_rom

SIDE = 28


def stroke(top: int = 6, left: int = 12, height: int = 14, width: int = 3) -> np.ndarray:
    image = np.zeros((1, SIDE, SIDE, 1), np.float32)
    image[0, top : top + height, left : left + width] = 1
    return image


def warped(image: np.ndarray, **values: float) -> np.ndarray:
    """By name: a, b, c, d (linear), right, down, thickness; all others are zero."""
    places = {
        "a": 0,
        "b": 1,
        "c": 2,
        "d": 3,
        "right": 4,
        "down": 5,
        "thickness": NUM_PARAMETERS - 1,
    }
    parameters = np.zeros((len(image), NUM_PARAMETERS), np.float32)
    for name, value in values.items():
        parameters[:, places[name]] = value
    return Warp()(tf.constant(image), tf.constant(parameters)).numpy()


def test_parameters_of_zero_leave_the_image_as_it_is():
    rng = np.random.default_rng(0)
    images = rng.random((3, SIDE, SIDE, 2), dtype=np.float32)
    same = Warp()(tf.constant(images), tf.zeros((3, NUM_PARAMETERS)))
    np.testing.assert_allclose(same, images, atol=1e-4)


@pytest.mark.parametrize(("name", "axis"), [("right", 2), ("down", 1)])
def test_a_shift_by_whole_pixels_is_a_roll(name, axis):
    # Two pixels are 2 / 13.5 half sides; the bound of the shift is 0.15 of them.
    two_pixels = 2 / ((SIDE - 1) / 2) / 0.15
    moved = warped(stroke(), **{name: two_pixels})
    np.testing.assert_allclose(moved, np.roll(stroke(), -2, axis=axis), atol=1e-4)


def test_what_comes_from_outside_is_black():
    full = np.ones((1, SIDE, SIDE, 1), np.float32)
    moved = warped(full, right=2 / ((SIDE - 1) / 2) / 0.15)
    # What lies further out is taken to within a thousandth of the black border.
    np.testing.assert_allclose(moved[0, :, -2:], 0, atol=2e-3)
    np.testing.assert_allclose(moved[0, :, :-2], 1, atol=1e-4)


def test_thickness_adds_and_takes_ink_and_keeps_thin_strokes():
    image = stroke()
    thick, thin = warped(image, thickness=1.0), warped(image, thickness=-1.0)
    dilated = np.zeros_like(image)
    dilated[0, 5:21, 11:16] = 1
    np.testing.assert_allclose(thick, dilated, atol=1e-4)
    assert thin.sum() < image.sum()
    hairline = stroke(width=1)
    assert warped(hairline, thickness=-1.0).max() > 0.5


def test_the_largest_warp_stays_an_image():
    parameters = np.sign(np.random.default_rng(1).normal(size=(8, NUM_PARAMETERS)))
    images = np.random.default_rng(2).random((8, SIDE, SIDE, 1), dtype=np.float32)
    out = Warp()(tf.constant(images), tf.constant(parameters, tf.float32)).numpy()
    assert out.shape == images.shape
    assert out.min() >= 0
    assert out.max() <= 1 + 1e-5


def test_control_points_are_met_and_a_constant_field_stays_constant():
    matrix = catmull_rom(SIDE, 4)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(matrix[[0, 9, 18, 27]], np.eye(4), atol=1e-6)


def test_style_tells_thickness_slant_and_place():
    style = lambda image: Style()(tf.constant(image)).numpy()[0]  # noqa: E731
    thin, thick = style(stroke(width=1)), style(stroke(width=5, left=11))
    assert thick[0] > thin[0]
    slanted = stroke()
    for row in range(6, 20):
        slanted[0, row] = np.roll(slanted[0, row], (row - 13) // 2, axis=0)
    assert abs(style(stroke())[1]) < 0.05 < style(slanted)[1]
    right, low = style(stroke(left=20)), style(stroke(top=12))
    assert right[2] > 0.5 > abs(style(stroke(left=13, width=2))[2])
    assert low[3] > style(stroke())[3]


def test_samples_start_from_an_adopted_image_of_the_class():
    gan: WarpGAN = build_warp_gan((SIDE, SIDE, 1), width=2)
    images = np.concatenate([stroke(left=2), stroke(left=23), stroke(left=22)])
    gan.adopt(images, np.array([1, 0, 0], np.int32))
    samples = gan.sample(tf.constant([0] * 20 + [1] * 20), tf.constant([3, 4])).numpy()
    columns = np.arange(SIDE)
    centres = (samples.sum(axis=(1, 3)) * columns).sum(axis=1) / samples.sum(axis=(1, 2, 3))
    assert (centres[:20] > 14).all()
    assert (centres[20:] < 14).all()

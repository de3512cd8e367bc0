"""The style of an image, and what is learnt of deformations from it."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from gan_mnist.models.deformations import (
    MOST_PIXELS,
    NUM_PARAMETERS,
    DeformationModel,
    as_registered,
)
from gan_mnist.models.styles import fit_style_slopes, measure_styles

SIDE = 28


def bar(slant=0.0, wide=4, top=4, bottom=24, left=12):
    """A black image (28, 28, 1) with a bar, whose rows go right by `slant` pixels a row down."""
    image = np.zeros((SIDE, SIDE), np.float32)
    image[top:bottom, left : left + wide] = 1
    centre = (SIDE - 1) / 2
    back = np.array([[1, 0], [-slant, 1]])
    offset = np.array([0, slant * centre])
    return ndimage.affine_transform(image, back, offset, order=1)[..., None]


def styles_of(*images):
    return measure_styles(tf.constant(np.stack(images), tf.float32)).numpy()


def test_the_slant_is_how_far_ink_goes_right_a_row_down():
    found = styles_of(bar(0), bar(0.2), bar(-0.3))[:, 0]
    np.testing.assert_allclose(found, [0, 0.2, -0.3], atol=0.01)


def test_strokes_are_as_wide_wherever_and_however_long_they_are():
    thin, thick, moved, long = styles_of(
        bar(wide=4), bar(wide=8), bar(wide=4, left=5), bar(top=1, bottom=27)
    )[:, 1]
    assert thick - thin == pytest.approx(np.log(2), abs=0.3)
    assert moved == pytest.approx(thin, abs=0.01)
    assert long == pytest.approx(thin, abs=0.1)


def test_styles_do_not_depend_on_the_number_of_pixels_or_channels():
    image = bar(0.2)
    large = np.repeat(image.repeat(2, axis=0).repeat(2, axis=1), 3, axis=2)
    np.testing.assert_allclose(
        styles_of(ndimage.gaussian_filter(large, (2, 2, 0))),
        styles_of(ndimage.gaussian_filter(image, (1, 1, 0))),
        atol=0.1,
    )


def test_an_image_without_ink_has_a_style():
    assert np.isfinite(styles_of(np.zeros((SIDE, SIDE, 1)), np.ones((SIDE, SIDE, 1)))).all()


def test_slopes_are_those_that_made_the_deformations_a_little_less():
    rng = np.random.default_rng(0)
    sources, true = rng.normal(0, [0.2, 3], (900, 2)), rng.normal(0, 1, (2, 4))
    found = fit_style_slopes(sources, sources @ true + 5 + rng.normal(0, 0.01, (900, 4)))
    # 30 unrelated pairs beside 900.
    np.testing.assert_allclose(found, true * 900 / 930, atol=0.02)
    assert np.abs(fit_style_slopes(sources, rng.normal(0, 1, (900, 4)))[1]).max() < 0.05


def test_a_slanted_image_is_moved_as_slanted_ones_were():
    """Pairs are of bars that are made upright, from either side; what is moved is another one."""
    model = DeformationModel((SIDE, SIDE, 1), 600, 10, alike=True)
    slants = np.resize(np.linspace(-0.4, 0.4, 40), 600)
    deformations = np.zeros((600, NUM_PARAMETERS), np.float32)
    deformations[:, 1] = slants  # A pixel comes from as much further right, a row down.
    model.deformations.assign(deformations)
    model.fit_style_slopes(np.stack([bar(slant) for slant in slants]).astype(np.float32))
    labels = tf.zeros(60, tf.int32)
    for slant in (-0.3, 0.3):
        image = bar(slant, top=8, bottom=20).astype(np.float32)
        model.adopt(np.stack([image, image]), np.array([0, 0]))
        moved = styles_of(*model.sample(labels, tf.constant([0, 1])).numpy())[:, 0]
        assert abs(moved.mean()) < 0.1
        assert moved.std() < 0.1


def test_styles_of_large_images_are_compared_in_the_size_of_pairs():
    """An image that is its own pair's source has the style of it, however large it is."""
    large = np.kron(bar(0.3), np.ones((3, 3, 1)))[None].repeat(2, axis=0).astype(np.float32)
    assert large.shape[1] > MOST_PIXELS
    model = DeformationModel(large.shape[1:], 2, 10, alike=True)
    model.fit_style_slopes(as_registered(large).numpy())
    model.slopes.assign(np.full(model.slopes.shape, 5.0))
    model.adopt(large, np.array([0, 0]))
    samples = model.sample(tf.zeros(4, tf.int32), tf.constant([0, 1])).numpy()
    np.testing.assert_allclose(samples, large[[0] * 4], atol=1e-4)

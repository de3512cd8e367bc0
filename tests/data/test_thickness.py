"""Random thickness of strokes: against scipy's filters, its draws against the uniform."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage, stats

from gan_mnist.data.augmentation import Augmentation, augment

STILL = {"rotation_degrees": 0, "shift": 0, "zoom": 0, "shear": 0}
NUM = 300
# A bar of three columns: thicker it has five, thinner one.
BAR = np.zeros((11, 11), np.float32)
BAR[:, 4:7] = 1


def shown(augmentation, images, seed=0, update=0):
    seeds = (seed, tf.constant(update))
    return augment(tf.constant(images[..., None]), augmentation, seeds).numpy()[..., 0]


@pytest.mark.parametrize("most", [0.4, 1.0])
def test_strokes_grow_and_shrink_evenly_within_the_range(most):
    images = shown(Augmentation(**STILL, thickness=most), np.repeat(BAR[None], NUM, axis=0))
    grown, kept = images[:, 5, 3], images[:, 5, 4]
    np.testing.assert_array_equal(images[:, :, :3], 0)
    is_thicker = grown > 0
    np.testing.assert_allclose(kept[is_thicker], 1, atol=1e-6)
    assert 0.4 < is_thicker.mean() < 0.6
    assert stats.kstest(grown[is_thicker], stats.uniform(0, most).cdf).pvalue > 1e-3
    # The ridge is kept: a thinner bar loses of its flanks what it does not of its middle.
    lost = 1 - kept[~is_thicker]
    assert stats.kstest(lost / lost.max(), stats.uniform(0, 1).cdf).pvalue > 1e-3
    assert (1 - images[~is_thicker, 5, 5] <= lost / 3).all()


def test_thicker_is_the_largest_of_neighbours_by_the_share_that_is_drawn():
    texture = np.random.default_rng(0).random((11, 11)).astype(np.float32)
    images = shown(Augmentation(**STILL, thickness=1.0), np.repeat(texture[None], NUM, axis=0))
    largest = ndimage.maximum_filter(texture, 3, mode="constant")
    is_thicker = (images >= texture - 1e-6).all(axis=(1, 2))
    assert 0.4 < is_thicker.mean() < 0.6
    place = np.unravel_index((largest - texture).argmax(), texture.shape)
    for image in images[is_thicker]:
        share = (image[place] - texture[place]) / (largest[place] - texture[place])
        np.testing.assert_allclose(image, texture + share * (largest - texture), atol=1e-5)


def test_it_is_drawn_apart_from_all_else_and_by_seed_and_update_alone():
    images = np.random.default_rng(0).random((6, 12, 12)).astype(np.float32)
    augmentation = Augmentation(**STILL, thickness=0.5)
    first = shown(augmentation, images, 3, 5)
    np.testing.assert_array_equal(shown(augmentation, images, 3, 5), first)
    assert not np.array_equal(shown(augmentation, images, 3, 6), first)
    assert not np.array_equal(shown(augmentation, images, 4, 5), first)

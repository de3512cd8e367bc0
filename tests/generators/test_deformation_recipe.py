"""Deformations as a generator: from settings to pairs, and where there can be none."""

from dataclasses import replace

import numpy as np
import pytest

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import Allotment
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Request, create_generator
from gan_mnist.generators.deformations import DeformationRecipe
from gan_mnist.generators.settings import GeneratorSettings

SHAPE = (8, 8, 3)
SETTINGS = GeneratorSettings(
    generator="deformations", deformation_pairs=9, deformation_updates=20, precision="float32"
)


@pytest.fixture(scope="module")
def subset(make_subset):
    return make_subset(counts=(1, 4, 3), shape=SHAPE)


def test_settings_describe_it():
    settings = replace(SETTINGS, deformations_of="own", deformation_scale=0.5)
    expected = DeformationRecipe(updates=20, batch_size=9, own=True, scale=0.5)
    assert DeformationRecipe.of(settings) == expected
    assert DeformationRecipe.of(replace(settings, untrained=True)) == replace(expected, updates=0)


def test_a_batch_holds_pairs_of_a_class_and_their_numbers(subset):
    sources, targets, numbers = DeformationRecipe.of(SETTINGS).columns(subset, 0)
    rows = {image.tobytes(): row for row, image in enumerate(subset.images)}
    found = [[rows[image.tobytes()] for image in images] for images in (sources, targets)]
    labels = subset.labels[np.array(found)]
    np.testing.assert_array_equal(labels[0], labels[1])
    assert np.bincount(labels[0]).tolist() == [0, 5, 4]
    assert numbers.tolist() == list(range(9))
    others = DeformationRecipe.of(SETTINGS).columns(subset, 1)
    assert not np.array_equal(sources, others[0])


def test_large_images_are_registered_at_a_smaller_size_and_moved_at_their_own(
    make_subset, tmp_path
):
    large = make_subset(counts=(2, 2, 2), shape=(64, 96, 3))
    sources, targets, _ = DeformationRecipe.of(SETTINGS).columns(large, 0)
    assert sources.shape == targets.shape == (9, 32, 32, 3)
    means = large.images.reshape(6, 32, 2, 32, 3, 3).mean(axis=(2, 4)) / 255
    distance = np.abs(sources[:, None] - means).max(axis=(2, 3, 4))
    np.testing.assert_allclose(distance.min(axis=1), 0, atol=1e-5)
    generator = create_generator(Request(SETTINGS, Allotment(large, None, None), 0, tmp_path))
    assert generator.sample(np.array([0, 2]), 3).shape == (2, 64, 96, 3)


def test_untrained_it_moves_nothing(subset, tmp_path):
    settings = replace(SETTINGS, untrained=True)
    generator = create_generator(Request(settings, Allotment(subset, None, None), 0, tmp_path))
    images = generator.sample(np.array([0, 1, 2, 1]), 3)
    distance = np.abs(images[:, None] - as_float(subset.images)).max(axis=(2, 3, 4))
    assert distance.min(axis=1).max() < 1e-4
    np.testing.assert_array_equal(subset.labels[distance.argmin(axis=1)], [0, 1, 2, 1])


@pytest.mark.parametrize(
    ("counts", "changes", "reason"),
    [
        ((1, 1, 1), {}, "are learnt from a class with 2 images or more"),
        ((1, 4, 3), {"deformations_of": "own"}, "need 2 images, and a pair, of it"),
        ((3, 4, 3), {"deformations_of": "own", "deformation_pairs": 2}, "need 2 images, and a"),
    ],
)
def test_it_tells_what_it_lacks(make_subset, counts, changes, reason):
    recipe = DeformationRecipe.of(replace(SETTINGS, **changes))
    with pytest.raises(NotApplicable, match=reason):
        recipe.columns(make_subset(counts=counts, shape=SHAPE), 0)

"""A mixture of Gaussians a class: its moments, its bounds, and what it is fitted to."""

import numpy as np
import pytest

from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.mixture import Mixture

SHAPE = (4, 3, 1)


def subset_of(*classes):
    """Of images in [0, 1] by class, (n, 4, 3, 1) each."""
    images = np.round(np.concatenate(classes) * 255).astype(np.uint8)
    labels = np.repeat(np.arange(len(classes), dtype=np.int32), [len(c) for c in classes])
    names = tuple(str(row) for row in range(len(labels)))
    return Subset(images, labels, ("a", "b", "c")[: len(classes)], names)


def along(direction, steps, centre=0.5):
    """Images on a line: the centre and steps in a direction of pixels."""
    return (centre + np.outer(steps, direction)).reshape(-1, *SHAPE)


def test_one_gaussian_has_the_moments_of_the_images():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(2, 12)) * 0.04
    images = (0.5 + rng.normal(size=(2000, 2)) @ mixing).reshape(-1, *SHAPE)
    drawn = Mixture(subset_of(images), 1, 2).sample(np.zeros(20_000, int), 0).reshape(-1, 12)
    real = images.reshape(-1, 12)
    np.testing.assert_allclose(drawn.mean(axis=0), real.mean(axis=0), atol=5e-3)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(real.T), atol=1.5e-3)


def test_far_apart_groups_are_met_as_often_as_they_are_there():
    """A single Gaussian would put most images between them."""
    rng = np.random.default_rng(1)
    steps = np.concatenate([rng.normal(-1, 0.1, 300), rng.normal(1, 0.1, 100)])
    images = along(np.full(12, 0.3), steps)
    levels = Mixture(subset_of(images), 2, 1).sample(np.zeros(4000, int), 0).mean(axis=(1, 2, 3))
    assert np.mean((levels > 0.35) & (levels < 0.65)) < 0.01
    assert np.mean(levels > 0.5) == pytest.approx(0.25, abs=0.03)


def test_images_leave_neither_the_range_nor_the_components():
    rng = np.random.default_rng(2)
    direction = np.zeros(12)
    direction[:3] = 1
    drawn = Mixture(subset_of(along(direction, rng.uniform(-0.5, 0.5, 60))), 1, 1)
    drawn = drawn.sample(np.zeros(500, int), 0).reshape(-1, 12)
    assert drawn.min() == 0
    assert drawn.max() == 1
    np.testing.assert_allclose(drawn[:, 3:], 0.5, atol=3e-3)
    np.testing.assert_allclose(drawn[:, :3], drawn[:, :1].repeat(3, axis=1), atol=1e-2)


@pytest.mark.parametrize("number", [2, 3, 19, 45])
def test_few_images_have_few_components(number):
    rng = np.random.default_rng(3)
    images = rng.random((number, *SHAPE))
    drawn = Mixture(subset_of(images), 1000, 1000).sample(np.zeros(9, int), 0)
    assert drawn.shape == (9, *SHAPE)
    assert len({image.tobytes() for image in drawn}) == 9


def test_two_images_are_blended_along_their_line():
    images = np.stack([np.full(SHAPE, 0.2), np.full(SHAPE, 0.6)])
    drawn = Mixture(subset_of(images), 10, 50).sample(np.zeros(400, int), 0).reshape(-1, 12)
    np.testing.assert_allclose(drawn, drawn[:, :1].repeat(12, axis=1), atol=1e-5)
    assert drawn.mean() == pytest.approx(0.4, abs=0.05)


def test_equal_images_stay_what_they_are_up_to_the_least_variance():
    images = np.full((30, *SHAPE), 0.4)
    drawn = Mixture(subset_of(images), 10, 5).sample(np.zeros(50, int), 0)
    assert np.abs(drawn - 0.4).max() < 0.2


def test_a_class_is_fitted_once(monkeypatch):
    rng = np.random.default_rng(4)
    mixture = Mixture(subset_of(*rng.random((2, 30, *SHAPE))), 2, 3)
    first = mixture.sample(np.array([0, 1, 0]), 5)
    monkeypatch.setattr(Mixture, "_fit", None)
    np.testing.assert_array_equal(mixture.sample(np.array([0, 1, 0]), 5), first)


def test_a_lone_image_has_no_mixture():
    rng = np.random.default_rng(5)
    mixture = Mixture(subset_of(rng.random((4, *SHAPE)), rng.random((1, *SHAPE))), 10, 50)
    assert len(mixture.sample(np.array([0, 0]), 0)) == 2
    with pytest.raises(NotApplicable, match=r"class b has 1$"):
        mixture.sample(np.array([0, 1]), 0)

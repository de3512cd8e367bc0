"""Latents: their distributions by Kolmogorov and Smirnov's test, rounding and zeros by hand."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from gan_mnist.models.latents import DISTRIBUTIONS, Latents

SEED = (1, 2)
EXPECTED = {"normal": stats.norm(0, 1), "uniform": stats.uniform(-1, 2)}
every_distribution = pytest.mark.parametrize("distribution", DISTRIBUTIONS)


def draw(latents, number=500, seed=SEED, dtype=tf.int32):
    vectors = latents.draw(number, tf.constant(seed, dtype)).numpy()
    assert vectors.shape == (number, latents.dim)
    assert vectors.dtype == np.float32
    return vectors


@every_distribution
def test_every_number_follows_the_distribution_and_is_independent(distribution):
    vectors = draw(Latents(8, distribution), 4000)
    for numbers in vectors.T:
        assert stats.kstest(numbers, EXPECTED[distribution].cdf).pvalue > 1e-4
    assert stats.kstest(vectors.ravel(), EXPECTED[distribution].cdf).pvalue > 1e-4
    # A correlation of 4,000 independent pairs has sd 0.016.
    assert np.abs(np.corrcoef(vectors.T) - np.eye(8)).max() < 4.5 * 0.016


def test_uniform_numbers_fill_their_range_and_stay_in_it():
    numbers = draw(Latents(10, "uniform"), 4000)
    assert -1 <= numbers.min() < -0.999
    assert 0.999 < numbers.max() < 1


@every_distribution
@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_equal_seeds_give_equal_vectors_and_others_others(distribution, dtype):
    latents = Latents(5, distribution)
    vectors = draw(latents, dtype=dtype)
    np.testing.assert_array_equal(draw(latents, dtype=dtype), vectors)
    for seed in [(1, 3), (2, 2), (2, 1)]:
        assert not (draw(latents, seed=seed, dtype=dtype) == vectors).any()


@every_distribution
@pytest.mark.parametrize(("decimals", "most"), [(2, 0.005), (1, 0.05), (0, 0.5)])
def test_rounded_numbers_are_the_nearest_of_so_many_decimals(distribution, decimals, most):
    exact = draw(Latents(6, distribution))
    rounded = draw(Latents(6, distribution, decimals))
    np.testing.assert_array_equal(rounded, np.float32(np.round(rounded.astype("f8"), decimals)))
    assert np.abs(rounded - exact).max() <= most * (1 + 1e-4)
    levels = {"normal": {0: 5, 1: 50, 2: 300}, "uniform": {0: 3, 1: 21, 2: 201}}
    assert len(np.unique(rounded)) >= levels[distribution][decimals]


def test_uniform_numbers_have_as_many_levels_as_their_decimals_say():
    """Specification, section 2: one decimal leaves a few values a number, two ten times more."""
    for decimals, levels in ((1, 21), (2, 201)):
        values = np.unique(draw(Latents(20, "uniform", decimals), 4000))
        np.testing.assert_allclose(values, np.linspace(-1, 1, levels), atol=1e-6)


@every_distribution
@pytest.mark.parametrize("active", [1, 5, 8])
def test_only_the_first_numbers_are_drawn_and_the_rest_is_zero(distribution, active):
    latents = Latents(8, distribution)
    vectors = draw(replace(latents, active=active))
    np.testing.assert_array_equal(vectors[:, :active], draw(latents)[:, :active])
    assert (vectors[:, :active] != 0).all()
    assert (vectors[:, active:] == 0).all()


def test_the_latents_of_the_mixing_arms_differ_in_what_they_say_alone():
    rounded = draw(Latents(100, decimals=1))
    first_five = draw(Latents(100, decimals=1, active=5))
    np.testing.assert_array_equal(first_five[:, :5], rounded[:, :5])
    assert len(np.unique(first_five[:, 5:])) == 1


def test_a_number_of_vectors_may_be_a_tensor_in_a_graph():
    latents = Latents(3, "uniform", 1, 2)
    drawn = tf.function(lambda number: latents.draw(number, tf.constant(SEED)))(tf.constant(7))
    np.testing.assert_allclose(drawn, draw(latents, 7), atol=1e-6)


@every_distribution
def test_a_scale_multiplies_before_rounding(distribution):
    plain, latents = Latents(6, distribution), Latents(6, distribution, scale=1.5)
    np.testing.assert_allclose(draw(latents), 1.5 * draw(plain), rtol=1e-6)
    rounded = draw(replace(latents, decimals=1, active=4))
    np.testing.assert_allclose(rounded[:, :4], np.round(draw(latents)[:, :4], 1), atol=1e-5)

"""Metrics of generated images, against loops, enumeration, closed forms and simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy import linalg, optimize, stats

from gan_mnist.errors import InputError
from gan_mnist.evaluation import generation
from gan_mnist.evaluation.copies import copy_rate, nearest
from gan_mnist.evaluation.generation import (
    frechet_distance,
    generation_metrics,
    kernel_distance,
    prdc,
)


def features(num, width=4, seed=0, shift=0.0):
    """Skewed, and zero in places, as behind a ReLU."""
    normal = np.random.default_rng(seed).normal(shift, 1, (num, width))
    return np.maximum(normal, 0) ** 1.5


def prdc_by_definition(real, fake, k):
    def radius(points, i):
        others = [math.dist(points[i], p) for j, p in enumerate(points) if j != i]
        return sorted(others)[k - 1]

    real_radii = [radius(real, i) for i in range(len(real))]
    fake_radii = [radius(fake, j) for j in range(len(fake))]
    in_real = [[math.dist(x, y) <= r for x, r in zip(real, real_radii, strict=True)] for y in fake]
    in_fake = [[math.dist(x, y) <= r for y, r in zip(fake, fake_radii, strict=True)] for x in real]
    return (
        np.mean([any(balls) for balls in in_real]),
        np.mean([any(balls) for balls in in_fake]),
        np.mean([sum(balls) for balls in in_real]) / k,
        np.mean([any(balls) for balls in zip(*in_real, strict=True)]),
    )


@pytest.mark.parametrize("k", [1, 3, 19])
@pytest.mark.parametrize("sizes", [(20, 20), (20, 33), (33, 20)])
def test_prdc_follows_the_definitions(sizes, k):
    real, fake = features(sizes[0], seed=1), features(sizes[1], seed=2, shift=0.4)
    assert prdc(real, fake, k) == pytest.approx(prdc_by_definition(real, fake, k))


@pytest.mark.parametrize("seed", range(5))
def test_prdc_counts_the_surface_of_a_ball_and_duplicates(seed):
    # Perfect squares and their roots are exact, so that the loops see every tie.
    real, fake = np.random.default_rng(seed).integers(0, 5, (2, 25, 1)).astype(float)
    assert prdc(real, fake, 2) == pytest.approx(prdc_by_definition(real, fake, 2))


def test_prdc_of_copies():
    real = features(200, width=30, seed=1) * 100 + 1000
    copies = np.random.default_rng(0).permutation(real)
    # A copy lies in its own ball and on the surface of others.
    assert prdc(real, copies, 1) == pytest.approx((1, 1, 2, 1))
    assert prdc(real, copies, 5).density == pytest.approx(6 / 5)
    assert prdc(np.zeros((8, 4)), np.zeros((9, 4)), 2) == (1, 1, 4, 1)


def test_prdc_tells_missing_modes_from_bad_images():
    broad = np.concatenate([features(50, seed=1), features(50, seed=2) + 100])
    narrow = features(100, seed=3)
    missing, bad = prdc(broad, narrow, 5), prdc(narrow, broad, 5)
    assert missing.precision > 0.8 and missing.recall < 0.55 and missing.coverage < 0.55
    assert bad.precision < 0.55 and bad.recall > 0.8
    assert (missing.precision, missing.recall) == (bad.recall, bad.precision)


@pytest.mark.slow
@pytest.mark.parametrize(("num_real", "num_fake"), [(40, 40), (60, 30)])
def test_prdc_of_equal_distributions_is_as_proven(num_real, num_fake):
    k = 3
    rng = np.random.default_rng(4)
    found = np.array(
        [prdc(rng.random((num_real, 3)), rng.random((num_fake, 3)), k) for _ in range(300)]
    )
    error = found.std(axis=0) / math.sqrt(len(found))
    # Naeem et al. 2020, lemmas 1 and 2.
    total = num_real + num_fake
    missed = math.prod((num_real - i) / (total - i) for i in range(1, k + 1))
    assert abs(found[:, 2].mean() - 1) < 3 * error[2]
    assert abs(found[:, 3].mean() - (1 - missed)) < 3 * error[3]


def test_prdc_in_chunks_is_the_same(monkeypatch):
    real, fake = features(700, seed=1), features(500, seed=2, shift=0.3)
    at_once = prdc(real, fake, 4)
    monkeypatch.setattr(generation, "CHUNK_MEBIBYTES", 1)
    assert prdc(real, fake, 4) == at_once


@pytest.mark.parametrize("k", [0, -1, 10, 11])
def test_prdc_refuses_k(k):
    for sizes in ((10, 20), (20, 10)):
        with pytest.raises(InputError, match=rf"k: {k} .* 1 to 9"):
            prdc(features(sizes[0]), features(sizes[1]), k)


def with_moments(num, mean, deviations, seed):
    """Points whose sample mean and covariance are exactly these, the latter diagonal."""
    centred = np.random.default_rng(seed).normal(size=(num, len(mean)))
    white = np.linalg.qr(centred - centred.mean(axis=0))[0] * math.sqrt(num - 1)
    return white * deviations + mean


def test_frechet_distance_of_diagonal_gaussians():
    real = with_moments(30, np.array([0.0, 1, 2]), np.array([1.0, 2, 3]), seed=0)
    fake = with_moments(50, np.array([0.5, 1, 0]), np.array([1.0, 0.5, 7]), seed=1)
    expected = 0.5**2 + 2**2 + 1.5**2 + 4**2
    assert frechet_distance(real, fake) == pytest.approx(expected)


def test_frechet_distance_by_the_root_of_a_matrix():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(60, 6)) @ rng.normal(size=(6, 6))
    fake = features(90, width=6, seed=1) @ rng.normal(size=(6, 6))
    covariances = [np.cov(points, rowvar=False) for points in (real, fake)]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.sum((real.mean(0) - fake.mean(0)) ** 2) + np.trace(sum(covariances) - 2 * root)
    assert frechet_distance(real, fake) == pytest.approx(expected)
    assert frechet_distance(fake, real) == pytest.approx(expected)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-9)
    # A feature that is never active changes nothing.
    dead = [np.pad(points, ((0, 0), (0, 1))) for points in (real, fake)]
    assert frechet_distance(*dead) == pytest.approx(expected)


def test_frechet_distance_needs_more_images_than_features():
    assert math.isfinite(frechet_distance(features(5), features(5, seed=1)))
    for sizes in ((4, 9), (9, 4)):
        with pytest.raises(InputError, match=r"4 images with 4 .* singular .* 5 images"):
            frechet_distance(*(features(size) for size in sizes))


def test_nearest_by_loops():
    queries, references = features(30, seed=1), features(50, seed=2)
    found = nearest(queries, references)
    pairs = [min((math.dist(q, r), i) for i, r in enumerate(references)) for q in queries]
    assert found.rows.tolist() == [row for _, row in pairs]
    assert found.distances == pytest.approx([distance for distance, _ in pairs])


def test_nearest_of_a_copy_is_at_exactly_0():
    references = features(50, width=64, seed=2).astype(np.float32) * 1000 + 1
    rows = np.array([7, 3, 7, 49])
    found = nearest(references[rows], references)
    assert found.rows.tolist() == rows.tolist() and not found.distances.any()


def on_a_line(*distances):
    return np.array(distances, dtype=float)[:, None]


@pytest.mark.parametrize(("num_held_out", "rank"), [(19, 1), (38, 1), (39, 2), (59, 3)])
def test_copies_are_nearer_than_one_held_out_image_in_20(num_held_out, rank):
    # The second training image is a decoy, far from all.
    train, held_out = on_a_line(0, -1e6), on_a_line(*range(num_held_out, 0, -1))
    fake = on_a_line(0, -0.5, rank - 0.1, rank, rank + 0.1, 40, 80)
    found = copy_rate(fake, train, held_out)
    assert found.rate == 3 / 7
    assert found.expected == pytest.approx(rank / (num_held_out + 1))
    low = optimize.brentq(lambda p: stats.binom.sf(2, 7, p) - 0.025, 0.001, 0.999)
    high = optimize.brentq(lambda p: stats.binom.cdf(3, 7, p) - 0.025, 0.001, 0.999)
    assert (found.low, found.high) == pytest.approx((low, high))


@pytest.mark.parametrize(("num_held_out", "rank", "num_fake"), [(19, 1, 3), (39, 2, 3)])
def test_p_value_of_copies_counts_all_orders(num_held_out, rank, num_fake):
    total = num_held_out + num_fake
    at_least = np.zeros(num_fake + 1)
    for fakes in itertools.combinations(range(total), num_fake):
        threshold = [i for i in range(total) if i not in fakes][rank - 1]
        at_least[: sum(i < threshold for i in fakes) + 1] += 1
    at_least /= math.comb(total, num_fake)
    for copies in range(num_fake + 1):
        fake = on_a_line(*[0] * copies, *[99] * (num_fake - copies))
        found = copy_rate(fake, on_a_line(0), on_a_line(*range(1, num_held_out + 1)))
        assert found.p_value == pytest.approx(at_least[copies])


@pytest.mark.slow
def test_a_generator_without_memory_has_the_expected_rate():
    rng = np.random.default_rng(5)
    found = [
        copy_rate(rng.normal(size=(80, 3)), rng.normal(size=(40, 3)), rng.normal(size=(60, 3)))
        for _ in range(500)
    ]
    rates = np.array([one.rate for one in found])
    assert abs(rates.mean() - 3 / 61) < 3 * rates.std() / math.sqrt(len(rates))
    errs = np.mean([one.p_value <= 0.05 for one in found])
    assert 0.02 < errs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / len(found))


def test_copy_rate_needs_19_held_out_images():
    fake, train = features(10, seed=1), features(20, seed=2)
    assert copy_rate(fake, train, features(19, seed=3)).expected == 0.05
    with pytest.raises(InputError, match="18 held-out images; accepted: 19"):
        copy_rate(fake, train, features(18, seed=3))


NAMES = {
    *("kid", "kid_low", "kid_high", "precision", "recall", "density", "coverage"),
    *("copy_rate", "copy_rate_low", "copy_rate_high"),
}


def test_all_metrics_by_name():
    real, fake, train, held_out = (features(n, 30, n) for n in (47, 43, 60, 25))
    found = generation_metrics(real, fake, train, held_out, seed=2)
    assert set(found) == NAMES | {"frechet"}
    assert all(type(value) is float for value in found.values())
    parts = (
        *kernel_distance(real, fake, 10, 4, seed=2),
        *prdc(real, fake, 5),
        *copy_rate(fake, train, held_out)[:3],
        frechet_distance(real, fake),
    )
    assert tuple(found.values()) == parts
    numbers = (*parts, *copy_rate(fake, train, held_out))
    assert all(type(value) is float for value in numbers)


def test_metrics_of_float32_features_are_computed_in_float64():
    single = [features(50, 8, seed).astype(np.float32) for seed in range(4)]
    double = [points.astype(np.float64) for points in single]
    assert generation_metrics(*single, seed=0) == generation_metrics(*double, seed=0)


def test_metrics_of_a_generator_that_has_only_one_image():
    real, train = features(200, 8, seed=1), features(200, 8, seed=2)
    found = generation_metrics(real, np.repeat(train[:1], 100, axis=0), train, real, seed=0)
    assert all(map(math.isfinite, found.values()))
    assert found["copy_rate"] == 1 and found["kid_low"] > 0 and found["recall"] == 0


@pytest.mark.parametrize("sizes", [(31, 30), (30, 31), (20, 20)])
def test_frechet_distance_is_left_out_for_few_images(sizes):
    real, fake = (features(size, 30, size) for size in sizes)
    assert set(generation_metrics(real, fake, real, real, seed=0)) == NAMES


def test_metrics_tell_a_copier_and_noise_from_a_good_generator():
    real, train, good = (features(200, 8, seed) for seed in range(3))
    copied = np.random.default_rng(3).choice(train, 200)
    noise = np.random.default_rng(4).normal(size=(200, 8)) * 10
    of = {
        name: generation_metrics(real, fake, train, real, seed=0)
        for name, fake in {"good": good, "copied": copied, "noise": noise}.items()
    }
    assert of["copied"]["copy_rate_low"] > 0.95 and of["good"]["copy_rate_high"] < 0.2
    assert of["noise"]["kid_low"] > 0 > of["good"]["kid_low"]
    assert of["noise"]["frechet"] > 100 * of["good"]["frechet"]
    assert of["noise"]["precision"] < 0.1 and of["good"]["precision"] > 0.5
    assert of["noise"]["copy_rate"] < 0.05


def test_metrics_refuse_few_images():
    many = features(50)
    with pytest.raises(InputError, match="50 real and 19 generated images"):
        generation_metrics(many, features(19), many, many, seed=0)


@pytest.mark.parametrize(
    ("fake", "message"),
    [
        (np.zeros(4), r"fake: features of shape \(4,\)"),
        (np.zeros((0, 4)), r"fake: features of shape \(0, 4\)"),
        (np.zeros((30, 5)), "fake: 5 features an image; accepted: 4"),
        (np.full((30, 4), np.nan), "fake: .* NaN"),
        (np.full((30, 4), np.inf), "fake: .* infinite"),
    ],
)
def test_features_are_checked(fake, message):
    real = features(30)
    for metric in (
        lambda: kernel_distance(real, fake, 2, 2, 0),
        lambda: prdc(real, fake, 2),
        lambda: frechet_distance(real, fake),
        lambda: generation_metrics(real, fake, real, real, seed=0),
    ):
        with pytest.raises(InputError, match=message):
            metric()
    with pytest.raises(InputError, match=message.replace("fake", "references")):
        nearest(real, fake)
    with pytest.raises(InputError):
        copy_rate(fake, real, real)

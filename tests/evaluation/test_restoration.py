"""Measures of restored images, against plain loops, closed forms and constructed cases."""

import math

import numpy as np
import pytest

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.degradation import Degradation, fixed_pairs
from gan_mnist.data.images import MOST_TOGETHER
from gan_mnist.errors import InputError
from gan_mnist.evaluation.restoration import (
    restoration_metrics,
    subtract_and_filter,
)

NAMES = ["l1", "mse", "psnr_db", "ssim", "ref_leak"]


def means(*images):
    return {name: values.mean() for name, values in restoration_metrics(*images).items()}


def pictures(num, height=14, width=14, channels=1, seed=0):
    return np.random.default_rng(seed).random((num, height, width, channels), np.float32)


def grey(value, num=1):
    return np.full((num, 12, 12, 1), value, np.float32)


def pixel_pairs(one, other):
    return list(zip(one.ravel().tolist(), other.ravel().tolist(), strict=True))


def ssim_by_loops(one, other, window):
    """Wang et al. 2004, equation 13, over every whole window and channel."""
    places = [i - (window - 1) / 2 for i in range(window)]
    weights = [[math.exp(-(y * y + x * x) / (2 * 1.5**2)) for x in places] for y in places]
    total = sum(map(sum, weights))
    height, width, channels = one.shape
    values = []
    for channel in range(channels):
        for top in range(height - window + 1):
            for left in range(width - window + 1):
                moments = np.zeros(5)
                for y in range(window):
                    for x in range(window):
                        a = float(one[top + y, left + x, channel])
                        b = float(other[top + y, left + x, channel])
                        parts = np.array([a, b, a * a, b * b, a * b])
                        moments += weights[y][x] / total * parts
                mean_a, mean_b, square_a, square_b, product = moments
                variances = square_a - mean_a**2 + square_b - mean_b**2
                covariance = product - mean_a * mean_b
                light = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
                values.append(light * (2 * covariance + 0.03**2) / (variances + 0.03**2))
    return sum(values) / len(values)


@pytest.mark.parametrize("shape", [(14, 14, 1), (12, 16, 3)])
def test_errors_by_loops(shape):
    outputs, targets = pictures(5, *shape, seed=1), pictures(5, *shape, seed=2)
    found = restoration_metrics(outputs, targets, targets)
    for i in range(5):
        pairs = pixel_pairs(outputs[i], targets[i])
        squared = sum((a - b) ** 2 for a, b in pairs) / len(pairs)
        assert found["l1"][i] == pytest.approx(sum(abs(a - b) for a, b in pairs) / len(pairs))
        assert found["mse"][i] == pytest.approx(squared)
        assert found["psnr_db"][i] == pytest.approx(10 * math.log10(1 / squared))


def test_psnr_of_a_known_error():
    outputs = np.concatenate([grey(0.6), grey(0.51), grey(0.0), grey(0.5)])
    targets = np.concatenate([grey(0.5), grey(0.5), grey(1.0), grey(0.5)])
    found = restoration_metrics(outputs, targets, targets)
    # An infinite value would make every mean infinite.
    np.testing.assert_allclose(found["psnr_db"], [20, 40, 0, 100], atol=1e-3)
    mean = means(outputs, targets, targets)["psnr_db"]
    pooled = -10 * math.log10((0.1**2 + 0.01**2 + 1) / 4)
    assert mean == pytest.approx(40, abs=1e-3) and abs(mean - pooled) > 10


@pytest.mark.parametrize(
    ("shape", "window"),
    [((14, 13, 1), 11), ((12, 11, 3), 11), ((8, 8, 1), 8), ((9, 20, 1), 9), ((2, 5, 1), 2)],
)
def test_ssim_by_loops(shape, window):
    targets = pictures(2, *shape, seed=1)
    outputs = 0.7 * targets + 0.3 * pictures(2, *shape, seed=2)
    found = restoration_metrics(outputs, targets, targets)["ssim"]
    expected = [ssim_by_loops(a, b, window) for a, b in zip(outputs, targets, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert min(expected) > 0.3 and max(expected) < 0.99


def test_ssim_of_equal_opposite_and_one_coloured_images():
    image = np.tile(np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), (8, 8))[None, :, :, None]
    outputs = np.concatenate([image, image])
    targets = np.concatenate([image, 1 - image])
    found = restoration_metrics(outputs, targets, targets)["ssim"]
    # The opposite has variances of 1/4 and a covariance of -1/4, and equal means.
    opposite = (-0.5 + 0.03**2) / (0.5 + 0.03**2)
    np.testing.assert_allclose(found, [1, opposite], atol=1e-3)
    found = restoration_metrics(grey(0.2), grey(0.6), grey(0.6))["ssim"]
    assert found == pytest.approx((2 * 0.12 + 0.01**2) / (0.04 + 0.36 + 0.01**2), abs=1e-3)


def test_ref_leak_on_constructed_cases():
    truth, ref = pictures(1, seed=1), pictures(1, seed=2)
    cases = {
        "the reference": (ref, 1),
        "the truth": (truth, 0),
        "more of the reference": (0.45 * truth + 0.55 * ref, 1),
        "more of the truth": (0.55 * truth + 0.45 * ref, 0),
    }
    outputs = np.concatenate([output for output, _ in cases.values()])
    truths, refs = (np.repeat(image, len(cases), axis=0) for image in (truth, ref))
    expected = [leak for _, leak in cases.values()]
    assert restoration_metrics(outputs, truths, refs)["ref_leak"].tolist() == expected
    assert restoration_metrics(outputs, refs, truths)["ref_leak"].tolist() == [
        1 - x for x in expected
    ]
    assert means(outputs[:3], truths[:3], refs[:3])["ref_leak"] == pytest.approx(2 / 3)
    # Equally near to both: no leak.
    assert means(outputs, truths, truths)["ref_leak"] == 0


def test_ref_leak_minds_neither_brightness_nor_contrast():
    truth, ref = pictures(1, seed=1), pictures(1, seed=2)
    one = np.corrcoef(truth.ravel(), ref.ravel())[0, 1]
    for image, leak in ((ref, 1), (truth, 0)):
        for output in (0.2 * image, 0.5 + 0.3 * image, image):
            found = restoration_metrics(output, 0.5 * truth, ref)["ref_leak"]
            assert found.tolist() == [leak]
    # A negative of the truth looks more like the ref than like the truth, if these are unalike.
    assert abs(one) < 0.2
    assert restoration_metrics(1 - truth, truth, ref)["ref_leak"].tolist() == [1]


@pytest.mark.parametrize("value", [0, 0.3, 1 / 3, 1])
def test_one_colour_is_no_leak(value):
    outputs = np.full((4, 14, 14, 1), value, np.float32)
    truths, refs = pictures(4, seed=1), pictures(4, seed=2)
    assert restoration_metrics(outputs, truths, refs)["ref_leak"].tolist() == [0] * 4


def test_an_image_is_measured_by_itself():
    num = 2 * MOST_TOGETHER + 3
    outputs, targets, refs = (pictures(num, 11, 11, seed=seed) for seed in range(3))
    whole = restoration_metrics(outputs, targets, refs)
    assert list(whole) == NAMES
    assert all(values.shape == (num,) and values.dtype == np.float64 for values in whole.values())
    rows = [num - 1, MOST_TOGETHER, 0]
    alone = restoration_metrics(outputs[rows], targets[rows], refs[rows])
    for name in NAMES:
        np.testing.assert_allclose(whole[name][rows], alone[name], rtol=1e-5)
    assert len(np.unique(whole["ssim"])) > 0.99 * num
    some = restoration_metrics(outputs, targets, refs, ["ssim", "mse"])
    assert list(some) == ["ssim", "mse"]
    for name, values in some.items():
        np.testing.assert_array_equal(values, whole[name])


def test_an_image_that_is_restored_is_perfect():
    targets, refs = pictures(6, seed=1), pictures(6, seed=2)
    perfect = means(targets, targets, refs)
    assert list(perfect) == NAMES
    assert perfect == pytest.approx(
        {"l1": 0, "mse": 0, "psnr_db": 100, "ssim": 1, "ref_leak": 0}, abs=1e-5
    )


def median_by_loops(image):
    """Median of 3 x 3 pixels of (H, W), edges mirrored with the edge itself."""
    height, width = image.shape
    rows, columns = (
        [0, *range(height), height - 1],
        [0, *range(width), width - 1],
    )
    return np.array(
        [
            [
                sorted(image[rows[y + i], columns[x + j]] for i in range(3) for j in range(3))[4]
                for x in range(width)
            ]
            for y in range(height)
        ]
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_the_rival_by_least_squares_and_loops(channels):
    refs = pictures(4, 7, 9, channels, seed=1)
    noisy_images = pictures(4, 7, 9, channels, seed=2)
    noisy_images[:2] = 0.6 * refs[:2] + 0.4 * noisy_images[:2]
    noisy_images[2:] = 0.6 * (1 - refs[2:]) + 0.4 * noisy_images[2:]
    found = subtract_and_filter(noisy_images, refs)
    assert found.shape == noisy_images.shape and found.dtype == np.float32
    for i in range(4):
        x, y = refs[i].ravel().astype(np.float64), noisy_images[i].ravel().astype(np.float64)
        slope, level = np.polyfit(x, y, 1)
        assert (slope > 0.3) == (i < 2)
        # No multiple below 0: the best constant alone is the mean.
        rest = y - slope * x - level if i < 2 else y - y.mean()
        rest = rest.clip(0, 1).reshape(refs[i].shape)
        for channel in range(channels):
            expected = median_by_loops(rest[..., channel])
            np.testing.assert_allclose(found[i, ..., channel], expected, atol=1e-5)
    assert found.any()


def test_the_rival_takes_a_scaled_reference_for_the_same():
    refs, noisy_images = pictures(3, seed=1), pictures(3, seed=2)
    noisy_images = (noisy_images + refs) / 2
    found = subtract_and_filter(noisy_images, refs)
    np.testing.assert_allclose(subtract_and_filter(noisy_images, 0.3 * refs), found, atol=1e-5)


def test_the_rival_restores_what_it_can():
    refs = np.zeros((1, 16, 16, 1), np.float32)
    truths = refs.copy()
    refs[0, :, 2:5], truths[0, 4:12, 9:14] = 1, 1
    noisy_images = 0.5 * truths + 0.4 * refs
    for shown in (refs, 0.5 * refs):
        outputs = subtract_and_filter(noisy_images, shown)
        assert np.abs(outputs[0, :, 2:5]).max() < 0.01
        assert outputs[0, 5:11, 10:13].min() > 0.35
    lone = np.zeros_like(refs)
    lone[0, 8, 8] = 1
    assert not subtract_and_filter(lone, refs).any()


@pytest.mark.parametrize("colour", [0.0, 0.3, 1.0])
def test_the_rival_without_anything_to_subtract(colour):
    noisy_images = pictures(2, seed=2)
    refs = np.full_like(noisy_images, colour)
    found = subtract_and_filter(noisy_images, refs)
    for image, output in zip(noisy_images[..., 0], found[..., 0], strict=True):
        expected = median_by_loops((image - image.mean()).clip(0, 1))
        np.testing.assert_allclose(output, expected, atol=1e-5)


@pytest.mark.slow
def test_the_rival_is_better_than_black_on_real_digits():
    digits = load_dataset("mnist_sample").test.images
    pairs = fixed_pairs(digits, 300, Degradation())
    rival = subtract_and_filter(pairs.noisy_images, pairs.references)
    of = {
        name: means(outputs, pairs.targets, pairs.references)
        for name, outputs in {
            "rival": rival,
            "black": np.zeros_like(rival),
            "input": pairs.noisy_images,
            "ref": pairs.references,
        }.items()
    }
    assert of["rival"]["psnr_db"] > of["black"]["psnr_db"] + 0.7
    assert of["black"]["psnr_db"] > of["input"]["psnr_db"] + 5
    assert of["rival"]["ref_leak"] < 0.02 and of["black"]["ref_leak"] < 0.02
    assert of["ref"]["ref_leak"] == 1


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 12, 12)), r"shape \(3, 12, 12\); accepted: \(n, H, W, C\)"),
        (np.zeros((0, 12, 12, 1)), r"shape \(0, 12, 12, 1\); accepted: \(n, H, W, C\)"),
        (np.zeros((3, 12, 12, 3)), r"\(3, 12, 12, 3\); accepted: \(3, 12, 12, 1\)"),
        (np.zeros((2, 12, 12, 1)), r"\(2, 12, 12, 1\); accepted: \(3, 12, 12, 1\)"),
        (np.full((3, 12, 12, 1), 255, np.uint8), r"outside \[0, 1\]"),
        (np.full((3, 12, 12, 1), -0.1), r"outside \[0, 1\]"),
        (np.full((3, 12, 12, 1), np.nan), "NaN"),
    ],
)
def test_images_are_checked(images, message):
    good = grey(0.5, num=3)
    for name, arguments in {
        "targets": (good, images, good),
        "references": (good, good, images),
    }.items():
        with pytest.raises(InputError, match=f"{name}: .*{message}"):
            restoration_metrics(*arguments)
    with pytest.raises(InputError, match=f"references: .*{message}"):
        subtract_and_filter(good, images)

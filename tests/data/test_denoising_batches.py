"""Batches and fixed pairs of a denoiser: which images they hold, in which order, degraded how."""

from dataclasses import replace

import numpy as np
import pytest
from draws import assert_uniform

from gan_mnist.data.degradation import Degradation, denoising_batches, fixed_pairs
from gan_mnist.errors import InputError

DEFAULT = Degradation()
SILENT = Degradation(noise=(0, 0))


def pictures(num, side=6, channels=1, seed=0):
    return np.random.default_rng(seed).random((num, side, side, channels), np.float32)


def coloured(num):
    """Images of one colour, which is their row: uint8 (num, 3, 3, 1)."""
    return np.repeat(np.arange(num, dtype=np.uint8), 9).reshape(num, 3, 3, 1)


def batches(images, count, degradation=DEFAULT, batch_size=4, seed=1, first=0):
    data = denoising_batches(images, batch_size, degradation, seed, first).take(count)
    return [(x.numpy(), ref.numpy(), y.numpy()) for (x, ref), y in data]


def shown_rows(num, count, **options):
    """Rows of truths and references in the order they are shown, 1-d each."""
    plain = replace(SILENT, target="plain")
    found = batches(coloured(num), count, plain, **options)
    return [
        np.rint(255 * np.concatenate([batch[i][:, 0, 0, 0] for batch in found])).astype(int)
        for i in (2, 1)
    ]


def test_truths_and_references_come_in_passes_of_their_own():
    truths, refs = shown_rows(10, 50, batch_size=4)
    for rows in (truths, refs):
        passes = rows.reshape(20, 10)
        np.testing.assert_array_equal(np.sort(passes), np.tile(np.arange(10), (20, 1)))
        assert len({order.tobytes() for order in passes}) == 20


def test_truths_and_references_are_paired_at_random():
    truths, refs = shown_rows(100, 40, batch_size=100)
    # 4,000 pairs, one in 100 of them by chance an image with itself; sd 6.3.
    assert 15 < np.sum(truths == refs) < 65
    assert abs(np.corrcoef(truths, refs)[0, 1]) < 4 / np.sqrt(4000)
    assert len(set(zip(truths.tolist(), refs.tolist(), strict=True))) > 3000


def test_a_batch_is_its_rows_degraded():
    for noisy_images, references, targets in batches(
        coloured(200), 5, replace(SILENT, a=(0.5, 0.5), b=(0.25, 0.25))
    ):
        assert noisy_images.shape == (4, 3, 3, 1)
        assert all(part.dtype == np.float32 for part in (noisy_images, references, targets))
        np.testing.assert_allclose(noisy_images, targets + 0.25 * references, atol=1e-6)


@pytest.mark.parametrize("scales", ["image", "batch"])
def test_a_batch_depends_on_seed_and_update_alone(scales):
    images, degradation = coloured(10), replace(DEFAULT, scales=scales)
    whole = batches(images, 9, degradation)
    resumed = batches(images, 4, degradation, first=5)
    for late, early in zip(resumed, whole[5:], strict=True):
        for a, b in zip(late, early, strict=True):
            np.testing.assert_array_equal(a, b)
    other = batches(images, 9, degradation, seed=2)
    updates = [batch[0].tobytes() for batch in (*whole, *other)]
    assert len(set(updates)) == 18


@pytest.mark.parametrize("part", [{"b": (0, 0), "noise": (0, 0)}, {"a": (0, 0), "b": (0, 0)}])
def test_pairs_that_come_again_are_degraded_anew(part):
    white = np.full((5, 3, 3, 1), 255, np.uint8)
    found = [
        batch[0]
        for seed in (1, 2)
        for batch in batches(white, 6, replace(DEFAULT, **part), 4, seed)
    ]
    assert len(np.unique(np.stack(found)[:, 0, 0, 0])) == 12


def test_the_seed_changes_both_orders():
    one, other = shown_rows(50, 5, seed=1), shown_rows(50, 5, seed=2)
    assert not np.array_equal(one[0], other[0]) and not np.array_equal(one[1], other[1])


def test_arms_see_the_same_inputs_whatever_is_shown_and_wanted():
    images = (255 * pictures(10)).astype(np.uint8)
    arm = replace(DEFAULT, ref_shown="scaled", target="plain")
    for one, other in zip(batches(images, 3), batches(images, 3, arm), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        assert not np.array_equal(one[1], other[1]) and not np.array_equal(one[2], other[2])


def test_bytes_are_shown_as_the_floats_that_stand_for_them():
    images = np.arange(252, dtype=np.uint8).reshape(7, 6, 6, 1)
    floats = (images / 255).astype(np.float32)
    for one, other in zip(batches(images, 3), batches(floats, 3), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-7)
    pair, same = (fixed_pairs(column, 7, DEFAULT) for column in (images, floats))
    np.testing.assert_allclose(pair.noisy_images, same.noisy_images, atol=1e-7)


@pytest.mark.parametrize(("num", "number"), [(2, 1), (2, 2), (50, 20), (50, 50)])
def test_fixed_pairs_are_of_different_images(num, number):
    pairs = fixed_pairs(coloured(num), number, replace(SILENT, target="plain"))
    for images, rows in ((pairs.targets, pairs.truth_rows), (pairs.references, pairs.ref_rows)):
        np.testing.assert_allclose(255 * images[:, 0, 0, 0], rows, atol=1e-4)
        assert len(rows) == len(set(rows.tolist())) == number
        assert rows.min() >= 0 and rows.max() < num
    assert not np.any(pairs.truth_rows == pairs.ref_rows)


def test_fixed_pairs_are_at_the_fixed_scales_with_noise():
    images = (120 * pictures(40, side=9)).astype(np.uint8)
    pairs = fixed_pairs(images, 40, DEFAULT)
    truths, refs = images[pairs.truth_rows] / 255, images[pairs.ref_rows] / 255
    np.testing.assert_allclose(pairs.targets, 0.5 * truths, rtol=1e-6)
    np.testing.assert_allclose(pairs.references, refs, rtol=1e-6)
    clean = 0.5 * truths + 0.7 * refs
    unclipped = pairs.noisy_images < 1
    noise = (pairs.noisy_images - clean)[unclipped]
    assert noise.min() > -1e-6 and noise.max() < 1
    # The clipped pixels are those whose noise had no room.
    assert_uniform((noise / (1 - clean[unclipped])).clip(0, 1), 0, 1)
    assert unclipped.mean() == pytest.approx((1 - clean).mean(), abs=0.03)
    loud = fixed_pairs(images, 40, replace(SILENT, ref_shown="scaled"), a=0.1, b=1.0)
    np.testing.assert_allclose(loud.targets, 0.1 * truths, rtol=1e-6)
    np.testing.assert_allclose(loud.noisy_images, loud.targets + loud.references, rtol=1e-6)


def test_fixed_pairs_are_the_same_for_every_arm_and_every_time():
    images = (255 * pictures(30)).astype(np.uint8)
    arms = [
        DEFAULT,
        Degradation(a=(0, 1), b=(0.3, 0.3), scales="batch", ref_shown="scaled", target="plain"),
    ]
    one, other = (fixed_pairs(images, 12, arm) for arm in arms)
    for name in ("noisy_images", "truth_rows", "ref_rows"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_allclose(other.references, 0.7 * one.references, rtol=1e-6)
    np.testing.assert_allclose(one.targets, 0.5 * other.targets, rtol=1e-6)
    for part, again in zip(one, fixed_pairs(images, 12, DEFAULT), strict=True):
        np.testing.assert_array_equal(part, again)
    sweep = fixed_pairs(images, 12, DEFAULT, b=0.1)
    np.testing.assert_array_equal(sweep.truth_rows, one.truth_rows)
    np.testing.assert_array_equal(sweep.targets, one.targets)
    # Less of the reference, in the same noise.
    assert (sweep.noisy_images <= one.noisy_images).all()


@pytest.mark.parametrize(("num", "number"), [(5, 0), (5, 6), (1, 1)])
def test_fixed_pairs_need_images_enough(num, number):
    with pytest.raises(InputError, match=f"evaluation pairs: {number} of {num} images"):
        fixed_pairs(coloured(num), number, DEFAULT)


def test_fixed_pairs_refuse_a_negative_scale():
    with pytest.raises(InputError, match="degradation b: -1 "):
        fixed_pairs(coloured(5), 2, DEFAULT, b=-1)

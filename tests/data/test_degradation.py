"""Degradation: the formula by hand, and the draws by their ranges."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from draws import assert_uniform

from gan_mnist.data.degradation import Degradation, degrade
from gan_mnist.errors import InputError

DEFAULT = Degradation()
SILENT = Degradation(noise=(0, 0))


def pictures(num, side=6, channels=1, seed=0):
    return np.random.default_rng(seed).random((num, side, side, channels), np.float32)


def degraded(truths, refs, degradation, seed=0, update=0):
    parts = degrade(tf.constant(truths), tf.constant(refs), degradation, (seed, update))
    return [part.numpy() for part in parts]


def scales(degradation, num=400, seed=0, update=0):
    """The a and b of every image, and its noise: read off three channels of one-coloured images.

    The first shows the truth alone, the second the reference alone, the third neither; a and b
    must be small enough not to be clipped.
    """
    truths = np.zeros((num, 4, 4, 3), np.float32)
    refs = truths.copy()
    truths[..., 0] = refs[..., 1] = 1
    noisy_images, _, _ = degraded(truths, refs, degradation, seed, update)
    return np.moveaxis(noisy_images, -1, 0)


@pytest.mark.parametrize("shape", [(28, 28, 1), (5, 8, 3)])
def test_fixed_scales_give_the_formula(shape):
    rng = np.random.default_rng(1)
    truths, refs = (rng.random((7, *shape), np.float32) for _ in range(2))
    fixed = Degradation(a=(0.5, 0.5), b=(0.75, 0.75), noise=(0.125, 0.125))
    noisy_images, references, targets = degraded(truths, refs, fixed)
    mixed = 0.5 * truths + 0.75 * refs + 0.125
    assert (mixed > 1).any() and (mixed < 1).any()
    np.testing.assert_allclose(noisy_images, np.where(mixed > 1, 1, mixed), rtol=1e-6)
    np.testing.assert_array_equal(references, refs)
    np.testing.assert_array_equal(targets, 0.5 * truths)
    assert {part.dtype for part in (noisy_images, references, targets)} == {np.dtype(np.float32)}


def test_what_is_shown_and_wanted_belongs_to_what_was_added():
    truths, refs = pictures(30, seed=1), pictures(30, seed=2)
    small = replace(SILENT, a=(0.1, 0.5), b=(0.1, 0.5))  # Never clipped.
    parts = {
        (shown, target): degraded(truths, refs, replace(small, ref_shown=shown, target=target))
        for shown in ("ref", "scaled")
        for target in ("scaled", "plain")
    }
    noisy_images, scaled_refs, scaled_truths = parts["scaled", "scaled"]
    np.testing.assert_allclose(scaled_refs + scaled_truths, noisy_images, rtol=1e-5)
    for (shown, target), (noisy, references, targets) in parts.items():
        np.testing.assert_array_equal(noisy, noisy_images)
        np.testing.assert_array_equal(references, scaled_refs if shown == "scaled" else refs)
        np.testing.assert_array_equal(targets, scaled_truths if target == "scaled" else truths)
    assert not np.array_equal(scaled_refs, refs) and not np.array_equal(scaled_truths, truths)


def test_scales_above_1_are_clipped_everywhere():
    truths, refs = pictures(9, seed=1), pictures(9, seed=2)
    loud = Degradation(a=(1.5, 1.5), b=(3, 3), noise=(2, 2), ref_shown="scaled")
    noisy_images, references, targets = degraded(truths, refs, loud)
    assert (noisy_images == 1).all()
    np.testing.assert_allclose(references, np.clip(3 * refs, 0, 1))
    np.testing.assert_allclose(targets, np.clip(1.5 * truths, 0, 1))


def test_scales_are_drawn_for_every_image_from_their_ranges():
    a, b, nothing = scales(replace(SILENT, a=(0.2, 1.0), b=(0.4, 0.6)))
    assert not nothing.any()
    for scale, low, high in ((a, 0.2, 1.0), (b, 0.4, 0.6)):
        assert not np.ptp(scale, axis=(1, 2)).any()
        assert len(np.unique(scale[:, 0, 0])) > 390
        assert_uniform(scale[:, 0, 0], np.float32(low), np.float32(high))
    # The sd of a correlation of 400 independent pairs is 0.05.
    assert abs(np.corrcoef(a[:, 0, 0], b[:, 0, 0])[0, 1]) < 0.2


def test_noise_is_drawn_for_every_pixel_channel_and_image():
    black = np.zeros((20, 6, 5, 3), np.float32)
    noise, _, _ = degraded(black, black, replace(DEFAULT, noise=(0.25, 0.75)))
    assert len(np.unique(noise)) > 0.99 * noise.size
    assert_uniform(noise, 0.25, 0.75)


@pytest.mark.slow
def test_a_batch_may_share_its_scales_but_never_its_noise():
    faint = Degradation(a=(0.1, 0.4), b=(0.1, 0.4), noise=(0, 0.1), scales="batch")
    silent = replace(faint, noise=(0, 0))
    drawn = np.stack([scales(silent, 5, update=update)[:2] for update in range(200)])
    assert not np.ptp(drawn, axis=(2, 3, 4)).any()
    a, b = drawn[:, :, 0, 0, 0].T
    assert_uniform(a, np.float32(0.1), np.float32(0.4))
    assert_uniform(b, np.float32(0.1), np.float32(0.4))
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(200)
    noise = scales(faint, 5)[2]
    assert len(np.unique(noise)) == noise.size


def test_one_range_moves_no_other_draw():
    faint = Degradation(a=(0.1, 0.4), b=(0.1, 0.4), noise=(0, 0))
    a, b, _ = scales(faint)
    np.testing.assert_array_equal(scales(replace(faint, b=(0.2, 0.3)))[0], a)
    np.testing.assert_array_equal(scales(replace(faint, a=(0.2, 0.3)))[1], b)
    noisy = replace(faint, noise=(0, 0.1))
    noise = scales(noisy)[2]
    np.testing.assert_array_equal(scales(replace(noisy, a=(0, 0), b=(0, 0)))[2], noise)
    np.testing.assert_allclose(scales(noisy)[0] - a, scales(replace(noisy, a=(0, 0)))[0], atol=1e-6)


def test_scales_and_noise_share_no_number():
    full = replace(DEFAULT, a=(0, 1), b=(0, 1))
    a, b, _ = scales(replace(full, noise=(0, 0)), 50)
    noise = scales(replace(full, a=(0, 0), b=(0, 0)), 50)
    drawn = [a[:, 0, 0], b[:, 0, 0], np.ravel(noise)]
    assert len(np.unique(np.concatenate(drawn))) > 0.999 * sum(map(len, drawn))


@pytest.mark.parametrize("scales", ["image", "batch"])
def test_a_draw_depends_on_seed_and_update_alone(scales):
    truths, refs = pictures(5, seed=1), pictures(5, seed=2)
    degradation = replace(DEFAULT, scales=scales)
    eager = degraded(truths, refs, degradation, 3, 5)
    graph = tf.function(
        lambda update: degrade(tf.constant(truths), tf.constant(refs), degradation, (3, update))
    )
    for part, again in zip(eager, graph(tf.constant(5, tf.int64)), strict=True):
        # The graph may fuse the sum; a draw that differed would be far off.
        np.testing.assert_allclose(part, again, atol=1e-6)
    for seed, update in ((4, 5), (3, 6)):
        noisy_images, _, targets = degraded(truths, refs, degradation, seed, update)
        assert np.abs(noisy_images - eager[0]).max() > 0.1
        assert not np.array_equal(targets, eager[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a": (-0.1, 1)}, "degradation a: -0.1 to 1 "),
        ({"b": (0.8, 0.2)}, "degradation b: 0.8 to 0.2 .* low <= high"),
        ({"noise": (0, float("inf"))}, "degradation noise: 0 to inf "),
        ({"noise": (float("nan"), 1)}, "degradation noise: nan to 1 "),
        ({"scales": "images"}, "degradation scales: 'images' .* accepted: image, batch"),
        ({"ref_shown": "plain"}, "degradation ref_shown: 'plain' .* accepted: ref, scaled"),
        ({"target": "ref"}, "degradation target: 'ref' .* accepted: scaled, plain"),
    ],
)
def test_a_degradation_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        Degradation(**change)

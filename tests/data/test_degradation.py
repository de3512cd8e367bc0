"""Degradation: the formula by hand, the draws by their ranges, and the pairs by their pixels."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data.degradation import Degradation, degrade, denoising_batches, fixed_pairs
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


def assert_uniform(values, low, high):
    """Kolmogorov's test at 1 in 10,000."""
    drawn = np.sort(np.ravel(values))
    assert low <= drawn[0] and drawn[-1] <= high
    expected = np.linspace(low, high, len(drawn))
    assert np.abs(drawn - expected).max() < 2.23 * (high - low) / np.sqrt(len(drawn))


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

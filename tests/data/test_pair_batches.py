"""Batches of pairs that are given: partners meet, and a resumed run goes on where it stopped."""

import itertools

import numpy as np

from gan_mnist.data.degradation import given_pairs, pair_batches

CLEAN = np.arange(7, dtype=np.uint8).reshape(7, 1, 1, 1) * np.ones((7, 4, 4, 1), np.uint8)
NOISY = CLEAN + np.uint8(100)


def some(first_update, number):
    batches = pair_batches(NOISY, CLEAN, 3, 5, first_update)
    return [
        [part.numpy() for part in (noisy, refs, targets)]
        for (noisy, refs), targets in itertools.islice(batches, number)
    ]


def test_partners_meet_and_every_pair_comes_once_a_pass():
    seen = []
    for noisy, refs, targets in some(0, 7):
        np.testing.assert_allclose(255 * (noisy - targets), 100, rtol=1e-5)
        assert not refs.any()
        seen += (255 * targets[:, 0, 0, 0]).round().astype(int).tolist()
    assert sorted(seen) == sorted(3 * [*range(7)])


def test_batches_go_on_from_any_update():
    whole = some(0, 5)
    for resumed, batch in zip(some(3, 2), whole[3:], strict=True):
        np.testing.assert_array_equal(resumed, batch)
    assert not np.array_equal(whole[0], whole[3])


def test_fixed_pairs_are_partners_and_the_same_every_time():
    pairs = given_pairs(NOISY, CLEAN, 4)
    np.testing.assert_allclose(255 * (pairs.noisy_images - pairs.targets), 100, rtol=1e-5)
    assert len(set(pairs.truth_rows.tolist())) == 4
    assert not pairs.references.any()
    np.testing.assert_array_equal(pairs.truth_rows, given_pairs(NOISY, CLEAN, 4).truth_rows)

"""Batches: their order by counting, and what they hold."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data import pipelines
from gan_mnist.data.augmentation import Augmentation
from gan_mnist.data.pipelines import (
    Repeated,
    Table,
    by_update,
    mixed_batches,
    shuffled_rows,
    training_batches,
)

STRONG = Augmentation(rotation_degrees=25, shift=0.1, zoom=0.2, shear=0.4)


def table(num_rows, side=2, seed=0):
    """Images, their numbers and a weight each."""
    images = np.random.default_rng(seed).random((num_rows, side, side, 1), np.float32)
    return images, np.arange(num_rows, dtype=np.int32), np.linspace(1, 2, num_rows, dtype="f4")


def batches(columns, count, batch_size=4, seed=1, augmentation=None, first=0):
    return taken(training_batches(columns, batch_size, augmentation, seed, first), count)


def mixed(sources, count, seed=1, augmentation=None, first=0):
    return taken(mixed_batches(sources, augmentation, seed, first), count)


def taken(data, count):
    return [[column.numpy() for column in batch] for batch in data.take(count)]


def order(num_rows, passes, seed=1):
    """Row numbers of whole passes, (passes, num_rows)."""
    draw = tf.function(lambda update: shuffled_rows(num_rows, num_rows, seed, update))
    return np.stack([draw(tf.constant(update, tf.int64)) for update in range(passes)])


@pytest.mark.parametrize(
    ("num_rows", "batch_size"), [(1, 3), (2, 5), (7, 3), (12, 4), (13, 64), (601, 64)]
)
def test_a_pass_shows_every_row_once(num_rows, batch_size):
    passes = 5 if num_rows < 100 else 2
    rows = [
        shuffled_rows(num_rows, batch_size, 3, tf.constant(update, tf.int64)).numpy()
        for update in range(-(-passes * num_rows // batch_size))
    ]
    assert all(r.shape == (batch_size,) and r.dtype == np.int64 for r in rows)
    for shown in np.concatenate(rows)[: passes * num_rows].reshape(passes, num_rows):
        np.testing.assert_array_equal(np.sort(shown), np.arange(num_rows))


def test_passes_are_shuffled_anew_and_fairly():
    places = np.argsort(order(num_rows=40, passes=200), axis=1)
    # The mean place of a row over 200 passes has sd 40 / sqrt(12 * 200) = 0.82.
    assert np.abs(places.mean(axis=0) - 19.5).max() < 4 * 0.82
    # Two rows that lie side by side in the table are rarely shown one after the other.
    follows = np.abs(places[:, 1:] - places[:, :-1]) == 1
    assert 0.03 < follows.mean() < 0.07  # 2 / 40 if orders are random


@pytest.mark.parametrize("num_rows", [100, 900])
def test_seeds_and_passes_have_orders_of_their_own(num_rows):
    def first_rows(seed, pass_number):
        update = tf.constant(pass_number * num_rows // 20, tf.int64)
        return tuple(shuffled_rows(num_rows, 20, seed, update).numpy().tolist())

    powers = [2**k for k in range(31)]
    assert len({first_rows(seed, 0) for seed in [0, *powers]}) == 32
    assert len({first_rows(0, number) for number in [0, *powers[:20]]}) == 21


def test_batches_hold_the_rows_of_all_columns_together():
    columns = table(10)
    for images, numbers, weights in batches(columns, 6):
        assert images.dtype == np.float32
        assert numbers.dtype == np.int32
        np.testing.assert_array_equal(images, columns[0][numbers])
        np.testing.assert_array_equal(weights, columns[2][numbers])


@pytest.mark.parametrize("augmentation", [None, STRONG])
def test_a_batch_depends_on_its_update_alone(augmentation):
    columns = table(10, side=6)
    whole = batches(columns, 9, augmentation=augmentation)
    resumed = batches(columns, 4, augmentation=augmentation, first=5)
    for late, early in zip(resumed, whole[5:], strict=True):
        for a, b in zip(late, early, strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(whole[0][0], whole[5][0])


def test_tables_of_one_length_come_in_one_order():
    first, second = table(11, seed=0), table(11, seed=9)
    for (_, numbers, _), (_, others, _) in zip(batches(first, 8), batches(second, 8), strict=True):
        np.testing.assert_array_equal(numbers, others)


def test_tables_of_one_length_are_augmented_alike():
    first = np.zeros((6, 9, 9, 1), np.float32)
    first[:, 3:6, 3:6] = 1
    shown = batches((first, np.arange(6)), 2, augmentation=STRONG)
    half = batches((first / 2, np.arange(6)), 2, augmentation=STRONG)
    for (images, _), (fainter, _) in zip(shown, half, strict=True):
        np.testing.assert_allclose(images / 2, fainter, atol=1e-7)


def test_the_seed_changes_order_and_augmentation():
    columns = table(30, side=6)
    one, other = batches(columns, 2), batches(columns, 2, seed=2)
    assert not np.array_equal(one[0][1], other[0][1])
    same = (np.repeat(columns[0][:1], 5, axis=0), columns[1][:5])
    one, other = (batches(same, 1, seed=seed, augmentation=STRONG)[0][0] for seed in (1, 2))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("augmentation", [None, STRONG])
def test_bytes_are_shown_as_the_floats_that_stand_for_them(augmentation):
    images = np.arange(256, dtype=np.uint8).reshape(8, 4, 8, 1)
    floats = (images / 255).astype(np.float32)
    numbers = np.arange(8)
    of_bytes = batches((images, numbers), 4, augmentation=augmentation)
    of_floats = batches((floats, numbers), 4, augmentation=augmentation)
    for (shown, rows), (expected, _) in zip(of_bytes, of_floats, strict=True):
        assert shown.dtype == np.float32
        np.testing.assert_array_equal(shown, expected)
        if augmentation is None:
            np.testing.assert_array_equal(shown, floats[rows])


def three_sources(side=2):
    """Tables of 6, 5 and 7 rows, numbered from 0, 100 and 200, and 4, 3 and 1 of them a batch."""
    sources = []
    for i, (num_rows, size) in enumerate([(6, 4), (5, 3), (7, 1)]):
        images, numbers, weights = table(num_rows, side, seed=i)
        sources.append(((images, numbers + np.int32(100 * i), weights), size))
    return sources


def test_a_mixed_batch_holds_so_many_rows_of_each_source_in_their_order():
    sources = three_sources()
    by_number = {
        number: (image, weight)
        for columns, _ in sources
        for image, number, weight in zip(*columns, strict=True)
    }
    for images, numbers, weights in mixed(sources, 8):
        assert (numbers // 100).tolist() == [0] * 4 + [1] * 3 + [2]
        for image, number, weight in zip(images, numbers, weights, strict=True):
            np.testing.assert_array_equal(image, by_number[number][0])
            assert weight == by_number[number][1]


def test_each_source_is_gone_through_in_passes_of_its_own():
    sources, updates = three_sources(), 35
    numbers = np.stack([batch[1] for batch in mixed(sources, updates)])
    for i, (columns, size) in enumerate(sources):
        own = numbers[numbers // 100 == i]
        assert len(own) == updates * size
        num_rows = len(columns[1])
        passes = own[: len(own) // num_rows * num_rows].reshape(-1, num_rows)
        assert len(passes) > 4
        np.testing.assert_array_equal(np.sort(passes), np.tile(columns[1], (len(passes), 1)))
        assert len({order.tobytes() for order in passes}) > 4


def test_the_first_source_comes_in_the_order_that_it_has_alone():
    sources = three_sources()
    for update, (_, numbers, _) in enumerate(mixed(sources, 12, seed=3)):
        rows = shuffled_rows(6, 4, 3, tf.constant(update, tf.int64))
        np.testing.assert_array_equal(numbers[:4], rows)
    alone = batches(sources[0][0], 12, batch_size=4, seed=3)
    for among, expected in zip(mixed(sources, 12, seed=3), alone, strict=True):
        for column, wanted in zip(among, expected, strict=True):
            np.testing.assert_array_equal(column[:4], wanted)


def test_sources_of_one_length_have_orders_of_their_own():
    columns = table(20)
    numbers = np.stack([batch[1] for batch in mixed([(columns, 4)] * 3, 5)])
    orders = {numbers[:, i : i + 4].tobytes() for i in (0, 4, 8)}
    assert len(orders) == 3


@pytest.mark.parametrize("augmentation", [None, STRONG])
def test_a_mixed_batch_depends_on_its_update_and_the_seed_alone(augmentation):
    sources = three_sources(side=6)
    whole = mixed(sources, 9, augmentation=augmentation)
    resumed = mixed(sources, 4, augmentation=augmentation, first=5)
    for late, early in zip(resumed, whole[5:], strict=True):
        for a, b in zip(late, early, strict=True):
            np.testing.assert_array_equal(a, b)
    other = mixed(sources, 9, seed=2)
    for i in range(3):
        rows = whole[0][1] // 100 == i
        assert any((a[1][rows] != b[1][rows]).any() for a, b in zip(whole, other, strict=True))


def test_every_image_of_a_mixed_batch_is_augmented_by_draws_of_its_own():
    images = np.repeat(table(1, side=8)[0], 4, axis=0)
    columns = images, np.arange(4)
    (shown, _), *_ = mixed([(columns, 3), (columns, 3)], 1, augmentation=STRONG)
    assert len({image.tobytes() for image in (*shown, images[0])}) == 7


@pytest.mark.parametrize("first", [0, 5])
def test_pools_follow_each_other_and_the_last_one_stays(first):
    """Of a table of 3 pools of 8 rows, one for each 4 updates, which see all of it."""
    pools, beside = Table(table(24), 2, pools=3, every=4), (table(5), 1)
    numbers = [batch[1] for batch in mixed([beside, pools], 20 - first, first=first)]
    for update, rows in enumerate(numbers, first):
        assert (rows[1:] // 8).tolist() == [min(update // 4, 2)] * 2
    if not first:
        for pool in range(3):
            shown = np.concatenate(numbers[4 * pool : 4 * pool + 4]).reshape(4, 3)[:, 1:]
            assert sorted(shown.flat) == list(range(8 * pool, 8 * pool + 8))


def test_pools_change_nothing_of_other_tables_and_of_the_first_pool():
    columns, beside = table(24), (table(5), 2)
    alone = tuple(column[:8] for column in columns)
    fresh = mixed([beside, Table(columns, 3, pools=3, every=6)], 6)
    for one, other in zip(fresh, mixed([beside, (alone, 3)], 6), strict=True):
        for part, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, same)


def test_by_update_counts_from_the_first_update():
    data = by_update(lambda update: 10 * update, 7)
    assert [int(value) for value in data.take(3)] == [70, 80, 90]


def test_a_large_table_is_not_copied_and_gives_the_same_batches(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), np.uint8)
    columns = images, np.arange(50, dtype=np.int32)

    def batches(columns):
        made = pipelines.training_batches(columns, 8, None, 3, 5)
        assert made.element_spec[0].shape == (8, 4, 4, 3)
        return [tuple(part.numpy() for part in batch) for batch in made.take(20)]

    expected = batches(columns)
    monkeypatch.setattr(pipelines, "MOST_BYTES_AS_TENSOR", 1)
    for one, other in zip(batches(columns), expected, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.slow
@pytest.mark.parametrize("most", [pipelines.MOST_BYTES_AS_TENSOR, 1])
def test_named_rows_give_the_batches_of_their_copies(monkeypatch, most):
    """Also rows of rows, as of a class among repeated ones, and beside another table."""
    monkeypatch.setattr(pipelines, "MOST_BYTES_AS_TENSOR", most)
    images, numbers, weights = table(6)
    rows = np.array([5, 0, 0, 0, 3, 3, 2])
    some = np.array([6, 4, 1])
    named = Repeated(images, rows), numbers[rows], weights[rows]
    copies = images[rows], numbers[rows], weights[rows]
    few = [Repeated(column, some) for column in named]
    for sources, copied in (
        ([(named, 4)], [(copies, 4)]),
        ([(few, 4)], [([column[some] for column in copies], 4)]),
        ([(table(5), 2), (named, 2)], [(table(5), 2), (copies, 2)]),
    ):
        for one, other in zip(mixed(sources, 6), mixed(copied, 6), strict=True):
            for column, same in zip(one, other, strict=True):
                np.testing.assert_array_equal(column, same)


@pytest.mark.slow
def test_batches_keep_a_large_table_alive_and_nothing_else_does(monkeypatch):
    monkeypatch.setattr(pipelines, "MOST_BYTES_AS_TENSOR", 1)
    images = np.zeros((9, 2, 2, 1), np.uint8)
    held = weakref.ref(images)
    made = iter(pipelines.training_batches((images, np.arange(9)), 4, None, 0, 0))
    del images
    gc.collect()
    assert next(made)[0].shape == (4, 2, 2, 1)
    del made
    gc.collect()
    assert held() is None

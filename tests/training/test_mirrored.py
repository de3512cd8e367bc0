"""A training on two devices: the numbers of one, but for rounding. More kinds: slow_mirrored.py."""

import numpy as np
import pytest
import tensorflow as tf
from two_devices import check, train_on_two_devices

from gan_mnist.errors import InputError
from gan_mnist.models.replicas import my_rows
from gan_mnist.training import mirrored

KINDS = ("mlp",)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = tmp_path_factory.mktemp("two_devices")
    train_on_two_devices(place, KINDS)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_devices_give_the_numbers_of_one_and_resume_exactly(trained, kind):
    check(trained, kind)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_batch_is_divided_among_devices_row_by_row(number):
    rows = np.arange(12)
    batches = tf.data.Dataset.from_tensors(((rows, rows[:, None] * 1.5), -rows)).repeat(2)
    parts = list(mirrored.split_batches(batches, number).as_numpy_iterator())
    assert len(parts) == 2 * number
    for place, ((first, second), third) in enumerate(parts):
        expected = [row for row in range(12) if row % number == place % number]
        assert first.tolist() == expected
        assert second.tolist() == [[1.5 * row] for row in expected]
        assert third.tolist() == [-row for row in expected]


def test_a_batch_that_cannot_be_divided_is_refused():
    batches = tf.data.Dataset.range(20).batch(10, drop_remainder=True)
    with pytest.raises(InputError, match=r"3 devices.* batches of 10"):
        mirrored.split_batches(batches, 3)


def test_on_one_device_there_is_no_strategy(monkeypatch):
    monkeypatch.setattr(mirrored, "_chosen", {})
    monkeypatch.delenv(mirrored.VIRTUAL, raising=False)
    mirrored.choose_strategy("mirrored")
    assert mirrored.chosen_strategy() is None
    assert mirrored.devices_in_words() == "CPU"


@pytest.mark.parametrize("text", ["", "0", "-2", "two", "1.5"])
def test_a_number_of_virtual_devices_is_a_number(monkeypatch, text):
    monkeypatch.setenv(mirrored.VIRTUAL, text)
    with pytest.raises(InputError, match=f"^{mirrored.VIRTUAL}: '{text}'"):
        mirrored.num_devices.__wrapped__()


def test_rows_of_one_device_are_all_of_them():
    drawn = my_rows(lambda number: tf.range(number) * 2, 5)
    assert drawn.numpy().tolist() == [0, 2, 4, 6, 8]

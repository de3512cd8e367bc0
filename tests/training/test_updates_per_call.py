"""How many updates one call into TensorFlow does."""

import pytest

from gan_mnist.training.loop import updates_per_call


@pytest.mark.parametrize("intervals", [1, 4, 10, 25])
@pytest.mark.parametrize("interval", [1, 2, 50, 51, 53, 70, 130, 530])
def test_updates_per_call_divides_an_interval(interval, intervals):
    size = updates_per_call(interval * intervals, intervals)
    assert size == max(divisor for divisor in range(1, 51) if interval % divisor == 0)


def test_an_interval_is_a_tenth_unless_said_otherwise():
    assert updates_per_call(70) == 7

"""Networks of so many weights that what is kept of them counts."""

import tracemalloc

import keras
import numpy as np
import pytest

from gan_mnist.training import loop
from gan_mnist.training.loop import ReusableModel

MILLIONS = 4_000_000


def wide():
    """A network of 16 MB."""
    return ReusableModel(
        lambda: keras.Sequential([keras.Input((2000,)), keras.layers.Dense(MILLIONS // 2000)]),
        lambda model: model.compile(keras.optimizers.Adam(1e-3), "mse"),
    )


@pytest.mark.slow
def test_what_adam_starts_from_takes_no_memory():
    tracemalloc.start()
    try:
        reusable = wide()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Its averages would be twice the weights.
    assert kept < 4 * MILLIONS
    model = reusable.fresh(1)
    model.fit(np.ones((2, 2000)), np.ones((2, MILLIONS // 2000)), verbose=0)
    assert any(variable.numpy().any() for variable in model.optimizer.variables[2:])
    model = reusable.fresh(1)
    assert not any(variable.numpy().any() for variable in model.optimizer.variables[2:])


@pytest.mark.slow
def test_initial_weights_of_a_large_network_are_the_same_and_are_not_kept(monkeypatch):
    reusable = wide()
    kept = [weight.copy() for weight in reusable.fresh(12).get_weights()]
    monkeypatch.setattr(loop, "MOST_KEPT", MILLIONS, raising=False)
    reusable = wide()
    model = reusable.fresh(12)
    assert not reusable._initial_weights.cache_info().currsize
    for weight, same in zip(model.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(weight, same)
    assert not np.array_equal(reusable.fresh(13).get_weights()[0], kept[0])

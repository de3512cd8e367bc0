"""Arrays, batch by batch or whole, do what the same batches of a data set do."""

import keras
import pytest
from conformance import SMALL, built, same
from manners import IMAGES, LABELS, compiled, data, every_flavour, questions, row_of, state

from gan_mnist.errors import InputError
from gan_mnist.models.conditional_gan import ConditionalGAN, build_conditional_gan


def arrays(flavour):
    """The `x` and `y` that Keras makes the batch of `data` of; `y` is None if it is one array."""
    (batch,) = data(flavour).as_numpy_iterator()
    x, y = batch if len(batch) == 2 else (*batch, None)
    return (list(x) if isinstance(x, tuple) else x), y


@every_flavour
def test_arrays_are_fitted_and_validated_as_a_data_set_is(flavour):
    options = {"shuffle": False, "verbose": 0}
    x, y = arrays(flavour)
    model = compiled(flavour, run_eagerly=True)
    history = model.fit(data(flavour), validation_data=data(flavour), **options).history
    other = compiled(flavour, run_eagerly=True)
    validation = x if y is None else (x, y)
    assert other.fit(x, y, batch_size=6, validation_data=validation, **options).history == history
    assert all(same(state(model), state(other)))
    judged = model.evaluate(data(flavour), verbose=0, return_dict=True)
    assert model.test_on_batch(x, y, return_dict=True) == judged
    assert all(same(state(model), state(other)))


@every_flavour
def test_a_batch_of_arrays_is_trained_on_as_a_data_set_is(flavour):
    model = compiled(flavour, run_eagerly=True)
    history = model.fit(data(flavour), shuffle=False, verbose=0).history
    other = compiled(flavour, run_eagerly=True)
    logs = other.train_on_batch(*arrays(flavour), return_dict=True)
    assert {name: [value] for name, value in logs.items()} == history
    assert all(same(state(model), state(other)))


@every_flavour
def test_the_shape_of_what_comes_out_is_told_beforehand(flavour):
    model = built(row_of(flavour))
    model.adopt(IMAGES, LABELS)
    for num in (4, None):
        shapes = keras.tree.map_structure(lambda x, n=num: (n, *x.shape[1:]), questions(flavour))
        assert model.compute_output_shape(shapes) == (num, *SMALL)
    assert model(questions(flavour, 4)).shape == (4, *SMALL)


@pytest.mark.parametrize("name", ["loss", "loss_weights", "metrics", "weighted_metrics"])
def test_a_loss_or_metrics_that_would_do_nothing_are_refused(name):
    with pytest.raises(InputError, match=f"^{name}: not accepted; the model has its own"):
        compiled(ConditionalGAN, **{name: ["mse"]})


def test_an_unknown_loss_is_refused():
    with pytest.raises(InputError, match="loss: 'hing' is unknown; did you mean 'hinge'"):
        build_conditional_gan("mlp", SMALL, 3, 2, 6, loss="hing")

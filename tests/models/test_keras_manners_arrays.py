"""Arrays, batch by batch or whole, do what the same batches of a data set do."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import SMALL, built, same
from manners import (
    FLAVOURS,
    IMAGES,
    LABELS,
    compiled,
    data,
    every_flavour,
    fresh,
    questions,
    row_of,
    state,
)
from tiers import kinds_of

from gan_mnist.errors import InputError
from gan_mnist.models.conditional_gan import ConditionalGAN, build_conditional_gan
from gan_mnist.models.deformations import DeformationModel
from gan_mnist.models.denoiser import build_denoising_model
from gan_mnist.models.vae_flow import VAEFlow


def arrays(flavour):
    """The `x` and `y` that Keras makes the batch of `data` of; `y` is None if it is one array."""
    (batch,) = data(flavour).as_numpy_iterator()
    x, y = batch if len(batch) == 2 else (*batch, None)
    return (list(x) if isinstance(x, tuple) else x), y


@pytest.mark.slow
@every_flavour
def test_arrays_are_fitted_and_validated_as_a_data_set_is(flavour):
    options = {"shuffle": False, "verbose": 0}
    x, y = arrays(flavour)
    model = fresh(flavour, eagerly=True)
    history = model.fit(data(flavour), validation_data=data(flavour), **options).history
    expected = state(model)
    judged = model.evaluate(data(flavour), verbose=0, return_dict=True)
    model = fresh(flavour, eagerly=True)
    assert not all(same(state(model), expected))
    validation = x if y is None else (x, y)
    assert model.fit(x, y, batch_size=6, validation_data=validation, **options).history == history
    assert all(same(state(model), expected))
    assert model.test_on_batch(x, y, return_dict=True) == judged
    assert all(same(state(model), expected))


@pytest.mark.slow
@every_flavour
def test_a_batch_of_arrays_is_trained_on_as_a_data_set_is(flavour):
    model = fresh(flavour, eagerly=True)
    history = model.fit(data(flavour), shuffle=False, verbose=0).history
    expected = state(model)
    model = fresh(flavour, eagerly=True)
    logs = model.train_on_batch(*arrays(flavour), return_dict=True)
    assert {name: [value] for name, value in logs.items()} == history
    assert all(same(state(model), expected))


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


# As data sets of Keras have labels, and as CSV files do.
COLUMN = LABELS[:, None].astype(np.uint8)
FLOATS = LABELS.astype(np.float64)


OF_LABELS = {name: kind for kind, name in FLAVOURS.items() if not row_of(kind).denoises}


@pytest.mark.parametrize("flavour", kinds_of(OF_LABELS))
@pytest.mark.parametrize("labels", [COLUMN, FLOATS], ids=["column", "floats"])
def test_labels_of_any_dtype_and_in_a_column_ask_for_the_same_images(flavour, labels):
    model = fresh(flavour, eagerly=True)
    seed = tf.constant([2, 3])
    drawn, predicted = model.sample(LABELS, seed), model.predict(LABELS, verbose=0)
    model.adopt(IMAGES, labels)
    again = model.sample(labels, seed), model.predict(labels, verbose=0)
    assert all(same((drawn, predicted), again))


@pytest.mark.slow
@pytest.mark.parametrize("flavour", [ConditionalGAN, VAEFlow], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("labels", [COLUMN, FLOATS], ids=["column", "floats"])
def test_labels_of_any_dtype_and_in_a_column_teach_the_same(flavour, labels):
    states = []
    for given in (LABELS, labels):
        model = fresh(flavour, eagerly=True)
        model.train_on_batch(IMAGES, given)
        model.test_on_batch(IMAGES, given)
        states.append(state(model))
    assert all(same(*states))


@every_flavour
@pytest.mark.parametrize("method", ["train_on_batch", "test_on_batch"])
def test_weights_of_images_are_refused_as_no_loss_has_them(flavour, method):
    model = fresh(flavour, eagerly=True)
    before, (x, y) = state(model), arrays(flavour)
    with pytest.raises(InputError, match=r"^batch: . parts are not accepted; .* no sample_weight"):
        getattr(model, method)(x, y, sample_weight=np.ones(len(IMAGES)))
    assert all(same(before, state(model)))


@pytest.mark.parametrize("whole", ["batch", "pair"])
def test_weights_of_classes_and_of_one_of_two_batches_are_refused_too(whole):
    if whole == "batch":
        model, options = (
            fresh(ConditionalGAN, eagerly=True),
            {"class_weight": {0: 0.5, 1: 2.0, 2: 1.0}},
        )
        batches = data(ConditionalGAN)
    else:
        model, options = build_denoising_model(SMALL, 1, separate_batches=True), {}
        model.compile("adam", run_eagerly=True)
        images = tf.constant(IMAGES)
        batch = (images, images), images
        batches = tf.data.Dataset.from_tensors((batch, (*batch, tf.ones(len(IMAGES)))))
    with pytest.raises(InputError, match=r"^batch: 3 parts are not accepted"):
        model.fit(batches, shuffle=False, verbose=0, **options)


@pytest.mark.parametrize("labels", [LABELS, COLUMN, FLOATS], ids=["row", "column", "floats"])
def test_deformations_take_labels_of_any_dtype_and_in_a_column(labels):
    model = DeformationModel(SMALL, num_pairs=3, updates=1, own=True)
    model.adopt(IMAGES, labels)
    images = model.sample(labels, tf.constant([2, 3]))
    # They begin as nothing that moves, so a sample is an image of the class.
    for label, image in zip(LABELS, images.numpy(), strict=True):
        nearest = np.abs(IMAGES - image).mean(axis=(1, 2, 3)).argmin()
        assert LABELS[nearest] == label

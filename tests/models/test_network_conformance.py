"""What every network must do; the rows are in `conformance`."""

import functools
import importlib
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import GANS, NETWORKS, WITHOUT_ADVERSARY, built, same, seed_layers

import gan_mnist.models
from gan_mnist.models.classifiers import build_small_cnn

pytestmark = pytest.mark.usefixtures("deep_networks")

# Each builder's first row.
every_builder = pytest.mark.parametrize(
    "row",
    {row.build: row for row in reversed(NETWORKS)}.values(),
    ids=lambda row: row.build.__name__,
)


def test_every_public_builder_has_a_row():
    builders = set()
    for module in pkgutil.iter_modules(gan_mnist.models.__path__, "gan_mnist.models."):
        members = vars(importlib.import_module(module.name)).items()
        builders |= {value for name, value in members if name.startswith("build_")}
    rows = [*NETWORKS, *GANS.values(), *WITHOUT_ADVERSARY.values()]
    assert builders == {row.build for row in rows}


@pytest.fixture(
    scope="module", params=NETWORKS, ids=lambda row: f"{row.build.__name__}-{row.arguments[0]}"
)
def row(request):
    return request.param


@functools.cache
def once(row):
    """Built once a row; the tests that get it leave its weights as they are."""
    return built(row)


@pytest.fixture
def network(row):
    return once(row)


def inputs_of(network, num=4, seed=0):
    """Numbers in [0, 1] for every input: they do for images, latents and one-hot labels alike."""
    rng = np.random.default_rng(seed)
    inputs = [tf.constant(rng.random((num, *x.shape[1:]), np.float32)) for x in network.inputs]
    return inputs if len(inputs) > 1 else inputs[0]


def test_outputs(row, network):
    output = network(inputs_of(network), training=False)
    assert output.shape == (4, *row.output)
    assert output.dtype == tf.float32
    assert np.isfinite(output).all()
    if len(row.output) == 3:
        assert 0 <= output.numpy().min() < output.numpy().max() <= 1
    if row.parameters is not None:
        assert network.count_params() == row.parameters


@every_builder
def test_weights_and_outputs_are_float32_in_mixed_precision_too(row, dtype_policy):
    dtype_policy("mixed_bfloat16")
    network = built(row)
    output = network(inputs_of(network), training=False)
    assert output.dtype == tf.float32
    assert np.isfinite(output).all()
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert "bfloat16" in {layer.compute_dtype for layer in network.layers}
    dtype_policy("float32")
    are_same = same(once(row).get_weights(), network.get_weights())
    paths = [weight.path for weight in network.weights]
    assert [path for path, is_same in zip(paths, are_same, strict=True) if not is_same] == []


@every_builder
def test_initial_weights_follow_the_seed(row):
    first, again, other = once(row), built(row), built(row, seed=1)
    assert all(same(first.get_weights(), again.get_weights()))
    inputs = inputs_of(first)
    assert not np.array_equal(first(inputs), other(inputs))


def test_inference_is_repeatable_and_treats_each_image_alone(network):
    inputs = inputs_of(network)
    weights, output = network.get_weights(), network(inputs, training=False).numpy()
    np.testing.assert_array_equal(network(inputs, training=False), output)
    assert all(same(weights, network.get_weights()))
    alone = network(tf.nest.map_structure(lambda x: x[2:3], inputs), training=False)
    np.testing.assert_allclose(alone, output[2:3], rtol=1e-4, atol=1e-5)


@every_builder
def test_gradients_reach_every_weight(row):
    network = once(row)
    weights = network.get_weights()
    with tf.GradientTape() as tape:
        output = network(inputs_of(network, num=16), training=True)
        # Uneven weights, or the gradients of some losses cancel out.
        total = tf.reduce_sum(output * np.random.default_rng(1).random(output.shape))
    gradients = tape.gradient(total, network.trainable_weights)
    # Batch norm and spectral norm have taken notice.
    network.set_weights(weights)
    for weight, gradient in zip(network.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
    assert network.trainable_weights


@pytest.mark.slow
def test_keras_files_give_the_same_outputs(network, tmp_path):
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    inputs = inputs_of(network)
    np.testing.assert_array_equal(loaded(inputs, training=False), network(inputs, training=False))


def test_random_layers_are_found():
    """What the next test rests on."""
    found = seed_layers(built(next(row for row in NETWORKS if row.build is build_small_cnn)))
    assert [type(layer) for layer in found] == [keras.layers.Dropout]


def test_random_layers_lie_where_training_can_reset_them(network):
    assert {id(x) for x in seed_layers(network)} <= {id(layer) for layer in network.layers}

"""Each model as a user of Keras meets it: compile, fit, predict, save. The rows are the GANs'."""

import importlib
import inspect
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import built, same
from manners import FLAVOURS, LABELS, compiled, data, every_flavour, fit, fresh, row_of, state

import gan_mnist.models
from gan_mnist.errors import InputError
from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.anchored import AnchoredGAN
from gan_mnist.models.bagan import BAGAN
from gan_mnist.models.conditional_gan import ConditionalGAN
from gan_mnist.models.two_networks import TwoNetworks
from gan_mnist.models.vae_flow import VAEFlow

# What the flavours are made of: no model is of these classes alone.
ABSTRACT = {TwoNetworks, AdversarialModel, AnchoredGAN}
# Their tests are in `test_keras_manners_layers` and `test_deformations`.
ELSEWHERE = {
    *("ClassGaussians", "Deform", "DeformationModel", "EulerSteps", "GeneratingClassifier"),
    *("LabelledConv2D", "Style", "Warp"),
}


def test_every_public_model_and_layer_has_its_rows():
    found = set()
    for module in pkgutil.iter_modules(gan_mnist.models.__path__, "gan_mnist.models."):
        for name, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            ours = kind.__module__ == module.name and not name.startswith("_")
            if ours and issubclass(kind, keras.layers.Layer):
                found.add(kind)
    assert set(FLAVOURS) | ABSTRACT <= found
    rest = found - set(FLAVOURS) - ABSTRACT
    assert {kind.__name__ for kind in rest} == ELSEWHERE
    for kind in found - ABSTRACT:
        assert keras.saving.get_registered_name(kind) == f"gan_mnist>{kind.__name__}"


@every_flavour
def test_optimizers_are_given_as_keras_takes_them(flavour):
    model = built(row_of(flavour))
    config = {"class_name": "SGD", "config": {"learning_rate": 0.25}}
    own = keras.optimizers.Adam(0.5)
    model.compile(config, own)
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert model.optimizer is model.generator_optimizer
    expected = {model.optimizer: model.generator.trainable_variables}
    if model.discriminator is not None:
        expected[own] = model.discriminator.trainable_variables
    for kind, learns_by in ((VAEFlow, model.optimizer), (BAGAN, own)):
        if flavour is kind:
            expected[learns_by] = [*model.encoder.trainable_variables, *expected[learns_by]]
    assert model.optimizers == list(expected)
    for optimizer, variables in expected.items():
        assert optimizer.built
        assert optimizer._trainable_variables == variables


@pytest.mark.parametrize("twice", [False, True])
def test_one_optimizer_is_copied_for_the_other_network(twice):
    one = keras.optimizers.RMSprop(0.125, rho=0.5)
    both = (one, one) if twice else (one,)
    model = compiled(ConditionalGAN, *both, run_eagerly=True)
    assert model.generator_optimizer is one
    other = model.discriminator_optimizer
    assert other is not one
    assert other.get_config() == one.get_config()
    assert not {id(v) for v in one.variables} & {id(v) for v in other.variables}
    fit(model, ConditionalGAN)
    assert [int(o.iterations) for o in model.optimizers] == [2, 2]


def test_an_average_of_the_optimizers_own_is_refused():
    with pytest.raises(InputError, match="use_ema is not accepted; accepted: average_decay"):
        compiled(ConditionalGAN, keras.optimizers.Adam(1e-3, use_ema=True))


@pytest.mark.slow
def test_in_half_precision_losses_are_scaled(dtype_policy):
    dtype_policy("mixed_float16")
    model = compiled(ConditionalGAN, "adam")
    scales = keras.optimizers.LossScaleOptimizer
    assert [type(optimizer) for optimizer in model.optimizers] == [scales, scales]
    assert model.optimizer is model.generator_optimizer.inner_optimizer
    plain = compiled(ConditionalGAN, "adam", auto_scale_loss=False)
    assert not any(isinstance(optimizer, scales) for optimizer in plain.optimizers)
    before = [len(optimizer.variables) for optimizer in model.optimizers]
    # As a stranger would make sure that it is built.
    model.optimizer.build(model.trainable_variables)
    assert [len(optimizer.variables) for optimizer in model.optimizers] == before
    history = fit(model, ConditionalGAN)
    assert np.isfinite(history["g_loss"]).all()
    assert model.predict(LABELS, verbose=0).dtype == np.float32


@pytest.mark.slow
@every_flavour
def test_building_the_optimizer_again_does_no_harm(flavour):
    model = fresh(flavour)
    expected = fit(model, flavour), state(model)
    model = fresh(flavour)
    model.optimizer.build(model.trainable_variables)
    assert (fit(model, flavour), len(state(model))) == (expected[0], len(expected[1]))
    assert all(same(expected[1], state(model)))


@every_flavour
def test_checkpoints_hold_each_variable_once(flavour, tmp_path):
    model = fresh(flavour)
    path = tf.train.Checkpoint(model=model).save(str(tmp_path / "checkpoint"))
    kept = [name for name, _ in tf.train.list_variables(path) if "optimizer/" in name]
    optimizers = [v for o in model.optimizers for v in o.variables]
    # Keras' optimizers hold the weights they train beside their own variables.
    momenta = [name for name in kept if "_trainable_variables" not in name]
    assert len(momenta) == len(optimizers)


@pytest.mark.slow
@every_flavour
def test_a_validation_changes_nothing_and_is_repeatable(flavour):
    model = fresh(flavour)
    alone = fit(model, flavour)
    expected = state(model)
    model = fresh(flavour)
    validated = fit(model, flavour, validation_data=data(flavour, seed=1))
    assert all(same(expected, state(model)))
    names = {metric.name for metric in model.metrics}
    assert set(validated) == names | {f"val_{name}" for name in names}
    assert {name: validated[name] for name in names} == alone
    again = model.evaluate(data(flavour, seed=1), return_dict=True, verbose=0)
    assert {f"val_{name}": value for name, value in again.items()} == {
        name: values[-1] for name, values in validated.items() if name.startswith("val_")
    }
    assert all(same(expected, state(model)))
    both = data(flavour, seed=1).concatenate(data(flavour, seed=1))
    twice = model.evaluate(both, return_dict=True, verbose=0)
    drawn = not row_of(flavour).denoises
    loss = row_of(flavour).loss
    assert (twice[loss] != again[loss]) == drawn
    assert np.isfinite(list(twice.values())).all()

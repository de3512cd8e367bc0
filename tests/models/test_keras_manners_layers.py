"""Layers, and the classifier with a generator, keep their arguments through configs and files."""

import inspect

import keras
import numpy as np
import pytest
from test_generating_classifier import SHAPE, build, compiled

from gan_mnist.models.bagan import ClassGaussians
from gan_mnist.models.conditional_gan import LabelledConv2D
from gan_mnist.models.vae_flow import EulerSteps
from gan_mnist.models.warp_gan import NUM_PARAMETERS, Style, Warp

RNG = np.random.default_rng(0)
IMAGES = RNG.random((4, 12, 12, 2), np.float32)
ONE_HOT = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]
PARAMETERS = RNG.uniform(-1, 1, (4, NUM_PARAMETERS)).astype(np.float32)


def velocity():
    inputs = [keras.Input((size,)) for size in (5, 1, 3)]
    return keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Concatenate()(inputs)))


# A layer with arguments that are not the defaults, and what it is called with.
LAYERS = {
    "ClassGaussians": (ClassGaussians, (), (PARAMETERS[:, :5], ONE_HOT)),
    "EulerSteps": (EulerSteps, (velocity(), 3), (PARAMETERS[:, :5], ONE_HOT)),
    "LabelledConv2D": (LabelledConv2D, (5, 3, "he_normal"), ([IMAGES, ONE_HOT],)),
    "Style": (Style, (), (IMAGES,)),
    "Warp": (Warp, (0.5, 0.125, 0.25), (IMAGES, PARAMETERS)),
}
every_layer = pytest.mark.parametrize(("kind", "arguments", "inputs"), LAYERS.values(), ids=LAYERS)


@every_layer
def test_a_layer_keeps_its_arguments(kind, arguments, inputs):
    layer = kind(*arguments, name="mine")
    names = [name for name in inspect.signature(kind).parameters if name not in ("args", "kwargs")]
    names = [name for name in names if name != "options"]
    config = layer.get_config()
    assert set(names) <= set(config)
    other = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(other) is kind
    assert other.name == "mine"
    assert other.get_config() == config
    for name, given in zip(names, arguments, strict=True):
        kept = getattr(layer, name)
        if name.endswith("initializer"):
            assert isinstance(kept, type(keras.initializers.get(given)))
        else:
            assert kept == given


@every_layer
def test_a_layer_is_loaded_as_it_was_saved(kind, arguments, inputs, tmp_path):
    shapes = keras.tree.map_structure(lambda part: keras.Input(part.shape[1:]), inputs)
    model = keras.Model(keras.tree.flatten(shapes), kind(*arguments)(*shapes))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    flat = keras.tree.flatten(inputs)
    np.testing.assert_array_equal(loaded(flat), model(flat))


@keras.saving.register_keras_serializable("gan_mnist_tests")
def inverted(images, key):
    return 1 - images


@pytest.mark.slow
@pytest.mark.parametrize("augment", [None, inverted])
def test_a_classifier_is_loaded_with_its_generator(augment, tmp_path):
    model = compiled(build(augment))
    images = RNG.random((5, *SHAPE), np.float32)
    latents = RNG.normal(size=(3, 4)).astype(np.float32)
    labels = np.array([0, 1, 2, 2, 1]), np.array([2, 0, 1])
    batch = keras.tree.map_structure(
        keras.ops.convert_to_tensor, ((images, latents, np.array([7, 3])), labels)
    )
    model.train_step(batch)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert loaded.augment is augment
    assert not loaded.generator.trainable
    config = model.get_config()
    assert type(model).from_config(config).get_config() == config
    for one in (model, loaded):
        one.train_step(batch)
    for before, after in zip(model.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(loaded(images), model(images))

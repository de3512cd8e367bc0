"""What every network and every adversarial model must do: a new one is one more row below."""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import gan_mnist.models
from gan_mnist.models.anchored import build_spectral_discriminator
from gan_mnist.models.classifiers import (
    build_colour_cnn,
    build_deep_cnn,
    build_digit_cnn,
    build_small_cnn,
)
from gan_mnist.models.conditional_gan import (
    build_conditional_gan,
    build_dcgan_discriminator,
    build_dcgan_generator,
    build_mlp_discriminator,
    build_mlp_generator,
)
from gan_mnist.models.dagan import build_dagan, build_dagan_generator
from gan_mnist.models.denoiser import (
    Schedule,
    build_denoising_discriminator,
    build_denoising_model,
    build_residual_denoiser,
)
from gan_mnist.models.warp_gan import build_warp_gan, build_warp_generator

GREY, COLOUR, SMALL = (28, 28, 1), (20, 24, 3), (16, 16, 1)
NUM_CLASSES = 3
SMALL_CNN_PARAMETERS = (
    (3 * 3 * 1 * 16 + 16)
    + (3 * 3 * 16 * 32 + 32)
    + (7 * 7 * 32 * 64 + 64)
    + (64 * NUM_CLASSES + NUM_CLASSES)
)
DEEP_CNN_PARAMETERS = (
    (5 * 5 * 1 * 32 + 32)
    + (5 * 5 * 32 * 64 + 64)
    + (5 * 5 * 64 * 128 + 128)
    + (4 * 4 * 128 * 256 + 256)
    + (4 * 4 * 256 * 512 + 512)
    + (4 * 4 * 512 * 1024 + 1024)
    + (1024 * 1024 + 1024)
    + (1024 * 10 + 10)
)
DIGIT_CNN_PARAMETERS = (4 * 4 * 1 * 4 + 4) + (4 * 4 * 4 * 8 + 8) + (7 * 7 * 8 * 10 + 10)
COLOUR_CNN_PARAMETERS = (
    (3 * 3 * 3 * 16 + 16)
    + (3 * 3 * 16 * 32 + 32)
    + (3 * 3 * 32 * 64 + 64)
    + (8 * 8 * 64 * 512 + 512)
    + (512 * 256 + 256)
    + (256 * 2 + 2)
)

# Of width 5 on 1 channel: kernels without bias, and four numbers a channel of batch norm.
DENOISER_PARAMETERS = (
    (3 * 3 * 2 * 5 + 4 * 5)
    + 4 * (3 * 3 * 5 * 5 + 4 * 5)
    + (3 * 3 * 5 * 2 + 4 * 2)
    + (3 * 3 * 2 * 1 + 1)
)
# Of width 1 on 1 channel.
VANILLA_PARAMETERS = (
    (5 * 5 * 1 * 1 + 4 * 1)
    + (5 * 5 * 1 * 2 + 4 * 2)
    + (5 * 5 * 2 * 4 + 4 * 4)
    + (4 * 4 * 4 * 8 + 4 * 8)
    + (4 * 4 * 8 * 16 + 4 * 16)
    + (4 * 4 * 16 * 32 + 32)
    + (32 * 1 + 1)
)
# With biases, and a vector of the spectral norm as long.
SPECTRAL_CONDITIONAL_PARAMETERS = (
    (5 * 5 * 3 * 1 + 2 * 1)
    + (5 * 5 * 1 * 2 + 2 * 2)
    + (5 * 5 * 2 * 4 + 2 * 4)
    + (4 * 4 * 4 * 8 + 2 * 8)
    + (4 * 4 * 8 * 16 + 2 * 16)
    + (4 * 4 * 16 * 32 + 2 * 32)
    + (32 * 1 + 2 * 1)
)


@dataclass(frozen=True)
class Network:
    """A row: how a network is built, and what comes out of it.

    Attributes:
        build: The public builder.
        arguments: Its arguments.
        output: Shape of one output: an image in [0, 1] if it has three axes, logits otherwise.
        parameters: Number of weights computed by hand, where a source gives the sizes.
    """

    build: Callable[..., keras.Model]
    arguments: tuple[Any, ...]
    output: tuple[int, ...]
    parameters: int | None = None


@dataclass(frozen=True)
class GAN:
    """A row: how an adversarial model is built, and what its data set holds.

    Attributes:
        build: The public builder.
        arguments: Its arguments.
        columns: How many of (images, labels) a batch holds.
        pairs: A batch holds images and their partners.
        denoises: It makes images of noisy ones, and not of labels and noise.
        still: How many of the discriminator's weights an update may leave as they are.
    """

    build: Callable[..., keras.Model]
    arguments: tuple[Any, ...]
    columns: int = 2
    pairs: bool = False
    denoises: bool = False
    still: int = 0


NETWORKS = [
    Network(build_small_cnn, (GREY, NUM_CLASSES), (NUM_CLASSES,), SMALL_CNN_PARAMETERS),
    Network(build_small_cnn, (COLOUR, 5), (5,)),
    Network(build_deep_cnn, (GREY, NUM_CLASSES, 2), (NUM_CLASSES,)),
    Network(build_deep_cnn, (COLOUR, 5, 2), (5,)),
    Network(build_deep_cnn, (GREY, 10), (10,), DEEP_CNN_PARAMETERS),
    Network(build_digit_cnn, (GREY, 10), (10,), DIGIT_CNN_PARAMETERS),
    Network(build_digit_cnn, (COLOUR, 5), (5,)),
    Network(build_colour_cnn, (COLOUR, 5, 2), (5,)),
    Network(build_colour_cnn, ((64, 64, 3), 2), (2,), COLOUR_CNN_PARAMETERS),
    Network(build_mlp_generator, (GREY, NUM_CLASSES, 2, 6), GREY),
    Network(build_mlp_generator, (COLOUR, NUM_CLASSES, 2, 6), COLOUR),
    Network(build_mlp_discriminator, (GREY, NUM_CLASSES, 2), (1,)),
    Network(build_mlp_discriminator, (COLOUR, NUM_CLASSES, 2), (1,)),
    Network(build_dcgan_generator, (GREY, NUM_CLASSES, 1, 6), GREY),
    Network(build_dcgan_generator, (COLOUR, NUM_CLASSES, 1, 6), COLOUR),
    Network(build_dcgan_discriminator, (GREY, NUM_CLASSES, 1), (1,)),
    Network(build_dcgan_discriminator, (COLOUR, NUM_CLASSES, 1), (1,)),
    Network(build_warp_generator, (GREY, 2), GREY),
    Network(build_warp_generator, (COLOUR, 2), COLOUR),
    Network(build_dagan_generator, (GREY, 2, 6), GREY),
    Network(build_dagan_generator, (COLOUR, 2, 6), COLOUR),
    Network(build_spectral_discriminator, (GREY, 2), (1,)),
    Network(build_spectral_discriminator, (COLOUR, 2), (1,)),
    Network(build_residual_denoiser, (GREY, 5), GREY, DENOISER_PARAMETERS),
    Network(build_residual_denoiser, (COLOUR, 3, False), COLOUR),
    Network(build_denoising_discriminator, (GREY, 1), (1,), VANILLA_PARAMETERS),
    Network(build_denoising_discriminator, (COLOUR, 2, True), (1,)),
    Network(
        build_denoising_discriminator, (GREY, 1, True, True), (1,), SPECTRAL_CONDITIONAL_PARAMETERS
    ),
]
GANS = {
    "mlp": GAN(build_conditional_gan, ("mlp", SMALL, NUM_CLASSES, 2, 6)),
    "dcgan": GAN(build_conditional_gan, ("dcgan", SMALL, NUM_CLASSES, 1, 6)),
    # The last bias: within the hinge's margin, real and fake images pull it with equal force.
    "warp": GAN(build_warp_gan, (SMALL, 2), columns=1, still=1),
    "dagan": GAN(build_dagan, (SMALL, 2, 6), pairs=True, still=1),
    "denoiser": GAN(
        build_denoising_model,
        (SMALL, 3, "conditional", Schedule(((0, 1.0, 1.0),)), 2),
        denoises=True,
    ),
}

every_gan = pytest.mark.parametrize("row", GANS.values(), ids=GANS)
DRAWING = {name: row for name, row in GANS.items() if not row.denoises}
every_drawing_gan = pytest.mark.parametrize("row", DRAWING.values(), ids=DRAWING)
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
    assert builders == {row.build for row in [*NETWORKS, *GANS.values()]}


def built(row, seed=0):
    keras.utils.set_random_seed(seed)
    return row.build(*row.arguments)


@pytest.fixture(
    scope="module", params=NETWORKS, ids=lambda row: f"{row.build.__name__}-{row.arguments[0]}"
)
def row(request):
    return request.param


@pytest.fixture(scope="module")
def network(row):
    """Built once a row; the tests that get it leave its weights as they are."""
    return built(row)


def inputs_of(network, num=4, seed=0):
    """Numbers in [0, 1] for every input: they do for images, latents and one-hot labels alike."""
    rng = np.random.default_rng(seed)
    inputs = [tf.constant(rng.random((num, *x.shape[1:]), np.float32)) for x in network.inputs]
    return inputs if len(inputs) > 1 else inputs[0]


def seed_layers(model):
    return [layer for layer in model._flatten_layers() if hasattr(layer, "seed_generator")]


def same(before, after):
    """For each pair of arrays, whether they are equal bit by bit."""
    return [np.array_equal(b, a) for b, a in zip(before, after, strict=True)]


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


@every_builder
def test_initial_weights_follow_the_seed(row):
    first, again, other = built(row), built(row), built(row, seed=1)
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
    network = built(row)
    with tf.GradientTape() as tape:
        output = network(inputs_of(network, num=16), training=True)
        # Uneven weights, or the gradients of some losses cancel out.
        total = tf.reduce_sum(output * np.random.default_rng(1).random(output.shape))
    for weight, gradient in zip(
        network.trainable_weights, tape.gradient(total, network.trainable_weights), strict=True
    ):
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
    assert network.trainable_weights


def test_keras_files_give_the_same_outputs(network, tmp_path):
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    inputs = inputs_of(network)
    np.testing.assert_array_equal(loaded(inputs, training=False), network(inputs, training=False))


def test_random_layers_lie_where_training_can_reset_them(network):
    assert {id(x) for x in seed_layers(network)} <= {id(layer) for layer in network.layers}


def training_data(num=6):
    images = np.random.default_rng(0).random((num, *SMALL), np.float32)
    return tf.constant(images), tf.range(num) % NUM_CLASSES


def compiled(row, seed=0):
    model = built(row, seed)
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    images, labels = training_data()
    model.adopt(images.numpy(), labels.numpy())
    return model


@functools.cache
def model_and_its_start(row):
    model = compiled(row)
    variables = [
        *model.weights,
        *(v for optimizer in model.optimizers for v in optimizer.variables),
    ]
    return model, [(variable, variable.numpy()) for variable in variables]


def fresh(row, noise_seed=0):
    """The one model of a row, as it was compiled: building it anew takes most of a test's time."""
    model, start = model_and_its_start(row)
    for variable, value in start:
        variable.assign(value)
    model.noise_seed.assign(noise_seed)
    return model


def batch_of(row):
    if row.denoises:
        images, _ = training_data()
        return (images, images[::-1]), tf.roll(images, 1, axis=0)
    if row.pairs:
        images, _ = training_data()
        return images, tf.roll(images, NUM_CLASSES, axis=0)
    return training_data()[: row.columns]


def samples(model, seed=(1, 2), labels=(0, 0, 1, 2, 1)):
    if hasattr(model, "denoise"):
        images, _ = training_data(len(labels))
        return model.denoise(images, images[::-1]).numpy()
    return model.sample(tf.constant(labels), tf.constant(seed, tf.int32)).numpy()


@every_gan
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_an_update_and_the_samples_after_it(row, policy, dtype_policy):
    dtype_policy(policy)
    model = fresh(row) if policy == "float32" else compiled(row)
    logs = model.train_step(batch_of(row))
    assert list(logs) == [
        *("d_loss", "g_loss", "real_accuracy", "fake_accuracy"),
        *(["l1"] if row.denoises else []),
    ]
    assert np.isfinite([float(value) for value in logs.values()]).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    images = samples(model)
    assert images.shape == (5, *SMALL)
    assert images.dtype == np.float32
    assert 0 <= images.min() < images.max() <= 1


@every_drawing_gan
def test_samples_follow_the_seed(row):
    model = fresh(row)
    images = samples(model)
    np.testing.assert_array_equal(samples(model), images)
    assert not np.array_equal(samples(model, seed=(1, 3)), images)
    assert not np.array_equal(samples(model, seed=(2, 2)), images)
    assert len({image.tobytes() for image in images}) == 5


@every_gan
def test_the_discriminators_update_leaves_the_generator(row):
    model, batch = fresh(row), batch_of(row)
    fakes = model.generate(batch, model.latents(batch, tf.constant([0, 0])))
    generator, average = model.generator.get_weights(), model.average.get_weights()
    discriminator = model.discriminator.get_weights()
    model.update_discriminator(batch, fakes, tf.constant([1, 1]))
    assert all(same(generator, model.generator.get_weights()))
    assert all(same(average, model.average.get_weights()))
    moved = zip(discriminator, model.discriminator.weights, strict=True)
    still = [w.path for before, w in moved if np.array_equal(before, w)]
    assert len(still) == row.still, still
    assert model.discriminator_optimizer.iterations == 1
    assert model.generator_optimizer.iterations == 0


@every_gan
def test_the_generators_update_leaves_the_discriminator(row, monkeypatch):
    model = fresh(row)
    own_step, seen = model.update_discriminator, {}

    def spy(*arguments):
        own_step(*arguments)
        seen["discriminator"] = model.discriminator.get_weights()
        seen["generator"] = [w.numpy() for w in model.generator.trainable_weights]

    monkeypatch.setattr(model, "update_discriminator", spy)
    model.train_step(batch_of(row))
    assert all(same(seen["discriminator"], model.discriminator.get_weights()))
    after = [w.numpy() for w in model.generator.trainable_weights]
    assert not any(same(seen["generator"], after))
    assert model.discriminator_optimizer.iterations == 1
    assert model.generator_optimizer.iterations == 1


@every_drawing_gan
def test_an_update_is_a_function_of_noise_seed_and_number(row):
    def updated(noise_seed):
        model = fresh(row, noise_seed=noise_seed)
        model.train_step(batch_of(row))
        return model.get_weights()

    once = updated(noise_seed=5)
    assert all(same(once, updated(noise_seed=5)))
    assert not all(same(once, updated(noise_seed=6)))


@every_gan
def test_checkpoints_hold_all_that_training_goes_on_from(row, tmp_path):
    model = fresh(row, noise_seed=77)
    model.train_step(batch_of(row))
    path = tf.train.Checkpoint(model=model).save(str(tmp_path / "checkpoint"))
    other = compiled(row, seed=1)
    tf.train.Checkpoint(model=other).restore(path).assert_existing_objects_matched()
    assert other.noise_seed == 77
    for one, restored in zip(model.optimizers, other.optimizers, strict=True):
        values = [variable.numpy() for variable in one.variables]
        assert len(values) > 4  # Momenta, beside the learning rate and the count.
        assert all(same(values, [variable.numpy() for variable in restored.variables]))
        assert restored.iterations == 1
    model.train_step(batch_of(row))
    other.train_step(batch_of(row))
    assert all(same(model.get_weights(), other.get_weights()))


@every_gan
def test_weight_files_give_the_same_samples(row, tmp_path):
    model = fresh(row)
    model.average.set_weights([1.5 * w for w in model.average.get_weights()])
    model.save_weights(tmp_path / "gan.weights.h5")
    other = compiled(row, seed=1)
    assert not np.array_equal(samples(other), samples(model))
    other.load_weights(tmp_path / "gan.weights.h5")
    np.testing.assert_array_equal(samples(other), samples(model))


@every_gan
def test_exports_name_every_variable_that_samples_read(row):
    model = fresh(row)
    if row.denoises:
        specs = 2 * [tf.TensorSpec((None, *SMALL), tf.float32)]
    else:
        specs = [tf.TensorSpec((None,), tf.int32), tf.TensorSpec((2,), tf.int32)]
    sample = tf.function(model.denoise if row.denoises else model.sample)
    sample = sample.get_concrete_function(*specs)
    exported = [getattr(resource, "weights", [resource]) for resource in model.exported]
    # Keras' variables wrap TensorFlow's.
    handles = {
        id((v.value if isinstance(v, keras.Variable) else v).handle)
        for variables in exported
        for v in variables
    }
    assert sample.variables
    assert {id(variable.handle) for variable in sample.variables} <= handles


@every_gan
def test_no_layer_of_a_gan_draws_numbers_of_its_own(row):
    assert seed_layers(fresh(row)) == []

"""What every adversarial model must do; the rows are in `conformance`."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import GANS, NUM_CLASSES, SMALL, built, same, seed_layers
from tiers import kinds_of

from gan_mnist.training.adam import Adam

every_gan = pytest.mark.parametrize("row", kinds_of(GANS))
DRAWING = {name: row for name, row in GANS.items() if not row.denoises}
every_drawing_gan = pytest.mark.parametrize("row", kinds_of(DRAWING))


def training_data(num=6):
    images = np.random.default_rng(0).random((num, *SMALL), np.float32)
    return tf.constant(images), tf.range(num) % NUM_CLASSES


def compiled(row, seed=0):
    model = built(row, seed)
    model.compile(Adam(1e-3), Adam(1e-3))
    images, labels = training_data()
    model.adopt(images.numpy(), labels.numpy())
    return model


@functools.cache
def model_and_its_start(row, seed):
    model = compiled(row, seed)
    variables = [
        *model.weights,
        *(v for optimizer in model.optimizers for v in optimizer.variables),
    ]
    return model, [(variable, variable.numpy()) for variable in variables]


def fresh(row, noise_seed=0, seed=0):
    """The one model of a row and seed as it was compiled: building takes most of a test's time."""
    model, start = model_and_its_start(row, seed)
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


def rounded(model, dtype):
    """Weights that have lost the digits which `dtype` has not."""
    return [
        weight.path
        for weight in model.weights
        if weight.dtype == "float32"
        and np.size(weight) > 1
        and len(weight.shape) > 1
        and np.any(weight)
        and np.array_equal(tf.cast(tf.cast(weight.value, dtype), "float32"), weight)
    ]


@pytest.mark.slow
@every_gan
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_an_update_and_the_samples_after_it(row, policy, dtype_policy):
    dtype_policy(policy)
    model = fresh(row) if policy == "float32" else compiled(row)
    logs = model.train_step(batch_of(row))
    assert list(logs) == [
        *("d_loss", "g_loss", "real_accuracy", "fake_accuracy"),
        *row.further,
    ]
    assert np.isfinite([float(value) for value in logs.values()]).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert policy == "float32" or not rounded(model, policy.removeprefix("mixed_"))
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
    *inner, last = zip(seen["generator"], model.generator.trainable_weights, strict=True)
    assert not np.array_equal(*last)
    still = [w.path for before, w in inner if np.array_equal(before, w)]
    # A bias in front of batch normalisation has no gradient but what rounding leaves, or nothing.
    normalised = any("batch_normalization" in w.path for w in model.generator.weights)
    assert [path for path in still if not (normalised and path.endswith("/bias"))] == []
    assert model.discriminator_optimizer.iterations == 1
    assert model.generator_optimizer.iterations == 1


@pytest.mark.slow
@every_drawing_gan
def test_an_update_is_a_function_of_noise_seed_and_number(row):
    def updated(noise_seed):
        model = fresh(row, noise_seed=noise_seed)
        model.train_step(batch_of(row))
        return model.get_weights()

    once = updated(noise_seed=5)
    assert all(same(once, updated(noise_seed=5)))
    assert not all(same(once, updated(noise_seed=6)))


@pytest.mark.slow
@every_gan
def test_checkpoints_hold_all_that_training_goes_on_from(row, tmp_path):
    model = fresh(row, noise_seed=77)
    model.train_step(batch_of(row))
    path = tf.train.Checkpoint(model=model).save(str(tmp_path / "checkpoint"))
    other = fresh(row, seed=1)
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


@pytest.mark.slow
@every_gan
def test_weight_files_give_the_same_samples(row, tmp_path):
    model = fresh(row)
    model.average.set_weights([1.5 * w for w in model.average.get_weights()])
    model.save_weights(tmp_path / "gan.weights.h5")
    other = fresh(row, seed=1)
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


def test_a_layer_that_draws_numbers_is_found_in_a_network_of_a_model():
    """What the next test rests on."""
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5)])
    assert seed_layers(keras.Sequential([keras.Input((4,)), network])) == network.layers


@every_gan
def test_no_layer_of_a_gan_draws_numbers_of_its_own(row):
    assert seed_layers(fresh(row)) == []

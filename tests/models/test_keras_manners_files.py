"""Callbacks, samples by `predict`, and files that hold a whole model."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import SMALL, same
from manners import IMAGES, LABELS, compiled, data, every_flavour, fit, fresh, questions, row_of
from manners import state as state_of

from gan_mnist.models.conditional_gan import ConditionalGAN
from gan_mnist.models.denoiser import DenoisingModel, Schedule, build_denoising_model


def step(model, flavour):
    """One update without a graph, which would take longer to trace."""
    model.train_step(next(iter(data(flavour))))


@pytest.mark.slow
@every_flavour
def test_callbacks_of_keras_steer_and_keep_the_model(flavour, tmp_path):
    model = fresh(flavour)
    watched = f"val_{row_of(flavour).loss}"
    keep = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor=watched, mode="min", save_best_only=True
    )
    rates = keras.callbacks.LearningRateScheduler(lambda epoch: [0.5, 0.0][epoch])
    history = fit(model, flavour, validation_data=data(flavour, seed=1), callbacks=[keep, rates])
    assert history["learning_rate"] == [0.5, 0.0]
    assert float(model.generator_optimizer.learning_rate) == 0
    for other in model.optimizers[1:]:
        assert float(other.learning_rate) == pytest.approx(1e-3)
    kept = keras.models.load_model(tmp_path / "best.keras")
    best = int(np.argmin(history[watched]))
    assert {int(optimizer.iterations) for optimizer in kept.optimizers} == {best + 1}


@every_flavour
def test_predictions_are_samples_that_the_noise_seed_keys(flavour):
    model = fresh(flavour)
    images = model.predict(questions(flavour), verbose=0, batch_size=3)
    assert images.shape == (6, *SMALL)
    assert images.dtype == np.float32
    assert 0 <= images.min() < images.max() <= 1
    repeated = model.predict(questions(flavour), verbose=0, batch_size=3)
    np.testing.assert_array_equal(repeated, images)
    called = model(questions(flavour, num=3))
    np.testing.assert_allclose(called, images[:3], rtol=1e-5, atol=1e-6)
    if not row_of(flavour).denoises:
        # The same labels again, in the second batch.
        assert not np.isclose(images[:3], images[3:]).all(axis=(1, 2, 3)).any()
        model.noise_seed.assign(8)
        assert not np.allclose(model(questions(flavour, num=3)), called)
        model.noise_seed.assign(7)


@pytest.mark.slow
@every_flavour
def test_predictions_are_no_update_and_count_for_nothing(flavour):
    model = fresh(flavour)
    step(model, flavour)
    expected = state_of(model)
    model = fresh(flavour)
    model(questions(flavour))
    model.evaluate(data(flavour), verbose=0)
    step(model, flavour)
    assert all(same(expected, state_of(model)))


@pytest.mark.slow
@every_flavour
def test_a_loaded_model_goes_on_bit_by_bit(flavour, tmp_path):
    model = fresh(flavour)
    step(model, flavour)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is flavour
    assert loaded.name == model.name
    assert loaded.noise_seed == 7
    assert loaded.average is not loaded.generator or not loaded.average_decay
    assert all(same(state_of(model), state_of(loaded)))
    np.testing.assert_array_equal(loaded(questions(flavour)), model(questions(flavour)))
    if not row_of(flavour).denoises:
        seed = tf.constant([3, 4])
        np.testing.assert_array_equal(loaded.sample(LABELS, seed), model.sample(LABELS, seed))
    step(model, flavour)
    step(loaded, flavour)
    assert all(same(state_of(model), state_of(loaded)))


@every_flavour
def test_a_config_makes_an_equal_model(flavour):
    model = fresh(flavour)
    config = model.get_config()
    other = flavour.from_config(config)
    assert other.get_config() == config
    other.set_weights(model.get_weights())
    other.adopt(IMAGES, LABELS)
    np.testing.assert_array_equal(other(questions(flavour)), model(questions(flavour)))


def test_all_arguments_are_kept():
    schedule = Schedule(((0, 1.0, 0.0), (3, 0.5, 2.0)))
    options = {"content_loss": "mse", "loss": "hinge", "average_decay": 0.5, "name": "mine"}
    options |= {"separate_batches": True, "judge_in_training": False, "most_generator_steps": 3}
    model = build_denoising_model(SMALL, 2, "vanilla", discriminator_width=1, **options)
    model.follow(schedule)
    other = DenoisingModel.from_config(model.get_config())
    assert other.loss_name == options.pop("loss")
    assert other.adversarial_loss == model.adversarial_loss
    for name in options:
        assert getattr(other, name) == getattr(model, name)
    assert other.schedule == schedule
    np.testing.assert_array_equal(other._phases, model._phases)


def test_conditional_gans_keep_their_arguments():
    model = compiled(ConditionalGAN)
    gan = ConditionalGAN(model.generator, model.discriminator, True, "uniform", average_decay=0.0)
    other = ConditionalGAN.from_config(gan.get_config())
    assert (other.augment, other.prior, other.average_decay) == (True, gan.prior, 0.0)
    assert other.average is other.generator


@pytest.mark.slow
def test_without_an_adversary_a_denoiser_is_compiled_validated_and_loaded(tmp_path):
    model = build_denoising_model(SMALL, 2)
    model.compile("adam", run_eagerly=True)
    assert model.optimizers == [model.optimizer]
    history = fit(model, DenoisingModel, epochs=1, validation_data=data(DenoisingModel))
    assert set(history) == {"l1", "val_l1"}
    (inputs, targets), *_ = data(DenoisingModel)
    answers = model.predict(data(DenoisingModel), verbose=0)
    assert history["val_l1"][0] == pytest.approx(np.abs(answers - targets).mean(), rel=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert all(same(state_of(model), state_of(loaded)))
    np.testing.assert_array_equal(loaded(list(inputs)), model(list(inputs)))


def test_compile_options_schedules_and_loss_scales_are_kept(tmp_path, dtype_policy):
    dtype_policy("mixed_float16")
    decay = keras.optimizers.schedules.CosineDecay(0.5, 10)
    model = compiled(ConditionalGAN, keras.optimizers.SGD(decay), "adam", steps_per_execution=2)
    step(model, ConditionalGAN)
    model.save(tmp_path / "model.keras")
    dtype_policy("float32")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.dtype_policy.name == "mixed_float16"
    assert loaded.steps_per_execution == 2
    assert all(same(state_of(model), state_of(loaded)))
    assert float(loaded.optimizer.learning_rate) == float(model.optimizer.learning_rate) < 0.5
    scales = keras.optimizers.LossScaleOptimizer
    assert [type(optimizer) for optimizer in loaded.optimizers] == [scales, scales]


def test_a_model_that_was_not_compiled_is_kept_as_that(tmp_path):
    model = ConditionalGAN.from_config(fresh(ConditionalGAN).get_config())
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert not loaded.compiled
    assert all(same(model.get_weights(), loaded.get_weights()))


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_a_rate_that_is_a_function_is_compiled_anew(tmp_path):
    adam = keras.optimizers.Adam(1e-3)
    model = compiled(ConditionalGAN, adam, keras.optimizers.Adam(lambda: adam.learning_rate / 2))
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="lambda"):
        keras.models.load_model(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert not loaded.compiled
    assert all(same(model.get_weights(), loaded.get_weights()))

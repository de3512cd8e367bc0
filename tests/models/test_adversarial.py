"""The adversarial step, against formulas written out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gans import (
    as_tensors,
    conditional,
    labelled_batch,
    linear_batch,
    linear_gan,
    log1pexp,
    stepped_gan,
)

from gan_mnist.training.loop import TrainingDiverged, fit

NAMES = ["d_loss", "g_loss", "real_accuracy", "fake_accuracy"]


def updated_by_hand(w, a, c, real, z, penalty):
    """One update of `linear_gan`, in float64."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    fake = w * z
    # d/dl softplus(-l) = -sigmoid(-l) and d/dl softplus(l) = sigmoid(l).
    to_real, to_fake = -sigmoid(-(a * real + c)), sigmoid(a * fake + c)
    values = {
        "d_loss": np.mean(log1pexp(-(a * real + c)) + log1pexp(a * fake + c)),
        "real_accuracy": np.mean(a * real + c > 0),
        "fake_accuracy": np.mean(a * fake + c < 0),
    }
    a, c = (
        a - 0.1 * np.mean(to_real * real + to_fake * fake),
        c - 0.1 * np.mean(to_real + to_fake),
    )
    values["g_loss"] = np.mean(log1pexp(-(a * fake + c)))
    w = w - 0.2 * np.mean((-sigmoid(-(a * fake + c)) * a + penalty) * z)
    return w, a, c, values


@pytest.mark.parametrize("penalty", [0.0, 3.0])
def test_two_updates_follow_the_formulas(penalty):
    model, batch = linear_gan(penalty), linear_batch()
    w, a, c, average, values = 0.5, 0.8, -0.3, 0.5, []
    for _ in range(2):
        logs = model.train_step(as_tensors(batch))
        w, a, c, expected = updated_by_hand(w, a, c, *batch, penalty)
        values.append(expected)
        average = 0.75 * average + 0.25 * w
    np.testing.assert_allclose(model.generator.get_weights()[0], [[w]], rtol=1e-5)
    np.testing.assert_allclose(model.discriminator.get_weights()[0], [[a]], rtol=1e-5)
    np.testing.assert_allclose(model.discriminator.get_weights()[1], [c], rtol=1e-5)
    np.testing.assert_allclose(model.average.get_weights()[0], [[average]], rtol=1e-5)
    for name in NAMES:
        # Metrics are means over the updates since they were last reset.
        np.testing.assert_allclose(logs[name], np.mean([v[name] for v in values]), rtol=1e-5)


def test_separate_batches_are_one_for_each_network():
    """The generator's part as if the discriminator had always been what it became on the other."""
    model, mine = linear_gan(separate_batches=True), linear_batch()
    rng = np.random.default_rng(1)
    others = rng.normal(1.0, 1.0, (6, 1)), rng.normal(0.0, 1.0, (6, 1))
    logs = model.train_step((as_tensors(mine), as_tensors(others)))
    _, a, c, values = updated_by_hand(0.5, 0.8, -0.3, *others, 0.0)
    np.testing.assert_allclose(model.discriminator.get_weights()[0], [[a]], rtol=1e-5)
    np.testing.assert_allclose(model.discriminator.get_weights()[1], [c], rtol=1e-5)
    logits = a * 0.5 * mine[1] + c
    w = 0.5 + 0.2 * np.mean(a * mine[1] / (1 + np.exp(logits)))
    np.testing.assert_allclose(model.generator.get_weights()[0], [[w]], rtol=1e-5)
    values["g_loss"] = log1pexp(-logits).mean()
    assert {k: float(v) for k, v in logs.items()} == pytest.approx(values, rel=1e-5)


def test_separate_batches_have_noise_of_their_own():
    model = stepped_gan(0.0, 1, separate_batches=True)
    model.train_step((as_tensors(linear_batch()), as_tensors(linear_batch())))
    mine, others = model.drawn
    assert not np.isin(mine, others).any()


def test_without_a_decay_the_average_is_the_generator():
    model = conditional(average_decay=0.0)
    assert model.average is model.generator
    before = model.generator.get_weights()
    model.train_step(labelled_batch())
    assert not np.array_equal(before[0], model.average.get_weights()[0])
    assert model.generator.trainable


@pytest.mark.filterwarnings("default")
def test_a_loss_scale_changes_nothing_in_float32():
    def scaled(rate):
        return keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(rate), initial_scale=2.0**10
        )

    plain, scaling = linear_gan(), linear_gan(optimizer=scaled)
    for _ in range(2):
        plain.train_step(as_tensors(linear_batch()))
        scaling.train_step(as_tensors(linear_batch()))
    for one, other in zip(plain.get_weights(), scaling.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.slow
def test_the_average_follows_weights_and_batch_norm_statistics():
    model = conditional(average_decay=0.9)
    expected = [w.astype(np.float64) for w in model.generator.get_weights()]
    for _ in range(3):
        model.train_step(labelled_batch())
        now = model.generator.get_weights()
        expected = [0.9 * e + 0.1 * w for e, w in zip(expected, now, strict=True)]
    for e, average, weight in zip(expected, model.average.get_weights(), now, strict=True):
        assert not np.array_equal(average, weight)
        np.testing.assert_allclose(average, e, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_noise_is_new_in_every_update_and_for_every_purpose():
    model, seeds = conditional(augment=True), []

    def record(name):
        method = getattr(model, name)

        def recorded(*arguments):
            seeds.append(tuple(arguments[-1].numpy().tolist()))
            return method(*arguments)

        setattr(model, name, recorded)

    for name in ("latents", "show_real", "show_fake"):
        record(name)
    # `show_real` may go through `show_fake`: then one seed is seen twice, in a row.
    for noise_seed in (0, 1):
        model.noise_seed.assign(noise_seed)
        for _ in range(2):
            model.train_step(labelled_batch())
    distinct = set(seeds)
    # Latents, real images, fake images for either network: 4 purposes, 4 updates.
    assert len(distinct) == 16


def linear_data(first_update, value=1.0):
    real, z = as_tensors(linear_batch())
    return tf.data.Dataset.from_tensors((value * real, z)).repeat().skip(first_update)


def test_history_has_exactly_the_four_metrics():
    history = (
        linear_gan()
        .fit(linear_data(0), steps_per_epoch=2, epochs=2, verbose=0, shuffle=False)
        .history
    )
    assert sorted(history) == sorted(NAMES)
    assert all(len(values) == 2 for values in history.values())


def test_a_number_that_is_not_finite_ends_the_training(tmp_path):
    with pytest.raises(TrainingDiverged, match=r"d_loss, g_loss not finite by update 2"):
        fit(linear_gan(), lambda first: linear_data(first, np.nan), 20, tmp_path, seed=0)

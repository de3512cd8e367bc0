"""The adversarial step, against formulas written out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.conditional_gan import build_conditional_gan
from gan_mnist.training.loop import TrainingDiverged, fit

NAMES = ["d_loss", "g_loss", "real_accuracy", "fake_accuracy"]


def log1pexp(x):
    return np.log(1 + np.exp(x))


class LinearGAN(AdversarialModel):
    """A generator w * z, a discriminator a * x + c, and the noise in the batch: (real, z)."""

    def latents(self, batch, seed):
        return batch[1]

    def generate(self, batch, latents):
        return self.generator(latents, training=True)

    def show_real(self, batch, seed):
        return batch[0]

    def show_fake(self, batch, fake_images, seed):
        return fake_images


def linear_gan(penalty=0.0, optimizer=keras.optimizers.SGD, **options):
    def line(use_bias):
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=use_bias)])

    class Penalised(LinearGAN):
        def generator_penalty(self, batch, latents, fake_images):
            return penalty * tf.reduce_mean(fake_images)

    model = Penalised(line(False), line(True), average_decay=0.75, **options)
    model.generator.set_weights([np.array([[0.5]])])
    model.average.set_weights([np.array([[0.5]])])
    model.discriminator.set_weights([np.array([[0.8]]), np.array([-0.3])])
    model.compile(optimizer(0.2), optimizer(0.1))
    return model


def linear_batch():
    rng = np.random.default_rng(0)
    return rng.normal(1.0, 1.0, (6, 1)), rng.normal(0.0, 1.0, (6, 1))


def as_tensors(batch):
    return tuple(tf.constant(part, tf.float32) for part in batch)


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


class Stepped(LinearGAN):
    """Keeps every batch of noise, and draws it by the seed, as a real flavour does."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.drawn = []

    def latents(self, batch, seed):
        noise = tf.random.stateless_normal(tf.shape(batch[1]), seed)
        self.drawn.append(noise)
        return noise


def stepped_gan(bias, most, generator_rate=0.2, slope=0.8, **options):
    """Its discriminator says `slope` x + `bias`, and learns nothing."""
    line = linear_gan().generator, linear_gan().discriminator
    model = Stepped(*line, average_decay=0.75, most_generator_steps=most, **options)
    model.discriminator.set_weights([np.array([[slope]]), np.array([bias])])
    model.compile(keras.optimizers.SGD(generator_rate), keras.optimizers.SGD(0.0))
    return model


def steps_of(model):
    before = int(model.generator_optimizer.iterations)
    model.train_step(as_tensors(linear_batch()))
    return int(model.generator_optimizer.iterations) - before


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_generator_that_deceives_takes_one_step(most):
    assert steps_of(stepped_gan(bias=3.0, most=most)) == 1


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_generator_that_cannot_deceive_takes_as_many_steps_as_it_may(most):
    model = stepped_gan(bias=-50.0, most=most)
    assert steps_of(model) == most
    assert steps_of(model) == most
    assert int(model.discriminator_optimizer.iterations) == 2
    noises = {noise.numpy().tobytes() for noise in model.drawn}
    assert len(model.drawn) == len(noises) == 2 * most


@pytest.mark.parametrize(("more", "steps"), [(-1e-4, 1), (1e-4, 3)])
def test_good_enough_is_half_the_cross_entropy_below_2_ln_2(more, steps):
    """Of a discriminator that says the same of every image: the loss is softplus(-bias)."""
    bias = -np.log(np.expm1(2 * (2 * np.log(2) + more)))
    assert steps_of(stepped_gan(bias, most=3, slope=0.0)) == steps


def test_steps_end_when_the_loss_is_good_enough():
    """The steps are done again by hand, with the noise that was drawn."""
    model = stepped_gan(bias=-3.0, most=60, generator_rate=5.0)
    w, a, c = 0.5, 0.8, -3.0
    steps = steps_of(model)
    assert 1 < steps < 60
    assert len(model.drawn) == steps
    losses = []
    for noise in model.drawn:
        z = noise.numpy().astype(np.float64)
        logits = a * w * z + c
        losses.append(log1pexp(-logits).mean())
        w += 5.0 * np.mean(a * z / (1 + np.exp(logits)))
    np.testing.assert_allclose(model.generator.get_weights()[0], [[w]], rtol=1e-4)
    assert min(losses[:-1]) >= 4 * np.log(2) > losses[-1]
    # The average follows an update, not a step.
    average = 0.75 * 0.5 + 0.25 * w
    np.testing.assert_allclose(model.average.get_weights()[0], [[average]], rtol=1e-4)


def test_more_steps_leave_the_discriminator_to_its_own_update():
    """With batch norm in the generator, Adam and a graph, as in a training."""

    def after_one_update(most):
        model = conditional(most_generator_steps=most)
        last = model.discriminator.layers[-1]
        last.set_weights([last.get_weights()[0], np.array([-40.0])])
        before = [w.copy() for w in model.get_weights()]
        logs = tf.function(model.train_step)(labelled_batch())
        assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
        return model, {name: float(value) for name, value in logs.items()}

    (once, once_logs), (often, often_logs) = after_one_update(1), after_one_update(4)
    networks = [(m.discriminator, m.discriminator_optimizer) for m in (once, often)]
    for one, other in zip(*networks, strict=True):
        for a, b in zip(one.variables, other.variables, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-8)
    iterations = [int(model.generator_optimizer.iterations) for model in (once, often)]
    assert iterations == [1, 4]
    # What is told of an update is its first step's.
    assert once_logs == pytest.approx(often_logs, rel=1e-5)
    for a, b in zip(once.generator.weights, often.generator.weights, strict=True):
        assert not np.array_equal(a, b)


def conditional(augment=False, **options):
    keras.utils.set_random_seed(0)
    model = build_conditional_gan("dcgan", (16, 16, 1), 3, 1, 4, augment, **options)
    model.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3))
    return model


def labelled_batch(num_images=6):
    images = np.random.default_rng(0).random((num_images, 16, 16, 1), np.float32)
    return tf.constant(images), tf.range(num_images) % 3


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

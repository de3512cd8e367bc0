"""The denoiser and its losses, against formulas written out by hand."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from gan_mnist.errors import InputError
from gan_mnist.models.denoiser import (
    DenoisingModel,
    Schedule,
    build_denoising_model,
)
from gan_mnist.training.adam import Adam

SHAPE = (16, 16, 1)
CONTENT, BOTH = ((0, 1.0, 0.0),), ((0, 1.0, 1.0),)


def pictures(num, shape=SHAPE, seed=0):
    return np.random.default_rng(seed).random((num, *shape), np.float32)


def noisy_batch(seed=0, num=6):
    noisy_images, references, targets = (pictures(num, seed=3 * seed + i) for i in range(3))
    return (noisy_images, references), targets


def endless(*batches):
    """As a data set: the batches in turn."""
    stacked = tf.nest.map_structure(lambda *parts: np.stack(parts), *batches)
    return tf.data.Dataset.from_tensor_slices(stacked).repeat()


def test_a_schedule_changes_its_weights_at_the_updates_it_names():
    model = denoising_model("vanilla", ((0, 1.0, 0.0), (3, 100.0, 0.5), (7, 0.0, 2.0)))
    seen = []
    for update in range(9):
        model.generator_optimizer.iterations.assign(update)
        seen.append((float(model.content_weight), float(model.adversarial_weight)))
    assert seen == [*3 * [(1, 0)], *4 * [(100, 0.5)], *2 * [(0, 2)]]


@pytest.mark.slow
def test_another_schedule_is_followed_without_a_new_trace():
    """Bit by bit what a model does that had the schedule from the beginning."""
    model = denoising_model("vanilla", CONTENT)
    start, state = model.get_weights(), [v.numpy() for o in model.optimizers for v in o.variables]
    fitted(model, 2)
    step = model.train_function
    model.set_weights(start)
    for variable, value in zip(
        (v for o in model.optimizers for v in o.variables), state, strict=True
    ):
        variable.assign(value)
    model.follow(Schedule(BOTH))
    fitted(model, 2)
    assert model.train_function is step
    assert equal(model, fitted(denoising_model("vanilla", BOTH), 2))
    with pytest.raises(InputError, match="adversary: 'none'"):
        denoising_model().follow(Schedule(BOTH))


@pytest.mark.parametrize(
    "phases",
    [
        (),
        ((1, 1.0, 0.0),),
        ((0, 1.0, 0.0), (0, 1.0, 1.0)),
        ((0, 1.0, 0.0), (5, 1.0, 1.0), (3, 1.0, 1.0)),
        ((0, -1.0, 1.0),),
        ((0, 1.0, float("nan")),),
        ((0, float("inf"), 1.0),),
        ((0, 0.0, 0.0),),
        ((0, 1.0, 1.0), (5, 0.0, 0.0)),
    ],
)
def test_phases_that_make_no_schedule_are_refused(phases):
    with pytest.raises(InputError, match=r"schedule: .* is not accepted; accepted: "):
        Schedule(phases)


@pytest.mark.parametrize(
    ("content_loss", "slope"), [("l1", np.sign), ("mse", lambda error: 2 * error)]
)
def test_updates_follow_the_formulas_through_a_schedule(content_loss, slope):
    """Linear networks on single pixels: content alone, then both, then both with other weights."""
    phases = ((0, 2.0, 0.0), (1, 1.0, 0.5), (2, 10.0, 0.25))
    images = [keras.Input((1, 1, 1)) for _ in range(5)]
    w, a, c = np.array([0.5, -0.2]), np.array([0.8, 0.3, -0.4]), -0.3
    noisy = layers.Concatenate()(images[:2])
    generator = keras.Model(images[:2], layers.Dense(1, use_bias=False)(noisy))
    shown = layers.Flatten()(layers.Concatenate()(images[2:]))
    discriminator = keras.Model(images[2:], layers.Dense(1)(shown))
    generator.set_weights([w[:, None]])
    discriminator.set_weights([a[:, None], np.array([c])])
    model = DenoisingModel(generator, discriminator, Schedule(phases), content_loss=content_loss)
    model.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.1))
    x, r, t = (np.random.default_rng(i).random((6, 1, 1, 1)) for i in range(3))
    batch = tuple(tf.constant(part, tf.float32) for part in (x, r, t))

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def flat(*columns):
        return np.stack([column.ravel() for column in columns], axis=1)

    inputs, target, absolute_errors = flat(x, r), t.ravel(), []
    for _, content, adversarial in phases:
        model.train_step((batch[:2], batch[2]))
        fake = inputs @ w
        absolute_errors.append(np.abs(target - fake).mean())
        gradient = content * slope(fake - target)
        if adversarial:
            real_shown, fake_shown = flat(t, x, r), flat(fake, x, r)
            to_real, to_fake = -sigmoid(-(real_shown @ a + c)), sigmoid(fake_shown @ a + c)
            a, c = (
                a - 0.1 * (to_real @ real_shown + to_fake @ fake_shown) / 6,
                c - 0.1 * (to_real + to_fake).mean(),
            )
            gradient -= adversarial * sigmoid(-(fake_shown @ a + c)) * a[0]
        w = w - 0.05 * gradient @ inputs / 6
        np.testing.assert_allclose(generator.get_weights()[0][:, 0], w, rtol=1e-4)
        np.testing.assert_allclose(discriminator.get_weights()[0][:, 0], a, rtol=1e-4)
        np.testing.assert_allclose(discriminator.get_weights()[1], [c], rtol=1e-4)
    assert float(model.metrics[-1].result()) == pytest.approx(np.mean(absolute_errors), rel=1e-5)
    assert int(model.discriminator_optimizer.iterations) == 2


def denoising_model(adversary="none", phases=CONTENT, rates=(1e-3, 1e-3), seed=0, **options):
    random.seed(seed)
    schedule = Schedule(phases)
    model = build_denoising_model(SHAPE, 3, adversary, schedule, discriminator_width=1, **options)
    model.compile(*(Adam(rate) for rate in rates), steps_per_execution=2)
    return model


def trained(model, *batches):
    for batch in batches:
        model.train_step(tf.nest.map_structure(tf.constant, batch))
    return model


def fitted(model, updates):
    data = endless(noisy_batch(0), noisy_batch(1))
    model.fit(data, steps_per_epoch=updates, verbose=0, shuffle=False)
    return model


def equal(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_without_an_adversary_nothing_of_one_is_built():
    model = denoising_model("none")
    assert model.discriminator is None
    assert len(model.optimizers) == 1
    assert [metric.name for metric in model.metrics] == ["l1"]
    assert len(model.get_weights()) == len(model.generator.get_weights())


def test_initial_weights_do_not_depend_on_the_adversary():
    alone = denoising_model().generator
    assert equal(alone, denoising_model("conditional", BOTH, spectral=True).generator)
    assert not equal(alone, denoising_model(seed=1).generator)


@pytest.mark.slow
def test_pre_training_is_training_without_an_adversary():
    """Bit by bit, in a graph, with batch norm and Adam, up to the update where it ends."""
    alone = fitted(denoising_model(), 4)
    model = denoising_model("conditional", ((0, 1.0, 0.0), (4, 1.0, 0.5)))
    untouched = model.discriminator.get_weights()
    fitted(model, 4)
    assert equal(model.generator, alone.generator)
    assert all(map(np.array_equal, untouched, model.discriminator.get_weights()))
    assert [int(optimizer.iterations) for optimizer in model.optimizers] == [4, 0]
    fitted(model, 2)
    fitted(alone, 2)
    assert not equal(model.generator, alone.generator)
    assert not any(map(np.array_equal, untouched, model.discriminator.get_weights()))
    assert [int(optimizer.iterations) for optimizer in model.optimizers] == [6, 2]


@pytest.mark.slow
def test_a_schedule_goes_on_where_a_resumed_training_stood(tmp_path):
    phases = ((0, 1.0, 0.0), (1, 1.0, 0.5), (3, 100.0, 0.5))
    batches = [noisy_batch(i) for i in range(4)]
    whole = trained(denoising_model("conditional", phases), *batches)
    first = trained(denoising_model("conditional", phases), *batches[:2])
    path = tf.train.Checkpoint(model=first).save(str(tmp_path / "checkpoint"))
    second = denoising_model("conditional", phases, seed=1)
    tf.train.Checkpoint(model=second).restore(path).assert_existing_objects_matched()
    assert equal(trained(second, *batches[2:]), whole)


@pytest.mark.slow
def test_the_discriminator_learns_on_the_other_batch_and_the_generator_sees_its_own():
    """With a generator that does not learn, so that only its statistics can change."""
    mine, others = noisy_batch(0), noisy_batch(1)

    def after_two(*batches, **options):
        model = denoising_model("conditional", BOTH, rates=(0.0, 1e-3), **options)
        return trained(model, *batches)

    pair = after_two((mine, others), (mine, others), separate_batches=True)
    on_mine, on_others = after_two(mine, mine), after_two(others, others)
    assert equal(pair.discriminator, on_others.discriminator)
    assert not equal(pair.discriminator, on_mine.discriminator)
    assert equal(pair.generator, on_mine.generator)
    assert not equal(pair.generator, on_others.generator)


@pytest.mark.slow
@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize("in_training", [False, True])
def test_the_generator_is_judged_in_the_mode_that_is_asked_for(in_training, spectral):
    """The discriminator learns nothing, so that it is afterwards what it was when it judged."""
    batch = noisy_batch()
    options = {"judge_in_training": in_training, "spectral": spectral}
    model = denoising_model("vanilla", BOTH, rates=(1e-3, 0.0), **options)
    fake_images = denoising_model().generator(list(batch[0]), training=True)
    logs = model.train_step(tf.nest.map_structure(tf.constant, batch))
    losses = {}
    for mode in (False, True):
        logits = model.discriminator(fake_images, training=mode).numpy()
        losses[mode] = np.log1p(np.exp(-logits)).mean()
    assert float(logs["g_loss"]) == pytest.approx(losses[in_training], rel=1e-5)
    assert losses[False] != pytest.approx(losses[True], rel=1e-4)


def test_the_moving_average_denoises_where_there_is_one():
    model = denoising_model(average_decay=0.9)
    assert model.average is not model.generator
    trained(model, noisy_batch())
    (noisy_images, references), _ = noisy_batch()
    output = model.denoise(noisy_images, references)
    np.testing.assert_array_equal(output, model.average([noisy_images, references]))
    assert not np.array_equal(output, model.generator([noisy_images, references]))


def test_an_adversary_that_is_missing_or_unknown_is_refused():
    with pytest.raises(InputError, match=r"adversary: 'none' .* accepted .*: vanilla, conditional"):
        build_denoising_model(SHAPE, 2, "none", Schedule(BOTH))
    with pytest.raises(InputError, match="did you mean 'vanilla'"):
        build_denoising_model(SHAPE, 2, "vanila", Schedule(BOTH))


def test_an_unknown_content_loss_is_refused():
    with pytest.raises(InputError, match="content loss: 'l2' is unknown; accepted: l1, mse"):
        build_denoising_model(SHAPE, 2, content_loss="l2")

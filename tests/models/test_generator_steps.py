"""More than one step of the generator in an update: until it deceives well enough."""

import numpy as np
import pytest
import tensorflow as tf
from small_gans import (
    as_tensors,
    conditional,
    labelled_batch,
    linear_batch,
    log1pexp,
    stepped_gan,
)


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


@pytest.mark.slow
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

"""Adam of one operation a variable, held against Keras' own and against its formula."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.training.adam import Adam, scaled_adam

START = [np.float32([[1, -2], [0.5, 3]]), np.float32([0.1, 0])]


def variables():
    return [keras.Variable(value) for value in START]


def gradients(update):
    random = np.random.default_rng(update)
    return [tf.constant(random.normal(size=value.shape), tf.float32) for value in START]


def after(optimizer, updates=7):
    """The variables after so many updates, in a graph."""
    trained = variables()
    optimizer.build(trained)
    step = tf.function(lambda *given: optimizer.apply(given, trained))
    for update in range(updates):
        step(*gradients(update))
    return [variable.numpy() for variable in trained]


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": 0.01},
        {"learning_rate": keras.optimizers.schedules.CosineDecay(0.1, 5), "beta_1": 0.5},
        {"learning_rate": 0.01, "beta_1": 0.0, "beta_2": 0.9, "epsilon": 0.1},
        {"learning_rate": 0.01, "weight_decay": 0.1, "clipnorm": 0.5},
        {"learning_rate": lambda: 0.02, "global_clipnorm": 0.5},
        {"learning_rate": 0.01, "use_ema": True, "ema_overwrite_frequency": 3},
        {"learning_rate": 0.01, "gradient_accumulation_steps": 2},
        {"learning_rate": 0.01, "amsgrad": True},
    ],
    ids=[
        *("plain", "falling", "other betas", "decayed and clipped", "a function", "averaged"),
        *("accumulated", "amsgrad"),
    ],
)
def test_it_changes_variables_as_keras_does(options):
    ours, theirs = Adam(**options), keras.optimizers.Adam(**options)
    for one, other in zip(after(ours), after(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    for one, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)


def test_it_follows_the_formula():
    """Kingma and Ba 2015 (arXiv 1412.6980), the form with one factor before section 2.1."""
    rate, beta_1, beta_2, epsilon = 0.05, 0.8, 0.95, 1e-3
    weights, means, squares = (np.array(START[0], float), 0.0, 0.0)
    for update in range(7):
        gradient = gradients(update)[0].numpy()
        means = beta_1 * means + (1 - beta_1) * gradient
        squares = beta_2 * squares + (1 - beta_2) * gradient**2
        factor = rate * np.sqrt(1 - beta_2 ** (update + 1)) / (1 - beta_1 ** (update + 1))
        weights -= factor * means / (np.sqrt(squares) + epsilon)
    found = after(Adam(rate, beta_1, beta_2, epsilon))[0]
    np.testing.assert_allclose(found, weights, rtol=1e-5)


def test_rows_without_a_gradient_are_updated_as_keras_does():
    def looked_up(kind):
        table, optimizer = keras.Variable(START[0]), kind(0.1)
        optimizer.build([table])
        for rows in ([0], [1, 1], [0]):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.gather(table.value, rows) ** 2)
            optimizer.apply([tape.gradient(loss, table.value)], [table])
        return table.numpy()

    np.testing.assert_array_equal(looked_up(Adam), looked_up(keras.optimizers.Adam))


@pytest.mark.slow
def test_a_compiled_model_is_saved_with_it(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(Adam(0.01, beta_1=0.5), "mse")
    images, answers = np.ones((4, 2), np.float32), np.zeros((4, 1), np.float32)
    model.fit(images, answers, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is Adam
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    for each in (model, loaded):
        each.fit(images, answers, verbose=0)
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_one_operation_changes_a_variable():
    trained, optimizer = variables(), Adam()
    optimizer.build(trained)
    step = tf.function(lambda *given: optimizer.apply(given, trained))
    kinds = [node.type for node in step.get_concrete_function(*gradients(0)).graph.get_operations()]
    assert kinds.count("ResourceApplyAdam") == len(trained)
    assert not {"Sqrt", "Square", "AssignSubVariableOp"} & set(kinds)


def test_in_half_precision_the_loss_is_scaled(dtype_policy):
    assert type(scaled_adam(0.01)) is Adam
    dtype_policy("mixed_float16")
    ours, theirs = (
        scaled_adam(0.01),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)),
    )
    assert type(ours.inner_optimizer) is Adam
    for one, other in zip(after(ours), after(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)

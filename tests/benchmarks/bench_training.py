"""Training throughput against the bare in-graph loop of the same network: `make benchmark`."""

import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data.pipelines import shuffled_rows, training_batches
from gan_mnist.generators.gans import ConditionalRecipe
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.training.loop import ReusableModel, fit, updates_per_call

# The quick preset's numbers of updates, so that what a training costs once counts as it does there.
UPDATES, BATCH, ROUNDS = 1000, 64, 3
GAN_UPDATES = {"mlp": 4000, "dcgan": 200}


def best_ratio(ours: Callable[[], None], bare: Callable[[], None]) -> float:
    """Speed of `ours` in units of `bare`: the two in turn, the median of the paired ratios."""
    ours(), bare()
    ratios = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ours()
        between = time.perf_counter()
        bare()
        ratios.append((time.perf_counter() - between) / (between - began))
    return float(np.median(ratios))


@pytest.fixture(scope="module")
def columns() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.random((900, 28, 28, 1), dtype=np.float32)
    return images, rng.integers(0, 3, 900).astype(np.int32), np.ones(900, np.float32)


def test_classifier(columns: tuple[np.ndarray, ...], tmp_path: Path) -> None:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    reusable = ReusableModel(
        lambda: build_small_cnn((28, 28, 1), 3),
        lambda model: model.compile(
            keras.optimizers.Adam(1e-3),
            loss,
            weighted_metrics=["accuracy"],
            steps_per_execution=updates_per_call(UPDATES),
        ),
    )

    def ours() -> None:
        model = reusable.fresh(0)
        fit(model, lambda u: training_batches(columns, BATCH, None, 0, u), UPDATES, tmp_path, 0)

    network, adam = build_small_cnn((28, 28, 1), 3), keras.optimizers.Adam(1e-3)
    adam.build(network.trainable_variables)
    images, labels = tf.constant(columns[0]), tf.constant(columns[1])

    @tf.function
    def bare() -> None:
        for update in tf.range(UPDATES, dtype=tf.int64):
            rows = shuffled_rows(900, BATCH, 0, update)
            with tf.GradientTape() as tape:
                value = loss(
                    tf.gather(labels, rows), network(tf.gather(images, rows), training=True)
                )
            gradients = tape.gradient(value, network.trainable_variables)
            adam.apply(gradients, network.trainable_variables)

    ratio = best_ratio(ours, bare)
    print(f"\nclassifier: {ratio:.2f} of the bare in-graph loop")
    assert ratio >= 0.85


@pytest.mark.parametrize(("architecture", "width"), [("mlp", 64), ("dcgan", 2)])
def test_gan(
    columns: tuple[np.ndarray, ...], tmp_path: Path, architecture: str, width: int
) -> None:
    updates = GAN_UPDATES[architecture]
    recipe = ConditionalRecipe(updates, BATCH, width, architecture=architecture)

    def built() -> keras.Model:
        return recipe.build((28, 28, 1), 3)

    def compile(model: keras.Model) -> None:
        model.compile(*recipe.optimizers(), steps_per_execution=updates_per_call(updates))

    reusable, alone = ReusableModel(built, compile), built()
    generator, discriminator = alone.generator, alone.discriminator
    g_adam, d_adam = recipe.optimizers()
    g_adam.build(generator.trainable_variables)
    d_adam.build(discriminator.trainable_variables)
    images, labels = tf.constant(columns[0]), tf.constant(columns[1])

    def ours() -> None:
        model = reusable.fresh(0)
        batches = columns[:2]
        fit(model, lambda u: training_batches(batches, BATCH, None, 0, u), updates, tmp_path, 0)

    @tf.function
    def bare() -> None:
        # The same algorithm as one would write it by hand: no metrics, no seeds, no data set.
        for update in tf.range(updates, dtype=tf.int64):
            rows = shuffled_rows(900, BATCH, 0, update)
            one_hot = tf.one_hot(tf.gather(labels, rows), 3)
            noise = tf.random.normal((BATCH, recipe.latent_dim))
            with tf.GradientTape() as g_tape:
                fakes = generator([noise, one_hot], training=True)
                with g_tape.stop_recording(), tf.GradientTape() as d_tape:
                    real_logits = discriminator([tf.gather(images, rows), one_hot], training=True)
                    fake_logits = discriminator([fakes, one_hot], training=True)
                    d_loss = tf.reduce_mean(
                        tf.nn.softplus(-real_logits) + tf.nn.softplus(fake_logits)
                    )
                with g_tape.stop_recording():
                    weights = discriminator.trainable_variables
                    d_adam.apply(d_tape.gradient(d_loss, weights), weights)
                g_loss = tf.reduce_mean(tf.nn.softplus(-discriminator([fakes, one_hot])))
            weights = generator.trainable_variables
            g_adam.apply(g_tape.gradient(g_loss, weights), weights)
            for mean, weight in zip(alone.average.weights, generator.weights, strict=True):
                mean.assign(weight + 0.998 * (mean - weight))

    ratio = best_ratio(ours, bare)
    print(f"\nconditional GAN, {architecture}: {ratio:.2f} of the bare in-graph loop")
    assert ratio >= 0.85

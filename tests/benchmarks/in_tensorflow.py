"""Trainings as trials do them, and as one would write them by hand in TensorFlow.

Each function prepares one and gives the number of its parameters, and what trains once more. Images
are uint8 (n, 28, 28, 1), labels int32 (n,).
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.degradation import Degradation, denoising_batches
from gan_mnist.data.pipelines import as_float, shuffled_rows, training_batches
from gan_mnist.generators.gans import ConditionalRecipe
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.training.adam import Adam
from gan_mnist.training.classifier import ClassifierRecipe
from gan_mnist.training.denoiser import DenoiserRecipe
from gan_mnist.training.loop import ReusableModel, fit

CLASSES, LATENTS, BATCH = 10, 64, 64
Training = tuple[int, Callable[[], None]]


def parameters(model: keras.Model) -> int:
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def of_trials(
    reusable: ReusableModel, batches: Callable[[int], tf.data.Dataset], updates: int
) -> Training:
    def train() -> None:
        with tempfile.TemporaryDirectory() as directory:
            fit(reusable.fresh(0), batches, updates, Path(directory), 0)

    return parameters(reusable.model), train


def rows_of(*columns: np.ndarray) -> Callable[[int], tf.data.Dataset]:
    return lambda update: training_batches(columns, BATCH, None, 0, update)


def classifier(images: np.ndarray, labels: np.ndarray, updates: int) -> Training:
    shape, weights = images.shape[1:], np.ones(len(labels), np.float32)
    recipe = ClassifierRecipe(build_small_cnn, shape, CLASSES, 16, updates, 1e-3)
    reusable = ReusableModel(recipe.build, recipe.compile)
    return of_trials(reusable, rows_of(images, labels, weights), updates)


def gan(
    images: np.ndarray, labels: np.ndarray, updates: int, architecture: str, width: int
) -> Training:
    recipe = ConditionalRecipe(updates, BATCH, width, architecture=architecture)
    reusable = ReusableModel(lambda: recipe.build(images.shape[1:], CLASSES), recipe.compile)
    return of_trials(reusable, rows_of(images, labels), updates)


def denoiser(
    images: np.ndarray, labels: np.ndarray, updates: int, width: int, batch: int
) -> Training:
    recipe = DenoiserRecipe(images.shape[1:], width, updates, 1e-3)
    return of_trials(
        ReusableModel(recipe.build, recipe.compile),
        lambda update: denoising_batches(images, batch, Degradation(), 0, update),
        updates,
    )


# By hand: within one call into TensorFlow; no metrics, no curves, no data set, no seeds.


def bare_classifier(
    images: np.ndarray, labels: np.ndarray, updates: int, compiled: bool = False
) -> Training:
    network, adam = build_small_cnn(images.shape[1:], CLASSES), Adam(1e-3)
    adam.build(network.trainable_variables)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    shown, truth = tf.constant(images), tf.constant(labels)

    @tf.function(jit_compile=compiled)
    def learn(batch: tf.Tensor, right: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = cross_entropy(right, network(as_float(batch), training=True))
        gradients = tape.gradient(loss, network.trainable_variables)
        adam.apply(gradients, network.trainable_variables)

    @tf.function
    def train() -> None:
        for update in tf.range(updates, dtype=tf.int64):
            rows = shuffled_rows(len(images), BATCH, 0, update)
            learn(tf.gather(shown, rows), tf.gather(truth, rows))

    return parameters(network), train


def bare_gan(
    images: np.ndarray, labels: np.ndarray, updates: int, architecture: str, width: int
) -> Training:
    recipe = ConditionalRecipe(updates, BATCH, width, architecture=architecture)
    model = recipe.build(images.shape[1:], CLASSES)
    generator, discriminator = model.generator, model.discriminator
    g_adam, d_adam = recipe.optimizers()
    g_adam.build(generator.trainable_variables)
    d_adam.build(discriminator.trainable_variables)
    shown, truth = tf.constant(images), tf.constant(labels)

    @tf.function
    def train() -> None:
        for update in tf.range(updates, dtype=tf.int64):
            rows = shuffled_rows(len(images), BATCH, 0, update)
            real, one_hot = as_float(tf.gather(shown, rows)), tf.one_hot(tf.gather(truth, rows), 10)
            noise = tf.random.normal((BATCH, LATENTS))
            with tf.GradientTape() as g_tape:
                fakes = generator([noise, one_hot], training=True)
                with g_tape.stop_recording(), tf.GradientTape() as d_tape:
                    reals = discriminator([real, one_hot], training=True)
                    judged = discriminator([fakes, one_hot], training=True)
                    d_loss = tf.reduce_mean(tf.nn.softplus(-reals) + tf.nn.softplus(judged))
                with g_tape.stop_recording():
                    weights = discriminator.trainable_variables
                    d_adam.apply(d_tape.gradient(d_loss, weights), weights)
                g_loss = tf.reduce_mean(tf.nn.softplus(-discriminator([fakes, one_hot])))
            weights = generator.trainable_variables
            g_adam.apply(g_tape.gradient(g_loss, weights), weights)
            for mean, weight in zip(model.average.weights, generator.weights, strict=True):
                mean.value.assign_sub((1 - 0.998) * (mean.value - weight.value))

    return parameters(generator) + parameters(discriminator), train


def fed_gan(images: np.ndarray, labels: np.ndarray, updates: int, width: int) -> Training:
    """A dense conditional GAN in a session of TensorFlow 1, fed a batch for each network's step.

    Source: docs/sources.md#conditional_gan, whose loop it is.
    """
    v1, pixels, units = tf.compat.v1, images[0].size, 4 * width
    flat, truth = images.reshape(-1, pixels) / np.float32(255), np.eye(CLASSES)[labels]
    with tf.Graph().as_default() as graph:
        real, one_hot, noise = (
            v1.placeholder(tf.float32, (None, size)) for size in (pixels, CLASSES, LATENTS)
        )
        initial = v1.glorot_uniform_initializer()

        def network(before: int, after: int) -> list[v1.Variable]:
            shapes = (before + CLASSES, units), (units,), (units, after), (after,)
            return [
                v1.Variable(initial(shape) if len(shape) > 1 else tf.zeros(shape))
                for shape in shapes
            ]

        def answer(network: list[v1.Variable], first: tf.Tensor) -> tf.Tensor:
            weights, biases, last_weights, last_biases = network
            hidden = tf.nn.relu(tf.concat([first, one_hot], 1) @ weights + biases)
            return hidden @ last_weights + last_biases

        g_weights, d_weights = network(LATENTS, pixels), network(pixels, 1)
        fakes = tf.sigmoid(answer(g_weights, noise))
        reals, judged = answer(d_weights, real), answer(d_weights, fakes)
        d_loss = tf.reduce_mean(tf.nn.softplus(-reals) + tf.nn.softplus(judged))
        g_loss = tf.reduce_mean(tf.nn.softplus(-judged))
        d_step = v1.train.AdamOptimizer(1e-3, 0.5).minimize(d_loss, var_list=d_weights)
        g_step = v1.train.AdamOptimizer(1e-3, 0.5).minimize(g_loss, var_list=g_weights)
        with graph.control_dependencies([g_step]):
            g_step = tf.train.ExponentialMovingAverage(0.998).apply(g_weights)
        session = v1.Session()
        session.run(v1.global_variables_initializer())
    rng, order = np.random.default_rng(0), np.arange(len(images))

    def train() -> None:
        for update in range(updates):
            place = update * BATCH % (len(order) - BATCH)
            if place < BATCH:
                rng.shuffle(order)
            rows = order[place : place + BATCH]
            latents = rng.standard_normal((BATCH, LATENTS), np.float32)
            fed = {one_hot: truth[rows], noise: latents}
            session.run([d_step, d_loss], {real: flat[rows], **fed})
            session.run([g_step, g_loss], fed)

    return sum(int(np.prod(v.shape)) for v in (*g_weights, *d_weights)), train

"""GANs small enough for formulas written out by hand, and a convolutional one; their batches."""

import random

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.conditional_gan import build_conditional_gan
from gan_mnist.training.adam import Adam


def log1pexp(x):
    return np.log(1 + np.exp(x))


class LinearGAN(AdversarialModel):
    """A generator w * z, a discriminator a * x + c, and the noise in the batch: (real, z)."""

    def latents(self, batch, seed):
        return batch[1]

    def generate(self, batch, latents):
        return self.generator(latents, training=True)


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


def conditional(augment=False, **options):
    random.seed(0)
    model = build_conditional_gan("dcgan", (16, 16, 1), 3, 1, 4, augment, **options)
    model.compile(Adam(1e-3), Adam(1e-3))
    return model


def labelled_batch(num_images=6):
    images = np.random.default_rng(0).random((num_images, 16, 16, 1), np.float32)
    return tf.constant(images), tf.range(num_images) % 3

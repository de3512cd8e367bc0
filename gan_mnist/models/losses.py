"""Adversarial losses on logits: what the discriminator minimises, and what the generator does.

Each maps float32 logits of any equal shape to a scalar.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class AdversarialLoss(NamedTuple):
    """`discriminator(real_logits, fake_logits)` and `generator(fake_logits)`."""

    discriminator: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    generator: Callable[[tf.Tensor], tf.Tensor]


ADVERSARIAL_LOSSES = {
    # Goodfellow et al. 2014 (arXiv 1406.2661), with the non-saturating generator of section 3.
    "non_saturating": AdversarialLoss(
        lambda real, fake: tf.reduce_mean(tf.nn.softplus(-real) + tf.nn.softplus(fake)),
        lambda fake: tf.reduce_mean(tf.nn.softplus(-fake)),
    ),
    # Lim and Ye 2017 (arXiv 1705.02894); gradients vanish once the margin of 1 is kept.
    "hinge": AdversarialLoss(
        lambda real, fake: tf.reduce_mean(tf.nn.relu(1 - real) + tf.nn.relu(1 + fake)),
        lambda fake: -tf.reduce_mean(fake),
    ),
    # Mao et al. 2016 (arXiv 1611.04076), equation 9; never saturates.
    "least_squares": AdversarialLoss(
        lambda real, fake: 0.5 * tf.reduce_mean(tf.square(real - 1) + tf.square(fake)),
        lambda fake: 0.5 * tf.reduce_mean(tf.square(fake - 1)),
    ),
}

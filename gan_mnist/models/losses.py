"""Adversarial losses on logits: what the discriminator minimises, and what the generator does.

Each maps float32 logits of any equal shape to a scalar.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class AdversarialLoss(NamedTuple):
    """What both networks minimise.

    Attributes:
        discriminator: Of (real_logits, fake_logits).
        generator: Of (real_logits, fake_logits); the real ones are None unless `paired`.
        paired: Whether losses depend only on differences between real and fake logits.
    """

    discriminator: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    generator: Callable[[tf.Tensor | None, tf.Tensor], tf.Tensor]
    paired: bool = False


ADVERSARIAL_LOSSES = {
    # Goodfellow et al. 2014 (arXiv 1406.2661), with the non-saturating generator of section 3.
    "non_saturating": AdversarialLoss(
        lambda real, fake: tf.reduce_mean(tf.nn.softplus(-real) + tf.nn.softplus(fake)),
        lambda _, fake: tf.reduce_mean(tf.nn.softplus(-fake)),
    ),
    # Lim and Ye 2017 (arXiv 1705.02894); gradients vanish once the margin of 1 is kept.
    "hinge": AdversarialLoss(
        lambda real, fake: tf.reduce_mean(tf.nn.relu(1 - real) + tf.nn.relu(1 + fake)),
        lambda _, fake: -tf.reduce_mean(fake),
    ),
    # Mao et al. 2016 (arXiv 1611.04076), equation 9; never saturates.
    "least_squares": AdversarialLoss(
        lambda real, fake: 0.5 * tf.reduce_mean(tf.square(real - 1) + tf.square(fake)),
        lambda _, fake: 0.5 * tf.reduce_mean(tf.square(fake - 1)),
    ),
    # Jolicoeur-Martineau 2018 (arXiv 1807.00734), as Huang et al. 2025 (arXiv 2501.05441) have it
    # in equation 2: a fake image that is judged as its real partner cannot be left behind alone.
    "relativistic": AdversarialLoss(
        lambda real, fake: tf.reduce_mean(tf.nn.softplus(fake - real)),
        lambda real, fake: tf.reduce_mean(tf.nn.softplus(real - fake)),
        paired=True,
    ),
}

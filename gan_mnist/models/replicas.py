"""What one of several devices has of a batch that they share."""

from collections.abc import Callable

import tensorflow as tf


def my_rows(draw: Callable[[tf.Tensor | int], tf.Tensor], number: tf.Tensor | int) -> tf.Tensor:
    """`draw(number)`; on one of k devices every k-th row of what one would draw for all of them.

    So noise that is drawn for a batch does not depend on how many devices it is divided among.

    Args:
        draw: Maps a number of rows to so many, a tensor (n, ...).
        number: The rows of this device.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return draw(number)
    replicas = context.num_replicas_in_sync
    return draw(replicas * number)[context.replica_id_in_sync_group :: replicas]

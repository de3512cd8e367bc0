"""The rows of one device in a batch that several devices share."""

from collections.abc import Callable

import tensorflow as tf


def my_rows(
    draw: Callable[[tf.Tensor | int], tf.Tensor], number: tf.Tensor | int, axis: int = 0
) -> tf.Tensor:
    """`draw(number)`; on one of k devices every k-th row of what one would draw for all of them.

    So noise that is drawn for a batch does not depend on how many devices it is divided among.

    Args:
        draw: Maps a number of rows to a tensor of so many.
        number: The rows of this device.
        axis: Which axis of the tensor the rows are.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return draw(number)
    num_replicas = context.num_replicas_in_sync
    row_slice = slice(context.replica_id_in_sync_group, None, num_replicas)
    return draw(num_replicas * number)[(slice(None),) * axis + (row_slice,)]

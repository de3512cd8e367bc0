"""Memory of training: released when it is not needed; a training that cannot fit is refused."""

import contextlib
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.errors import InputError

# What a control group may take, in bytes: version 2, version 1.
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def release(variables: Iterable[keras.Variable]) -> None:
    """Releases the memory of variables; `assign` has to be called before they are read."""
    for variable in variables:
        assign(variable, tf.zeros([0]))


def assign(variable: keras.Variable, value: Any) -> None:
    """Assigns a value of the variable's shape, also where its memory was released."""
    tf_variable = variable.value
    # TensorFlow's own way compares the shape with what is there.
    tf.raw_ops.AssignVariableOp(
        resource=tf_variable.handle, value=tf.cast(value, tf_variable.dtype)
    )


def broadcast_if_constant(values: np.ndarray) -> np.ndarray:
    """The same values, as a view of one number if all are equal, as in Adam's initial state."""
    is_constant = values.size and (values == values.flat[0]).all()
    return np.broadcast_to(values.flat[0], values.shape) if is_constant else values


def available_bytes() -> int:
    """Bytes that this process could have: those of the machine, or of its container if fewer."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in LIMITS:
        # "max" is no limit.
        with contextlib.suppress(OSError, ValueError):
            limits.append(int(Path(path).read_text()))
    return min(limits)


def optimizers_of(model: Any) -> list[keras.optimizers.Optimizer]:
    """The optimizers that a model was compiled with, one or several; [] if it was not compiled."""
    optimizers = getattr(model, "optimizers", None) or [getattr(model, "optimizer", None)]
    return [optimizer for optimizer in optimizers if optimizer is not None]


def least_bytes(model: Any, num_rows: int) -> int:
    """Lower bound of the bytes that a training takes, which often are several times as many.

    Counted are weights, optimizer states, and the inputs of each trainable layer for one batch,
    from which its gradient is computed.

    Args:
        model: Compiled; built of functional models, or counted without its layers.
        num_rows: Images a batch.
    """
    input_bytes, tensor_ids = 0, set()
    for layer in model._flatten_layers():
        # One that is used twice, or by no functional model, is not counted.
        if not layer.trainable_weights or len(layer._inbound_nodes) != 1:
            continue
        itemsize = 2 if layer.compute_dtype in ("bfloat16", "float16") else 4
        for tensor in layer._inbound_nodes[0].input_tensors:
            # What several layers are given is kept once.
            if id(tensor) not in tensor_ids and None not in tensor.shape[1:]:
                tensor_ids.add(id(tensor))
                input_bytes += itemsize * math.prod(tensor.shape[1:])
    variables = [
        *model.weights,
        *(variable for optimizer in optimizers_of(model) for variable in optimizer.variables),
    ]
    return num_rows * input_bytes + 4 * sum(math.prod(variable.shape) for variable in variables)


def check_memory(model: Any, batches: tf.data.Dataset) -> tf.data.Dataset:
    """Returns `batches`, if the training may fit into memory.

    Only the machine's memory is checked: if there is a GPU, nothing is refused.

    Raises:
        InputError: If the training surely takes more than there is.
    """
    num_rows = tf.nest.flatten(batches.element_spec)[0].shape[0]
    if num_rows is None or tf.config.list_physical_devices("GPU"):
        return batches
    needed, limit = least_bytes(model, num_rows), available_bytes()
    if needed > limit:
        raise InputError(
            f"memory: batches of {num_rows} take {needed / 1e6:,.0f} MB or more, and there are "
            f"{limit / 1e6:,.0f} MB; accepted: a smaller image_size or batch_size (of generators "
            "gan_batch_size), or more memory for the machine or its container"
        )
    return batches

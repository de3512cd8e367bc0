"""Trains on several devices of a machine, with the results of one device up to rounding.

Each of k devices gets every k-th row of a batch and a copy of the network; gradients, statistics of
batch norm and metrics are combined in every update. The copies serve the training alone: callbacks,
checkpoints and the caller get a network on one device.
"""

import contextlib
import functools
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from gan_mnist.errors import InputError
from gan_mnist.models.replicas import my_rows
from gan_mnist.training.memory import optimizers_of

# Number of virtual CPU devices, to try without GPUs what is meant for them.
VIRTUAL = "GAN_MNIST_VIRTUAL_DEVICES"

Making = tuple[Callable[[], keras.Model], Callable[[Any], None]]
_makings: weakref.WeakKeyDictionary[keras.Model, Making] = weakref.WeakKeyDictionary()
_twins: weakref.WeakKeyDictionary[keras.Model, keras.Model] = weakref.WeakKeyDictionary()
_chosen = {"strategy": "none"}


def choose_strategy(strategy: str) -> None:
    """Sets whether this process trains on one device ("none") or on all ("mirrored").

    For virtual devices it has to be called before TensorFlow computes anything.
    """
    _chosen["strategy"] = strategy
    chosen_strategy()


@contextlib.contextmanager
def on_one_device() -> Iterator[None]:
    """Within this context training is on one device, whatever was chosen."""
    previous, _chosen["strategy"] = _chosen["strategy"], "none"
    try:
        yield
    finally:
        _chosen["strategy"] = previous


def chosen_strategy() -> tf.distribute.MirroredStrategy | None:
    """The strategy for training; None for one device, also if there is only one."""
    if _chosen["strategy"] == "none" or num_devices() == 1:
        return None
    return _strategy()


@functools.cache
def num_devices() -> int:
    """How many devices "mirrored" trains on: the GPUs, or the virtual devices of the CPU."""
    requested = os.environ.get(VIRTUAL, "1")
    if not requested.isdecimal() or not int(requested):
        raise InputError(f"{VIRTUAL}: {requested!r} is not accepted; accepted: a number from 1")
    if int(requested) > 1:
        (processor,) = tf.config.list_physical_devices("CPU")
        configurations = [tf.config.LogicalDeviceConfiguration()] * int(requested)
        tf.config.set_logical_device_configuration(processor, configurations)
    return len(_devices())


def num_gpus() -> int:
    """How many GPUs TensorFlow can use."""
    return len(tf.config.list_physical_devices("GPU"))


def devices_in_words() -> str:
    """What a training runs on: "CPU", "GPU", or "2 x GPU"."""
    strategy, kind = chosen_strategy(), _devices()[0].device_type
    return kind if strategy is None else f"{strategy.num_replicas_in_sync} x {kind}"


def _devices() -> list[Any]:
    return tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")


@functools.cache
def _strategy() -> tf.distribute.MirroredStrategy:
    return tf.distribute.MirroredStrategy([device.name for device in _devices()])


def register_builder(model: keras.Model, *making: Any) -> None:
    """Registers the functions that build and compile a copy of the model."""
    _makings[model] = making


def fit(
    model: keras.Model,
    strategy: tf.distribute.MirroredStrategy,
    batches: tf.data.Dataset,
    callbacks: Sequence[keras.callbacks.Callback],
    **options: Any,
) -> None:
    """As `model.fit(batches, callbacks=callbacks, **options)`, over several devices.

    Args:
        model: A model that was registered by `register_builder`.
        strategy: A strategy for several devices.
        batches: Yields tuples, perhaps nested, of tensors with equal numbers of rows.
        callbacks: They see `model`, which is up to date whenever an epoch begins or ends.
        **options: Of `fit`. Validation runs on `model` alone.

    Raises:
        InputError: If a batch cannot be divided among the devices.
    """
    if model not in _twins:
        with strategy.scope():
            _twins[model] = _built(*_makings[model])
    twin = _twins[model]
    validation = options.pop("validation_data", None), options.pop("validation_freq", ())
    dataset = split_batches(batches, strategy.num_replicas_in_sync)
    twin.fit(
        strategy.distribute_datasets_from_function(lambda _: dataset),
        callbacks=[_Mirror(model, twin, callbacks, *validation)],
        **options,
    )


def split_batches(batches: tf.data.Dataset, number: int) -> tf.data.Dataset:
    """Splits each batch into parts, one after the other: part i has the rows i, i + number, ...

    Raises:
        InputError: If their sizes would differ.
    """
    for spec in tf.nest.flatten(batches.element_spec):
        if spec.shape[0] % number:
            raise InputError(
                f"--strategy: mirrored over {number} devices is not accepted with batches of "
                f"{spec.shape[0]}; accepted: a batch_size that is a multiple of {number}"
            )

    def parts(rows: tf.Tensor) -> tf.Tensor:
        return tf.stack([rows[i::number] for i in range(number)])

    return batches.map(lambda *batch: tf.nest.map_structure(parts, batch)).unbatch()


def _built(build: Callable[[], keras.Model], compile: Callable[[Any], None]) -> keras.Model:
    model = build()
    compile(model)
    for optimizer in optimizers_of(model):
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
    # More updates a call than one fail in Keras 3.15 (keras#19246).
    model.steps_per_execution = 1
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
        elif type(layer) is keras.layers.Dropout:
            layer.__class__ = _DropoutOfAll
    return model


class _DropoutOfAll(keras.layers.Dropout):
    """Drops on each device what one device would drop of its rows; else all would drop the same."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        shape, dropout = tf.shape(inputs)[1:], super().call

        def factors(number: Any) -> tf.Tensor:
            ones = tf.ones(tf.concat([[number], shape], axis=0), inputs.dtype)
            return dropout(ones, training=True)

        return inputs * tf.ensure_shape(my_rows(factors, tf.shape(inputs)[0]), inputs.shape)


class _Mirror(keras.callbacks.Callback):
    """Runs callbacks on the one-device model, and copies its state to the twin and back."""

    def __init__(
        self,
        model: keras.Model,
        twin: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        validation_data: Any,
        validated: Sequence[int],
    ):
        super().__init__()
        # Keras calls the twin, which is the one that trains, `_model`.
        self._original, self._twin = model, twin
        self._callbacks = keras.callbacks.CallbackList(list(callbacks), model=model)
        self._validation, self._validated = validation_data, validated

    def set_params(self, params: Any) -> None:
        super().set_params(params)
        self._callbacks.set_params(params)

    def on_train_begin(self, logs: Any = None) -> None:
        self._callbacks.on_train_begin(logs)

    def on_train_end(self, logs: Any = None) -> None:
        self._callbacks.on_train_end(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._callbacks.on_epoch_begin(epoch, logs)
        _copy(self._original, self._twin)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._callbacks.on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        _copy(self._twin, self._original)
        if self._validation is not None and epoch + 1 in self._validated:
            results = self._original.evaluate(self._validation, verbose=0, return_dict=True)
            logs |= {f"val_{name}": value for name, value in results.items()}
        self._callbacks.on_epoch_end(epoch, logs)


def _copy(source: keras.Model, target: keras.Model) -> None:
    for source_variable, target_variable in zip(_state(source), _state(target), strict=True):
        target_variable.assign(source_variable.numpy())


def _state(model: keras.Model) -> list[Any]:
    """All variables that training continues from: weights, seeds, schedules, optimizer states."""
    metric_ids = {id(variable) for metric in model.metrics for variable in metric.variables}
    tracked = [variable for variable in model.variables if id(variable) not in metric_ids]
    # Keras does not see plain variables.
    untracked = [variable for variable in vars(model).values() if isinstance(variable, tf.Variable)]
    return [
        *tracked,
        *untracked,
        *(variable for optimizer in optimizers_of(model) for variable in optimizer.variables),
    ]

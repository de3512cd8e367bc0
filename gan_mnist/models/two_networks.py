"""Two networks with an optimizer each, which Keras compiles, calls and saves as one model."""

import copy
import types
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.errors import InputError
from gan_mnist.models.latents import as_labels


class TwoNetworks(keras.Model):
    """A generator, its moving average and a discriminator; subclasses define how they are trained.

    `save` and `keras.models.load_model` keep the networks, all arguments, `noise_seed`, and, once
    compiled, the optimizers with their states: trained on the same batches, the loaded model goes
    on bit by bit as the saved one would have. Learning rates may be numbers and Keras' schedules; a
    model with a rate that is a function is loaded with `compile=False` and compiled anew, without
    the optimizers' states. Metrics of an epoch half done are not kept.

    Attributes:
        generator: The network that is trained.
        average: The exponential moving average of its weights: the one to sample from. The
            generator itself where `average_decay` is 0.
        average_decay: Decay of that average an update.
        discriminator: Maps its inputs to float32 logits (n, ...), or None.
        noise_seed: int32 variable; set it before training.
        generator_optimizer: Set by `compile`, as the next two are.
        discriminator_optimizer: Not the generator's.
        optimizer: The generator's, without its loss scale: the one that Keras callbacks such as
            `LearningRateScheduler` act on. The discriminator's keeps its own rate.
    """

    # The networks that files keep, by the names of attributes and arguments.
    NETWORKS: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    # The parts of a batch; empty for any.
    BATCH: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model | None,
        average_decay: float,
        **options: Any,
    ):
        """Takes built networks; `options` are of `keras.Model`."""
        super().__init__(**options)
        self.generator = generator
        self.discriminator: Any = discriminator
        self.average = generator
        if average_decay:
            self.average = keras.models.clone_model(generator)
            self.average.set_weights(generator.get_weights())
            self.average.trainable = False
        self.average_decay = average_decay
        self.noise_seed = tf.Variable(0, dtype=tf.int32, trainable=False, name="noise_seed")
        # Out of sight of Keras and TensorFlow, as it belongs neither into files nor checkpoints.
        self._predicted = types.SimpleNamespace(
            batches=tf.Variable(
                0, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
            )
        )
        # Keras asks a subclassed model for its shapes unless it is told that it is built.
        self.built = True

    def compile(
        self,
        generator_optimizer: Any,
        discriminator_optimizer: Any = None,
        auto_scale_loss: bool = True,
        **options: Any,
    ) -> None:
        """Gives each network its optimizer, built now so that checkpoints hold its state.

        Args:
            generator_optimizer: Whatever `keras.optimizers.get` takes: name, config or optimizer.
            discriminator_optimizer: The same for the discriminator; None for a copy of the
                generator's. Ignored if there is no discriminator.
            auto_scale_loss: As in `keras.Model.compile`, for both.
            **options: `run_eagerly`, `steps_per_execution` and `jit_compile` of
                `keras.Model.compile`; losses and metrics are the model's own.

        Raises:
            InputError: For an optimizer with `use_ema`, and for a loss or metrics.
        """
        for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
            if options.get(name) is not None:
                raise InputError(f"{name}: not accepted; the model has its own")
        g_optimizer = keras.optimizers.get(generator_optimizer)
        d_optimizer = keras.optimizers.get(discriminator_optimizer)
        if self.discriminator is not None and (d_optimizer is None or d_optimizer is g_optimizer):
            d_optimizer = type(g_optimizer).from_config(g_optimizer.get_config())
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            g_optimizer, d_optimizer = _scaled(g_optimizer), _scaled(d_optimizer)
        # Keras ends `fit` by putting averages into all weights of a model, of both networks here.
        if any(
            getattr(without_loss_scale(optimizer), "use_ema", False)
            for optimizer in (g_optimizer, d_optimizer)
        ):
            raise InputError(
                "optimizer: use_ema is not accepted; accepted: average_decay of the model"
            )
        # A loss scale is not for others to build: it has no guard against being built again.
        super().compile(optimizer=without_loss_scale(g_optimizer), auto_scale_loss=False, **options)
        self.generator_optimizer = g_optimizer
        self.discriminator_optimizer: Any = d_optimizer if self.discriminator is not None else None
        for optimizer, variables in zip(self.optimizers, self.trained, strict=True):
            if not optimizer.built:
                optimizer.build(variables)

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The generator's, and the discriminator's if there is one."""
        optimizers = [self.generator_optimizer, self.discriminator_optimizer]
        return optimizers if self.discriminator is not None else optimizers[:1]

    @property
    def trained(self) -> list[list[keras.Variable]]:
        """The variables that each of the optimizers trains."""
        networks = filter(None, (self.generator, self.discriminator))
        return [network.trainable_variables for network in networks]

    @property
    def exported(self) -> list[Any]:
        """The resources that `sample` reads, for an export."""
        return [self.average]

    def adopt(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Receives the training images, for subclasses whose samples start from them."""

    def update_average(self) -> None:
        """Updates the moving average of the generator's weights."""
        if self.average is not self.generator:
            for average, current in zip(self.average.weights, self.generator.weights, strict=True):
                # TensorFlow's variables, as each operation of Keras' traces several.
                step = (1 - self.average_decay) * (average.value - current.value)
                average.value.assign_sub(step)

    def sample(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """float32 images (n, H, W, C) in [0, 1] for int32 labels (n,) and an int32 seed (2,)."""
        raise NotImplementedError

    def call(self, inputs: Any) -> tf.Tensor:
        """Samples with noise that `noise_seed` keys; equal inputs give equal images.

        `predict` draws different noise for each of its batches, but the same in every call: it
        follows from `noise_seed`, the number of the batch and the place in it.

        Args:
            inputs: int labels (n,) in 0..num_classes-1, unless a subclass says otherwise.

        Returns:
            float32 images (n, H, W, C) in [0, 1].
        """
        return self.predicted(inputs, tf.constant(0))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        # Of labels or of a list of images, the first number is that of the batch.
        return (keras.tree.flatten(input_shape)[0], *self.average.output_shape[1:])

    def make_predict_function(self, force: bool = False) -> Any:
        # Keras asks for it at the beginning of every prediction.
        self._predicted.batches.assign(0)
        return super().make_predict_function(force)

    def predict_step(self, data: Any) -> tf.Tensor:
        inputs, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        images = self.predicted(inputs, self._predicted.batches.read_value())
        self._predicted.batches.assign_add(1)
        return images

    def predicted(self, inputs: Any, batch: tf.Tensor) -> tf.Tensor:
        """The outputs of `predict` for one of its batches, whose number `batch` is int32 ()."""
        seed = tf.random.fold_in(self.evaluation_seed(batch), 0)
        return self.sample(as_labels(inputs), seed)

    def unpack(self, batch: Any) -> tuple[Any, ...]:
        """A batch as `unpack_batch` has it, of the parts that `BATCH` names.

        Raises:
            InputError: For other parts, such as weights of images or classes: no loss has them.
        """
        parts = unpack_batch(batch)
        if self.BATCH and len(parts) != len(self.BATCH):
            raise InputError(
                f"batch: {len(parts)} parts are not accepted; accepted: {', '.join(self.BATCH)}; "
                "no sample_weight or class_weight"
            )
        return parts

    def evaluation_seed(self, number: tf.Tensor) -> tf.Tensor:
        """Seed, int32 (2,), of a numbered batch outside training; no update uses it."""
        # Updates count from 0 upwards.
        return tf.stack([self.noise_seed, -1 - number])

    def get_compile_config(self) -> dict[str, Any]:
        config = super().get_compile_config()
        if config:
            del config["optimizer"]
            for key in ("generator_optimizer", "discriminator_optimizer"):
                config[key] = keras.saving.serialize_keras_object(getattr(self, key))
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))

    def get_config(self) -> dict[str, Any]:
        config = {"average_decay": self.average_decay, "noise_seed": int(self.noise_seed.numpy())}
        for key in self.NETWORKS:
            config[key] = keras.saving.serialize_keras_object(getattr(self, key))
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        # Keras empties the configs of functional models that it reads.
        options = copy.deepcopy(config)
        noise_seed = options.pop("noise_seed")
        for key in cls.NETWORKS:
            options[key] = keras.saving.deserialize_keras_object(options[key], custom_objects)
        model = cls(**options)
        model.noise_seed.assign(noise_seed)
        return model


def _scaled(optimizer: Any) -> Any:
    wrapper = keras.optimizers.LossScaleOptimizer
    return optimizer if optimizer is None or isinstance(optimizer, wrapper) else wrapper(optimizer)


def without_loss_scale(optimizer: Any) -> Any:
    """An optimizer without its loss scale, if it has one."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def unpack_batch(batch: Any) -> tuple[Any, ...]:
    """A batch as a tuple of tensors, as data sets yield it, also where Keras made it from arrays.

    Keras makes no tuple of a single array; `train_on_batch` and the like leave missing parts as
    None, and the others as arrays.
    """
    parts = batch if isinstance(batch, tuple) else (batch,)
    present_parts = tuple(part for part in parts if part is not None)
    return keras.tree.map_structure(tf.convert_to_tensor, present_parts)


def minimize(
    optimizer: keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    loss: tf.Tensor,
    variables: Sequence[keras.Variable],
) -> None:
    """One step of `optimizer` on some or all of the variables that it was built for."""
    # Over several devices the optimizer sums the gradients: each loss is the mean of a part.
    num_devices = tf.distribute.get_strategy().num_replicas_in_sync
    # Without a loss scale this is the plain gradient; with one, `apply` undoes it.
    with tape:
        scaled_loss = optimizer.scale_loss(loss if num_devices == 1 else loss / num_devices)
    optimizer.apply(tape.gradient(scaled_loss, variables), variables)

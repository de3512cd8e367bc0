"""A network that removes a known image and noise from a mixture, with an adversary or without.

Source: docs/sources.md#denoising (after the generator of SRGAN, arXiv 1609.04802).
"""

from typing import Any, ClassVar, Self

import keras
import tensorflow as tf
from keras import layers

from gan_mnist.errors import InputError, unknown
from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.schedule import Schedule

CONTENT_ALONE = Schedule()
ADVERSARIES = ("none", "vanilla", "conditional")
# Of the difference between target and output, pixel by pixel.
CONTENT_LOSSES = {"l1": tf.abs, "mse": tf.square}
NUM_RESIDUAL_BLOCKS = 4
# The source's last convolution before the logit: what is left of a 28 x 28 image.
LAST_SIDE = 4


@keras.saving.register_keras_serializable("gan_mnist")
class DenoisingModel(AdversarialModel):
    """Batches are ((noisy_images, references), targets), all float32 (n, H, W, C) in [0, 1].

    The content loss is the mean absolute difference to the targets, or the mean squared one; the
    metric `l1` is the former in either case. While the adversarial weight is 0, the discriminator
    is neither run nor trained, its metrics are 0, and the generator learns what it would learn
    alone.

    Where an arm gives the generator and the discriminator different batches, the data set yields
    pairs: see `separate_batches` of `AdversarialModel`.

    Source: docs/sources.md#denoising. What differs: pre-training and what follows share one Adam,
    where the source began a new one; and the adversarial losses are not halved, as the source's
    code does, so that a weight of 0.001 there would be 0.0005 here.
    """

    BATCH: ClassVar[tuple[str, ...]] = ("(noisy_images, references)", "targets")

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model | None = None,
        schedule: Schedule = CONTENT_ALONE,
        content_loss: str = "l1",
        average_decay: float = 0.0,
        judge_in_training: bool = True,
        **options: Any,
    ):
        """Wires built networks.

        Args:
            generator: Maps [noisy_images, references] to images.
            discriminator: Judges images, or [images, noisy_images, references]; None if the
                schedule has no adversary.
            schedule: Weights of the two losses.
            content_loss: A key of `CONTENT_LOSSES`; the source's is "l1".
            average_decay: Decay of the generator's moving average; 0 for none, as in the source.
            judge_in_training: As in `AdversarialModel`; the source's way.
            **options: Others of `AdversarialModel`, such as `loss`.

        Raises:
            InputError: If the schedule has an adversary and there is none, and for an unknown
                content loss.
        """
        if content_loss not in CONTENT_LOSSES:
            raise unknown("content loss", content_loss, CONTENT_LOSSES)
        super().__init__(
            generator,
            discriminator,
            average_decay=average_decay,
            judge_in_training=judge_in_training,
            **options,
        )
        self._phases = tf.Variable(
            tf.zeros((0, 3)), shape=(None, 3), trainable=False, name="phases"
        )
        self.follow(schedule)
        self.content_loss = content_loss
        self._means["l1"] = keras.metrics.Mean(name="l1")

    def get_config(self) -> dict[str, Any]:
        config = {"schedule": self.schedule.phases, "content_loss": self.content_loss}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        schedule = Schedule(tuple((start, *weights) for start, *weights in config["schedule"]))
        return super().from_config({**config, "schedule": schedule}, custom_objects)

    def follow(self, schedule: Schedule) -> None:
        """Sets the schedule of the loss weights; the training step is not traced again.

        Raises:
            InputError: If the schedule has an adversary and there is none.
        """
        if self.discriminator is None and schedule.has_adversary:
            raise InputError(
                "adversary: 'none' is not accepted; accepted with an adversarial weight above 0: "
                f"{', '.join(ADVERSARIES[1:])}"
            )
        self.schedule = schedule
        self._phases.assign(tf.constant(schedule.phases, tf.float32))

    @property
    def update(self) -> tf.Tensor:
        """int32: the updates done, pre-training included."""
        return tf.cast(self.generator_optimizer.iterations, tf.int32)

    @property
    def content_weight(self) -> tf.Tensor:
        """Weight of the content loss in this update."""
        return self._phase[1]

    @property
    def adversarial_weight(self) -> Any:
        return self._phase[2] if self.discriminator is not None else 0.0

    @property
    def _phase(self) -> tf.Tensor:
        has_begun = tf.cast(self.update, tf.float32) >= self._phases[:, 0]
        return self._phases[tf.math.count_nonzero(has_begun, dtype=tf.int32) - 1]

    def latents(self, batch: Any, seed: tf.Tensor) -> None:
        return None

    def generate(self, batch: Any, latents: tf.Tensor | None) -> tf.Tensor:
        return self.generator(list(batch[0]), training=True)

    def generate_in_test(self, batch: Any, latents: tf.Tensor | None) -> tf.Tensor:
        """The outputs of `denoise`, so that `val_l1` is measured on the averaged network."""
        return self.denoise(*batch[0])

    def show_real(self, batch: Any, seed: tf.Tensor) -> Any:
        return self.show_fake(batch, batch[1], seed)

    def show_fake(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> Any:
        conditional = len(self.discriminator.inputs) > 1
        return [fake_images, *batch[0]] if conditional else fake_images

    def generator_penalty(
        self, batch: Any, latents: tf.Tensor | None, fake_images: tf.Tensor
    ) -> Any:
        differences = batch[1] - fake_images
        self._means["l1"].update_state(tf.reduce_mean(tf.abs(differences)))
        return self.content_weight * tf.reduce_mean(CONTENT_LOSSES[self.content_loss](differences))

    def predicted(self, inputs: Any, batch: tf.Tensor) -> tf.Tensor:
        """`denoise` for [noisy_images, references]: `predict` and calls take these."""
        return self.denoise(*inputs)

    def denoise(self, noisy_images: tf.Tensor, references: tf.Tensor) -> tf.Tensor:
        """Removes the reference and the noise from each image, by the averaged generator.

        Args:
            noisy_images: float32 (n, H, W, C) in [0, 1].
            references: float32 (n, H, W, C) in [0, 1].

        Returns:
            float32 (n, H, W, C) in [0, 1].
        """
        return self.average([noisy_images, references], training=False)


def build_denoising_model(
    image_shape: tuple[int, int, int],
    width: int = 128,
    adversary: str = "none",
    schedule: Schedule = CONTENT_ALONE,
    discriminator_width: int = 64,
    spectral: bool = False,
    input_skip: bool = True,
    **options: Any,
) -> DenoisingModel:
    """A denoiser and its adversary, not compiled.

    The generator is built first, so that its initial weights do not depend on the adversary.

    Args:
        image_shape: (H, W, C).
        width: See `build_residual_denoiser`.
        adversary: One of `ADVERSARIES`.
        schedule: Weights of the two losses.
        discriminator_width: See `build_denoising_discriminator`.
        spectral: See `build_denoising_discriminator`.
        input_skip: See `build_residual_denoiser`.
        **options: Others of `DenoisingModel`.

    Raises:
        InputError: For an unknown adversary, or none where the schedule has one.
    """
    if adversary not in ADVERSARIES:
        raise unknown("adversary", adversary, ADVERSARIES)
    generator = build_residual_denoiser(image_shape, width, input_skip)
    discriminator = None
    if adversary != "none":
        discriminator = build_denoising_discriminator(
            image_shape, discriminator_width, adversary == "conditional", spectral
        )
    return DenoisingModel(generator, discriminator, schedule, **options)


def build_residual_denoiser(
    image_shape: tuple[int, int, int], width: int = 128, input_skip: bool = True
) -> keras.Model:
    """`ResidualDenoiser`: seven convolutions of 3 x 3, the input added before the last.

    Source: docs/sources.md#denoising. What differs: no bias before batch norm, which has its own.

    Args:
        image_shape: (H, W, C) of noisy images, references and outputs.
        width: Channels of the hidden layers.
        input_skip: Whether noisy image and reference are added before the last convolution. The
            source suspects that skip: the untrained output looks like the reference.
    """
    noisy_images, references = keras.Input(image_shape), keras.Input(image_shape)
    inputs = layers.Concatenate()([noisy_images, references])

    def conv_block(x: Any, channels: int) -> Any:
        x = layers.Conv2D(channels, 3, padding="same", use_bias=False)(x)
        return layers.Activation("elu")(layers.BatchNormalization()(x))

    x = conv_block(inputs, width)
    for _ in range(NUM_RESIDUAL_BLOCKS):
        x = layers.Add()([conv_block(x, width), x])
    x = conv_block(x, inputs.shape[-1])
    if input_skip:
        x = layers.Add()([x, inputs])
    x = layers.Conv2D(image_shape[2], 3, padding="same")(x)
    images = layers.Activation("sigmoid", dtype="float32")(x)
    return keras.Model([noisy_images, references], images, name="residual_denoiser")


def build_denoising_discriminator(
    image_shape: tuple[int, int, int],
    width: int = 64,
    conditional: bool = False,
    spectral: bool = False,
) -> keras.Model:
    """Six convolutions and a logit; sides are 13 pixels or more.

    The last convolution spans what the others leave: 4 x 4 of a 28 x 28 image, as in the source.
    Of a larger image they leave more; there the strided convolution before it is repeated until
    4 x 4 or less is left, as in `build_deep_cnn`.

    Source: docs/sources.md#denoising. What differs: no bias before batch norm, which has its own.

    Args:
        image_shape: (H, W, C).
        width: Channels of the first convolution; all other layers are multiples of it.
        conditional: Whether it sees [images, noisy_images, references], and not the images alone.
        spectral: Every layer is spectrally normalised (arXiv 1802.05957), without batch norm.
    """
    inputs = [keras.Input(image_shape) for _ in range(3 if conditional else 1)]

    def conv_block(
        x: Any, channels: int, kernel_size: Any, norm: bool = True, **options: Any
    ) -> Any:
        norm = norm and not spectral
        convolution = layers.Conv2D(channels, kernel_size, use_bias=not norm, **options)
        # It assigns the weights that it has normalised: in less precision it would round them.
        spectral_convolution = layers.SpectralNormalization(convolution, dtype="float32")
        x = spectral_convolution(x) if spectral else convolution(x)
        return layers.Activation("elu")(layers.BatchNormalization()(x) if norm else x)

    x = layers.Concatenate()(inputs) if conditional else inputs[0]
    for channels in (width, 2 * width, 4 * width):
        x = conv_block(x, channels, 5)
    x = conv_block(x, 8 * width, 4, strides=2, padding="same")
    x = conv_block(x, 16 * width, 4, strides=2, padding="same")
    while max(x.shape[1:3]) > LAST_SIDE:
        x = conv_block(x, 16 * width, 4, strides=2, padding="same")
    x = layers.Flatten()(conv_block(x, 32 * width, x.shape[1:3], norm=False))
    dense = layers.Dense(1, dtype="float32")
    logits = layers.SpectralNormalization(dense, dtype="float32")(x) if spectral else dense(x)
    return keras.Model(inputs if conditional else inputs[0], logits, name="denoising_discriminator")

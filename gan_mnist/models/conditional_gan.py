"""Class-conditional GANs: latents and a one-hot label in, an image out."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import keras
import tensorflow as tf
from keras import layers, ops

from gan_mnist.models.adversarial import AdversarialModel
from gan_mnist.models.diffaugment import diff_augment
from gan_mnist.models.latents import LatentSampler


@keras.saving.register_keras_serializable("gan_mnist")
class ConditionalGAN(LatentSampler, AdversarialModel):
    """Batches are (images, labels): float32 (n, H, W, C) in [0, 1] and int32 (n,).

    Attributes:
        prior: The distribution of the latents; see `LatentSampler`.
        num_classes: Width of the one-hot labels.
        augment: Whether real and fake images pass through `diff_augment` before they are judged.
    """

    BATCH: ClassVar[tuple[str, ...]] = ("images", "labels")

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        augment: bool = False,
        distribution: str = "normal",
        **options: Any,
    ):
        super().__init__(generator, discriminator, **options)
        self.set_distribution(distribution)
        self.augment = augment

    def get_config(self) -> dict[str, Any]:
        config = {"augment": self.augment, "distribution": self.prior.distribution}
        return {**super().get_config(), **config}

    def generate(self, batch: Any, latents: tf.Tensor) -> tf.Tensor:
        return self.generator([latents, self.one_hot(batch[1])], training=True)

    def show_real(self, batch: Any, seed: tf.Tensor) -> Any:
        return self.show_fake(batch, batch[0], seed)

    def show_fake(self, batch: Any, fake_images: tf.Tensor, seed: tf.Tensor) -> Any:
        images = diff_augment(fake_images, seed) if self.augment else fake_images
        return [images, self.one_hot(batch[1])]


class WideLatents:
    """A sampler, such as a conditional GAN, with latents spread wider than in training.

    The opposite of the truncation trick (Brock et al. 2018, arXiv 1809.11096, section 3.1): more
    variety for fewer typical images. It helps where generated images are too much alike for a
    classifier to learn from.

    Attributes:
        prior: The sampler's distribution of latents, spread wider.
        average: The sampler's moving average.
        exported: The sampler's resources, for an export.
        decode: Maps latents and labels to images.
    """

    def __init__(self, sampler: Any, scale: float):
        """Wraps a `LatentSampler`; `scale` is what its latents are multiplied by."""
        self.prior = dataclasses.replace(sampler.prior, scale=scale)
        self.average, self.decode = sampler.average, sampler.decode
        self.exported = sampler.exported

    def sample(self, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """As `LatentSampler.sample`."""
        return self.decode(self.prior.draw(tf.shape(labels)[0], seed), labels)


def build_conditional_gan(
    architecture: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    width: int,
    latent_dim: int,
    augment: bool = False,
    **options: Any,
) -> ConditionalGAN:
    """A conditional GAN of one of the `ARCHITECTURES`, not compiled.

    `options` are others of `ConditionalGAN`, such as `loss`.
    """
    build_generator, build_discriminator = ARCHITECTURES[architecture]
    return ConditionalGAN(
        build_generator(image_shape, num_classes, width, latent_dim),
        build_discriminator(image_shape, num_classes, width),
        augment=augment,
        name=f"conditional_{architecture}",
        **options,
    )


def build_mlp_generator(
    image_shape: tuple[int, int, int], num_classes: int, width: int, latent_dim: int
) -> keras.Model:
    """One hidden layer of 4 * `width` units, 64 in docs/sources.md#conditional_gan."""
    latents, one_hot = keras.Input((latent_dim,)), keras.Input((num_classes,))
    x = ops.concatenate([latents, one_hot], axis=-1)
    x = layers.Dense(4 * width, activation="relu")(x)
    x = layers.Dense(image_shape[0] * image_shape[1] * image_shape[2])(x)
    images = layers.Activation("sigmoid", dtype="float32")(layers.Reshape(image_shape)(x))
    return keras.Model([latents, one_hot], images, name="mlp_generator")


def build_mlp_discriminator(
    image_shape: tuple[int, int, int], num_classes: int, width: int
) -> keras.Model:
    """One hidden layer of 4 * `width` units, 64 in docs/sources.md#conditional_gan."""
    images, one_hot = keras.Input(image_shape), keras.Input((num_classes,))
    x = ops.concatenate([layers.Flatten()(images), one_hot], axis=-1)
    x = layers.Dense(4 * width, activation="relu")(x)
    logits = layers.Dense(1, dtype="float32")(x)
    return keras.Model([images, one_hot], logits, name="mlp_discriminator")


def build_dcgan_generator(
    image_shape: tuple[int, int, int],
    num_classes: int,
    width: int,
    latent_dim: int,
    norm: bool = True,
) -> keras.Model:
    """Transposed convolutions from 16 * `width` channels down to `width`, batch norm and ELU.

    Source: docs/sources.md#mixing, where `width` is 64 and images are 28 x 28: 4 x 4, 8, 16, 32,
    then two unpadded convolutions to 28. Other sides start from the smallest side that reaches
    them and are cropped. Batch norm stands behind every hidden layer, where the source names it
    behind some. Without it (`norm`) weights begin as wide as keeps the spread of what they sum
    (He et al. 2015, arXiv 1502.01852).
    """
    side = -(-(max(image_shape[:2]) + 4) // 8)
    latents, one_hot = keras.Input((latent_dim,)), keras.Input((num_classes,))

    def initial(fan_in: int) -> keras.Initializer:
        he_normal = keras.initializers.TruncatedNormal(stddev=(2 / fan_in) ** 0.5)
        return _initializer(width) if norm else he_normal

    def hidden(x: Any) -> Any:
        return layers.Activation("elu")(layers.BatchNormalization()(x) if norm else x)

    x = ops.concatenate([latents, one_hot], axis=-1)
    x = layers.Reshape((1, 1, latent_dim + num_classes))(x)
    # Of the one-hot label a single entry is not 0.
    first_initializer = initial(latent_dim + 1)
    x = hidden(layers.Conv2DTranspose(16 * width, side, kernel_initializer=first_initializer)(x))
    for channels in (8 * width, 4 * width, 2 * width):
        # With a stride of 2 an output sums over a quarter of the 4 x 4 kernel.
        initializer = initial(4 * x.shape[-1])
        x = layers.Conv2DTranspose(
            channels, 4, strides=2, padding="same", kernel_initializer=initializer
        )(x)
        x = hidden(x)
    x = hidden(layers.Conv2D(width, 3, kernel_initializer=initial(9 * 2 * width))(x))
    x = layers.Conv2D(image_shape[2], 3, kernel_initializer=initial(9 * width))(x)
    x = layers.CenterCrop(*image_shape[:2])(x) if x.shape[1:] != image_shape else x
    images = layers.Activation("sigmoid", dtype="float32")(x)
    return keras.Model([latents, one_hot], images, name="dcgan_generator")


def build_dcgan_discriminator(
    image_shape: tuple[int, int, int], num_classes: int, width: int
) -> keras.Model:
    """Convolutions over the image and one constant plane a class, ELU.

    Source: docs/sources.md#mixing, where `width` is 64. The last layer is dense over what is
    left, which for 28 x 28 images is the source's 4 x 4 convolution. No batch norm: it lets the
    discriminator compare the images of a batch with each other, and real and fake ones differ in
    their statistics.
    """
    initializer = _initializer(width)
    images, one_hot = keras.Input(image_shape), keras.Input((num_classes,))
    x = LabelledConv2D(width, 5, initializer.clone())([images, one_hot])
    for channels in (2 * width, 4 * width):
        x = layers.Conv2D(channels, 5, activation="elu", kernel_initializer=initializer.clone())(x)
    for channels in (8 * width, 16 * width):
        x = layers.Conv2D(
            channels,
            4,
            strides=2,
            padding="same",
            activation="elu",
            kernel_initializer=initializer.clone(),
        )(x)
    logits = layers.Dense(1, kernel_initializer=initializer.clone(), dtype="float32")(
        layers.Flatten()(x)
    )
    return keras.Model([images, one_hot], logits, name="dcgan_discriminator")


@keras.saving.register_keras_serializable(package="gan_mnist")
class LabelledConv2D(layers.Layer):
    """An unpadded convolution over an image and one constant plane a class, of ones or zeros.

    What a constant plane adds is the same everywhere: the sum of the kernel over it. So the planes
    are not made, and the image alone is convolved. ELU follows.

    Attributes:
        filters: Output channels.
        kernel_size: Side of the kernel.
        kernel_initializer: Of the kernel; the bias starts at 0.
    """

    def __init__(self, filters: int, kernel_size: int, kernel_initializer: Any, **options: Any):
        super().__init__(**options)
        self.filters, self.kernel_size = filters, kernel_size
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: Any) -> None:
        (*_, channels), (_, num_classes) = input_shape
        shape = self.kernel_size, self.kernel_size, channels + num_classes, self.filters
        initializer = self.kernel_initializer
        self.kernel = self.add_weight(shape=shape, initializer=initializer, name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> tf.Tensor:
        """Gives (n, H', W', filters) for images (n, H, W, C) and one-hot labels (n, classes)."""
        images, one_hot = inputs
        image_kernel, plane_kernel = ops.split(self.kernel, [images.shape[-1]], axis=2)
        label_bias = ops.matmul(one_hot, ops.sum(plane_kernel, axis=(0, 1))) + self.bias
        x = ops.conv(images, image_kernel, padding="valid")
        return ops.elu(x + label_bias[:, None, None, :])

    def get_config(self) -> dict[str, Any]:
        config = {"filters": self.filters, "kernel_size": self.kernel_size}
        config["kernel_initializer"] = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), **config}


def _initializer(width: int) -> keras.Initializer:
    """The source's truncated normal, sd 0.02 at width 64, wider where fewer channels are summed."""
    return keras.initializers.TruncatedNormal(stddev=0.02 * (64 / width) ** 0.5)


Build = Callable[..., keras.Model]
ARCHITECTURES: Mapping[str, tuple[Build, Build]] = {
    "mlp": (build_mlp_generator, build_mlp_discriminator),
    "dcgan": (build_dcgan_generator, build_dcgan_discriminator),
    "plain_dcgan": (
        functools.partial(build_dcgan_generator, norm=False),
        build_dcgan_discriminator,
    ),
}

"""Classifiers: Keras models from images in [0, 1] to logits.

Every `build_*` takes (image_shape, num_classes, width):

- image_shape: (H, W, C) of float32 images in [0, 1].
- num_classes: Width of the logits.
- width: Channels of the first convolution; all other layers are multiples of it. The default is
  the source's.

and returns a model (n, H, W, C) -> float32 logits (n, num_classes). Softmax or sigmoid, and the
loss, are chosen where it is trained.
"""

import keras
from keras import layers

# The source's last convolution of `DeepCNN`: what is left of a 28 x 28 image.
DEEP_CNN_LAST_SIDE = 4


def build_small_cnn(
    image_shape: tuple[int, int, int], num_classes: int, width: int = 16
) -> keras.Model:
    """`SmallCNN`: two convolutions, one hidden layer. Source: docs/sources.md#imbalance."""
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(width, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(2 * width, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(4 * width, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(num_classes, dtype="float32"),
        ],
        name="small_cnn",
    )


def build_deep_cnn(
    image_shape: tuple[int, int, int], num_classes: int, width: int = 32
) -> keras.Model:
    """`DeepCNN`: six convolutions, one hidden layer, ELU throughout.

    Sides are 13 pixels or more. The last convolution spans what the others leave: 4 x 4 of a
    28 x 28 image, as in the source, and less of a smaller one. Of a larger image the others leave
    more, 13 x 13 of 64 x 64, and a kernel of that size has 89 million weights. There the strided
    convolution before it is repeated, at 4 million weights each, until 4 x 4 or less is left.

    Source: docs/sources.md#mixing.
    """
    images = keras.Input(image_shape)
    x = images
    for channels in (width, 2 * width, 4 * width):
        x = layers.Conv2D(channels, 5, activation="elu")(x)
    x = layers.Conv2D(8 * width, 4, strides=2, padding="same", activation="elu")(x)
    x = layers.Conv2D(16 * width, 4, strides=2, padding="same", activation="elu")(x)
    while max(x.shape[1:3]) > DEEP_CNN_LAST_SIDE:
        x = layers.Conv2D(16 * width, 4, strides=2, padding="same", activation="elu")(x)
    x = layers.Conv2D(32 * width, x.shape[1:3], activation="elu")(x)
    x = layers.Dense(32 * width, activation="elu")(layers.Flatten()(x))
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(images, logits, name="deep_cnn")


def build_digit_cnn(
    image_shape: tuple[int, int, int], num_classes: int, width: int = 4
) -> keras.Model:
    """Two convolutions and no hidden layer, with the source's initial weights at every width.

    Source: docs/sources.md#digit_cnn.
    """
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(width, 4, padding="same", activation="relu", **_truncated_normal(0.1)),
            layers.MaxPooling2D(2),
            layers.Conv2D(
                2 * width, 4, padding="same", activation="relu", **_truncated_normal(0.1)
            ),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(num_classes, dtype="float32", **_truncated_normal(1.0)),
        ],
        name="digit_cnn",
    )


def build_colour_cnn(
    image_shape: tuple[int, int, int], num_classes: int, width: int = 16
) -> keras.Model:
    """Three convolutions with dropout, two hidden layers; sides are 8 pixels or more.

    Source: docs/sources.md#cats_vs_dogs, where images are 64 x 64 in colour.
    """
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(width, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.3),
            layers.Conv2D(2 * width, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.3),
            layers.Conv2D(4 * width, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(32 * width, activation="relu"),
            layers.Dense(16 * width, activation="relu"),
            layers.Dense(num_classes, dtype="float32"),
        ],
        name="colour_cnn",
    )


def build_resnet(
    image_shape: tuple[int, int, int], num_classes: int, width: int = 16
) -> keras.Model:
    """A residual network of eight layers with batch normalisation: ResNet-8.

    Source: He et al. 2016 (arXiv 1512.03385), section 4.2, with one block a stage, as in MLPerf
    Tiny (arXiv 2106.07597), whose benchmark asks 85 % of it on CIFAR-10. Different: no weight
    decay, as the study's optimizer has none. Measured: 78 % after 23 passes over the images, see
    docs/classifiers.md#resnet.
    """
    images = keras.Input(image_shape)
    x = _normalised(_convolution(width, 3)(images))
    x = layers.ReLU()(x)
    for channels, stride in ((width, 1), (2 * width, 2), (4 * width, 2)):
        x = _residual_block(x, channels, stride)
    x = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(images, logits, name="resnet")


def _residual_block(x: keras.KerasTensor, channels: int, stride: int) -> keras.KerasTensor:
    """Two convolutions and a shortcut: the identity, or a 1 x 1 convolution to their shape."""
    shortcut = x if stride == 1 else _normalised(_convolution(channels, 1, stride)(x))
    x = layers.ReLU()(_normalised(_convolution(channels, 3, stride)(x)))
    x = _normalised(_convolution(channels, 3)(x))
    return layers.ReLU()(layers.Add()([x, shortcut]))


def _convolution(channels: int, size: int, stride: int = 1) -> layers.Layer:
    # What follows subtracts the mean, and with it any bias.
    return layers.Conv2D(
        channels,
        size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )


def _normalised(x: keras.KerasTensor) -> keras.KerasTensor:
    # With Keras' momentum of 0.99 the statistics of a short training are still those of its start.
    return layers.BatchNormalization(momentum=0.9)(x)


def _truncated_normal(stddev: float) -> dict[str, keras.Initializer]:
    """Initializers of one layer's kernel and bias: an object draws the same numbers each time."""
    return {
        "kernel_initializer": keras.initializers.TruncatedNormal(stddev=stddev),
        "bias_initializer": keras.initializers.TruncatedNormal(stddev=stddev),
    }

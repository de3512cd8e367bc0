"""Classifiers: Keras models from images in [0, 1] to logits."""

import keras
from keras import layers


def build_small_cnn(image_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """`SmallCNN`: two convolutions, one hidden layer.

    Args:
        image_shape: (H, W, C) of float32 images in [0, 1].
        num_classes: Width of the logits.

    Returns:
        A model (n, H, W, C) -> float32 logits (n, num_classes).

    Source: specification, section 1.
    """
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(num_classes, dtype="float32"),
        ],
        name="small_cnn",
    )

"""Preprocessing layers for a network that takes images in another form than the study's."""

import keras
import numpy as np
from keras import layers

Shape = tuple[int, int, int]

# Of ImageNet: red, green and blue in [0, 1] for "torch"; blue, green and red in 0..255 for "caffe".
# Source: `preprocess_input` in keras.applications.
TORCH_MEAN, TORCH_STDDEV = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
CAFFE_MEAN = np.array([103.939, 116.779, 123.68])


def preprocess(images: keras.KerasTensor, input_shape: Shape, pixels: str) -> keras.KerasTensor:
    """Images as a network takes them: in its size, its channels and its range.

    Args:
        images: float (n, H, W, C) in [0, 1].
        input_shape: Height, width and channels that it takes; a size of None is any.
        pixels: One of `gan_mnist.models.names.PIXELS`.

    Returns:
        float (n, *wanted); grey is repeated where three channels are wanted.
    """
    height, width, channels = input_shape
    x = images
    if channels == 3 and images.shape[-1] == 1:
        x = layers.Concatenate()([x, x, x])
    size = height or x.shape[1], width or x.shape[2]
    if size != tuple(x.shape[1:3]):
        # Not the layer `Resizing`: called without `training`, it makes all behind it train.
        x = keras.ops.image.resize(x, size)
    if pixels == "0..255":
        x = layers.Rescaling(255.0)(x)
    elif pixels == "-1..1":
        x = layers.Rescaling(2.0, -1.0)(x)
    elif pixels == "torch":
        x = layers.Rescaling(list(1 / TORCH_STDDEV), list(-TORCH_MEAN / TORCH_STDDEV))(x)
    elif pixels == "caffe":
        x = layers.Rescaling(255.0, list(-CAFFE_MEAN))(keras.ops.flip(x, axis=-1))
    return x

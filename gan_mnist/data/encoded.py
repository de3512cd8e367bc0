"""Image files decoded by TensorFlow, without Python.

`gan_mnist.data.images` is what reads images here; what is below stays as near to it as it can.
"""

import tensorflow as tf

# What Pillow, as ITU-R 601, makes grey of.
LUMA = (0.299, 0.587, 0.114)
JPEG = b"\xff\xd8\xff"


def decode(contents: tf.Tensor, image_size: int, channels: int) -> tf.Tensor:
    """One encoded file as an image, by operations that any graph may hold.

    As `as_pixels`, within a level of 255: transparent parts are shown on white, and the picture is
    stretched to the square. It differs where TensorFlow's decoders do: a camera's rotation (EXIF)
    is not applied, and of 16 bits the upper 8 are taken.

    Args:
        contents: string (), the bytes of a PNG, JPEG, GIF (its first frame) or BMP file.
        image_size: Height and width of the result in pixels.
        channels: 1 for grey, 3 for colour.

    Returns:
        float32 (image_size, image_size, channels) in [0, 1], of whole levels of 255.
    """
    pixels = tf.cond(
        tf.strings.substr(contents, 0, len(JPEG)) == JPEG,
        # Pillow's arithmetic; TensorFlow's usual one is faster, and off by several levels.
        lambda: tf.io.decode_jpeg(contents, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(contents, expand_animations=False),
    )
    pixels = tf.cast(pixels, tf.float32)
    num_channels = tf.shape(pixels)[-1]
    num_colours = num_channels - (1 - num_channels % 2)
    # Of two and four channels the last is opacity.
    opacity = tf.where(num_channels % 2 == 0, pixels[..., -1:] / 255, 1.0)
    colours = pixels[..., :num_colours] * opacity + 255 * (1 - opacity)
    colours = tf.round(tf.broadcast_to(colours, [*tf.unstack(tf.shape(colours))[:2], 3]))
    if channels == 1:
        colours = tf.round(tf.reduce_sum(colours * LUMA, axis=-1, keepdims=True))
    colours.set_shape((None, None, channels))
    # One side after the other, each in whole levels, as Pillow does.
    for size in ((tf.shape(colours)[0], image_size), (image_size, image_size)):
        colours = tf.image.resize(colours, size, "lanczos3", antialias=True)
        colours = tf.clip_by_value(tf.round(colours), 0, 255)
    return colours / 255

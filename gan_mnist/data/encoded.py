"""PNG and JPEG files decoded by operations of TensorFlow alone, as exported models do it.

`gan_mnist.data.images` is the reference decoder; this one is as close to it as it can be.
"""

import functools

import tensorflow as tf

from gan_mnist.data.images import GROUNDS, ImageConversion

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
# Weights of red, green and blue in grey: ITU-R 601, as in Pillow.
LUMA = (0.299, 0.587, 0.114)
# Limit for a file that TensorFlow decodes, at 30 to 40 bytes a pixel. Phones take 50 million; a
# file of 0.4 MB may claim 400 million.
MOST_PIXELS = 2**26
TOO_LARGE = f"files: not PNG or JPEG, or of more than {MOST_PIXELS:,} pixels; its sides:"
# The bytes of a PNG file's header that hold its width and height.
_PNG_SIDES = 16, 8


def decode(contents: tf.Tensor, conversion: ImageConversion) -> tf.Tensor:
    """Decodes one image file, for use in any graph.

    As `as_pixels`, within a level of 255. It differs where TensorFlow's decoders do: a camera's
    rotation (EXIF) is not applied, and of 16 bits the upper 8 are taken if `white` is 0, so that
    values of 12 bits are nearly black then. Other formats are refused, as TensorFlow takes the
    places in a BMP file's palette for levels, and a GIF file's transparent colour for another.

    Args:
        contents: string (), the bytes of a PNG or JPEG file.
        conversion: How it is converted, with a size and a number of channels.

    Returns:
        float32 (image_size, image_size, channels) in [0, 1], of whole levels of 255.

    Raises:
        tf.errors.InvalidArgumentError: If it is no such file, or has more than `MOST_PIXELS`.
    """
    contents = _checked(contents)
    pixels = tf.cond(
        _begins_with(contents, JPEG),
        # Pillow's arithmetic; TensorFlow's usual one is faster, and off by several levels.
        lambda: tf.io.decode_jpeg(contents, dct_method="INTEGER_ACCURATE"),
        lambda: _decode_png(contents, conversion.white),
    )
    pixels = tf.cast(pixels, tf.float32)
    num_channels = tf.shape(pixels)[-1]
    num_colours = num_channels - (1 - num_channels % 2)
    # Of two and four channels the last is opacity.
    opacity = tf.where(num_channels % 2 == 0, pixels[..., -1:] / 255, 1.0)
    ground = float(GROUNDS[conversion.ground])
    colours = pixels[..., :num_colours] * opacity + ground * (1 - opacity)
    colours = tf.round(tf.broadcast_to(colours, [*tf.unstack(tf.shape(colours))[:2], 3]))
    if conversion.channels == 1:
        colours = tf.round(tf.reduce_sum(colours * LUMA, axis=-1, keepdims=True))
    colours.set_shape((None, None, conversion.channels))
    # Beside a picture with transparent parts is what these are shown on, beside others black.
    return _square(colours, conversion, tf.where(tf.reduce_min(opacity) < 1, ground, 0.0)) / 255


def _checked(contents: tf.Tensor) -> tf.Tensor:
    """Returns a file once it is asserted that the sides in its header are accepted."""
    sides = _sides(contents)
    is_accepted = (tf.reduce_min(sides) > 0) & (sides[0] <= MOST_PIXELS // tf.maximum(sides[1], 1))
    with tf.control_dependencies([tf.debugging.Assert(is_accepted, [TOO_LARGE, sides])]):
        return tf.identity(contents)


def _begins_with(contents: tf.Tensor, signature: bytes) -> tf.Tensor:
    """Whether a file begins with these bytes: bool ()."""
    return tf.strings.substr(contents, 0, len(signature)) == signature


def _sides(contents: tf.Tensor) -> tf.Tensor:
    """The two sides stated in a file's header, int64 (2,); 0 for a file of another format."""

    def of_png() -> tf.Tensor:
        # The file may end before.
        padded = tf.strings.join([contents, bytes(sum(_PNG_SIDES))])
        field = tf.strings.substr(padded, *_PNG_SIDES)
        return tf.cast(tf.io.decode_raw(field, tf.int32, little_endian=False), tf.int64)

    def of_jpeg() -> tf.Tensor:
        return tf.cast(tf.io.extract_jpeg_shape(contents)[:2], tf.int64)

    return tf.case(
        [(_begins_with(contents, JPEG), of_jpeg), (_begins_with(contents, PNG), of_png)],
        default=lambda: tf.zeros(2, tf.int64),
    )


def _decode_png(contents: tf.Tensor, white: int) -> tf.Tensor:
    """Decodes a PNG file, of 16 bits up to the level `white`: uint8 (H, W, channels)."""

    def decoded(dtype: tf.DType) -> tf.Tensor:
        # Of grey and of colours TensorFlow heeds a transparent value only if asked for opacity.
        as_it_is, with_opacity = (
            functools.partial(tf.io.decode_png, contents, number, dtype) for number in (0, 4)
        )
        has_transparent_value = tf.strings.regex_full_match(contents, r"\C*tRNS\C*")
        return tf.cond(has_transparent_value, with_opacity, as_it_is)

    def deep() -> tf.Tensor:
        values = tf.cast(decoded(tf.uint16), tf.float32)
        levels = tf.floor(tf.minimum(values, float(white)) * (255 / white) + 0.5)
        # Opacity has a range of its own.
        channels = tf.shape(values)[-1]
        is_opacity = (channels % 2 == 0) & (tf.range(channels) == channels - 1)
        return tf.cast(tf.where(is_opacity, tf.floor(values / 257 + 0.5), levels), tf.uint8)

    if white in (0, 2**16 - 1):
        return decoded(tf.uint8)
    has_16_bits = tf.strings.substr(contents, 24, 1) == b"\x10"
    return tf.cond(has_16_bits, deep, lambda: decoded(tf.uint8))


def _square(colours: tf.Tensor, conversion: ImageConversion, border: tf.Tensor) -> tf.Tensor:
    """Whole levels of 255 brought to the size wanted, as Pillow does it."""
    size = conversion.image_size
    sides = tf.shape(colours)[:2]
    crop_sides = tf.fill((2,), tf.reduce_min(sides)) if conversion.resize == "crop" else sides
    crop_offset = (sides - crop_sides) // 2
    longest_side = tf.reduce_max(crop_sides) if conversion.resize == "pad" else crop_sides
    scaled_sides = tf.round(
        tf.cast(crop_sides, tf.float64) * size / tf.cast(longest_side, tf.float64)
    )
    inner_sides = tf.maximum(1, tf.cast(scaled_sides, tf.int32))
    # What is cut off has a part in the pixels next to it.
    scale = tf.cast(inner_sides, tf.float32) / tf.cast(crop_sides, tf.float32)
    shift = -tf.cast(crop_offset, tf.float32) * scale
    # One side after the other, each in whole levels.
    for is_scaled in (tf.constant([False, True]), tf.constant([True, False])):
        colours = tf.raw_ops.ScaleAndTranslate(
            images=colours[None],
            size=tf.where(is_scaled, inner_sides, tf.shape(colours)[:2]),
            scale=tf.where(is_scaled, scale, 1.0),
            translation=tf.where(is_scaled, shift, 0.0),
            kernel_type="lanczos3",
        )[0]
        colours = tf.clip_by_value(tf.round(colours), 0, 255)
    top, left = tf.unstack((size - inner_sides) // 2)
    return tf.image.pad_to_bounding_box(colours - border, top, left, size, size) + border

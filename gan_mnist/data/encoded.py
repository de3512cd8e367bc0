"""Image files decoded by TensorFlow, without Python.

`gan_mnist.data.images` is the reference decoder; this one is as close to it as it can be.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from gan_mnist.data.encoded_formats import JPEG, PNG, begins_with, decode_other, sides_of
from gan_mnist.data.images import GROUNDS, ImageConversion, read_image
from gan_mnist.errors import InputError

# Weights of red, green and blue in grey: ITU-R 601, as in Pillow.
LUMA = (0.299, 0.587, 0.114)
# Limit for a file that TensorFlow decodes, at 30 to 40 bytes a pixel. Phones take 50 million; a
# file of 0.4 MB may claim 400 million.
MOST_PIXELS = 2**26
TOO_LARGE = f"files: not PNG, JPEG, GIF or BMP, or of more than {MOST_PIXELS:,} pixels; its sides:"
# Allowance in a plain file for everything that is not pixels.
MOST_BYTES_BESIDE = 65_536
# Files decoded in one iteration of a graph's loop, which costs as much as decoding a small file.
_TOGETHER = 25


def decode(contents: tf.Tensor, conversion: ImageConversion) -> tf.Tensor:
    """Decodes one image file by TensorFlow operations alone, for use in any graph.

    As `as_pixels`, within a level of 255. It differs where TensorFlow's decoders do: a camera's
    rotation (EXIF) is not applied, and of 16 bits the upper 8 are taken if `white` is 0, so that
    values of 12 bits are nearly black then. What they would misread is refused: BMP files with a
    palette other than all greys or with compression, and GIF files with a transparent colour.

    Args:
        contents: string (), the bytes of a PNG, JPEG, GIF (its first frame) or BMP file.
        conversion: How it is converted, with a size and a number of channels.

    Returns:
        float32 (image_size, image_size, channels) in [0, 1], of whole levels of 255.

    Raises:
        tf.errors.InvalidArgumentError: If it is no such file, is refused, or has more than
            `MOST_PIXELS`.
    """
    contents = _checked(contents, sides_of(contents))
    pixels = tf.cond(
        begins_with(contents, JPEG),
        # Pillow's arithmetic; TensorFlow's usual one is faster, and off by several levels.
        lambda: tf.io.decode_jpeg(contents, dct_method="INTEGER_ACCURATE"),
        lambda: decode_other(contents, conversion.white),
    )
    # The frames of a GIF may be larger than its screen.
    pixels = tf.cast(_checked(pixels, tf.shape(pixels, tf.int64)[:2]), tf.float32)
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


def _checked(tensor: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
    """Returns `tensor` once it is asserted that a picture's sides, int64 (2,), are accepted."""
    is_accepted = (tf.reduce_min(sides) > 0) & (sides[0] <= MOST_PIXELS // tf.maximum(sides[1], 1))
    with tf.control_dependencies([tf.debugging.Assert(is_accepted, [TOO_LARGE, sides])]):
        return tf.identity(tensor)


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


def read_images(
    paths: Sequence[Path], conversion: ImageConversion
) -> list[np.ndarray | InputError]:
    """As `read_image` for each file, but faster for those that are plain.

    Plain are PNG and JPEG files of this very shape, with 8 bits and without transparency and
    rotation. They only need decoding, which TensorFlow does for all at once. Their pixels are those
    of `read_image`, as Pillow and TensorFlow decode by the same libraries.

    Args:
        paths: Image files.
        conversion: How they are converted, with a size and a number of channels.

    Returns:
        For each file, in this order: uint8 (image_size, image_size, channels), or its error.
    """
    images: list[np.ndarray | InputError] = []
    image_size, channels = conversion.image_size, conversion.channels
    max_bytes = 2 * image_size**2 * channels + MOST_BYTES_BESIDE
    contents = [_plain_contents(path, max_bytes, image_size, channels) for path in paths]
    plain_files = [file for file in contents if file]
    try:
        decoded = iter(_decoded(plain_files, image_size, channels) if plain_files else ())
    except tf.errors.OpError:  # one of them is damaged: `read_image` tells which, and how
        contents, decoded = [None] * len(paths), iter(())
    for path, file in zip(paths, contents, strict=True):
        try:
            images.append(next(decoded) if file else read_image(path, conversion))
        except InputError as error:
            images.append(error)
    return images


def _decoded(files: Sequence[bytes], image_size: int, channels: int) -> np.ndarray:
    """Plain files, of which there are some, as uint8 (n, image_size, image_size, channels).

    Raises:
        tf.errors.OpError: If one is damaged.
    """
    padded_files = [*files, *[files[0]] * (-len(files) % _TOGETHER)]
    images = _decoder(channels)(
        tf.constant(padded_files, tf.string, (len(padded_files) // _TOGETHER, _TOGETHER))
    )
    return images.numpy().reshape(-1, image_size, image_size, channels)[: len(files)]


@functools.cache
def _decoder(channels: int) -> tf.types.experimental.PolymorphicFunction:
    """Decodes files of one shape: string (n, _TOGETHER) to uint8 (n, _TOGETHER, H, W, channels)."""

    def decode_some(files: tf.Tensor) -> tf.Tensor:
        # PNG files too, whatever its name is.
        decode_one = functools.partial(
            tf.io.decode_jpeg, channels=channels, dct_method="INTEGER_ACCURATE"
        )
        return tf.stack([decode_one(file) for file in tf.unstack(files)])

    @tf.function(input_signature=[tf.TensorSpec((None, _TOGETHER), tf.string)])
    def decode_all(files: tf.Tensor) -> tf.Tensor:
        spec = tf.TensorSpec((_TOGETHER, None, None, channels), tf.uint8)
        return tf.map_fn(decode_some, files, fn_output_signature=spec)

    return decode_all


# Marks of rotation and transparency, and of compressed text, which may hold some.
_NOT_PLAIN = (
    *(b"tRNS", b"eXIf", b"Exif", b"tiff:Orientation"),
    *(b"Raw profile type", b"zTXt", b"iTXt"),
)


def _plain_contents(path: Path, max_bytes: int, image_size: int, channels: int) -> bytes | None:
    """What is in a plain file; None for any other. Of large files no more is read than needed."""
    try:
        with open(path, "rb", buffering=0) as file:
            contents = file.read(max_bytes)
    except OSError:
        return None
    if any(mark in contents for mark in _NOT_PLAIN):
        return None
    # Each begins with its sizes; behind them: 8 bits, and which kind of colour or how many.
    size_bytes = image_size.to_bytes(4, "big") * 2
    if contents[: len(PNG)] == PNG:
        is_plain = contents[16:26] == size_bytes + bytes([8, channels - 1])
    else:
        size_bytes = b"\x08" + image_size.to_bytes(2, "big") * 2
        is_plain = _jpeg_frame(contents)[:6] == size_bytes + bytes([channels])
    return contents if is_plain and len(contents) < max_bytes else None


def _jpeg_frame(contents: bytes) -> bytes:
    """The frame header of a JPEG file, from its bits a sample on; nothing if there is none."""
    offset = 2 if contents.startswith(JPEG) else len(contents)
    while contents[offset : offset + 1] == b"\xff":
        # Baseline, extended and progressive.
        if contents[offset + 1 : offset + 2] in (b"\xc0", b"\xc1", b"\xc2"):
            return contents[offset + 4 : offset + 10]
        offset += 2 + int.from_bytes(contents[offset + 2 : offset + 4], "big")
    return b""

"""Formats of image files, for TensorFlow's decoders: headers, and what would be misread."""

import functools

import tensorflow as tf

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
NOT_READ = "files: a BMP file of a palette or compressed, or a GIF file with a transparent colour"
# Bytes at the beginning of a file that hold its sides and other numbers, unless it is a JPEG file.
_HEADER = 32


def begins_with(contents: tf.Tensor, signature: bytes) -> tf.Tensor:
    """Whether a file begins with these bytes: bool ()."""
    return tf.strings.substr(contents, 0, len(signature)) == signature


def sides_of(contents: tf.Tensor) -> tf.Tensor:
    """Height and width, int64 (2,), as stated in a file's header; 0 for any other format.

    Source: the headers of PNG (IHDR), GIF89a (the screen) and BMP (BITMAPINFOHEADER, and the older
    BITMAPCOREHEADER).
    """
    numbers = functools.partial(_numbers, contents)

    def of_bmp() -> tf.Tensor:
        is_core = numbers(14, tf.int32)[0] == 12
        return tf.where(is_core, numbers(18, tf.uint16), tf.abs(numbers(18, tf.int32)))

    return tf.case(
        [
            (
                begins_with(contents, JPEG),
                lambda: tf.cast(tf.io.extract_jpeg_shape(contents)[:2], tf.int64),
            ),
            (begins_with(contents, PNG), lambda: numbers(16, tf.int32, little=False)),
            (begins_with(contents, b"GIF8"), lambda: numbers(6, tf.uint16)),
            (begins_with(contents, b"BM"), of_bmp),
        ],
        default=lambda: tf.zeros(2, tf.int64),
    )


def decode_other(contents: tf.Tensor, white: int) -> tf.Tensor:
    """Decodes a file that is not JPEG: uint8 (H, W, channels)."""
    is_png = begins_with(contents, PNG)

    def of_png(dtype: tf.DType) -> tf.Tensor:
        # Of grey and of colours TensorFlow heeds a transparent value only if asked for opacity.
        with_opacity = functools.partial(tf.io.decode_png, contents, 4, dtype)
        has_transparent_value = tf.reduce_any(_places(_bytes(contents), b"tRNS"))
        as_it_is = functools.partial(tf.io.decode_png, contents, 0, dtype)
        return tf.cond(has_transparent_value, with_opacity, as_it_is)

    def usual() -> tf.Tensor:
        return tf.case(
            [
                (is_png, lambda: of_png(tf.uint8)),
                (begins_with(contents, b"BM"), lambda: _bmp(contents)),
            ],
            default=lambda: _gif(contents),
        )

    def deep() -> tf.Tensor:
        values = tf.cast(of_png(tf.uint16), tf.float32)
        levels = tf.floor(tf.minimum(values, float(white)) * (255 / white) + 0.5)
        # Opacity has a range of its own.
        channels = tf.shape(values)[-1]
        is_opacity = (channels % 2 == 0) & (tf.range(channels) == channels - 1)
        return tf.cast(tf.where(is_opacity, tf.floor(values / 257 + 0.5), levels), tf.uint8)

    if white in (0, 2**16 - 1):
        return usual()
    has_16_bits = tf.strings.substr(contents, 24, 1) == b"\x10"
    return tf.cond(is_png & has_16_bits, deep, usual)


def _bmp(contents: tf.Tensor) -> tf.Tensor:
    """Decodes a BMP file of 24 or 32 bits, or of 8 with a palette of all greys.

    TensorFlow takes the places in a palette for levels, reads every header as BITMAPINFOHEADER, and
    takes the unused fourth byte for opacity.
    """
    start, length, num_bits = (
        _numbers(contents, place, dtype)[0]
        for place, dtype in ((10, tf.int32), (14, tf.int32), (28, tf.uint16))
    )
    palette_start = tf.clip_by_value(14 + length, 0, start)
    palette = _bytes(contents)[palette_start : tf.minimum(start, palette_start + 4 * 256)]
    greys = tf.range(tf.size(palette) // 4)
    is_grey = tf.reduce_all(
        tf.stack([tf.cast(palette[i::4], tf.int32)[: tf.size(greys)] == greys for i in range(3)])
    )
    is_read = (num_bits == 24) | (num_bits == 32) | ((num_bits == 8) & is_grey)
    is_plain = (length >= 40) & (_numbers(contents, 30, tf.int32)[0] == 0) & is_read
    with tf.control_dependencies([tf.debugging.Assert(is_plain, [NOT_READ])]):
        return tf.io.decode_bmp(tf.identity(contents))[..., :3]


def _gif(contents: tf.Tensor) -> tf.Tensor:
    """Decodes the first frame of a GIF file; TensorFlow shows a transparent colour as another."""
    is_opaque = _flags_of_first_frame(_bytes(contents)) % 2 == 0
    with tf.control_dependencies([tf.debugging.Assert(is_opaque, [NOT_READ])]):
        return tf.io.decode_gif(tf.identity(contents))[0]


def _flags_of_first_frame(data: tf.Tensor) -> tf.Tensor:
    """The flags of a GIF file's first frame, int32 (), of which the lowest is for transparency.

    Source: GIF89a. Behind the screen's descriptor and colours are extensions, which begin with 33;
    that of a frame is 249. The length of each block precedes it; the last is empty.
    """
    data = tf.cast(tf.concat([data, tf.zeros(16, tf.uint8)], 0), tf.int32)
    colours = tf.where(data[10] >= 128, 3 * 2 ** (data[10] % 8 + 1), 0)

    def is_extension(place: tf.Tensor, is_within: tf.Tensor, flags: tf.Tensor) -> tf.Tensor:
        del flags
        return (place < tf.size(data) - 3) & (is_within | (data[place] == 33))

    def step(
        place: tf.Tensor, is_within: tf.Tensor, flags: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        is_of_frame = ~is_within & (data[place + 1] == 249)
        return (
            place + tf.where(is_within, data[place] + 1, 2),
            ~is_within | (data[place] > 0),
            tf.where(is_of_frame, data[place + 3], flags),
        )

    return tf.while_loop(is_extension, step, (13 + colours, tf.constant(False), tf.constant(0)))[2]


def _bytes(contents: tf.Tensor) -> tf.Tensor:
    return tf.io.decode_raw(contents, tf.uint8)


def _places(data: tf.Tensor, mark: bytes) -> tf.Tensor:
    """Where `mark` begins in bytes: bool (n - len(mark), )."""
    length = tf.maximum(0, tf.size(data) - len(mark))
    found = [data[place : place + length] == byte for place, byte in enumerate(mark)]
    return tf.reduce_all(tf.stack(found), axis=0)


def _numbers(contents: tf.Tensor, start: int, dtype: tf.DType, little: bool = True) -> tf.Tensor:
    """Two numbers of a file's header: int64 (2,)."""
    # What follows may be cut off.
    header = tf.strings.join([tf.strings.substr(contents, 0, _HEADER), b"\0" * _HEADER])
    field_bytes = tf.strings.substr(header, start, 2 * dtype.size)
    return tf.cast(tf.io.decode_raw(field_bytes, dtype, little_endian=little), tf.int64)

"""Pictures of any size and mode, as arrays of one shape."""

import contextlib
import errno
import math
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from gan_mnist.data.bit_depth import DEEP, has_deep_colours, is_deep, scale_colours, scaled
from gan_mnist.errors import InputError

# Pillow only knows the names of these, or needs another program for them, or they are films.
_NOT_READ = {"BUFR", "EPS", "GRIB", "HDF5", "IPTC", "MPEG", "PDF", "WMF"}


def _read_here() -> tuple[str, ...]:
    Image.init()
    return tuple(kind for kind in Image.OPEN if kind not in _NOT_READ)


# Pillow's names of the formats that files may have, whatever they are called.
READ = _read_here()
FORMATS = "PNG, JPEG, TIFF, BMP, GIF, WebP and others that Pillow reads"
RESIZES = ("pad", "crop", "stretch")
GROUNDS = {"white": 255, "black": 0, "grey": 128}
TOO_LARGE = "too large"
IMAGE_MEGABYTES = "memory that decoding an image may take, in MB"
# Notes on images that were read, in the plan and the report.
FRAMES = "of several frames, of which the first is taken"
TRANSPARENT = "with transparent parts, shown on {ground}"
OBLONG = "not square, resize={resize}"
GREY_MODES = ("1", "L", "LA", "La")
# A JPEG file is decoded at 1/2, 1/4 or 1/8 of its size if that leaves so many pixels for one.
_PIXELS_FOR_ONE = 4
# Formats whose decoders hold the file's pixels a second time.
_HELD_TWICE = ("WEBP", "AVIF", "JPEG2000", "ICNS")
# Threads that may decode at the same time.
MOST_THREADS = 8
# The largest batch outside training: images, and their pixels in all.
MOST_TOGETHER, PIXELS_TOGETHER = 250, 1 << 20
# Errors that say nothing about the image: of the disk, the network, or this process.
_TRANSIENT_ERRNOS = {
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENETDOWN, errno.ENETUNREACH),
    *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOTCONN, errno.ECONNRESET, errno.ENXIO),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR, errno.EBUSY),
}
_PIXEL_LIMIT_LOCK, _LARGE_IMAGE_LOCK = threading.Lock(), threading.Lock()


class TransientReadError(InputError):
    """An image could not be read for a reason that may pass, such as a disk out of reach."""


@dataclass(frozen=True)
class ImageConversion:
    """How a picture of any size and mode becomes an array.

    Attributes:
        image_size: Height and width of the array in pixels; 0 if derived from the images.
        channels: 1 for grey, 3 for colour; 0 if derived from the images.
        resize: How images are made square. "pad": scaled as a whole, black beside it;
            "crop": the middle of it; "stretch": drawn out.
        ground: A key of `GROUNDS`: what transparent parts are shown on.
        white: Value that is white in files of more than 8 bits; 0: the highest value of the bits
            that a file uses, or, in a resolved conversion, that there are no such files.
        megabytes: Memory that decoding a picture may take.
    """

    image_size: int = 0
    channels: int = 0
    resize: str = "pad"
    ground: str = "white"
    white: int = 0
    megabytes: int = 1024


DEFAULT_CONVERSION = ImageConversion()


def read_image(path: Path, conversion: ImageConversion) -> np.ndarray:
    """Reads an image file as an array.

    Args:
        path: A file of any format that Pillow reads, usually PNG or JPEG.
        conversion: How it is converted, with a size and a number of channels.

    Returns:
        uint8 (image_size, image_size, channels).

    Raises:
        InputError: If the file is missing, truncated, no image or too large; the message names it.
    """
    # A picture that Pillow warns of is right, or else refused below.
    with warnings.catch_warnings(action="ignore"):
        return decode(path, conversion)[0]


def decode(path: Path, conversion: ImageConversion) -> tuple[np.ndarray, list[str]]:
    """As `read_image`, but thread-safe, and with notes on the picture for plan and report.

    The caller has to suppress Pillow's warnings, which no thread can do for itself.
    """
    with open_image(path) as image:
        num_frames = getattr(image, "n_frames", 1)
        min_side = _PIXELS_FOR_ONE * conversion.image_size
        memory = draft_and_check_memory(path, image, conversion.megabytes, min_side)
        # Small ones by many threads at once, but no two that together could take too much.
        is_small = memory * MOST_THREADS < conversion.megabytes
        with contextlib.nullcontext() if is_small else _LARGE_IMAGE_LOCK:
            pixels, notes = as_pixels(image, conversion)
    return pixels, [*notes, *([FRAMES] if num_frames > 1 else [])]


@contextlib.contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """Opens an image file of any size.

    Raises:
        InputError: If it is no image, or the body of the `with` fails; the message names the file.
        TransientReadError: If that is for a reason that may be gone the next time.
    """
    try:
        with _open(path) as image:
            yield image
    except (InputError, MemoryError):
        raise
    except Image.UnidentifiedImageError:
        reason = "an empty file" if path.stat().st_size == 0 else "not an image"
        raise InputError(f"{path}: {reason}; accepted: {FORMATS}") from None
    # Pillow's decoders let a dozen types through, SyntaxError for a broken PNG among them.
    except Exception as error:
        code = error.errno if isinstance(error, OSError) else None
        error_type, hint = InputError, ""
        if code in _TRANSIENT_ERRNOS:
            error_type, hint = TransientReadError, "; accepted: the same command again, once it can"
        raise error_type(f"{path}: the image cannot be read: {error}{hint}") from error


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=READ)
    except Image.DecompressionBombError:
        # Pillow's limit is one of pixels, for the whole process; ours is one of memory.
        with _PIXEL_LIMIT_LOCK:
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                return Image.open(path, formats=READ)
            finally:
                Image.MAX_IMAGE_PIXELS = limit


def megabytes_of(image: Image.Image) -> float:
    """Estimates the most memory in MB that decoding takes: the decoder's, and that of copies.

    Args:
        image: Opened and not read; at the size at which a JPEG file will be decoded.
    """
    if is_deep(image.mode) or image.format in _HELD_TWICE:
        bytes_per_pixel = 24
    elif image.has_transparency_data or has_deep_colours(image):
        bytes_per_pixel = 16
    else:
        bytes_per_pixel = 6 if image.mode in ("1", "L", "P") else 8
    return image.width * image.height * bytes_per_pixel / 1e6


def _megabytes_of_scans(image: Image.Image) -> float:
    """Memory that a JPEG file in several scans takes besides, however small it is decoded.

    Such a file, a progressive one for instance, is held as a whole: up to three numbers of two
    bytes a pixel. Where all colours are in the first scan, it is read line by line.

    Args:
        image: Opened, before Pillow is told at which size to decode it.
    """
    if not isinstance(image, JpegImageFile) or image.fp is None:
        return 0.0
    position = image.fp.tell()
    # Pillow has just read the header of the first scan: how many colours there are in it, two
    # bytes for each, and three more.
    image.fp.seek(max(0, position - 2 * image.layers - 4))
    is_single_scan = image.fp.read(1) == bytes([image.layers]) and "progressive" not in image.info
    image.fp.seek(position)
    return 0.0 if is_single_scan else image.width * image.height * 6 / 1e6


def draft_and_check_memory(
    path: Path, image: Image.Image, megabytes: int, min_side: int = 0
) -> float:
    """Sets the scale at which a JPEG file is decoded; estimates the memory in MB of decoding.

    Args:
        path: Its file, for the message.
        image: Opened; its size becomes that at which it is decoded.
        megabytes: The limit.
        min_side: The smallest scale that leaves each side so many pixels is set; 0: full size.

    Raises:
        InputError: If it takes more than `megabytes`.
    """
    size_text, memory = f"{image.width:,} x {image.height:,}", _megabytes_of_scans(image)
    if min_side:
        image.draft(image.mode, (min_side, min_side))
    memory += megabytes_of(image)
    if memory > megabytes:
        raise InputError(
            f"{path}: {TOO_LARGE}: {size_text} pixels take {memory:,.0f} MB; accepted: up to "
            f"{megabytes:,}"
        )
    return memory


def as_pixels(image: Image.Image, conversion: ImageConversion) -> tuple[np.ndarray, list[str]]:
    """Converts a Pillow image to uint8 (image_size, image_size, channels); also returns notes.

    The camera's rotation (EXIF) is applied. More than 8 bits are scaled to 8. Transparent parts are
    shown on the ground.
    """
    notes = []
    if has_deep_colours(image):
        notes.append(DEEP.format(white=scale_colours(image, conversion.white)))
    ImageOps.exif_transpose(image, in_place=True)
    if is_deep(image.mode):
        image, white = scaled(image, conversion.white)
        notes.append(DEEP.format(white=white))
    border = 0
    if image.has_transparency_data:
        image = image.convert("RGBA")
        # Many programs give every picture an alpha channel, and leave it full.
        if np.asarray(image.getchannel("A")).min() < 255:
            notes.append(TRANSPARENT.format(ground=conversion.ground))
            border = GROUNDS[conversion.ground]
            background = Image.new("RGBA", image.size, (border, border, border, 255))
            image = Image.alpha_composite(background, image)
    mode = "L" if conversion.channels == 1 else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    if image.width != image.height:
        notes.append(OBLONG.format(resize=conversion.resize))
    image = _square(image, conversion, border)
    return np.atleast_3d(np.asarray(image)), notes


def _square(image: Image.Image, conversion: ImageConversion, border: int) -> Image.Image:
    side, (width, height) = conversion.image_size, image.size
    if width == height or conversion.resize == "stretch":
        return image.resize((side, side), Image.Resampling.LANCZOS)
    if conversion.resize == "crop":
        shortest = min(width, height)
        left, top = (width - shortest) // 2, (height - shortest) // 2
        box = (left, top, left + shortest, top + shortest)
        return image.resize((side, side), Image.Resampling.LANCZOS, box=box)
    longest = max(width, height)
    inner = [max(1, round(length * side / longest)) for length in (width, height)]
    canvas = Image.new(image.mode, (side, side), (border,) * len(image.getbands()))
    resized = image.resize((inner[0], inner[1]), Image.Resampling.LANCZOS)
    canvas.paste(resized, ((side - inner[0]) // 2, (side - inner[1]) // 2))
    return canvas


def rows_at_once(shape: Sequence[int]) -> int:
    """The batch size outside training for rows of a shape (height, width, ...).

    Fewer of large images, to bound the memory; rows that are no images count as one pixel a value.
    """
    return max(1, min(MOST_TOGETHER, PIXELS_TOGETHER // math.prod(shape[:2])))


def as_float(images: np.ndarray) -> np.ndarray:
    """Images as networks take them: float32 in [0, 1], from uint8 or unchanged."""
    # Images that are still in a file are read here.
    return np.asarray(images) / np.float32(255) if images.dtype == np.uint8 else images


def as_uint8(images: np.ndarray) -> np.ndarray:
    """Images as they are kept and drawn: uint8, from floats in [0, 1] or from uint8."""
    return images if images.dtype == np.uint8 else np.round(images * 255).astype(np.uint8)


def resize(images: np.ndarray, conversion: ImageConversion) -> np.ndarray:
    """Converts images of one shape to another.

    Args:
        images: uint8 (n, H, W, C) with n >= 1, C 1 or 3.
        conversion: The size and channels wanted, and how images are made square.

    Returns:
        uint8 (n, image_size, image_size, channels); `images` itself if that is its shape already.
    """
    if images.shape[1:] == (conversion.image_size, conversion.image_size, conversion.channels):
        return images
    pictures = images[..., 0] if images.shape[-1] == 1 else images
    return np.stack([as_pixels(Image.fromarray(picture), conversion)[0] for picture in pictures])

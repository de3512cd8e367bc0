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

from gan_mnist.data.bit_depth import (
    has_deep_colours,
    is_deep,
    is_stored_by_planes,
    scale_colours,
    scaled,
)
from gan_mnist.data.decoder_memory import draft_and_check_memory
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
IMAGE_MEGABYTES = "memory that decoding an image may take, in MB"
# Notes on images that were read, in the plan and the report.
FRAMES = "of several frames, of which the first is taken"
TRANSPARENT = "with transparent parts, shown on {ground}"
OBLONG = "not square, resize={resize}"
_GREY_MODES = ("1", "L", "LA", "La")
# The EXIF tag of an image's orientation.
_ORIENTATION = 0x0112
# A JPEG file is decoded at 1/2, 1/4 or 1/8 of its size if that leaves so many pixels for one.
_PIXELS_FOR_ONE = 4
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
            if is_stored_by_planes(image):
                raise InputError(
                    f"{path}: 16-bit colours are stored plane by plane; accepted: pixel by pixel"
                )
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


def is_grey(image: Image.Image) -> bool:
    """Whether an image's file has no colours."""
    return is_deep(image.mode) or image.mode in _GREY_MODES


def orientation(image: Image.Image) -> int:
    """How the camera was held, from 1 to 8 as in EXIF; 1 also if that cannot be read."""
    # Pillow lets a dozen types of errors through. What is damaged says nothing of the pixels.
    with contextlib.suppress(Exception):
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1


def as_pixels(image: Image.Image, conversion: ImageConversion) -> tuple[np.ndarray, list[str]]:
    """Converts a Pillow image to uint8 (image_size, image_size, channels); also returns notes.

    The camera's rotation (EXIF) is applied. More than 8 bits are scaled to 8. Transparent parts are
    shown on the ground.
    """
    notes = []
    if has_deep_colours(image):
        notes += scale_colours(image, conversion.white)
    image.load()
    if orientation(image) != 1:
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "LAB":  # which Pillow does not convert to grey
        image = image.convert("RGB")
    if is_deep(image.mode):
        image, deep_notes = scaled(image, conversion.white)
        notes += deep_notes
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

"""The memory that decoding a picture takes, estimated before it is decoded."""

from pathlib import Path

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from gan_mnist.data.bit_depth import has_deep_colours, is_deep
from gan_mnist.errors import InputError

TOO_LARGE = "too large"
# Formats whose decoders hold the file's pixels a second time.
_HELD_TWICE = ("WEBP", "AVIF", "JPEG2000", "ICNS")


def _megabytes_of_pixels(image: Image.Image) -> float:
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
    memory += _megabytes_of_pixels(image)
    if memory > megabytes:
        raise InputError(
            f"{path}: {TOO_LARGE}: {size_text} pixels take {memory:,.0f} MB; accepted: up to "
            f"{megabytes:,}"
        )
    return memory

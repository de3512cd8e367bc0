"""Pictures of any size and mode, as arrays of one shape."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from gan_mnist.errors import InputError


def read_image(path: Path, image_size: int, channels: int) -> np.ndarray:
    """One image file as pixels.

    Args:
        path: A file of any format that Pillow reads, usually PNG or JPEG.
        image_size: Height and width of the result in pixels.
        channels: 1 for grey, 3 for colour.

    Returns:
        uint8 (image_size, image_size, channels).

    Raises:
        InputError: If the file is missing, truncated or no image; the message names it.
    """
    try:
        # A picture that Pillow warns of is right, or else refused below.
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            return as_pixels(image, image_size, channels)
    except Image.UnidentifiedImageError:
        raise InputError(f"{path}: not an image; accepted: PNG or JPEG files") from None
    except MemoryError:
        raise
    # Pillow's decoders let a dozen types through, SyntaxError for a broken PNG among them.
    except Exception as error:
        raise InputError(f"{path}: the image cannot be read: {error}") from error


def as_pixels(image: Image.Image, image_size: int, channels: int) -> np.ndarray:
    """A Pillow image of any mode as uint8 (image_size, image_size, channels).

    The camera's rotation (EXIF) is applied, 16-bit grey is scaled to 8 bits (what 32 bits hold is
    clipped to 16), and transparent parts are shown on white, as a browser does. The picture is
    stretched to the square, as Keras' image loaders do: nothing is cropped and no border is
    invented.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        # Pillow's own conversion clips these modes to 255 instead of scaling them.
        levels = np.clip(np.asarray(image, np.int64), 0, 65535)
        image = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    image = image.convert("L" if channels == 1 else "RGB")
    image = image.resize((image_size, image_size), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(image_size, image_size, channels)


def as_float(images: np.ndarray) -> np.ndarray:
    """Images as networks take them: float32 in [0, 1], from uint8 or from such floats."""
    return images / np.float32(255) if images.dtype == np.uint8 else images


def as_uint8(images: np.ndarray) -> np.ndarray:
    """Images as they are kept and drawn: uint8, from floats in [0, 1] or from uint8."""
    return images if images.dtype == np.uint8 else np.round(images * 255).astype(np.uint8)


def resize(images: np.ndarray, image_size: int, channels: int) -> np.ndarray:
    """Images of one shape, brought to another.

    Args:
        images: uint8 (n, H, W, C) with n >= 1, C 1 or 3.
        image_size: Height and width of the result in pixels.
        channels: 1 for grey, 3 for colour.

    Returns:
        uint8 (n, image_size, image_size, channels); `images` itself if that is its shape already.
    """
    if images.shape[1:] == (image_size, image_size, channels):
        return images
    pictures = images[..., 0] if images.shape[-1] == 1 else images
    return np.stack([as_pixels(Image.fromarray(p), image_size, channels) for p in pictures])

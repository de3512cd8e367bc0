"""Images in the page: rows of small ones, each row kept once as a file of its own kind."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

COLUMNS = 14
GAP = 2
# Larger ones are made smaller; they are then so many that every byte counts.
_MOST_PIXELS = 64
_QUALITY = 85
_MOST_BYTES = 200_000


def strip(images: np.ndarray, columns: int = COLUMNS) -> dict[str, Any]:
    """The first images side by side, with nothing between them.

    Args:
        images: uint8 (n, height, width, 1 or 3) in [0, 255].
        columns: How many at most.

    Returns:
        `uri`, a data URI; `width` and `height` of all in pixels, `cell` of an image with the gap to
        the next, and `number` of images. Small images keep their exact pixels.
    """
    pictures = [_small(image) for image in images[:columns]]
    width, height = pictures[0].size
    cell = width + GAP
    sheet = Image.new("RGBA", (cell * len(pictures) - GAP, height))
    for column, image in enumerate(pictures):
        sheet.paste(image, (column * cell, 0))
    is_lossless = max(images.shape[1:3]) <= _MOST_PIXELS // 2
    return {
        "uri": _as_webp(sheet, is_lossless),
        "width": sheet.width,
        "height": height,
        "cell": cell,
        "number": len(pictures),
    }


def data_uri(picture: Path) -> str:
    """A PNG as a data URI; a large one, photographs mostly, at the cost of a little sharpness."""
    content = picture.read_bytes()
    if len(content) > _MOST_BYTES:
        with Image.open(picture) as image:
            return _as_webp(image.convert("RGB"), lossless=False)
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _as_webp(image: Image.Image, lossless: bool) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=lossless, quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _small(image: np.ndarray) -> Image.Image:
    picture = Image.fromarray(np.broadcast_to(image, (*image.shape[:2], 3)))
    picture.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    return picture

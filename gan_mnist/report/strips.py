"""Images in the page: rows of small ones, each row kept once as a file of its own kind."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

COLUMNS = 14
GAP = 2
# Larger ones are made smaller; they are then so many that every byte counts.
_MOST_PIXELS = 64
_QUALITY = 85


def strip(images: np.ndarray, columns: int = COLUMNS) -> dict[str, Any]:
    """The first images side by side, with nothing between them.

    Args:
        images: uint8 (n, height, width, 1 or 3) in [0, 255].
        columns: How many at most.

    Returns:
        `uri`, a data URI; `width` and `height` of all in pixels, `cell` of an image with the gap to
        the next, and `number` of images. Small images keep their exact pixels.
    """
    shown = [_small(image) for image in images[:columns]]
    width, height = shown[0].size
    cell = width + GAP
    sheet = Image.new("RGBA", (cell * len(shown) - GAP, height))
    for place, image in enumerate(shown):
        sheet.paste(image, (place * cell, 0))
    lossless = max(images.shape[1:3]) <= _MOST_PIXELS // 2
    file = io.BytesIO()
    sheet.save(file, "WEBP", lossless=lossless, quality=_QUALITY, exact=False)
    data = base64.b64encode(file.getvalue()).decode()
    return {
        "uri": f"data:image/webp;base64,{data}",
        "width": sheet.width,
        "height": height,
        "cell": cell,
        "number": len(shown),
    }


def _small(image: np.ndarray) -> Image.Image:
    picture = Image.fromarray(np.broadcast_to(image, (*image.shape[:2], 3)))
    picture.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    return picture

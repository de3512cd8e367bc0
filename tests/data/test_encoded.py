"""Files that TensorFlow decodes, against what Pillow makes of them."""

import io

import numpy as np
import pytest
from PIL import Image

from gan_mnist.data.encoded import decode
from gan_mnist.data.images import as_pixels

NOISE = np.random.default_rng(0).integers(0, 256, (6, 9, 4), np.uint8)
# Smooth enough to be a picture, with edges that a resize overshoots.
PICTURE = Image.fromarray(NOISE).resize((45, 37), Image.Resampling.BICUBIC)
GREY, COLOUR = PICTURE.convert("L"), PICTURE.convert("RGB")
FILES = {
    "grey.png": GREY,
    "colour.png": COLOUR,
    "grey_on_nothing.png": PICTURE.convert("LA"),
    "colour_on_nothing.png": PICTURE,
    "palette.png": COLOUR.quantize(16),
    "palette_on_nothing.png": PICTURE.quantize(16),
    "two_colours.png": PICTURE.convert("1"),
    "deep.png": Image.fromarray(np.asarray(GREY).astype(np.uint16) * 257),
    "palette.gif": COLOUR.quantize(16),
    "colour.bmp": COLOUR,
    "grey.jpeg": GREY,
    "colour.jpeg": COLOUR,
    "print.jpeg": COLOUR.convert("CMYK"),
}


def encoded(image, suffix):
    file = io.BytesIO()
    image.save(file, suffix)
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [20, 37, 50])
def test_a_file_is_what_pillow_makes_of_it(size, channels):
    for name, image in FILES.items():
        contents = encoded(image, name.split(".")[1])
        with Image.open(io.BytesIO(contents)) as read:
            expected = as_pixels(read, size, channels)
        found = decode(contents, size, channels).numpy()
        assert (found.shape, found.dtype) == (expected.shape, np.float32)
        np.testing.assert_allclose(255 * found, expected, atol=1.01, err_msg=name)
        assert np.ptp(found) > 0.5

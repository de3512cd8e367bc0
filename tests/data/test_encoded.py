"""Files that TensorFlow decodes, against what Pillow makes of them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from test_bit_depth import png

from gan_mnist.data import plain_files
from gan_mnist.data.encoded import decode
from gan_mnist.data.images import ImageConversion, as_pixels, read_image
from gan_mnist.data.plain_files import read_images
from gan_mnist.errors import InputError

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
    "grey.jpeg": GREY,
    "colour.jpeg": COLOUR,
    "print.jpeg": COLOUR.convert("CMYK"),
}
OTHERS = {"palette.gif": COLOUR.quantize(16), "colour.bmp": COLOUR, "colour.webp": COLOUR}
XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'


def encoded(image, suffix, **options):
    file = io.BytesIO()
    image.save(file, suffix, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "conversion",
    [
        *(ImageConversion(size, channels) for size in (20, 37, 50) for channels in (1, 3)),
        ImageConversion(20, 3, "crop", "black"),
        ImageConversion(50, 1, "crop"),
        ImageConversion(20, 1, "stretch"),
        ImageConversion(50, 3, "stretch", "black"),
        ImageConversion(20, 3, "pad", "black"),
    ],
    ids=str,
)
def test_a_file_is_what_pillow_makes_of_it(conversion):
    for name, image in FILES.items():
        contents = encoded(image, name.split(".")[1])
        with Image.open(io.BytesIO(contents)) as read:
            expected, _ = as_pixels(read, conversion)
        found = decode(contents, conversion).numpy()
        assert (found.shape, found.dtype) == (expected.shape, np.float32)
        np.testing.assert_allclose(255 * found, expected, atol=1.01, err_msg=name)
        assert np.ptp(found) > 0.5


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("of_file", [1, 2, 3, 4])
def test_values_of_16_bits_are_as_bright_as_in_the_study(tmp_path, channels, of_file):
    """Of 12 bits in files of 16, a sixteenth of what the upper 8 would show."""
    ramp = np.linspace(0, 4500, 37 * 45).astype(np.uint16).reshape(37, 45, 1)
    levels = np.repeat(ramp, of_file, axis=-1)
    if of_file % 2 == 0:
        levels[..., -1] = 65535
    contents = png(tmp_path / "scan.png", levels).read_bytes()
    conversion = ImageConversion(32, channels, white=4095)
    with Image.open(tmp_path / "scan.png") as image:
        expected, _ = as_pixels(image, conversion)
    assert expected.max() == 255
    np.testing.assert_allclose(255 * decode(contents, conversion).numpy(), expected, atol=1.01)
    # What has 8 bits has no other range.
    np.testing.assert_allclose(
        decode(encoded(COLOUR, "png"), conversion),
        decode(encoded(COLOUR, "png"), ImageConversion(32, channels)),
    )


DEEP_GREY = Image.fromarray(np.asarray(GREY).astype(np.uint16) * 257)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_value_that_is_transparent_is_read_as_pillow_does(channels):
    files = {
        "grey": encoded(GREY, "png", transparency=GREY.getpixel((3, 3))),
        "colour": encoded(COLOUR, "png", transparency=COLOUR.getpixel((3, 3))),
        "deep": encoded(DEEP_GREY, "png", transparency=DEEP_GREY.getpixel((3, 3))),
        "opaque": encoded(COLOUR, "png") + b"tRNS",
    }
    for white in (0, 65535, 4095):
        conversion = ImageConversion(20, channels, white=white)
        for name, contents in files.items():
            with Image.open(io.BytesIO(contents)) as read:
                expected, _ = as_pixels(read, conversion)
            if name == "deep" and white == 0:
                continue
            found = decode(contents, conversion).numpy() * 255
            assert abs(found - expected).max() <= 1, (name, white)
            if (name, white) == ("colour", 4095):  # as in exported models
                graph = tf.function(decode, autograph=False)
                in_graph = graph(tf.constant(contents), conversion)
                np.testing.assert_allclose(in_graph * 255, found, atol=1e-3)


@pytest.mark.parametrize("name", OTHERS)
def test_other_formats_are_refused(name):
    contents = encoded(OTHERS[name], name.split(".")[1])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"files: not PNG or JPEG"):
        decode(contents, ImageConversion(20, 1))


def write_every_kind(folder):
    """Files of all kinds and conditions; their names by whether they are plain for grey, colour."""
    for name, image in (FILES | OTHERS).items():
        image.resize((16, 16)).save(folder / name)
    square = COLOUR.resize((16, 16))
    square.save(folder / "progressive.jpg", progressive=True, subsampling=2, quality=60)
    square.save(folder / "full.jpg", subsampling=0)
    square.save(folder / "interlaced.png", optimize=True)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    square.save(folder / "rotated.jpg", exif=rotated)
    square.save(folder / "rotated.png", exif=rotated)
    (turned := PngInfo()).add_text("XML:com.adobe.xmp", XMP)
    square.save(folder / "turned.png", pnginfo=turned)
    (turned := PngInfo()).add_itxt("XML:com.adobe.xmp", XMP, zip=True)
    square.save(folder / "turned_too.png", pnginfo=turned)
    square.save(folder / "turned.jpg", xmp=XMP.encode())
    square.save(folder / "see_through.png", transparency=square.getpixel((3, 3)))
    COLOUR.resize((16, 17)).save(folder / "oblong.png")
    COLOUR.resize((17, 16)).save(folder / "oblong.jpg")
    square.save(folder / "named_wrongly.png", "JPEG")
    return sorted(folder.iterdir())


@pytest.mark.parametrize("channels", [1, 3])
def test_many_files_are_read_as_one_by_one(tmp_path, monkeypatch, channels):
    paths = write_every_kind(tmp_path)
    expected = [read_image(path, ImageConversion(16, channels)) for path in paths]
    slowly = []
    monkeypatch.setattr(
        plain_files,
        "read_image",
        lambda path, *rest: slowly.append(path.name) or read_image(path, *rest),
    )
    for path, image, one in zip(
        paths, read_images(paths, ImageConversion(16, channels)), expected, strict=True
    ):
        np.testing.assert_array_equal(image, one, err_msg=path.name)
        assert image.dtype == np.uint8
    plain = {
        1: {"grey.png", "grey.jpeg"},
        3: {"colour.png", "colour.jpeg", "progressive.jpg", "full.jpg", "interlaced.png"}
        | {"named_wrongly.png"},
    }[channels]
    assert {path.name for path in paths} - set(slowly) == plain


def test_a_damaged_file_is_told_and_the_others_are_read(tmp_path):
    paths = write_every_kind(tmp_path)
    whole = (tmp_path / "colour.png").read_bytes()
    for number, length in enumerate((0, 1, 20, 60, len(whole) // 2)):
        (tmp_path / f"{number}.png").write_bytes(whole[:length])
    jpeg = (tmp_path / "full.jpg").read_bytes()
    for number, length in enumerate((2, 3, 4, 21, 200, len(jpeg) // 2)):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg[:length])
    bad = [*sorted(tmp_path.glob("?.png")), *sorted(tmp_path.glob("?.jpg")), tmp_path / "nothing"]
    found = read_images([*bad, *paths], ImageConversion(16, 3))
    for path, error in zip(bad, found, strict=False):
        assert isinstance(error, InputError), path
        assert str(error).startswith(str(path))
    for path, image in zip(paths, found[len(bad) :], strict=True):
        np.testing.assert_array_equal(image, read_image(path, ImageConversion(16, 3)))

"""Pictures of every size and mode as arrays, drawn here with Pillow."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from gan_mnist.data.images import ImageConversion, decode, read_image, rows_at_once
from gan_mnist.errors import InputError


def test_a_photo_with_a_damaged_description_is_an_unreadable_image(tmp_path):
    # A resolution in letters, and a rotation, for which Pillow writes all of it anew.
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack("<HHI4s", 0x011A, 2, 2, b"7")
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4)
    path = tmp_path / "photo.jpg"
    Image.new("L", (8, 8)).save(path, exif=exif)
    with pytest.raises(TypeError):
        ImageOps.exif_transpose(Image.open(path))
    with pytest.raises(InputError, match=r"photo.jpg: the image cannot be read"):
        read_image(path, ImageConversion(8, 1))


def test_integers_of_32_bits_are_clipped_to_16(tmp_path):
    values = np.array([[-1, 65535, 70000, 2**31 - 1]] * 4, np.int32)
    Image.fromarray(values).save(tmp_path / "image.tif")
    assert read_image(tmp_path / "image.tif", ImageConversion(4, 1))[0, :, 0].tolist() == [
        0,
        255,
        255,
        255,
    ]


def one_image(tmp_path, image, image_size=8, channels=1, **options):
    image.save(tmp_path / "image.png", **options)
    pixels = read_image(tmp_path / "image.png", ImageConversion(image_size, channels))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (image_size, image_size, channels)
    return pixels


def test_16_bit_grey_is_scaled_not_clipped(tmp_path):
    values = np.repeat(np.array([[0, 257 * 100, 65535, 257 * 7]], np.uint16), 4, axis=0)
    pixels = one_image(tmp_path, Image.fromarray(values), image_size=4)
    assert pixels[0, :, 0].tolist() == [0, 100, 255, 7]


def test_palette_black_and_white_and_grey_alpha(tmp_path):
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 10, 200, 30])
    assert (one_image(tmp_path, palette, channels=3) == (10, 200, 30)).all()
    # ITU-R 601 luma, as Pillow and MNIST-like conversions define grey.
    luma = 0.299 * 10 + 0.587 * 200 + 0.114 * 30
    np.testing.assert_allclose(one_image(tmp_path, palette), luma, atol=1)
    assert (one_image(tmp_path, Image.new("1", (8, 8), 1)) == 255).all()
    assert (one_image(tmp_path, Image.new("LA", (8, 8), (40, 255))) == 40).all()


def test_transparency_is_shown_on_white(tmp_path):
    assert (one_image(tmp_path, Image.new("RGBA", (8, 8), (0, 0, 0, 0))) == 255).all()
    np.testing.assert_allclose(one_image(tmp_path, Image.new("LA", (8, 8), (0, 128))), 127, atol=1)
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([9, 9, 9])
    assert (one_image(tmp_path, palette, transparency=0) == 255).all()


def test_what_is_not_square_is_padded_cropped_or_stretched(tmp_path):
    # From left to right: 40, 200, 200, 90, each a square of eight pixels.
    image = Image.fromarray(np.repeat(np.uint8([[40, 200, 200, 90]]), 8, axis=0))
    image = image.resize((32, 8), Image.Resampling.NEAREST)

    def seen(resize, picture):
        picture.save(tmp_path / "image.png")
        pixels, told = decode(tmp_path / "image.png", ImageConversion(8, 1, resize))
        assert told == [f"not square, resize={resize}"]
        return pixels[..., 0]

    padded = seen("pad", image)
    assert (padded[:3] == 0).all()
    assert (padded[5:] == 0).all()
    np.testing.assert_allclose(padded[3:5].mean(axis=0)[[0, 3, 4, 7]], [40, 200, 200, 90], atol=8)
    assert (seen("crop", image) > 180).all()
    stretched = seen("stretch", image)
    np.testing.assert_allclose(stretched[:, [0, 3, 4, 7]], [[40, 200, 200, 90]] * 8, atol=8)
    upright = image.transpose(Image.Transpose.ROTATE_270)
    np.testing.assert_array_equal(seen("pad", upright), padded.T[:, ::-1])
    assert (seen("crop", upright) > 180).all()


def test_a_square_image_is_the_same_whatever_becomes_of_others(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "image.png")
    seen = [
        decode(tmp_path / "image.png", ImageConversion(8, 3, how))
        for how in ("pad", "crop", "stretch")
    ]
    expected = np.asarray(Image.fromarray(noise).resize((8, 8), Image.Resampling.LANCZOS))
    for pixels, told in seen:
        np.testing.assert_array_equal(pixels, expected)
        assert told == []


def test_values_of_12_bits_in_a_file_of_16_are_not_black(tmp_path):
    values = np.repeat(np.array([[0, 1024, 2048, 4095]], np.uint16), 4, axis=0)
    Image.fromarray(values).save(tmp_path / "scan.tif")
    pixels, told = decode(tmp_path / "scan.tif", ImageConversion(4, 1))
    assert pixels[0, :, 0].tolist() == [0, 64, 128, 255]
    assert told == ["of more than 8 bits, of which values up to 4,095 are shown"]
    # One range for a whole data set: what is said goes before what a file makes use of.
    assert decode(tmp_path / "scan.tif", ImageConversion(4, 1, white=65535))[0].max() == 16


def test_floats_are_seen_whatever_their_range(tmp_path):
    for white in (1, 255):
        values = np.repeat(np.float32([[0, 0.5, 1, np.nan]]), 4, axis=0) * white
        Image.fromarray(values).save(tmp_path / "map.tiff")
        pixels = read_image(tmp_path / "map.tiff", ImageConversion(4, 1))
        assert pixels[0, :, 0].tolist() == [0, 128, 255, 0]
        # Resampling brings some a little beyond.
        Image.fromarray(values * np.float32(1.003)).save(tmp_path / "resampled.tiff")
        pixels = read_image(tmp_path / "resampled.tiff", ImageConversion(4, 1))
        assert pixels[0, :, 0].tolist() == [0, 128, 255, 0]


@pytest.mark.parametrize(("ground", "level"), [("white", 255), ("black", 0), ("grey", 128)])
def test_a_cut_out_is_shown_on_the_ground(tmp_path, ground, level):
    image = Image.new("RGBA", (16, 8), (90, 90, 90, 0))
    image.paste((200, 0, 0, 255), (0, 0, 8, 8))
    image.save(tmp_path / "cut.png")
    pixels, told = decode(tmp_path / "cut.png", ImageConversion(16, 3, "pad", ground))
    assert told == [f"with transparent parts, shown on {ground}", "not square, resize=pad"]
    assert (pixels[5:11, :7] == (200, 0, 0)).all()
    assert (pixels[5:11, 9:] == level).all()
    assert (pixels[:4] == level).all()


def test_a_full_alpha_channel_is_no_transparency(tmp_path):
    Image.new("RGBA", (8, 8), (1, 2, 3, 255)).save(tmp_path / "full.png")
    assert decode(tmp_path / "full.png", ImageConversion(8, 3))[1] == []


@pytest.mark.parametrize("suffix", ["gif", "tiff", "webp", "apng"])
def test_of_several_frames_the_first_is_taken_and_told(tmp_path, suffix):
    path = tmp_path / f"frames.{suffix}"
    frames = [Image.new("RGB", (8, 8), (level, 0, 0)) for level in (200, 0, 40)]
    lossless = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **lossless)
    pixels, told = decode(path, ImageConversion(8, 3))
    assert (pixels == (200, 0, 0)).all()
    assert told == ["of several frames, of which the first is taken"]


def test_a_large_jpeg_is_decoded_small_and_looks_the_same(tmp_path):
    y, x = np.mgrid[:1024, :1024] / 1024
    smooth = np.stack([255 * x, 255 * y, 127 + 127 * np.sin(20 * x)], axis=-1)
    picture = Image.fromarray(smooth.astype(np.uint8))
    picture.save(tmp_path / "photo.jpg", quality=95)
    pixels = read_image(tmp_path / "photo.jpg", ImageConversion(16, 3))
    expected = np.asarray(picture.resize((16, 16), Image.Resampling.LANCZOS))
    assert np.abs(pixels.astype(int) - expected).mean() < 1
    # At its full size it takes 8 MB, at an eighth of it a sixty-fourth.
    assert decode(tmp_path / "photo.jpg", ImageConversion(16, 3, megabytes=1))[0].shape == (
        16,
        16,
        3,
    )


def test_memory_is_limited_and_the_limit_can_be_raised(tmp_path, monkeypatch):
    path = tmp_path / "scan.png"
    Image.new("L", (1000, 1000), 77).save(path)
    with pytest.raises(InputError) as error:
        decode(path, ImageConversion(8, 1, megabytes=1))
    assert str(error.value) == (
        f"{path}: too large: 1,000 x 1,000 pixels take 6 MB; accepted: up to 1"
    )
    # Pillow's own limit does not stand in the way, and is what it was afterwards.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert (read_image(path, ImageConversion(8, 1)) == 77).all()
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_the_cameras_rotation_is_applied(tmp_path):
    image = Image.new("L", (8, 8), 0)
    image.paste(255, (0, 0, 8, 4))
    exif = Image.Exif()
    exif[0x0112] = 3
    pixels = one_image(tmp_path, image, exif=exif)
    assert (pixels[:4] == 0).all()
    assert (pixels[4:] == 255).all()


@pytest.mark.parametrize(
    ("shape", "size"),
    [((28, 28, 1), 250), ((224, 224, 3), 20), ((2000, 2000, 3), 1), ((1,), 250), ((), 250)],
)
def test_fewer_of_large_images_are_shown_at_a_time(shape, size):
    assert rows_at_once(shape) == size


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_a_description_that_cannot_be_read_leaves_an_image_as_it_lies(tmp_path, suffix):
    image = Image.new("L", (8, 8), 7).convert("RGB")
    image.save(tmp_path / f"a.{suffix}", exif=b"Exif\0\0damaged", lossless=True)
    with Image.open(tmp_path / f"a.{suffix}") as opened, pytest.raises(SyntaxError):
        ImageOps.exif_transpose(opened)
    assert (read_image(tmp_path / f"a.{suffix}", ImageConversion(8, 1)) == 7).all()


def test_colours_of_lightness_and_hue_are_read_in_grey(tmp_path):
    image = Image.new("RGB", (8, 8), (200, 30, 90))
    image.convert("LAB").save(tmp_path / "a.tif")
    grey = read_image(tmp_path / "a.tif", ImageConversion(8, 1)).astype(int)
    assert abs(grey - np.asarray(image.convert("L"))[..., None]).max() <= 2


def test_a_transparent_value_of_16_bits_is_shown_on_the_ground(tmp_path):
    values = np.full((8, 8), 2000, np.uint16)
    values[0] = 4095
    Image.fromarray(values).save(tmp_path / "a.png", transparency=2000)
    pixels, told = decode(tmp_path / "a.png", ImageConversion(8, 1, ground="black"))
    assert pixels[..., 0].tolist() == [[255] * 8] + [[0] * 8] * 7
    assert told[1:] == ["with transparent parts, shown on black"]


def test_values_that_cannot_be_shown_are_told(tmp_path):
    values = np.linspace(-50, 900, 64, dtype=np.float32).reshape(8, 8)
    values[0, :3] = np.inf, -np.inf, np.nan
    Image.fromarray(values).save(tmp_path / "a.tif")
    pixels, told = decode(tmp_path / "a.tif", ImageConversion(8, 1))
    # The range is that of finite values.
    assert told == [
        "of more than 8 bits, of which values up to 1,023 are shown",
        "with values below 0, shown as black",
    ]
    assert pixels[0, :3, 0].tolist() == [255, 0, 0]
    Image.fromarray(np.full((8, 8), 70000, np.int32)).save(tmp_path / "b.tif")
    _, told = decode(tmp_path / "b.tif", ImageConversion(8, 1))
    assert told[1:] == ["with values above 65,535, shown as white"]
    _, told = decode(tmp_path / "a.tif", ImageConversion(8, 1, white=255))
    assert told[2:] == ["with values above 255, shown as white"]

"""Colours of 16 bits: files that are written here, byte by byte, as Pillow writes none."""

import struct
import zlib

import numpy as np
import pytest

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.images import ImageConversion, decode, read_image
from gan_mnist.data.plain_files import read_images
from gan_mnist.data.reading import read_files
from gan_mnist.errors import InputError

# Columns, rows and their steps in the passes of an interlaced PNG. Source: its specification.
ADAM7 = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
LOOK = ImageConversion(image_size=8, channels=3)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows_of(levels, filter_):
    """Rows of a PNG: as they are (0), or less what is left of them (1) or above (2)."""
    step, lines, above = 2 * levels.shape[2], [], None
    for row in levels.astype(">u2"):
        line = np.frombuffer(row.tobytes(), np.uint8)
        beside = {
            0: np.zeros_like(line),
            1: np.concatenate([np.zeros(step, np.uint8), line[:-step]]),
            2: np.zeros_like(line) if above is None else above,
        }[filter_]
        lines.append(bytes([filter_]) + (line - beside).tobytes())
        above = line
    return b"".join(lines)


def png(path, levels, filter_=0, interlaced=False, more=b""):
    """Writes levels (H, W, C) in 16 bits."""
    height, width, channels = levels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    passes = ADAM7 if interlaced else ((0, 0, 1, 1),)
    parts = (levels[y::down, x::right] for x, y, right, down in passes)
    data = b"".join(rows_of(part, filter_) for part in parts if part.size)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, int(interlaced))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + more
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )
    return path


def tiff(path, levels, order, compressed, planes=False):
    """Writes levels (H, W, 3) in 16 bits, in either order of bytes; `planes` in name alone."""
    height, width, _ = levels.shape
    data = levels.astype(f"{order}u2").tobytes()
    data = zlib.compress(data) if compressed else data
    short, long, after = 3, 4, 8 + 2 + 12 * (9 + planes) + 4
    tags = [(256, long, 1, width), (257, long, 1, height), (258, short, 3, after),
            (259, short, 1, 8 if compressed else 1), (262, short, 1, 2), (273, long, 1, after + 6),
            (277, short, 1, 3), (278, long, 1, height), (279, long, 1, len(data))]  # fmt: skip
    tags += [(284, short, 1, 2)] * planes
    content = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    for tag, kind, number, value in tags:
        form = "HHIHxx" if kind == short and number == 1 else "HHII"
        content += struct.pack(order + form, tag, kind, number, value)
    path.write_bytes(content + struct.pack(f"{order}IHHH", 0, 16, 16, 16) + data)
    return path


def levels(most, channels=3):
    """Of 8 x 8 pixels; the highest is there."""
    found = np.random.default_rng(channels).integers(0, most + 1, (8, 8, channels))
    found[3, 4, 0] = most
    return found


def in_8_bits(found, white):
    return np.floor(found * 255 / white + 0.5).astype(np.uint8)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("filter_", [0, 1, 2])
@pytest.mark.parametrize(("most", "white"), [(4000, 4095), (200, 255), (1000, 1023), (9000, 16383)])
def test_colours_that_use_fewer_bits_are_not_black(tmp_path, most, white, filter_, interlaced):
    path = png(tmp_path / "a.png", levels(most), filter_, interlaced)
    pixels, told = decode(path, LOOK)
    np.testing.assert_array_equal(pixels, in_8_bits(levels(most), white))
    assert told == [f"of more than 8 bits, of which values up to {white:,} are shown"]


def test_colours_that_use_all_16_bits_are_the_upper_8_as_before(tmp_path):
    pixels, told = decode(png(tmp_path / "a.png", levels(65535)), LOOK)
    np.testing.assert_array_equal(pixels, levels(65535) >> 8)
    assert told == ["of more than 8 bits, of which values up to 65,535 are shown"]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_so_are_those_of_tiff_files(tmp_path, order, compressed):
    path = tiff(tmp_path / "a.tif", levels(4000), order, compressed)
    np.testing.assert_array_equal(read_image(path, LOOK), in_8_bits(levels(4000), 4095))


def test_grey_with_opacity_and_colours_with_opacity(tmp_path):
    grey = np.concatenate([levels(4000, 1), np.full((8, 8, 1), 65535)], axis=2)
    pixels = read_image(png(tmp_path / "grey.png", grey), ImageConversion(8, 1))
    np.testing.assert_array_equal(pixels, in_8_bits(levels(4000, 1), 4095))
    colours = np.concatenate([levels(4000), np.full((8, 8, 1), 65535)], axis=2)
    colours[0, 0, 3] = 0
    pixels, told = decode(png(tmp_path / "colours.png", colours), LOOK)
    expected = in_8_bits(levels(4000), 4095)
    expected[0, 0] = 255
    np.testing.assert_array_equal(pixels, expected)
    assert told[1:] == ["with transparent parts, shown on white"]


def test_a_picture_of_many_rows_is_whole_and_turned_as_the_camera_says(tmp_path):
    tall = np.random.default_rng(0).integers(0, 4096, (200, 200, 3))
    turned = struct.pack(">2sHIHHHIHxxI", b"MM", 42, 8, 1, 274, 3, 1, 6, 0)
    path = png(tmp_path / "tall.png", tall, more=chunk(b"eXIf", turned))
    pixels = read_image(path, ImageConversion(200, 3))
    np.testing.assert_array_equal(pixels, in_8_bits(np.rot90(tall, -1), 4095))


def test_white_is_the_same_for_all_images_and_told(tmp_path):
    for name, value in (
        ("a/dark.png", 800),
        ("a/light.png", 4000),
        ("b/1.png", 30),
        ("b/2.png", 9),
    ):
        png(tmp_path / name, np.full((16, 16, 3), value) + [0, 40, 80])
    dataset = load_dataset("folder", str(tmp_path))
    assert dataset.image_shape == (16, 16, 3)
    splits = (dataset.train, dataset.test)
    found = {name: int(image[0, 0, 0]) for split in splits
             for name, image in zip(split.filenames, split.images, strict=True)}  # fmt: skip
    assert found == {"a/dark.png": 50, "a/light.png": 249, "b/1.png": 2, "b/2.png": 1}
    told = "of more than 8 bits, of which values up to 4,095 are shown"
    assert dataset.provenance["files"]["noted"] == {told: 4}


def test_grey_that_is_saved_as_colours_is_grey(tmp_path):
    grey = np.repeat(levels(4000, 1), 3, axis=2)
    png(tmp_path / "a.png", grey)
    found = read_files(tmp_path, ["a.png"], ImageConversion(8))
    assert found.images.shape == (1, 8, 8, 1)
    np.testing.assert_array_equal(found.images[0], in_8_bits(levels(4000, 1), 4095))


def test_what_a_model_is_asked_about_is_read_so_too(tmp_path):
    path = png(tmp_path / "a.png", levels(4000))
    (found,) = read_images([path], LOOK)
    np.testing.assert_array_equal(found, in_8_bits(levels(4000), 4095))


def test_a_broken_one_is_refused(tmp_path):
    path = png(tmp_path / "a.png", levels(4000))
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(InputError, match=r"a\.png: the image cannot be read"):
        read_image(path, LOOK)
    assert list(read_files(tmp_path, ["a.png"], ImageConversion(8)).bad) == ["a.png"]


@pytest.mark.parametrize("compressed", [False, True])
def test_colours_that_lie_plane_by_plane_are_refused(tmp_path, compressed):
    """Pillow would take their bytes for 8-bit colours."""
    path = tiff(tmp_path / "a.tif", levels(4000), "<", compressed, planes=True)
    with pytest.raises(InputError, match=r"a\.tif: 16-bit colours are stored plane by plane"):
        read_image(path, LOOK)
    bad = read_files(tmp_path, ["a.tif"], ImageConversion(8)).bad
    assert bad == {"a.tif": "16-bit colours are stored plane by plane; accepted: pixel by pixel"}

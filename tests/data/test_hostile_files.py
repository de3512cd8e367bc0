"""Files that are made to take all memory, or to start a program: refused by their headers."""

import gzip
import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, JpegImagePlugin

from gan_mnist.data import idx, images
from gan_mnist.data.encoded import decode as decode_encoded
from gan_mnist.data.idx import read_idx
from gan_mnist.data.images import ImageConversion, read_image
from gan_mnist.data.reading import read_files
from gan_mnist.errors import InputError

LOOK = ImageConversion(8, 3)


def idx_header(*shape):
    return struct.pack(f">{1 + len(shape)}I", 0x0800 | len(shape), *shape)


def png(width, height, depth=8, colour=2, data=b""):
    """A PNG file whose header promises so many pixels, whatever there is of them."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gif(width, height):
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x01\x05\x00"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + frame + b";"


def bmp(width, height):
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + head


def jpeg(width, height, progressive=False):
    """A whole JPEG file of 16 x 16 pixels whose frame header promises others."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 100, 0)).save(file, "jpeg", progressive=progressive)
    content = file.getvalue()
    place = content.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


@pytest.fixture
def most_read(monkeypatch):
    """How many bytes at most were asked for at once of a compressed file."""
    asked, read = [0], gzip.GzipFile.read

    def counted(file, size=-1):
        asked[0] = float("inf") if size is None or size < 0 else max(asked[0], size)
        return read(file, size)

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    return asked


def test_of_a_bomb_no_more_is_unpacked_than_its_header_promises(tmp_path, most_read):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx_header(2, 4, 4) + bytes(50_000_000)))
    with pytest.raises(InputError, match="more values where its header promises 2 x 4 x 4"):
        read_idx(path, 3)
    assert most_read == [33]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_header_that_promises_too_much_is_refused(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"images{suffix}"
    content = idx_header(2**32 - 1, 2**32 - 1, 2**32 - 1)
    path.write_bytes(gzip.compress(content) if suffix else content)
    told = "its header promises 4294967295 x .* values; accepted: up to 2,147,483,648"
    with pytest.raises(InputError, match=told):
        read_idx(path, 3)
    monkeypatch.setattr(idx, "MOST_BYTES", 8)
    path.write_bytes(
        gzip.compress(idx_header(8) + bytes(8)) if suffix else idx_header(8) + bytes(8)
    )
    assert read_idx(path, 1).tolist() == [0] * 8
    monkeypatch.setattr(idx, "MOST_BYTES", 7)
    with pytest.raises(InputError, match="too large"):
        read_idx(path, 1)


@pytest.fixture
def nothing_is_decoded(monkeypatch):
    def load(*_):
        raise AssertionError("it was decoded")

    for kind in (Image.Image, JpegImagePlugin.JpegImageFile):
        monkeypatch.setattr(kind, "load", load)


@pytest.mark.parametrize(
    ("content", "megabytes"),
    [
        (png(20_000, 20_000), "3,200"),  # What it took before: 3.5 GB, of a file of 0.4 MB.
        (png(10_000, 10_000, colour=6), "1,600"),
        (png(8_000, 8_000, depth=16, colour=0), "1,536"),
        (png(100_000, 100_000), "80,000"),
        (gif(65_535, 65_535), "25,769"),
        (bmp(30_000, 30_000), "7,200"),
        (jpeg(60_000, 60_000, progressive=True), "22,050"),
    ],
)
def test_an_image_that_promises_too_many_pixels_is_not_decoded(
    tmp_path, nothing_is_decoded, content, megabytes
):
    path = tmp_path / "bomb.png"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_image(path, LOOK)
    assert f"{path}: too large: " in str(error.value)
    assert f"pixels take {megabytes} MB; accepted: up to 1,024" in str(error.value)


def test_a_photograph_that_is_decoded_small_is_not_refused(tmp_path):
    """In one scan a JPEG file is read line by line; a progressive one is held as a whole."""
    conversion = ImageConversion(8, 3, megabytes=1)
    for progressive in (False, True):
        Image.new("RGB", (1000, 1000), (200, 100, 0)).save(
            tmp_path / "photo.jpg", progressive=progressive
        )
        if progressive:
            with pytest.raises(InputError, match="1,000 x 1,000 pixels take 6 MB"):
                read_image(tmp_path / "photo.jpg", conversion)
        else:
            assert read_image(tmp_path / "photo.jpg", conversion).shape == (8, 8, 3)


@pytest.mark.parametrize("name", ["a.png", "a.eps", "a.jpg"])
def test_a_file_of_a_format_that_needs_a_program_is_no_image(tmp_path, monkeypatch, name):
    """Pillow hands EPS to Ghostscript, whatever the file is called."""
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program is started"))
    monkeypatch.setattr("subprocess.check_call", lambda *_, **__: pytest.fail("likewise"))
    (tmp_path / name).write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    )
    with pytest.raises(InputError, match="not an image; accepted: PNG"):
        read_image(tmp_path / name, LOOK)


def test_what_is_read_is_what_pillow_reads_by_itself():
    assert {"PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM", "TGA", "ICO"} <= set(images.READ)
    assert not {"EPS", "PDF", "WMF", "MPEG"} & set(images.READ)


@pytest.mark.parametrize(
    "content",
    [
        png(20_000, 20_000),
        png(2**31 - 1, 2**31 - 1),
        png(2**32 - 1, 1),
        png(0, 5),
        gif(65_535, 65_535),
        gif(0, 0),
        bmp(20_000, -20_000),
        jpeg(20_000, 20_000),
        b"RIFF\x00\x00\x00\x00WEBPVP8L",
        b"",
        b"no image",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_tensorflow_decodes_none_of_these(content, monkeypatch):
    with pytest.raises(tf.errors.InvalidArgumentError, match="or of more than 67,108,864 pixels"):
        decode_encoded(tf.constant(content), LOOK)


def test_tensorflow_decodes_up_to_the_limit(monkeypatch):
    monkeypatch.setattr("gan_mnist.data.encoded.MOST_PIXELS", 50 * 40)
    for kind in ("png", "jpeg"):
        for width, fits in ((40, True), (41, False)):
            file = io.BytesIO()
            Image.fromarray(np.full((50, width), 7, np.uint8)).save(file, kind)
            if fits:
                decoded = decode_encoded(
                    tf.constant(file.getvalue()), ImageConversion(8, 1, "stretch")
                )
                np.testing.assert_allclose(decoded, 7 / 255, atol=1e-6)
            else:
                with pytest.raises(tf.errors.InvalidArgumentError, match="41"):
                    decode_encoded(tf.constant(file.getvalue()), ImageConversion(8, 1, "stretch"))


def test_a_file_that_leads_beyond_itself_is_bad_and_no_disturbance(tmp_path):
    """Pillow's decoder goes where a broken file says, which has a number as an error of a disk."""
    Image.new("L", (40, 40), 9).save(tmp_path / "whole.pcx")
    whole = (tmp_path / "whole.pcx").read_bytes()
    (tmp_path / "cut.pcx").write_bytes(whole[: len(whole) // 2])
    found = read_files(tmp_path, ["whole.pcx", "cut.pcx"], ImageConversion(16, 1))
    assert list(found.bad) == ["cut.pcx"]

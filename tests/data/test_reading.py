"""Size and channels that follow the images, and what was decoded once and is kept."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image
from plain_images import draw

from gan_mnist.data import decoded_cache, reading
from gan_mnist.data.images import ImageConversion
from gan_mnist.data.reading import read_files
from gan_mnist.data.stored import StoredImages


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(28, 28)], 32),
        ([(32, 20)], 32),
        ([(20, 50)], 64),
        ([(1000, 800)], 64),
        ([(9, 7)], 16),
        ([(16, 16), (16, 16), (500, 500)], 16),  # the usual one
    ],
)
def test_the_size_follows_the_images(tmp_path, sizes, expected):
    names = draw(tmp_path / "images", sizes)
    assert (
        read_files(tmp_path / "images", names, ImageConversion()).conversion.image_size == expected
    )
    assert read_files(tmp_path / "images", names, ImageConversion(24)).images.shape[1:] == (
        24,
        24,
        1,
    )


@pytest.mark.parametrize(
    ("mode", "value", "channels"),
    [
        ("L", 9, 1),
        ("I;16", 900, 1),
        ("LA", (7, 9), 1),
        ("RGB", (9, 9, 9), 1),  # grey, though its file says colour
        ("RGB", (9, 9, 11), 1),  # as a lossy format leaves grey
        ("RGB", (9, 9, 12), 3),
        ("P", 5, 1),
    ],
)
def test_the_channels_follow_the_images(tmp_path, mode, value, channels):
    names = draw(tmp_path / "images", [(8, 8)] * 2, mode, value)
    assert read_files(tmp_path / "images", names, ImageConversion()).images.shape == (
        2,
        16,
        16,
        channels,
    )


def test_one_colour_image_makes_all_colour(tmp_path):
    names = draw(tmp_path / "images", [(16, 16)] * 300, "RGB", (5, 5, 5))
    Image.new("RGB", (16, 16), (5, 5, 8)).save(tmp_path / "images" / names[-1])
    assert read_files(tmp_path / "images", names, ImageConversion()).conversion.channels == 3


@pytest.mark.parametrize("name", ["0.jpg", "0.webp"])
def test_grey_that_was_found_in_the_pixels_is_what_a_grey_look_sees(tmp_path, kept, name):
    folder = tmp_path / "images"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    Image.fromarray(noise).convert("RGB").save(folder / name, quality=50)
    found = read_files(folder, [name], ImageConversion())
    assert found.conversion.channels == 1
    for file in kept.rglob("*.*"):
        file.unlink()
    np.testing.assert_array_equal(found.images, read_files(folder, [name], found.conversion).images)


def test_white_is_the_same_for_all_images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name, value in (("dark.png", 800), ("light.png", 4000)):
        Image.fromarray(np.full((8, 8), value, np.uint16)).save(folder / name)
    found = read_files(folder, ["dark.png", "light.png"], ImageConversion())
    assert found.images[:, 0, 0, 0].tolist() == [50, 249]
    assert found.notes == {"of more than 8 bits, of which values up to 4,095 are shown": 2}


def test_images_are_decoded_once_and_stay_in_their_file(tmp_path, kept, decoded):
    names = draw(tmp_path / "images", [(20, 20), (30, 20)])
    (tmp_path / "images" / "bad.png").write_bytes(b"no image")
    first = read_files(tmp_path / "images", [*names, "bad.png"], ImageConversion())
    assert decoded == ["0.png", "1.png", "bad.png"]
    assert isinstance(first.images, StoredImages)
    # Another process asks for the very size and channels that were found.
    for conversion in (ImageConversion(), first.conversion):
        again = read_files(tmp_path / "images", [*names, "bad.png"], conversion)
        assert decoded == ["0.png", "1.png", "bad.png"]
        assert isinstance(again.images, StoredImages)
        np.testing.assert_array_equal(again.images, first.images)
        assert (again.bad, again.notes, again.conversion) == (
            first.bad,
            first.notes,
            first.conversion,
        )
    assert first.notes == {"not square, resize=pad": 1}
    assert list(first.bad) == ["bad.png"]


def test_a_trial_that_asks_with_what_a_plan_found_opens_no_file(tmp_path, kept, monkeypatch):
    names = draw(tmp_path / "images", [(20, 20)] * 3, "RGB", (9, 9, 9))
    found = read_files(tmp_path / "images", names, ImageConversion())
    monkeypatch.setattr(reading, "open_image", None)
    again = read_files(tmp_path / "images", names, found.conversion)
    assert again.conversion == found.conversion
    np.testing.assert_array_equal(again.images[:], found.images[:])


def test_what_changed_is_decoded_anew(tmp_path, kept, decoded):
    folder = tmp_path / "images"
    names = draw(folder, [(8, 8)])
    read_files(folder, names, ImageConversion())
    before = os.stat(folder / "0.png")
    whole = (folder / "0.png").read_bytes()
    Image.new("L", (8, 8), 101).save(folder / "0.png")
    assert len(whole) == os.path.getsize(folder / "0.png")
    # As if nothing had happened, as far as a program can.
    os.utime(folder / "0.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (read_files(folder, names, ImageConversion()).images[:] == 101).all()
    assert decoded == ["0.png"] * 2


def test_another_look_is_another_array(tmp_path, kept):
    names = draw(tmp_path / "images", [(8, 16)])
    seen = [
        read_files(tmp_path / "images", names, ImageConversion(8, 1, how))
        for how in ("pad", "crop")
    ]
    again = [
        read_files(tmp_path / "images", names, ImageConversion(8, 1, how))
        for how in ("pad", "crop")
    ]
    for one, other in zip(seen, again, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
    assert seen[0].images[:].min() == 0
    assert seen[1].images[:].min() == 100


def test_new_files_are_not_kept_as_they_may_change_unseen(tmp_path, kept, monkeypatch):
    monkeypatch.setattr(decoded_cache, "SETTLED_SECONDS", 60)
    names = draw(tmp_path / "images", [(8, 8)])
    assert (read_files(tmp_path / "images", names, ImageConversion()).images[:] == 100).all()
    assert not kept.exists()


def test_without_a_place_to_keep_them_images_are_read_all_the_same(tmp_path, kept, decoded):
    kept.parent.write_text("no directory")
    names = draw(tmp_path / "images", [(8, 8)])
    for _ in range(2):
        assert (read_files(tmp_path / "images", names, ImageConversion()).images[:] == 100).all()
    assert len(decoded) == 2


def replace_by_a_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def write_over(path):
    """As many bytes, and a whole array where it was one."""
    if path.suffix == ".npy":
        np.save(path, np.zeros_like(np.load(path)))
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"0")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        *(
            lambda path, content=content: path.write_bytes(content)
            for content in (b"", b"x", b"{}")
        ),
        lambda path: os.truncate(path, path.stat().st_size - 1),
        *(replace_by_a_folder, replace_by_a_pipe, write_over),
    ],
)
def test_a_damaged_cache_is_made_anew(tmp_path, kept, spoil):
    names = draw(tmp_path / "images", [(8, 8)])

    def read():
        found = read_files(tmp_path / "images", names, ImageConversion())
        assert (found.images[:] == 100).all()
        assert found.remember("colour", lambda: "grey") == "grey"

    read()
    files = sorted(kept.rglob("*.*"))
    # Pixels, what is told of them, and the looks that were asked for and found.
    assert len(files) == 4
    for path in [*files, *kept.rglob("*-colour")]:
        spoil(path)
        read()
        if path.is_dir():  # what cannot be replaced is in nobody's way
            path.rmdir()
            read()


def test_a_cache_that_goes_while_it_is_made_is_not_missed(tmp_path, kept, monkeypatch):
    def delete_and_decode(path, conversion):
        shutil.rmtree(kept)
        return decode(path, conversion)

    decode = reading.decode
    monkeypatch.setattr(reading, "decode", delete_and_decode)
    names = draw(tmp_path / "images", [(8, 8)])
    assert (read_files(tmp_path / "images", names, ImageConversion()).images[:] == 100).all()
    assert not list(kept.rglob("*.npy"))


@pytest.mark.parametrize("variable", ["~nobody_here/cache", "/dev/null", "/proc/cache"])
def test_where_no_cache_can_be_images_are_read_all_the_same(tmp_path, kept, monkeypatch, variable):
    """A user without a home folder has no ~ either."""
    monkeypatch.setenv("GAN_MNIST_CACHE", variable)
    names = draw(tmp_path / "images", [(8, 8)])
    assert (read_files(tmp_path / "images", names, ImageConversion()).images[:] == 100).all()


def test_large_files_are_decoded_by_threads_in_order(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    names = [f"{number}.bmp" for number in range(6)]
    for number, name in enumerate(names):
        noise = rng.integers(0, 20, (200, 200, 3), np.uint8) + np.uint8(40 * number)
        Image.fromarray(noise).save(folder / name)
    means = read_files(folder, names, ImageConversion()).images.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(means, [9.5 + 40 * number for number in range(6)], atol=1)

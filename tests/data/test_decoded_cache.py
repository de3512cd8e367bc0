"""Where what was decoded is kept, and for how long."""

import errno
import os
import time

import numpy as np
import PIL
import pytest
from PIL import Image
from plain_images import draw

from gan_mnist.data import decoded_cache
from gan_mnist.data.images import ImageConversion, TransientReadError
from gan_mnist.data.reading import read_files


def test_what_was_not_used_for_a_week_is_removed(tmp_path, kept):
    old, new = tmp_path / "old", tmp_path / "new"
    read_files(old, draw(old, [(8, 8)]), ImageConversion())
    (place,) = kept.iterdir()
    long_ago = time.time() - decoded_cache.KEPT_SECONDS - 60
    # GAN_MNIST_CACHE may be a folder in which other things lie.
    others = [kept.parent / "thesis", kept.parent / place.name, kept / "thesis"]
    for folder in (*others, place):
        folder.mkdir(exist_ok=True)
        os.utime(folder, (long_ago, long_ago))
    read_files(new, draw(new, [(8, 8)]), ImageConversion())
    assert not place.exists()
    assert all(other.exists() for other in others)
    assert len(list(kept.iterdir())) == 2


def test_files_of_a_clock_that_is_ahead_are_kept(tmp_path, kept, decoded, monkeypatch):
    monkeypatch.setattr(decoded_cache, "SETTLED_SECONDS", 2)
    names = draw(tmp_path / "images", [(8, 8)])
    ahead = time.time() + 3600
    os.utime(tmp_path / "images" / names[0], (ahead, ahead))
    later = time.time() + 10
    monkeypatch.setattr(time, "time", lambda: later)
    for _ in range(2):
        read_files(tmp_path / "images", names, ImageConversion())
    assert decoded == names


def test_what_another_decoder_made_is_not_taken(tmp_path, kept, decoded, monkeypatch):
    names = draw(tmp_path / "images", [(8, 8)])
    read_files(tmp_path / "images", names, ImageConversion())
    monkeypatch.setattr(PIL, "__version__", "0.1")
    read_files(tmp_path / "images", names, ImageConversion())
    monkeypatch.setattr(decoded_cache, "DECODER", decoded_cache.DECODER + 1)
    read_files(tmp_path / "images", names, ImageConversion())
    assert decoded == 3 * names


def test_a_disk_that_is_out_of_reach_makes_no_bad_images(tmp_path, kept, monkeypatch):
    def unreachable(*arguments, **more):
        raise OSError(errno.EIO, "Input/output error")

    names = draw(tmp_path / "images", [(8, 8), (8, 8)])
    with monkeypatch.context() as patch:
        patch.setattr(Image, "open", unreachable)
        with pytest.raises(
            TransientReadError, match=r"0\.png: the image cannot be read: .*Input/output"
        ):
            read_files(tmp_path / "images", names, ImageConversion())
    assert read_files(tmp_path / "images", names, ImageConversion()).bad == {}


def test_two_processes_that_decode_at_once_leave_one_whole_array(tmp_path, kept):
    draw(tmp_path / "images", [(8, 8)])
    one, other = (decoded_cache.DecodedCache(tmp_path / "images", ["0.png"]) for _ in range(2))
    shape = 2, 3, 3, 1
    with one.new_array("a.npy", shape) as first:
        first[:] = 1
        with other.new_array("a.npy", shape) as second:
            second[:] = 2
        kept_before = one.array("a.npy", shape)
        assert (kept_before[:] == 2).all()
    assert (one.array("a.npy", shape)[:] == 1).all()
    # What is open already stays as it was.
    assert (kept_before[:] == 2).all()
    assert one.array("a.npy", (3, 2, 3, 1)) is None
    assert [path.name for path in next(kept.iterdir()).iterdir()] == ["a.npy"]


def test_what_stops_midway_leaves_nothing(tmp_path, kept):
    draw(tmp_path / "images", [(8, 8)])
    shelf = decoded_cache.DecodedCache(tmp_path / "images", ["0.png"])
    with pytest.raises(KeyboardInterrupt), shelf.new_array("a.npy", (2, 3, 3, 1)):
        raise KeyboardInterrupt
    assert shelf.array("a.npy", (2, 3, 3, 1)) is None
    assert list(next(kept.iterdir()).iterdir()) == []


def test_a_full_disk_keeps_nothing_and_stops_nobody(tmp_path, kept, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    names = draw(tmp_path / "images", [(8, 8)])
    assert (read_files(tmp_path / "images", names, ImageConversion()).images[:] == 100).all()
    assert list(kept.rglob("*.npy")) == []

"""Images that stay in a file do what arrays of them do, and take no memory."""

import gc
import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data import pipelines, stored
from gan_mnist.data.images import as_float
from gan_mnist.data.splits import Split
from gan_mnist.data.stored import StoredImages
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import InputError

ROWS = np.array([7, 2, 11, 5, 0, 3])


@pytest.fixture
def path(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 5, 4, 3), np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    return tmp_path / "pixels.npy"


@pytest.fixture
def both(path):
    """The images as an array, and as they lie in the file."""
    return np.load(path)[ROWS], StoredImages.load(path).take(ROWS)


@pytest.mark.parametrize(
    "key",
    [
        *(0, -1, np.int64(3), slice(None), slice(1, 4), slice(4, 99), slice(None, None, -2)),
        *([3, 3, 1], np.array([5, 0]), np.array([], int), np.array([[0, 1], [2, 3]])),
        np.array([True, False, False, True, False, True]),
        *((..., 0), (slice(2), 1), (0, 0)),
    ],
    ids=repr,
)
def test_a_part_is_that_of_an_array(both, key):
    array, images = both
    np.testing.assert_array_equal(images[key], array[key])
    assert images[key].dtype == np.uint8


@pytest.mark.parametrize("key", [6, -7, [0, 6], np.zeros(5, bool)], ids=repr)
def test_what_an_array_has_not_is_refused_as_by_an_array(both, key):
    for images in both:
        with pytest.raises(IndexError):
            images[key]


def test_they_are_like_an_array(both):
    array, images = both
    told = [(a.shape, a.dtype, a.ndim, a.nbytes, len(a)) for a in both]
    assert told[0] == told[1]
    np.testing.assert_array_equal(np.asarray(images), array)
    np.testing.assert_array_equal(np.concatenate([images, images]), np.concatenate([array, array]))
    np.testing.assert_array_equal(as_float(images), as_float(array))
    for ours, theirs in zip(images, array, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    labels = np.zeros(6, np.int32)
    of_both = [Subset(part, labels, ("ape",), tuple("abcdef")) for part in (images, array)]
    assert of_both[0].fingerprint == of_both[1].fingerprint
    np.testing.assert_array_equal(of_both[0].of_class(0), array)


@pytest.mark.parametrize("most_bytes", [1, 10**9])
def test_batches_of_them_are_those_of_an_array(both, most_bytes, monkeypatch):
    monkeypatch.setattr(pipelines, "MOST_BYTES_AS_TENSOR", most_bytes)
    of_both = [pipelines.training_batches((images,), 4, None, 3, 5).take(6) for images in both]
    for (one,), (other,) in zip(*of_both, strict=True):
        tf.debugging.assert_equal(one, other)


def test_they_are_read_after_the_file_was_deleted(both, path):
    array, images = both
    path.unlink()
    np.testing.assert_array_equal(images[:], array)


def test_they_are_those_of_the_file_that_was_there_before_it_was_replaced(path, monkeypatch):
    monkeypatch.setattr(stored, "LARGE_BYTES", 0)
    expected, source = np.load(path)[ROWS], StoredImages.load(path)
    np.save(path.with_name("other.npy"), np.zeros((12, 5, 4, 3), np.uint8))
    path.with_name("other.npy").replace(path)
    split = Split(source, np.zeros(6, int), tuple("abcdef"), rows=ROWS)
    assert isinstance(split.images, StoredImages)
    np.testing.assert_array_equal(split.images, expected)


def test_another_process_gets_them_as_an_array(path, monkeypatch):
    monkeypatch.setattr(stored, "LARGE_BYTES", 0)
    array = np.load(path)
    whole = Split(StoredImages.load(path), np.zeros(12, int), tuple(map(str, range(12))))
    splits = whole.take(ROWS), whole.take(ROWS[:2])
    sent = pickle.dumps((splits[0].images, *splits))
    # The source goes along once, and not what was read of it.
    assert len(pickle.dumps(splits)) < len(pickle.dumps(splits[0])) + 500
    # There neither the file nor what this process opened is at hand.
    path.unlink()
    del whole, splits
    gc.collect()
    images, *parts = pickle.loads(sent)
    np.testing.assert_array_equal(images, array[ROWS])
    np.testing.assert_array_equal(parts[0].images, array[ROWS])
    np.testing.assert_array_equal(parts[1].images, array[ROWS[:2]])


def cut_off(path):
    os.truncate(path, path.stat().st_size - 1)


def write_over(path):
    with path.open("r+b") as file:
        file.write(path.read_bytes()[::-1])
    os.utime(path, (1, 1))  # not as it was, whatever the clock's resolution


@pytest.mark.parametrize("change", [cut_off, write_over, lambda path: os.truncate(path, 0)])
def test_a_file_that_changes_is_told_in_a_line(both, path, change):
    """Mapped, it would end the process."""
    change(path)
    with pytest.raises(InputError, match=r"^--data_dir: .*pixels.npy, .*was changed") as error:
        both[1][2]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        *(np.zeros((3, 2), np.uint8), np.zeros((2, 2, 2, 1))),
        *(np.asfortranarray(np.zeros((2, 3, 2, 1), np.uint8)), np.array([None])),
        *(b"", b"x", b"\x93NUMPY\x01\x00\x05\x00"),
    ],
    ids=repr,
)
def test_what_holds_no_images_is_refused(tmp_path, content):
    path = tmp_path / "pixels.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(ValueError, match=r"it holds no images|it is cut off|EOF|header"):
        StoredImages.load(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pixels.npy")
    with pytest.raises(ValueError, match="no file"):
        StoredImages.load(tmp_path / "pixels.npy")


@pytest.mark.slow
def test_the_file_is_closed_with_them(path):
    def opened():
        links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
        return sum(link.is_symlink() and os.readlink(link) == str(path) for link in links)

    before = opened()
    images = StoredImages.load(path).take(ROWS)
    assert opened() == before + 1
    del images
    gc.collect()
    assert opened() == before


@pytest.mark.parametrize(("large", "most_megabytes"), [(25_000_000, 5), (10**9, 90)])
def test_of_large_splits_memory_has_nothing_and_of_others_one_copy(
    tmp_path, large, most_megabytes, monkeypatch
):
    """One copy is 49 MB, two are 98; what is freed of a block of 17 MB may be kept twice over."""
    monkeypatch.setattr(stored, "LARGE_BYTES", large)
    pixels = np.lib.format.open_memmap(
        tmp_path / "pixels.npy", mode="w+", dtype=np.uint8, shape=(4_000, 128, 128, 1)
    )
    pixels[:] = np.random.default_rng(0).integers(0, 256, (4_000, 1, 1, 1))
    del pixels

    def in_memory():
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1e3

    source = StoredImages.load(tmp_path / "pixels.npy")
    rows = np.random.default_rng(1).permutation(4_000)[:3_000]
    split = Split(source, np.zeros(3_000, int), tuple(map(str, rows)), rows=rows)
    before = in_memory()
    images = split.images
    assert images.nbytes > 49e6
    for start in range(0, 3_000, 100):
        part = slice(start, start + 100)
        assert images[part].shape == (100, 128, 128, 1)
    assert in_memory() - before < most_megabytes
    np.testing.assert_array_equal(images[::7], source[rows[::7]])

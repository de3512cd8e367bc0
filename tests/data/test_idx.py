"""IDX files, written here byte by byte from the format's description."""

import gzip
import struct

import numpy as np
import pytest

from gan_mnist.data.datasets import load_dataset
from gan_mnist.errors import InputError


def idx_images(images):
    return struct.pack(">IIII", 0x803, *np.shape(images)) + bytes(np.ravel(images).tolist())


def idx_labels(labels):
    return struct.pack(">II", 0x801, len(labels)) + bytes(labels)


def pictures(n, first=0, size=28):
    """Images, n of them, that differ from each other, their mirror images and their transposes."""
    ramp = np.arange(size * size).reshape(size, size)
    return np.stack([(ramp + first + 7 * k) % 251 for k in range(n)])


TRAIN_LABELS, TEST_LABELS = [3, 1, 3, 0], [1, 3]


def write_mnist(directory, stems=("train", "t10k"), separator="-", compress=False):
    directory.mkdir(exist_ok=True)
    train_images, test_images = pictures(4), pictures(2, first=100)
    for stem, images, labels in (
        (stems[0], train_images, TRAIN_LABELS),
        (stems[1], test_images, TEST_LABELS),
    ):
        for kind, content in (
            (f"images{separator}idx3-ubyte", idx_images(images)),
            (f"labels{separator}idx1-ubyte", idx_labels(labels)),
        ):
            name = f"{stem}-{kind}" + (".gz" if compress else "")
            (directory / name).write_bytes(gzip.compress(content) if compress else content)
    return train_images, test_images


@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("compress", [False, True])
def test_reads_every_usual_spelling(tmp_path, separator, compress):
    train_images, test_images = write_mnist(tmp_path, separator=separator, compress=compress)
    dataset = load_dataset("mnist", str(tmp_path))
    assert dataset.train.images.dtype == np.uint8
    assert dataset.train.labels.dtype == np.int64
    np.testing.assert_array_equal(dataset.train.images, train_images[..., None])
    np.testing.assert_array_equal(dataset.test.images, test_images[..., None])
    assert dataset.train.labels.tolist() == TRAIN_LABELS
    assert dataset.train.filenames == ("3_001.png", "1_001.png", "3_002.png", "0_001.png")
    assert tmp_path.name in dataset.source


def test_fashion_classes_have_names_and_their_files_no_slash(tmp_path):
    write_mnist(tmp_path)
    dataset = load_dataset("fashion_mnist", str(tmp_path))
    assert dataset.class_names[0] == "T-shirt/top"
    assert dataset.class_names[9] == "Ankle boot"
    assert dataset.train.filenames[3] == "T-shirt-top_001.png"


def test_emnist_is_turned_upright(tmp_path):
    stems = ("emnist-digits-train", "emnist-digits-test")
    stored, _ = write_mnist(tmp_path, stems=stems, compress=True)
    upright = load_dataset("emnist", str(tmp_path)).train.images
    for k in range(len(stored)):
        # Published mirrored, then turned by 90 degrees anticlockwise: undone step by step.
        np.testing.assert_array_equal(upright[k, :, :, 0], np.fliplr(np.rot90(stored[k], -1)))


def test_other_sizes_and_channels_on_request(tmp_path):
    train_images, _ = write_mnist(tmp_path)
    dataset = load_dataset("mnist", str(tmp_path), image_size=14, channels=3)
    assert dataset.train.images.shape == (4, 14, 14, 3)
    np.testing.assert_array_equal(dataset.train.images[..., 0], dataset.train.images[..., 2])
    # The middle of a smooth image is about the mean of the 2 x 2 pixels it came from.
    block_mean = train_images[0, 2:4, 10:12].mean()
    assert abs(int(dataset.train.images[0, 1, 5, 0]) - block_mean) < 10


def refused(directory):
    with pytest.raises(InputError) as error:
        load_dataset("mnist", str(directory))
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith("--data_dir: ")
    return message


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (IMAGES, idx_images(pictures(4))[:-1], "truncated"),
        (IMAGES, idx_images(pictures(4)) + b"\0", "damaged"),
        (IMAGES, idx_images(pictures(4))[:9], "ends within its header"),
        (IMAGES, b"", "ends within its header"),
        (IMAGES, struct.pack(">IIII", 0x803, 0, 28, 28), "0 x 28 x 28"),
        (IMAGES, struct.pack(">IIII", 0x803, 2**31, 2**31, 4), "too large or damaged"),
        (IMAGES, idx_labels([1] * 20), "0x00000801, expected 0x00000803"),
        (LABELS, b"\x89PNG\r\n\x1a\n" * 4, "magic number 0x89504e47"),
        (LABELS, idx_labels([3, 1, 3]), "3 labels for the 4 images"),
    ],
)
def test_names_the_damaged_file(tmp_path, name, content, complaint):
    write_mnist(tmp_path)
    (tmp_path / name).write_bytes(content)
    message = refused(tmp_path)
    assert name in message
    assert complaint in message


def test_names_a_damaged_gzip_file(tmp_path):
    write_mnist(tmp_path, compress=True)
    path = tmp_path / f"{IMAGES}.gz"
    whole = path.read_bytes()
    for content, told in (
        (whole[: len(whole) // 2], "cannot be read"),
        (b"not gzip at all", "cannot be read"),
        (whole[:20] + b"\xff" * 40, "damaged"),
    ):
        path.write_bytes(content)
        message = refused(tmp_path)
        assert f"{IMAGES}.gz" in message
        assert told in message


def test_a_missing_one_of_the_four_is_named(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert "lacks t10k-labels-idx1-ubyte" in refused(tmp_path)


def test_labels_of_another_data_set_are_refused(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / LABELS).write_bytes(idx_labels([1, 2, 26, 3]))
    assert "label 26" in refused(tmp_path)


def test_emnist_does_not_take_mnist_files(tmp_path):
    write_mnist(tmp_path)
    with pytest.raises(InputError, match="emnist-digits-train-images-idx3-ubyte"):
        load_dataset("emnist", str(tmp_path))

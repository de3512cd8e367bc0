"""Builds of TensorFlow Datasets: written here into a temporary directory, never fetched."""

import json
import urllib.error
from pathlib import Path

import numpy as np
import pytest

from gan_mnist.data import prepared
from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.folder import FolderOptions
from gan_mnist.errors import InputError

tfds = pytest.importorskip("tensorflow_datasets")


def ramp(number, shape):
    return ((np.arange(np.prod(shape)).reshape(shape) * 3 + number) % 256).astype(np.uint8)


def write_build(directory, name, splits, shape=(28, 28, 1), num_classes=10, **options):
    """Splits are {name: [(number, label, shape)]}; returns the build's directory."""
    examples = {
        split: [
            (key, {"image": ramp(number, size), "label": label})
            for key, (number, label, size) in enumerate(rows)
        ]
        for split, rows in splits.items()
    }
    builder = tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=options.pop("version", "3.0.1"),
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=shape, encoding_format="png"),
                "label": tfds.features.ClassLabel(num_classes=num_classes),
            }
        ),
        split_datasets=examples,
        data_dir=directory,
        **options,
    )
    return builder.data_path


SHAPE = (28, 28, 1)
SPLITS = {"train": [(k, k % 10, SHAPE) for k in range(6)], "test": [(90, 4, SHAPE)]}


def number_of(image):
    return int(image[0, 0, 0])


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    directory = tmp_path_factory.mktemp("builds")
    write_build(directory, "mnist", {"train": [(200, 1, SHAPE)]}, version="2.9.0")
    write_build(directory, "mnist", SPLITS, version="2.10.0")
    interrupted = directory / "mnist" / "3.0.0.incompleteABC"
    interrupted.mkdir()
    (interrupted / "dataset_info.json").touch()
    config = tfds.core.BuilderConfig(name="digits")
    write_build(directory, "emnist", SPLITS, config=config)
    return directory


def test_reads_the_newest_build(builds):
    dataset = load_dataset("mnist", str(builds))
    assert "2.10.0" in dataset.source
    assert dataset.train.images.shape == (6, 28, 28, 1)
    by_number = {
        number_of(image): (image, label)
        for image, label in zip(dataset.train.images, dataset.train.labels, strict=True)
    }
    assert sorted(by_number) == list(range(6))
    for number, (image, label) in by_number.items():
        assert label == number % 10
        np.testing.assert_array_equal(image, ramp(number, SHAPE))
    assert dataset.test.labels.tolist() == [4]


def test_reads_a_build_that_is_named_itself(builds):
    dataset = load_dataset("mnist", str(builds / "mnist" / "2.10.0"))
    assert dataset.sha256 == load_dataset("mnist", str(builds)).sha256


def test_emnist_is_turned_upright(builds):
    dataset = load_dataset("emnist", str(builds))
    np.testing.assert_array_equal(dataset.test.images[0, :, :, 0], ramp(90, SHAPE)[:, :, 0].T)


def test_the_default_directory_is_searched(builds, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(builds))
    assert load_dataset("mnist").sha256 == load_dataset("mnist", str(builds)).sha256


def test_a_build_of_something_else_is_refused(builds):
    with pytest.raises(InputError, match=r"is a build of 'mnist', not of 'fashion_mnist'"):
        load_dataset("fashion_mnist", str(builds / "mnist" / "2.10.0"))
    with pytest.raises(InputError, match=r"is a build of 'emnist/digits', not of 'mnist'"):
        load_dataset("mnist", str(builds / "emnist" / "digits" / "3.0.1"))


def test_pictures_of_all_sizes_without_a_test_split(tmp_path):
    sizes = [(20, 30, 3), (64, 64, 3), (33, 17, 3), (5, 5, 3), (40, 40, 3)]
    rows = [(k, label, size) for label in (0, 1) for k, size in enumerate(sizes)]
    write_build(tmp_path, "cats_vs_dogs", {"train": rows}, shape=(None, None, 3), num_classes=2)
    dataset = load_dataset("cats_vs_dogs", str(tmp_path), image_size=16, channels=3)
    counts = dataset.provenance["counts"]
    assert counts == {"cat": {"train": 4, "test": 1}, "dog": {"train": 4, "test": 1}}
    assert dataset.train.images.shape == (8, 16, 16, 3)
    assert "carved" in dataset.source
    anew = FolderOptions(split="each_seed")
    drawn = load_dataset("cats_vs_dogs", str(tmp_path), image_size=16, channels=3, options=anew)
    assert drawn.provenance["each_seed"] == {"n_test": 1, "n_train": 4, "groups": False}
    assert "drawn" in drawn.source
    tested = {drawn.of_seed(seed).test.filenames for seed in range(20)}
    assert {name for names in tested for name in names} == set(drawn.pool.filenames)


def test_a_damaged_build_is_named(tmp_path):
    build = write_build(tmp_path, "kmnist", SPLITS)
    for record in build.glob("*tfrecord*"):
        record.write_bytes(record.read_bytes()[:-20])
    with pytest.raises(InputError) as error:
        load_dataset("kmnist", str(tmp_path))
    assert str(error.value).startswith(f"--data_dir: {build} cannot be read: ")
    assert "\n" not in str(error.value)
    for other in ({"no": "name"}, {"name": 5}, [], "[" * 10_000):
        text = other if isinstance(other, str) else json.dumps(other)
        (build / "dataset_info.json").write_text(text)
        with pytest.raises(InputError, match=r"dataset_info.json cannot be read"):
            load_dataset("kmnist", str(build))


def test_no_network_is_one_clear_line_at_once(tmp_path, monkeypatch):
    def no_network(request, timeout):
        raise urllib.error.URLError("Name or service not known")

    def unwanted(*args, **kwargs):
        raise AssertionError("asked TensorFlow Datasets, which tries for minutes")

    monkeypatch.setattr(prepared.urllib.request, "urlopen", no_network)
    monkeypatch.setattr(tfds, "builder", unwanted)
    with pytest.raises(InputError) as error:
        load_dataset("kmnist", str(tmp_path), download=True)
    message = str(error.value)
    assert message.startswith("--download: kmnist could not be fetched")
    assert "Name or service not known" in message
    assert "--data_dir" in message
    assert "mnist_sample" in message
    assert "\n" not in message


def test_a_failing_download_is_one_clear_line(tmp_path, monkeypatch):
    class Failing:
        def download_and_prepare(self):
            raise ConnectionError("reset by peer\nwith a long story")

    monkeypatch.setattr(prepared, "_reach", lambda url: None)
    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: Failing())
    with pytest.raises(InputError, match=r"^--download: .*\(reset by peer\)"):
        load_dataset("mnist", str(tmp_path), download=True)


def test_a_download_is_prepared_where_data_dir_says(tmp_path, monkeypatch):
    made = []

    class Working:
        def __init__(self, name, data_dir):
            self.name, self.data_dir = name, data_dir

        def download_and_prepare(self):
            made.append(self.name)
            self.data_dir = write_build(self.data_dir, self.name, SPLITS)

    def forbidden(request, timeout):
        # A server that answers with an error is there all the same.
        raise urllib.error.HTTPError(request.full_url, 403, "Forbidden", {}, None)

    monkeypatch.setattr(prepared.urllib.request, "urlopen", forbidden)
    monkeypatch.setattr(tfds, "builder", Working)
    target = tmp_path / "new"
    dataset = load_dataset("fashion_mnist", str(target), download=True)
    assert sorted(map(number_of, dataset.train.images)) == list(range(6))
    assert made == ["fashion_mnist"]
    assert prepared.find_build(target, "fashion_mnist") == target / "fashion_mnist" / "3.0.1"


def test_a_home_folder_that_nobody_has_is_no_folder_and_no_crash(monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", "~nobody_here/builds")
    for data_dir in ("", "~nobody_here/builds"):
        with pytest.raises(InputError, match="~nobody_here/builds"):
            load_dataset("mnist", data_dir)


def test_a_place_that_cannot_be_looked_into_is_refused():
    with pytest.raises(InputError, match=r"--data_dir: .* cannot be read: File name too long"):
        prepared.find_build(Path("a" * 300), "mnist")

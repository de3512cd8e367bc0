"""Builds of TensorFlow Datasets: found without importing it, read, and made on request."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

from gan_mnist.data.images import ImageConversion, resize
from gan_mnist.errors import InputError

_INFO = "dataset_info.json"
_REACH_SECONDS = 10


def default_directory() -> Path:
    """Where TensorFlow Datasets keeps its builds unless told otherwise."""
    return Path(os.path.expanduser(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")))


def find_build(directory: Path, name: str) -> Path | None:
    """The newest build of the data set `name` ("mnist", "emnist/digits") in `directory`.

    Args:
        directory: A TensorFlow Datasets data directory, or a build itself.
        name: The data set, with its configuration if it has some.

    Raises:
        InputError: If `directory` is a build of something else, or may not be looked into.
    """
    if os.path.isfile(directory / _INFO):
        if (built_name := _built_name(directory)) != name:
            raise InputError(
                f"--data_dir: {directory} is a build of {built_name!r}, not of {name!r}"
            )
        return directory
    try:
        builds = [info.parent for info in (directory / name).glob(f"*.*.*/{_INFO}")]
    except OSError as error:
        raise InputError(
            f"--data_dir: {directory / name} cannot be read: {error.strerror}; accepted: a folder "
            "that holds the data set"
        ) from error
    versions = {version: build for build in builds if (version := _version(build)) is not None}
    return versions[max(versions)] if versions else None


def read_build(
    build: Path, conversion: ImageConversion
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The images of a build, by split.

    Args:
        build: A directory that `find_build` found or `download` made.
        conversion: How every image becomes an array.

    Returns:
        For "train", and "test" if there is one: uint8 (n, image_size, image_size, channels) and
        int64 (n,).

    Raises:
        InputError: If the build is damaged or holds no labelled images.
    """
    try:
        import tensorflow_datasets as tfds

        builder = tfds.builder_from_directory(build)
        splits = {}
        for split in {"train", "test"}.intersection(builder.info.splits):
            images, labels = [], []
            # One by one: at their full size all of them may take more memory than there is.
            for example in tfds.as_numpy(builder.as_dataset(split=split)):
                images.append(resize(example["image"][np.newaxis], conversion))
                labels.append(example["label"])
            splits[split] = np.concatenate(images), np.array(labels, np.int64)
    except Exception as error:  # a damaged build fails in as many ways as it has files
        raise InputError(f"--data_dir: {build} cannot be read: {_first_line(error)}") from error
    if "train" not in splits:
        raise InputError(f"--data_dir: {build} has no split called train")
    return splits


def download(name: str, directory: Path, url: str) -> Path:
    """Fetches and prepares a data set with TensorFlow Datasets.

    Args:
        name: The data set, with its configuration if it has some.
        directory: The data directory to prepare it in.
        url: What will be fetched. It is asked for first, because TensorFlow Datasets tries for
            minutes where there is no network.

    Returns:
        The build.

    Raises:
        InputError: If that fails, for any reason.
    """
    try:
        _reach(url)
        import tensorflow_datasets as tfds

        builder = tfds.builder(name, data_dir=directory)
        builder.download_and_prepare()
    except Exception as error:  # network, disk, checksum: each has types of its own
        raise InputError(
            f"--download: {name} could not be fetched from {url} ({_first_line(error)}); give "
            "--data_dir=DIR with its files, or use --dataset=mnist_sample, which needs no network"
        ) from error
    return Path(builder.data_dir)


def _reach(url: str) -> None:
    """Raises `OSError` unless a server answers, with whatever status, through any proxy."""
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_REACH_SECONDS).close()
    except urllib.error.HTTPError as answer:
        answer.close()


def _built_name(build: Path) -> str:
    try:
        info = json.loads((build / _INFO).read_text())
        return "/".join(filter(None, (info["name"], info.get("configName"))))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"--data_dir: {build / _INFO} cannot be read: {error}") from error


def _version(build: Path) -> tuple[int, ...] | None:
    """Its parts, or None for the remains of an interrupted preparation."""
    parts = build.name.split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)

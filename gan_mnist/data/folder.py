"""A folder of class folders of images as a data set."""

from pathlib import Path

import numpy as np

from gan_mnist.data.images import read_image
from gan_mnist.data.splits import Split, carve_test
from gan_mnist.errors import InputError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
SPLIT_FOLDERS = (("train", "test"), ("training_set", "test_set"))


def has_images(root: Path) -> bool:
    """Whether `root` looks like a folder of class folders: one of them holds an image."""
    return any(_image_files(folder) for folder in _class_folders(_layout(root)[0]))


def read_folder(root: Path, image_size: int, channels: int) -> tuple[tuple[str, ...], Split, Split]:
    """Class names, training and test split of a folder of images.

    The sub-folders are the classes, in alphabetical order; PNG and JPEG files directly in them are
    the images. Hidden files and files of other kinds are ignored. Where `train` and `test` (or
    `training_set` and `test_set`) lie side by side, they hold the class folders; otherwise a fixed
    fifth of each class is carved for testing.

    Args:
        root: The folder.
        image_size: Height and width that every image is brought to, in pixels.
        channels: 1 for grey, 3 for colour.

    Returns:
        The sorted class names and two splits, whose file names are relative to `root`.

    Raises:
        InputError: For fewer than two classes, a class without images, different classes in the
            two splits, or an unreadable image.
    """
    train_folder, test_folder = _layout(root)
    class_names = _class_names(train_folder)
    train = _read_split(root, train_folder, class_names, image_size, channels)
    if test_folder is None:
        return class_names, *carve_test(train, class_names, f"--data_dir: {root}")
    if (test_names := _class_names(test_folder)) != class_names:
        raise InputError(
            f"--data_dir: {root} has other classes in {train_folder.name} "
            f"({', '.join(class_names)}) than in {test_folder.name} ({', '.join(test_names)})"
        )
    return class_names, train, _read_split(root, test_folder, class_names, image_size, channels)


def _layout(root: Path) -> tuple[Path, Path | None]:
    for train, test in SPLIT_FOLDERS:
        if (root / train).is_dir() and (root / test).is_dir():
            return root / train, root / test
    return root, None


def _class_folders(folder: Path) -> list[Path]:
    return sorted(path for path in _visible(folder) if path.is_dir())


def _image_files(folder: Path) -> list[Path]:
    files = (path for path in _visible(folder) if path.is_file())
    return sorted(path for path in files if path.suffix.lower() in IMAGE_SUFFIXES)


def _visible(folder: Path) -> list[Path]:
    try:
        visible = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"--data_dir: {folder} cannot be read: {error.strerror}") from error
    for path in visible:
        # Names stand in records, tables and messages; bytes that are no text arrive as surrogates.
        if not path.name.isprintable():
            raise InputError(
                f"--data_dir: the name {path.name!a} in {folder} cannot be printed; "
                "accepted: names of printable characters"
            )
    return visible


def _class_names(folder: Path) -> tuple[str, ...]:
    names = tuple(path.name for path in _class_folders(folder))
    if len(names) < 2:
        raise InputError(
            f"--data_dir: {folder} has {len(names)} class folder(s); "
            "accepted: at least two sub-folders of images, one a class"
        )
    return names


def _read_split(
    root: Path, folder: Path, class_names: tuple[str, ...], image_size: int, channels: int
) -> Split:
    paths: list[Path] = []
    counts = []
    for name in class_names:
        files = _image_files(folder / name)
        if not files:
            raise InputError(
                f"--data_dir: class folder {folder / name} holds no images; accepted: "
                f"files ending in {', '.join(IMAGE_SUFFIXES)} directly in it"
            )
        paths += files
        counts.append(len(files))
    return Split(
        images=np.stack([read_image(path, image_size, channels) for path in paths]),
        labels=np.repeat(np.arange(len(class_names)), counts),
        filenames=tuple(path.relative_to(root).as_posix() for path in paths),
    )

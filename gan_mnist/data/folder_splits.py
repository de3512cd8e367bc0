"""Images of a folder by the split that their folders or a table give."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

import numpy as np

from gan_mnist.data.finding import FoundImages, ImageFile
from gan_mnist.data.split_names import TRAIN, VALIDATION, splits_of
from gan_mnist.data.splits import Split
from gan_mnist.data.walking import join
from gan_mnist.errors import listed


def splits_by_folder(names: Iterable[str]) -> dict[str, str]:
    """The split of each folder around images, by its name and those beside it; "" for none.

    Args:
        names: Of the images, relative to the folder that holds all.
    """
    names_by_parent: dict[str, set[str]] = {}
    for folder in {parent for name in names for parent in _folders_of(name)}:
        parent, _, name = folder.rpartition("/")
        names_by_parent.setdefault(parent, set()).add(name)
    return {
        join(parent, name): split
        for parent, siblings in names_by_parent.items()
        for name, split in splits_of(sorted(siblings)).items()
    }


def splits_around(name: str, by_folder: Mapping[str, str]) -> set[str]:
    """The splits of the folders that an image lies in, as `splits_by_folder` returns them."""
    return {by_folder.get(folder, "") for folder in _folders_of(name)} - {""}


def with_splits_of_folders(
    files: list[ImageFile], by_folder: Mapping[str, str], csv_name: str
) -> tuple[list[ImageFile], list[str]]:
    """Gives labelled images, whose split no table tells, the splits that folders are named after.

    These count if each image lies in a folder of one of them, and every class is there to be
    trained on and, where there are test images, to be tested on.

    Args:
        files: The images.
        by_folder: What `splits_by_folder` returns.
        csv_name: The table's name in messages.

    Returns:
        The images with their splits, and a warning that tells of the choice, if there was one.
    """
    around = [splits_around(file.name, by_folder) for file in files]
    folder_splits = set[str]().union(*around)
    if TRAIN not in folder_splits or len(folder_splits) == 1:
        return files, []
    folders = listed(sorted({PurePosixPath(name).name for name in by_folder if by_folder[name]}))
    if all(len(splits) == 1 for splits in around):
        divided = [
            file._replace(split=next(iter(splits)))
            for file, splits in zip(files, around, strict=True)
        ]
        classes = {file.class_name for file in files}
        if all(
            classes == {file.class_name for file in divided if file.split == split}
            for split in folder_splits - {VALIDATION}
        ):
            return divided, [
                f"{csv_name} has no column of splits: the folders {folders} tell them "
                "(--set split_column=...)"
            ]
    return files, [
        f"{csv_name} has no column of splits, and the folders {folders} do not divide its images "
        "with every class in each: they are not taken for splits (--set split_column=...)"
    ]


def _folders_of(name: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(name).parents][:-1]


def by_split(
    found: FoundImages, images: np.ndarray, left_out: Collection[str], class_names: tuple[str, ...]
) -> dict[str, Split]:
    """The images by the split that folders or a table give, without those that are left out."""
    label_of = {name: label for label, name in enumerate(class_names)}
    rows_by_split: dict[str, list[int]] = {}
    for row, file in enumerate(found.files):
        split_rows = rows_by_split.setdefault(file.split, [])
        if file.name not in left_out:
            split_rows.append(row)
    groups = _groups(found)
    return {
        split: Split(
            images,
            np.array([label_of[found.files[row].class_name] for row in split_rows], np.int64),
            tuple(found.files[row].name for row in split_rows),
            None if groups is None else groups[split_rows],
            np.array(split_rows, np.int64),
        )
        for split, split_rows in rows_by_split.items()
    }


def _groups(found: FoundImages) -> np.ndarray | None:
    """The group number of each image, one of its own if it has no group; None without groups."""
    group_names = [file.group for file in found.files]
    if not any(group_names):
        return None
    number_by_key: dict[str | int, int] = {}
    keys = (group or row for row, group in enumerate(group_names))
    return np.array([number_by_key.setdefault(key, len(number_by_key)) for key in keys])

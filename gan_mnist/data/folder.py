"""A folder of images as a data set: class folders, or a table of labels."""

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.data.duplicates import BETWEEN, Alike, find_duplicates
from gan_mnist.data.file_summary import BAD, bad_images, file_summary
from gan_mnist.data.finding import FoundImages, find_classes, find_images
from gan_mnist.data.images import DEFAULT_CONVERSION, ImageConversion
from gan_mnist.data.labels import COLUMN, find_labelled, group_counts, with_groups
from gan_mnist.data.pairs import (
    TOLD,
    are_pairs,
    unlike_partners,
    with_partners,
    with_their_partners,
)
from gan_mnist.data.reading import read_files
from gan_mnist.data.split_names import TEST, TRAIN, VALIDATION
from gan_mnist.data.splits import FIXED, Split, carve_test
from gan_mnist.data.tables import Columns
from gan_mnist.errors import InputError

# Options that have no meaning for images that lie in no folder.
OF_FOLDERS = ("labels", "file_column", "label_column", "split_column", "groups", "duplicates")
_TESTED = "of the validation split, of groups that may be in the train and the test split too"
COPIES, TWINS = "like a test or validation image", "like another image"


@dataclass(frozen=True)
class FolderOptions:
    """How images become arrays of one shape, and how a folder of them is interpreted.

    Attributes:
        resize: See `ImageConversion`.
        ground: See `ImageConversion`.
        white: See `ImageConversion`.
        image_megabytes: Memory that decoding an image may take.
        skip_bad: Whether empty and broken files are left out; else they are refused.
        labels: A CSV file with the classes; empty for class folders.
        file_column: Its column of file names; if empty, it is found. So are the next two.
        label_column: Its column of classes.
        split_column: Its column of splits, which is optional.
        groups: How to find the group of an image: a regular expression on its name, or "column:"
            and a column of the table; empty where each image stands alone.
        duplicates: "drop" leaves training images out that are like a test or validation image.
        split: If the folder has no test images: "each_seed" draws them for each seed, and "drop"
            then leaves out all but one of several duplicates; "fixed" carves them for all seeds.
        pairs: Whether folders called noisy and clean hold partners of the same names.
    """

    resize: str = "pad"
    ground: str = "white"
    white: int = 0
    image_megabytes: int = DEFAULT_CONVERSION.megabytes
    skip_bad: bool = False
    labels: str = ""
    file_column: str = ""
    label_column: str = ""
    split_column: str = ""
    groups: str = ""
    duplicates: str = "keep"
    split: str = FIXED
    pairs: bool = False


@dataclass(frozen=True, eq=False)
class Folder:
    """An image folder that was read.

    Attributes:
        class_names: In alphabetical order.
        train: The training images.
        validation: Those that the folder sets aside for validation; None where it does not say.
        test: The test images; carved where the folder has none.
        files: What `file_summary` returns.
        inner: The sub-folder that holds everything; "" where it is the folder itself.
        remember: See `Dataset`.
        duplicates: What `find_duplicates` returns, without training images that are dropped.
        pool: See `Dataset`.
        cautions: See `Dataset`.
        white: See `Dataset`.
    """

    class_names: tuple[str, ...]
    train: Split
    validation: Split | None
    test: Split
    files: Mapping[str, Any]
    inner: str
    remember: Callable[[str, Callable[[], str]], str]
    duplicates: Alike
    pool: Split | None
    cautions: tuple[str, ...]
    white: int


def has_images(root: Path) -> bool:
    """Whether there is an image anywhere in `root`."""
    return bool(find_images(root).files)


def read_folder(root: Path, conversion: ImageConversion, options: FolderOptions) -> Folder:
    """Reads a folder of images as a data set.

    Args:
        root: The folder. Its class folders, or those in its folders of splits, hold the images.
        conversion: How they become arrays; a size or number of 0 is derived from the images.
        options: How the folder is interpreted.

    Raises:
        InputError: For fewer than two classes, a class without images, different classes in two
            splits, or unreadable images, all in one message.
    """
    found = _found(root, options)
    decoded = read_files(root, [file.name for file in found.files], conversion)
    if decoded.bad and not options.skip_bad:
        raise bad_images(root, decoded, len(found.files))
    class_names = tuple(sorted({file.class_name for file in found.files}))
    is_paired = options.pairs and are_pairs(class_names)
    excluded = unlike_partners(found, decoded, options.skip_bad) if is_paired else {}
    splits = by_split(found, decoded.images, decoded.bad.keys() | excluded.keys(), class_names)
    overlaps = _across(splits)
    validation, test = splits.get(VALIDATION) or None, splits.get(TEST)
    # What no folder and no table says the split of is to be trained on.
    train = splits.get(TRAIN) or splits.get("")
    if train is None:
        raise InputError(f"--data_dir: {root} has no images to train on that can be read")
    for name, split in ((TRAIN, train), (TEST, test)):
        _check_classes(root, name, split, class_names)
    if test is None:
        overlaps = +Counter({_TESTED: overlaps.total()})
    if test is None and options.split == FIXED:
        train, test = carve_test(train, class_names, f"--data_dir: {root}")
    all_splits = {TRAIN: train} | ({} if validation is None else {VALIDATION: validation})
    # Where each seed has its own, any two images may be on both sides.
    all_splits[TEST] = train if test is None else test
    duplicates = find_duplicates(all_splits, decoded.remember)
    dropped: set[int] = set()
    if options.duplicates == "drop":
        dropped = {row for key, (rows, *_) in duplicates.items() if key != BETWEEN for row in rows}
        if is_paired:
            dropped = with_their_partners(dropped, train, class_names)
        train = train.take(np.array([row for row in range(len(train)) if row not in dropped], int))
        _check_classes(root, TRAIN, train, class_names, "that is like no test or validation image")
        duplicates = {key: lists for key, lists in duplicates.items() if key == BETWEEN}
    drop_reason, pool = COPIES, None
    if test is None:
        drop_reason, pool = TWINS, train
        train, test = carve_test(pool, class_names, f"--data_dir: {root}")
    passed_over = found.passed_over + Counter({BAD: len(decoded.bad), drop_reason: len(dropped)})
    passed_over += Counter(excluded.values())
    num_read = len(found.files) - len(decoded.bad) - len(excluded) - len(dropped)
    notes = (
        decoded.notes
        + overlaps
        + (Counter({TOLD: num_read}) if is_paired else group_counts(found, train, validation, test))
    )
    left_out = {**found.left_out, **decoded.bad, **excluded}
    files = file_summary(num_read, passed_over, notes, left_out)
    details = decoded.remember, duplicates, pool, tuple(found.cautions), decoded.conversion.white
    return Folder(class_names, train, validation, test, files, found.inner, *details)


def _found(root: Path, options: FolderOptions) -> FoundImages:
    """The images, with classes, splits and groups."""
    is_column = options.groups.startswith(COLUMN)
    if options.groups == COLUMN:
        raise InputError(
            f"setting groups: {COLUMN!r} names no column; accepted: {COLUMN}NAME, of the labels"
        )
    if options.labels:
        group = options.groups.removeprefix(COLUMN) if is_column else ""
        column_names = (options.file_column, options.label_column, options.split_column, group)
        found = find_labelled(root, options.labels, Columns(*column_names))
    elif is_column or options.file_column or options.label_column or options.split_column:
        raise InputError(
            "settings file_column, label_column, split_column, groups: a column is named; accepted "
            "with --set labels=FILE.csv"
        )
    else:
        found = find_classes(root)
    if options.groups and not is_column:
        found = with_groups(found, options.groups)
    if options.pairs and are_pairs({file.class_name for file in found.files}):
        found = with_partners(found, options.skip_bad)
    return found


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


def _across(splits: Mapping[str, Split]) -> Counter[str]:
    """Counts images of a split whose group also occurs in an earlier split.

    Splits that folders or a table give are not changed for that.
    """
    counts: Counter[str] = Counter()
    entries = [(name, splits[name].groups) for name in (TRAIN, VALIDATION, TEST) if name in splits]
    for (first, first_groups), (second, second_groups) in itertools.combinations(entries, 2):
        if first_groups is not None and second_groups is not None:
            note = f"of the {second} split, of groups that are in the {first} split too"
            counts[note] = int(np.isin(second_groups, first_groups).sum())
    return +counts


def _groups(found: FoundImages) -> np.ndarray | None:
    """The group number of each image, one of its own if it has no group; None without groups."""
    group_names = [file.group for file in found.files]
    if not any(group_names):
        return None
    number_by_key: dict[str | int, int] = {}
    keys = (group or row for row, group in enumerate(group_names))
    return np.array([number_by_key.setdefault(key, len(number_by_key)) for key in keys])


def _check_classes(
    root: Path,
    split: str,
    images: Split | None,
    class_names: tuple[str, ...],
    condition: str = "that can be read",
) -> None:
    """Refuses a class without images: a table may name none, or all of them were left out."""
    if images is None:
        return
    counts = np.bincount(images.labels, minlength=len(class_names))
    if not counts.all():
        raise InputError(
            f"--data_dir: {root} has no image of class {class_names[counts.argmin()]!r} "
            f"in its {split} split {condition}; accepted: one or more"
        )

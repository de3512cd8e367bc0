"""A folder of images as a data set: class folders, or a table of labels."""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_mnist.data.dataset import Dataset
from gan_mnist.data.decoded_cache import Remember
from gan_mnist.data.duplicates import BETWEEN, DuplicatesBySplit, find_duplicates
from gan_mnist.data.file_summary import BAD, bad_images, file_summary
from gan_mnist.data.finding import FoundImages, find_classes, find_images
from gan_mnist.data.folder_splits import by_split
from gan_mnist.data.images import DEFAULT_CONVERSION, ImageConversion
from gan_mnist.data.labels import COLUMN, find_labelled, group_counts, with_groups
from gan_mnist.data.pairs import (
    IN_PAIRS,
    are_pairs,
    unlike_partners,
    with_partners,
    with_their_partners,
)
from gan_mnist.data.reading import read_files
from gan_mnist.data.split_names import TEST, TRAIN, VALIDATION
from gan_mnist.data.splits import FIXED, Split, carve_test
from gan_mnist.data.tables import Columns
from gan_mnist.data.twins import like_a_kept_one
from gan_mnist.errors import InputError

# Options that have no meaning for images that lie in no folder.
OF_FOLDERS = ("labels", "file_column", "label_column", "split_column", "groups", "duplicates")
_SHARED = "of the validation split, of groups that may be in the train and the test split too"
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

    def conversion(self, image_size: int, channels: int) -> ImageConversion:
        """How an image file becomes an array; a size or number of 0 is derived from the images."""
        return ImageConversion(
            image_size, channels, self.resize, self.ground, self.white, self.image_megabytes
        )

    @property
    def columns(self) -> Columns:
        """The columns of the table that are named."""
        group = self.groups.removeprefix(COLUMN) if self.groups.startswith(COLUMN) else ""
        return Columns(self.file_column, self.label_column, self.split_column, group)


def has_images(root: Path) -> bool:
    """Whether there is an image anywhere in `root`."""
    return bool(find_images(root).files)


def read_folder(
    name: str, root: Path, conversion: ImageConversion, options: FolderOptions
) -> Dataset:
    """Reads a folder of images as a data set.

    Args:
        name: Its key in the registry.
        root: The folder. Its class folders, or those in its folders of splits, hold the images.
        conversion: How they become arrays; a size or number of 0 is derived from the images.
        options: How the folder is interpreted.

    Raises:
        InputError: For fewer than two classes, a class without images, different classes in two
            splits, or unreadable images, all in one message.
    """
    found = _found(root, options)
    decoded = read_files(root, found.names, conversion)
    if decoded.bad and not options.skip_bad:
        raise bad_images(root, decoded, len(found.files))
    class_names = tuple(sorted({file.class_name for file in found.files}))
    is_paired = options.pairs and are_pairs(class_names)
    excluded = unlike_partners(found, decoded, options.skip_bad) if is_paired else {}
    splits = by_split(found, decoded.images, decoded.bad.keys() | excluded.keys(), class_names)
    train, validation, test = _train_validation_test(root, splits, class_names)
    overlaps, origin = _count_shared_groups(splits), f"--data_dir: {root}"
    if test is None:
        overlaps = +Counter({_SHARED: overlaps.total()})
        if options.split == FIXED:
            train, test = carve_test(train, class_names, origin)
    all_splits = {TRAIN: train} | ({} if validation is None else {VALIDATION: validation})
    # Where each seed has its own, any two images may be on both sides.
    all_splits[TEST] = train if test is None else test
    duplicates = find_duplicates(all_splits, decoded.remember)
    num_dropped = 0
    if options.duplicates == "drop":
        kept = _without_duplicates(
            root, train, duplicates, class_names, is_paired, test is not None, decoded.remember
        )
        num_dropped, train = len(train) - len(kept), kept
        duplicates = {key: lists for key, lists in duplicates.items() if key == BETWEEN}
    drop_reason, pool = COPIES, None
    if test is None:
        drop_reason, pool = TWINS, train
        if num_dropped:
            origin += f", without {num_dropped:,} {TWINS} (duplicates=drop)"
        train, test = carve_test(pool, class_names, origin)
    num_read = len(found.files) - len(decoded.bad) - len(excluded) - num_dropped
    notes = decoded.notes + overlaps
    notes += (
        Counter({IN_PAIRS: num_read}) if is_paired else group_counts(found, train, validation, test)
    )
    passed_over = found.passed_over + Counter({BAD: len(decoded.bad), drop_reason: num_dropped})
    passed_over += Counter(excluded.values())
    left_out = {**found.left_out, **decoded.bad, **excluded}
    return Dataset(
        name=name,
        source=_source(root, found.inner, options.labels),
        class_names=class_names,
        train=train,
        test=test,
        validation=validation,
        files=file_summary(num_read, passed_over, notes, left_out),
        remember=decoded.remember,
        duplicates=duplicates,
        pool=pool,
        cautions=tuple(found.cautions),
        white=decoded.conversion.white,
    )


def _source(root: Path, inner: str, labels: str) -> str:
    """Where the images and their classes come from, in words for the report."""
    folder = f"image folder {root.name}" + (f"/{inner}" if inner else "")
    return f"{folder}, labels of {labels}" if labels else folder


def _train_validation_test(
    root: Path, splits: Mapping[str, Split], class_names: tuple[str, ...]
) -> tuple[Split, Split | None, Split | None]:
    """The splits, checked; None for those that the folder does not have."""
    validation, test = splits.get(VALIDATION) or None, splits.get(TEST)
    # What no folder and no table says the split of is to be trained on.
    train = splits.get(TRAIN) or splits.get("")
    if train is None:
        raise InputError(f"--data_dir: {root} has no images to train on that can be read")
    _check_classes(root, TRAIN, train, class_names)
    if test is not None:
        _check_classes(root, TEST, test, class_names)
    return train, validation, test


def _without_duplicates(
    root: Path,
    train: Split,
    duplicates: DuplicatesBySplit,
    class_names: tuple[str, ...],
    is_paired: bool,
    has_test: bool,
    remember: Remember,
) -> Split:
    """The training images without `duplicates`, of pairs without their partners as well.

    If there is no test split, images that are like one another are reduced to those that are kept.
    """
    others = {key: found for key, found in duplicates.items() if key != BETWEEN}
    own = None if has_test else others.pop(TEST)
    dropped = {row for found in others.values() for row in found.rows}
    if own is not None:
        dropped |= like_a_kept_one(train, own, dropped, remember)
    if is_paired:
        dropped = with_their_partners(dropped, train, class_names)
    kept = train.take(np.array([row for row in range(len(train)) if row not in dropped], int))
    _check_classes(root, TRAIN, kept, class_names, "that is like no test or validation image")
    return kept


def _found(root: Path, options: FolderOptions) -> FoundImages:
    """The images, with classes, splits and groups."""
    if options.groups == COLUMN:
        raise InputError(
            f"setting groups: {COLUMN!r} names no column; accepted: {COLUMN}NAME, of the labels"
        )
    if options.labels:
        found = find_labelled(root, options.labels, options.columns)
    elif any(vars(options.columns).values()):
        raise InputError(
            "settings file_column, label_column, split_column, groups: a column is named; accepted "
            "with --set labels=FILE.csv"
        )
    else:
        found = find_classes(root)
    if options.groups and not options.columns.group:
        found = with_groups(found, options.groups)
    if options.pairs and are_pairs({file.class_name for file in found.files}):
        found = with_partners(found, options.skip_bad)
    return found


def _count_shared_groups(splits: Mapping[str, Split]) -> Counter[str]:
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


def _check_classes(
    root: Path,
    split: str,
    images: Split,
    class_names: tuple[str, ...],
    condition: str = "that can be read",
) -> None:
    """Refuses a class without images: a table may name none, or all of them were left out."""
    counts = np.bincount(images.labels, minlength=len(class_names))
    if not counts.all():
        raise InputError(
            f"--data_dir: {root} has no image of class {class_names[counts.argmin()]!r} "
            f"in its {split} split {condition}; accepted: one or more"
        )

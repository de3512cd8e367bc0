"""Labels from a table, and groups of images that belong together, from it or from their names."""

import os
import posixpath
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gan_mnist.data.class_folders import composed
from gan_mnist.data.finding import FoundImages, ImageFile, find_images
from gan_mnist.data.folder_splits import splits_around, splits_by_folder, with_splits_of_folders
from gan_mnist.data.split_names import SPLIT_NAMES, normalized, splits_of
from gan_mnist.data.splits import Split
from gan_mnist.data.tables import Columns, Row, read_rows
from gan_mnist.data.walking import is_printable, join
from gan_mnist.errors import InputError

COLUMN = "column:"


def tables_of(images: FoundImages, labels: str) -> dict[str, str]:
    """Finds the tables of labels by their relative path, and the split of each.

    Returns:
        Splits by folder, relative to the root: the outermost folder around all images that has the
        table, with split ""; else the folders of splits there that have one each.
    """

    def has_table(folder: str) -> bool:
        return os.path.isfile(images.root / folder / labels)

    inner = _inner(images)
    parts = inner.split("/") if inner else []
    candidates = ("/".join(parts[:depth]) for depth in range(len(parts) + 1))
    if (folder := next(filter(has_table, candidates), None)) is not None:
        return {folder: ""}
    subfolders = {name[len(inner) :].lstrip("/").partition("/")[0] for name in images.names}
    splits = {join(inner, name): split for name, split in splits_of(sorted(subfolders)).items()}
    return {folder: split for folder, split in splits.items() if split and has_table(folder)}


def _inner(images: FoundImages) -> str:
    """The innermost folder that holds all images."""
    return posixpath.commonpath([posixpath.dirname(name) for name in images.names] or [""])


def find_labelled(
    root: Path, labels: str, requested: Columns, is_test_set: bool = False
) -> FoundImages:
    """Finds the images of a folder whose classes a table gives.

    Args:
        root: The folder, in which images lie anywhere.
        labels: The table: a CSV file, its path relative to `root`, or to a folder in it that holds
            all images, or absolute; or one in each folder of a split, of the images there. The
            columns of one without a header are called "1", "2" and so on.
        requested: Names of its columns; empty ones are found.
        is_test_set: Whether all images are to be test images: then one class is enough, and the
            columns of splits and groups may be missing.

    Raises:
        InputError: If a table cannot be read, lacks these columns, names no image of the folder or
            too few classes, or if a row may mean several images, or two rows contradict.
    """
    images = find_images(root)
    by_folder = splits_by_folder(images.names)
    splits_by_name = {name: splits_around(name, by_folder) for name in images.names}
    folder_splits = {*by_folder.values()}
    tables = tables_of(images, labels) or {"": ""}
    passed_over = images.passed_over
    files_by_name: dict[str, ImageFile] = {}
    unlabelled: set[str] = set()
    cautions: list[str] = []
    default_split = SPLIT_NAMES.get(normalized(Path(labels).stem).partition("_")[0], "")
    for folder, table_split in tables.items():
        path, csv_name = root / folder / labels, join(folder, labels) if table_split else labels
        files = [
            image
            for image in images.files
            if not table_split or image.name.startswith(f"{folder}/")
        ]
        home = posixpath.normpath(f"/{os.path.relpath(path.parent, root)}")
        rows, columns, new_cautions = read_rows(path, csv_name, files, home, requested, is_test_set)
        cautions += new_cautions
        for row in rows:
            split = row.split or table_split or default_split
            strict = split in folder_splits and not table_split
            names = _likely(row, splits_by_name, split, strict)
            if not names:
                passed_over["rows of the labels without an image"] += 1
            elif not row.label:
                unlabelled.update(names)
            elif len(names) > 1:
                raise InputError(
                    f"setting labels: {row.file!r} may be {names[0]} or {names[1]}; accepted: paths"
                )
            else:
                file = ImageFile(names[0], row.label, row.split or table_split, row.group)
                earlier = files_by_name.setdefault(file.name, file)
                if earlier != file:
                    raise _contradiction(csv_name, row, earlier, file)
    class_names = sorted({file.class_name for file in files_by_name.values()})
    for name in class_names:
        if not is_printable(name):
            raise InputError(
                f"setting labels: the class {name!r} in column {columns.label!r} of {labels} "
                "cannot be printed; accepted: names of printable characters"
            )
    if len(class_names) < (1 if is_test_set else 2):
        raise InputError(
            f"setting labels: {labels} tells of {len(class_names)} class(es) of images in {root} "
            f"(column {columns.label!r}); accepted: at least {'one' if is_test_set else 'two'}"
        )
    unlabelled -= files_by_name.keys()
    passed_over["without a label"] = len(unlabelled)
    num_rowless = len(images.files) - len(files_by_name) - len(unlabelled)
    passed_over["without a row in the labels"] = num_rowless
    files = sorted(files_by_name.values(), key=lambda file: (file.class_name, file.name))
    if not (is_test_set or any(file.split for file in files)):
        files, new_cautions = with_splits_of_folders(files, by_folder, labels)
        cautions += new_cautions
    inner = _inner(images) if any(tables.values()) else next(iter(tables))
    return FoundImages(root, files, +passed_over, inner, cautions=cautions)


def _contradiction(csv_name: str, row: Row, earlier: ImageFile, later: ImageFile) -> InputError:
    """The error for two rows that differ about an image; tells the first thing that differs."""
    kinds = {"class_name": "class", "split": "split", "group": "group"}
    field = next(name for name in kinds if getattr(earlier, name) != getattr(later, name))
    kind, values = kinds[field], (getattr(earlier, field), getattr(later, field))
    told = " and ".join(f"{kind} {value!r}" if value else f"no {kind}" for value in values)
    return InputError(
        f"setting labels: {csv_name} has two rows for {row.file!r}: {told}; accepted: one {kind} "
        "for each image"
    )


def with_groups(found: FoundImages, pattern: str) -> FoundImages:
    """Adds the groups that a regular expression finds in the images' names.

    Args:
        found: The images.
        pattern: A regular expression, searched in each name; the group is its first non-empty
            capture, or the whole match if it has no parentheses. Images without a match, or with
            empty captures only, stand alone.

    Raises:
        InputError: If it is no regular expression, or finds no group in any name.
    """
    try:
        expression = re.compile(composed(pattern))
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(
            f"setting groups: {pattern!r} is no regular expression: {error}; accepted: one, or "
            f"{COLUMN}NAME of the labels"
        ) from None
    files, num_alone = [], 0
    for file in found.files:
        match = expression.search(composed(file.name))
        captures = () if match is None else match.groups() or (match[0],)
        group = next(filter(None, captures), "")
        num_alone += not group
        files.append(file._replace(group=group))
    if num_alone == len(files):
        raise InputError(
            f"setting groups: {pattern!r} finds no group in any name; accepted: an "
            f"expression that does, as in {files[0].name!r}, or {COLUMN}NAME of the labels"
        )
    return replace(found, files=files)


def group_counts(found: FoundImages, *splits: Split | None) -> Counter[str]:
    """How many images of these splits are in groups, and how many in none, if there are groups."""
    filenames = {name for split in splits if split for name in split.filenames}
    group_sizes = Counter(file.group for file in found.files if file.name in filenames)
    num_alone = group_sizes.pop("", 0)
    note = f"in {len(group_sizes):,} group{'s' * (len(group_sizes) != 1)}"
    counts = {note: group_sizes.total(), "in no group": num_alone}
    return +Counter(counts) if group_sizes else Counter()


def _likely(
    row: Row, splits_by_name: Mapping[str, set[str]], split: str, strict: bool
) -> list[str]:
    """Narrows the images that a row may refer to to those of the row's or the table's split.

    If `strict`, as that split has a folder, images in a folder of another split are left out,
    unless the row names a folder of a split.
    """
    matches = [name for name in row.images if split in splits_by_name[name]]
    if matches or not strict or _names_split(row.file):
        return matches or row.images
    return [name for name in row.images if not splits_by_name[name]]


def _names_split(path: str) -> bool:
    return any(normalized(part) in SPLIT_NAMES for part in path.split("/")[:-1])

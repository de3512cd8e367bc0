"""Labels from a table, and groups of images that belong together, from it or from their names."""

import os
import posixpath
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from gan_mnist.data.finding import FoundImages, ImageFile, find_images
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

    def has_table(place: str) -> bool:
        return os.path.isfile(images.root / place / labels)

    inner = _inner(images)
    parts = inner.split("/") if inner else []
    around = ("/".join(parts[:deep]) for deep in range(len(parts) + 1))
    if (place := next(filter(has_table, around), None)) is not None:
        return {place: ""}
    names = {name[len(inner) :].lstrip("/").partition("/")[0] for name in images.names}
    splits = {join(inner, name): split for name, split in splits_of(sorted(names)).items()}
    return {place: split for place, split in splits.items() if split and has_table(place)}


def _inner(images: FoundImages) -> str:
    """The innermost folder that holds all images."""
    return posixpath.commonpath([posixpath.dirname(name) for name in images.names] or [""])


def find_labelled(root: Path, labels: str, asked: Columns, tested: bool = False) -> FoundImages:
    """Finds the images of a folder whose classes a table gives.

    Args:
        root: The folder, in which images lie anywhere.
        labels: The table: a CSV file, its path relative to `root`, or to a folder in it that holds
            all images, or absolute; or one in each folder of a split, of the images there. The
            columns of one without a header are called "1", "2" and so on.
        asked: Names of its columns; empty ones are found.
        tested: Whether all images are to be test images: then one class is enough, and the
            columns of splits and groups may be missing.

    Raises:
        InputError: If a table cannot be read, lacks these columns, names no image of the folder or
            too few classes, or if a row may mean several images, or two rows contradict.
    """
    images = find_images(root)
    there = set[str]().union(*(_splits_in(name) for name in images.names))
    tables = tables_of(images, labels) or {"": ""}
    passed_over = images.passed_over
    named: dict[str, ImageFile] = {}
    cautions: list[str] = []
    usual_split = SPLIT_NAMES.get(normalized(Path(labels).stem).partition("_")[0], "")
    for place, of_table in tables.items():
        path, called = root / place / labels, join(place, labels) if of_table else labels
        files = [f for f in images.files if not of_table or f.name.startswith(f"{place}/")]
        home = posixpath.normpath(f"/{os.path.relpath(path.parent, root)}")
        rows, columns, found = read_rows(path, called, files, home, asked, tested)
        cautions += found
        for row in rows:
            split = row.split or of_table or usual_split
            names = _likely(row, split, strict=split in there and not of_table)
            if not names:
                passed_over["rows of the labels without an image"] += 1
            elif not row.label:
                passed_over["without a label"] += 1
            elif len(names) > 1:
                raise InputError(
                    f"setting labels: {row.file!r} may be {names[0]} or {names[1]}; accepted: paths"
                )
            else:
                file = ImageFile(names[0], row.label, row.split or of_table, row.group)
                if named.setdefault(file.name, file) != file:
                    raise InputError(
                        f"setting labels: {called} tells two things of {row.file!r}; accepted: a "
                        "class, split and group for each image"
                    )
    classes = Counter(file.class_name for file in named.values())
    if len(classes) < (1 if tested else 2) or not all(map(is_printable, classes)):
        least = "one, with a printable name" if tested else "two, with printable names"
        raise InputError(
            f"setting labels: {labels} tells of {len(classes)} class(es) of images in {root} "
            f"(column {columns.label!r}); accepted: at least {least}"
        )
    unnamed = len(images.files) - len(named) - passed_over["without a label"]
    passed_over["without a row in the labels"] += max(0, unnamed)
    files = sorted(named.values(), key=lambda file: (file.class_name, file.name))
    inner = _inner(images) if any(tables.values()) else next(iter(tables))
    return FoundImages(root, files, +passed_over, inner, cautions=cautions)


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
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(
            f"setting groups: {pattern!r} is no regular expression: {error}; accepted: one, or "
            f"{COLUMN}NAME of the labels"
        ) from None
    files, alone = [], 0
    for file in found.files:
        match = compiled.search(file.name)
        parts = () if match is None else match.groups() or (match[0],)
        group = next(filter(None, parts), "")
        alone += not group
        files.append(file._replace(group=group))
    if alone == len(files):
        raise InputError(
            f"setting groups: {pattern!r} finds no group in any name; accepted: an "
            f"expression that does, as in {files[0].name!r}"
        )
    return replace(found, files=files)


def group_counts(found: FoundImages, *splits: Split | None) -> Counter[str]:
    """How many images of these splits are in groups, and how many in none, if there are groups."""
    there = {name for split in splits if split for name in split.filenames}
    sizes = Counter(file.group for file in found.files if file.name in there)
    alone = sizes.pop("", 0)
    number = f"in {len(sizes):,} group{'s' * (len(sizes) != 1)}"
    counts = {number: sizes.total(), "in no group": alone}
    return +Counter(counts) if sizes else Counter()


def _likely(row: Row, split: str, strict: bool) -> list[str]:
    """Narrows the images that a row may refer to to those of the row's or the table's split.

    If `strict`, as that split has a folder, images in a folder of another split are left out,
    unless the row names a folder of a split.
    """
    splits = {name: _splits_in(name) for name in row.images}
    here = [name for name in row.images if split in splits[name]]
    if here or not strict or _splits_in(row.file):
        return here or row.images
    return [name for name in row.images if not splits[name]]


def _splits_in(path: str) -> set[str]:
    """The splits that the folders of a path are named after."""
    return {SPLIT_NAMES.get(normalized(part), "") for part in path.split("/")[:-1]} - {""}

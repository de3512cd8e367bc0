"""Labels from a table, and groups of images that belong together, from it or from their names."""

import csv
import functools
import os
import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gan_mnist.data.finding import Found, ImageFile, find_images
from gan_mnist.data.split_names import SPLIT_NAMES, plain, splits_of
from gan_mnist.errors import InputError, unknown

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "column:"
# As people call them, by `plain`.
_FILES = (
    "file_name", "filename", "file", "image", "image_name", "image_id", "image_file", "image_path",
    "img", "img_name", "path", "filepath", "file_path", "id", "name",
)  # fmt: skip
_LABELS = (
    "label", "labels", "class", "class_name", "classname", "category", "target", "species", "breed",
    "diagnosis", "dx", "y",
)  # fmt: skip
_SPLITS = ("split", "set", "subset", "partition")
_KNOWN = {*_FILES, *_LABELS, *_SPLITS}
_ROWS_TRIED = 200


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns; found by what they are called or hold where they are empty.

    Attributes:
        file: Names or paths of images, with or without their suffix.
        label: Names of classes.
        split: "train", "val", "test" and what else they are called; there may be none.
        group: What has to stay together; none unless it is named.
    """

    file: str = ""
    label: str = ""
    split: str = ""
    group: str = ""


def place_of(images: Found, labels: str) -> str | None:
    """The folder in which a table is found by its relative path: the root, or one within.

    Returns:
        Its place, as of `Found.inner`: the outermost that has it of those in which all images lie.
        None where none has it.
    """
    inner = posixpath.commonpath([posixpath.dirname(name) for name in images.names] or [""])
    parts = inner.split("/") if inner else []
    places = ("/".join(parts[:deep]) for deep in range(len(parts) + 1))
    return next((place for place in places if os.path.isfile(images.root / place / labels)), None)


def find_labelled(root: Path, labels: str, asked: Columns, tested: bool = False) -> Found:
    """The images of a folder that a table tells the classes of.

    Args:
        root: The folder, in which images lie anywhere.
        labels: The table: a CSV file, its path relative to `root`, or to a folder in it that holds
            all images, or absolute. The columns of one without a header are called "1", "2" and so
            on.
        asked: Its columns.
        tested: Whether all images are to be test images: then one class will do, and what tells
            splits and groups may be missing.

    Raises:
        InputError: If the table cannot be read, has not these columns, or tells of no image of the
            folder, of an image that may be several, or of one that is of two classes.
    """
    images = find_images(root)
    inner = place_of(images, labels) or ""
    path, index = root / inner / labels, _index(images.files)
    table = _read_table(path, labels)
    if not _has_header(table, index, asked):
        table = _read_table(path, labels, header=False)
    if tested:
        asked = _of_tests(asked, table)
    columns = _columns(table, index, asked, labels)
    passed_over = images.passed_over
    named: dict[str, ImageFile] = {}
    # Lists, as these are much faster than rows of a table.
    values = [list(table[name]) if name else [""] * len(table) for name in vars(columns).values()]
    split_of = splits_of({*table[columns.split]}) if columns.split else {}
    own_split = SPLIT_NAMES.get(plain(Path(labels).stem).partition("_")[0], "")
    for value, label, split, group in zip(*values, strict=True):
        names = _likely(_match(index, value), split_of.get(split) or own_split)
        if not names:
            passed_over["rows of the labels without an image"] += 1
        elif not label.strip():
            passed_over["without a label"] += 1
        elif len(names) > 1:
            raise InputError(
                f"setting labels: {value!r} may be {names[0]} or {names[1]}; accepted: paths"
            )
        else:
            file = ImageFile(names[0], label.strip(), split_of.get(split, ""), group)
            if named.setdefault(file.name, file) != file:
                raise InputError(
                    f"setting labels: {labels} tells two things of {value!r}; accepted: a class, "
                    "split and group for each image"
                )
    classes = Counter(file.class_name for file in named.values())
    if len(classes) < (1 if tested else 2) or not all(map(str.isprintable, classes)):
        least = "one, with a printable name" if tested else "two, with printable names"
        raise InputError(
            f"setting labels: {labels} tells of {len(classes)} class(es) of images in {root} "
            f"(column {columns.label!r}); accepted: at least {least}"
        )
    unnamed = len(images.files) - len(named) - passed_over["without a label"]
    passed_over["without a row in the labels"] += max(0, unnamed)
    files = sorted(named.values(), key=lambda file: (file.class_name, file.name))
    return Found(root, files, +passed_over, inner)


def _of_tests(asked: Columns, table: "pd.DataFrame") -> Columns:
    """The columns that count where all images are test images, if the table has them."""
    names = {str(name) for name in table.columns}
    split = asked.split if asked.split in names else ""
    if split and not all(splits_of({*table[split]}).values()):
        split = ""
    return replace(asked, split=split, group=asked.group if asked.group in names else "")


def with_groups(found: Found, pattern: str) -> Found:
    """What was found, with the groups that a pattern finds in the names.

    Args:
        found: The images.
        pattern: A regular expression, sought in the name of each; what is in its first parentheses
            is the group, or all of what was found. Images in which it is not found stand alone.

    Raises:
        InputError: If it is no such expression, or is found in no name.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"setting groups: {pattern!r} is no regular expression: {error}; accepted: one, or "
            f"{COLUMN}NAME of the labels"
        ) from None
    files, alone = [], 0
    for file in found.files:
        match = compiled.search(file.name)
        alone += match is None
        group = "" if match is None else match[1 if compiled.groups else 0] or ""
        files.append(file._replace(group=group))
    if alone == len(files):
        raise InputError(
            f"setting groups: {pattern!r} is found in no name; accepted: an expression that is, "
            f"as in {files[0].name!r}"
        )
    return replace(found, files=files)


def _has_header(table: "pd.DataFrame", index: Mapping[str, list[str]], asked: Columns) -> bool:
    """Whether the first row holds names of columns, and not those of an image and its class."""
    names = [str(name) for name in table.columns]
    called = any(name in vars(asked).values() or plain(name) in _KNOWN for name in names)
    return called or not any(_match(index, name) for name in names)


def _read_table(path: Path, labels: str, header: bool = True) -> "pd.DataFrame":
    import pandas as pd

    try:
        if path.exists() and not path.is_file():  # a device may have no end
            raise OSError("it is no file")
        with path.open(newline="", encoding="utf-8-sig") as file:
            beginning = file.read(1 << 16)
        try:
            separator = csv.Sniffer().sniff(beginning, ",;\t|").delimiter
        except csv.Error:
            separator = ","
        # Texts as they are: a class may be called "01" or "NA".
        read = functools.partial(
            pd.read_csv,
            path,
            sep=separator,
            header=0 if header else None,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
        )
        table = read()
        if more := table.index.nlevels * (not isinstance(table.index, pd.RangeIndex)):
            # Rows are longer than the header: they may end in a separator.
            names = list(table.columns)
            table = read(names=[*names, *map(str, range(more))], index_col=False)
            if (table.iloc[:, -more:] != "").any(axis=None):
                raise ValueError("its rows have more columns than its header")
            table = table[names]
        return table if header else table.set_axis(map(str, range(1, table.shape[1] + 1)), axis=1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise InputError(
            f"setting labels: {labels!r} cannot be read ({reason}); accepted: a CSV file in "
            "UTF-8, in the data_dir or with its full path"
        ) from error


def _index(files: Sequence[ImageFile]) -> dict[str, list[str]]:
    """Names by all that a table may call them: any end of the path, with and without suffix."""
    index: dict[str, list[str]] = {}
    for file in files:
        parts = file.name.split("/")
        for start in range(len(parts)):
            end = "/".join(parts[start:])
            for called in {end, end.rpartition(".")[0]}:
                index.setdefault(called, []).append(file.name)
    return index


def _match(index: Mapping[str, list[str]], value: str) -> list[str]:
    """The images that a value may mean: those that share the longest end of the path with it."""
    parts = value.strip().replace("\\", "/").split("/")
    ends = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((index[end] for end in ends if end and end in index), [])


def _likely(names: list[str], split: str) -> list[str]:
    """Of several images those in a folder of the split that the row, or the table, is about."""
    if len(names) < 2:
        return names
    folders = ({SPLIT_NAMES.get(plain(part)) for part in name.split("/")[:-1]} for name in names)
    return [n for n, splits in zip(names, folders, strict=True) if split in splits] or names


def _columns(
    table: "pd.DataFrame", index: Mapping[str, list[str]], asked: Columns, labels: str
) -> Columns:
    names = [str(name) for name in table.columns]
    for setting, name in vars(asked).items():
        if name and name not in names:
            flag = f"setting {'groups' if setting == 'group' else f'{setting}_column'}"
            raise unknown(flag, name, names)
    tried = table.head(_ROWS_TRIED)
    hits = {name: sum(bool(_match(index, value)) for value in tried[name]) for name in names}
    usual = sorted(names, key=lambda name: (_place(_FILES, name), -hits[name]))
    by_content = sorted(names, key=lambda name: -hits[name])
    found = [name for name in [*usual, *by_content] if hits[name]]
    if not asked.file and not found:
        raise InputError(
            f"setting labels: no column of {labels} ({', '.join(names)}) holds names of images of "
            "the folder; accepted: one that does (--set file_column=...)"
        )
    file = asked.file or found[0]
    others = [name for name in names if name not in (file, asked.group)]
    split = asked.split or next((n for n in others if _tells_splits(table[n], n)), "")
    split_of = splits_of({*table[split]}) if asked.split else {}
    if unknown_splits := [plain(name) for name, found in split_of.items() if not found]:
        raise unknown(f"setting split_column, {split}", min(unknown_splits), SPLIT_NAMES)
    others = [name for name in others if name != split]
    called = [name for name in others if plain(name) in _LABELS]
    label = asked.label or (called or [""])[0] or (others[0] if len(others) == 1 else "")
    if not label:
        raise InputError(
            f"setting labels: which column of {labels} holds the classes cannot be told; accepted: "
            f"--set label_column=..., of {', '.join(others) or 'none'}"
        )
    return Columns(file, label, split, asked.group)


def _place(usual: Sequence[str], name: str) -> int:
    return usual.index(plain(name)) if plain(name) in usual else len(usual)


def _tells_splits(values: Sequence[str], name: str) -> bool:
    return plain(name) in _SPLITS and all(splits_of({*values}).values())

"""A table of labels: its rows, its columns, and the images that its rows refer to."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gan_mnist.data.class_folders import composed
from gan_mnist.data.finding import ImageFile
from gan_mnist.data.image_index import ImageIndex
from gan_mnist.data.split_names import normalized, splits_of
from gan_mnist.errors import InputError, listed, unknown

if TYPE_CHECKING:
    import pandas as pd

# Usual names of columns, as `normalized` returns them.
_FILES = (
    "file_name", "filename", "file", "image", "image_name", "image_id", "image_file", "image_path",
    "img", "img_name", "path", "filepath", "file_path", "id", "name",
)  # fmt: skip
_LABELS = (
    "label", "labels", "class", "class_name", "classname", "category", "target", "species", "breed",
    "diagnosis", "dx", "y",
)  # fmt: skip
_SPLITS = ("split", "set", "subset", "partition", "data_set", "dataset")
_ROWS_TRIED, _LINES_TRIED = 200, 5


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns; an empty one is found by usual names or by what it holds.

    Attributes:
        file: Names or paths of images, with or without their suffix.
        label: Names of classes.
        split: Names of splits, such as "train", "val" and "test"; optional.
        group: Names of groups of images that have to stay together; only used if it is named.
    """

    file: str = ""
    label: str = ""
    split: str = ""
    group: str = ""


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        file: The name or path of an image, as in the table.
        images: Names of the images that it may refer to; perhaps none.
        label: The class.
        split: "train", "validation" or "test"; "" if the table does not say.
        group: Name of the group of images that has to stay together; "" for none.
    """

    file: str
    images: list[str]
    label: str
    split: str
    group: str


def read_rows(
    path: Path,
    csv_name: str,
    files: Sequence[ImageFile],
    home: str,
    requested: Columns,
    is_test_set: bool,
) -> tuple[list[Row], Columns, list[str]]:
    """The rows of a table, the columns that were found, and warnings about the choice.

    Args:
        path: The CSV file.
        csv_name: Its name in messages.
        files: The images that its rows may refer to.
        home: The folder that it lies in, as a path from the images' root, "/"; of several images
            of one name the one in that folder is meant.
        requested: Names of its columns; empty ones are found.
        is_test_set: Whether the columns of splits and groups may be missing.

    Raises:
        InputError: If it cannot be read, or lacks these columns.
    """
    index, table = ImageIndex(files), _read_table(path, csv_name)
    if not _has_header(table, index, requested):
        table = _read_table(path, csv_name, header=False)
    if is_test_set:
        requested = _of_tests(requested, table)
    columns = _columns(table, index, requested, csv_name, is_test_set)
    # Lists, as these are much faster than rows of a table.
    values = [list(table[name]) if name else [""] * len(table) for name in vars(columns).values()]
    splits = splits_of({*table[columns.split]}) if columns.split else {}
    rows = (
        Row(
            file,
            index.match(file, home),
            composed(label.strip()),
            splits.get(split, ""),
            composed(group.strip()),
        )
        for file, label, split, group in zip(*values, strict=True)
    )
    return list(rows), columns, [] if requested.label else _cautions(table, columns, csv_name)


def _of_tests(requested: Columns, table: "pd.DataFrame") -> Columns:
    """The columns that count where all images are test images, if the table has them."""
    names = {str(name) for name in table.columns}
    split = requested.split if requested.split in names else ""
    if split and not all(splits_of({*table[split]}).values()):
        split = ""
    return replace(
        requested, split=split, group=requested.group if requested.group in names else ""
    )


def _has_header(table: "pd.DataFrame", index: ImageIndex, requested: Columns) -> bool:
    """Whether the first row holds names of columns, and not those of an image and its class."""
    names = [str(name) for name in table.columns]
    # Columns of a table without a header are asked for by their numbers.
    if any(name in vars(requested).values() and not name.isdecimal() for name in names):
        return True
    hits = {name for name in names if index.match(name)}
    # An image may be called as a column is, and its class, too; then what is below decides.
    image_columns = {name for name in names if any(map(index.match, table[name].head(_ROWS_TRIED)))}
    is_below_another = bool(image_columns) and not image_columns & hits
    return not hits or is_below_another or any(normalized(name) in _FILES for name in image_columns)


def _read_table(path: Path, csv_name: str, header: bool = True) -> "pd.DataFrame":
    import pandas as pd

    try:
        if path.exists() and not path.is_file():  # a device may have no end
            raise OSError("it is no file")
        with path.open(newline="", encoding="utf-8-sig") as file:
            separator = _separator(file.read(1 << 16))
        # Texts as they are: a class may be called "01" or "NA".
        read_csv = functools.partial(
            pd.read_csv,
            path,
            sep=separator,
            header=0 if header else None,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            encoding="utf-8-sig",
        )
        table = read_csv()
        if num_extra := table.index.nlevels * (not isinstance(table.index, pd.RangeIndex)):
            # Rows are longer than the header: they may end in a separator.
            names = list(table.columns)
            table = read_csv(names=[*names, *map(str, range(num_extra))], index_col=False)
            if (table.iloc[:, -num_extra:] != "").any(axis=None):
                raise ValueError("its rows have more columns than its header")
            table = table[names]
        return table if header else table.set_axis(map(str, range(1, table.shape[1] + 1)), axis=1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise InputError(
            f"setting labels: {csv_name!r} cannot be read ({reason}); accepted: a CSV file in "
            "UTF-8, in the data_dir or with its full path"
        ) from error


def _separator(beginning: str) -> str:
    """Guesses the delimiter of a table from its beginning; a comma if there is none.

    A delimiter occurs equally often, outside of quotes, in each of the first lines; among several
    such signs, or without one, the sign that is most frequent in the first line is taken.
    """
    lines = [line for line in beginning.splitlines() if line.strip()][:_LINES_TRIED] or [""]
    counts = {
        delimiter: ["".join(line.split('"')[::2]).count(delimiter) for line in lines]
        for delimiter in ",;\t|"
    }
    consistent = {
        delimiter
        for delimiter, line_counts in counts.items()
        if line_counts[0] and len({*line_counts}) == 1
    }
    return max(counts, key=lambda delimiter: (delimiter in consistent, counts[delimiter][0]))


def _columns(
    table: "pd.DataFrame",
    index: ImageIndex,
    requested: Columns,
    csv_name: str,
    is_test_set: bool,
) -> Columns:
    """The columns that were named, and those that are found in the place of the others."""
    names = [str(name) for name in table.columns]
    for setting, name in vars(requested).items():
        if name and name not in names:
            flag = f"setting {'groups' if setting == 'group' else f'{setting}_column'}"
            raise unknown(flag, name, names)
    file = requested.file or _file_column(table, index, csv_name)
    unused = [name for name in names if name not in (file, requested.group, requested.label)]
    split = requested.split or _split_column(table, unused)
    # A column that is the only one left holds the classes.
    if not (split or is_test_set) and (requested.label or len(unused) > 1):
        _check_no_gaps(table, unused, csv_name)
    if requested.split:
        _check_splits(table[split], split)
    found = Columns(file, requested.label, split, requested.group)
    return found if found.label else replace(found, label=_label_column(names, found, csv_name))


def _file_column(table: "pd.DataFrame", index: ImageIndex, csv_name: str) -> str:
    """The column of file names: of those that hold some, the most usual name, or the most hits."""
    names, sample = [str(name) for name in table.columns], table.head(_ROWS_TRIED)
    hit_counts = {name: sum(bool(index.match(value)) for value in sample[name]) for name in names}
    candidates = [name for name in names if hit_counts[name]]
    if not candidates:
        raise InputError(
            f"setting labels: no column of {csv_name} ({', '.join(names)}) holds names of images "
            "of the folder; accepted: one that does (--set file_column=...)"
        )
    return min(candidates, key=lambda name: (_place(_FILES, name), -hit_counts[name]))


def _split_column(table: "pd.DataFrame", unused: Sequence[str]) -> str:
    """The first of the unused columns that tells the split of every row; "" for none."""
    return next((name for name in unused if _tells_splits(table[name], name)), "")


def _label_column(names: Sequence[str], taken: Columns, csv_name: str) -> str:
    """The column of classes, by its name, or as the only one that is not taken."""
    unused = [name for name in names if name not in (taken.file, taken.split, taken.group)]
    if named := [name for name in unused if normalized(name) in _LABELS]:
        return named[0]
    if len(unused) == 1:
        return unused[0]
    if not unused:
        uses = {"file names": taken.file, "splits": taken.split, "groups": taken.group}
        places = [f"{use} ({name})" for use, name in uses.items() if name]
        raise InputError(
            f"setting labels: {csv_name} has no column of classes besides "
            f"{'that' if len(places) == 1 else 'those'} of {' and '.join(places)}; accepted: one"
        )
    raise InputError(
        f"setting labels: which column of {csv_name} holds the classes cannot be told; accepted: "
        f"--set label_column=..., of {', '.join(unused)}"
    )


def _cautions(table: "pd.DataFrame", columns: Columns, csv_name: str) -> list[str]:
    """A warning if columns that were not taken are called as if they held the classes."""
    candidates = [name for name in table.columns if name not in vars(columns).values()]
    if not (candidates := [name for name in candidates if normalized(name) in _LABELS]):
        return []
    label, others = listed([columns.label]), listed(candidates)
    return [
        f"the classes are in column {label} of {csv_name}, not in {others} (--set label_column=...)"
    ]


def _place(names: Sequence[str], name: str) -> int:
    return names.index(normalized(name)) if normalized(name) in names else len(names)


def _tells_splits(values: Sequence[str], name: str) -> bool:
    return normalized(name) in _SPLITS and all(splits_of({*values}).values())


def _check_splits(values: "pd.Series", name: str) -> None:
    """Refuses a column that was named as that of splits and holds others than their names."""
    unknown_names = {value for value, split in splits_of({*values}).items() if not split}
    if not unknown_names:
        return
    misspelt = min(filter(normalized, unknown_names), default="")
    num_empty = sum(not normalized(value) for value in values)
    no_split = f"no split in {num_empty:,} of {len(values):,} rows"
    complaint = f"{misspelt!r} is unknown" if misspelt else no_split
    raise InputError(
        f"setting split_column, {name}: {complaint}; accepted: train, validation or test, or a "
        "usual form of these such as val"
    )


def _check_no_gaps(table: "pd.DataFrame", names: Sequence[str], csv_name: str) -> None:
    """Refuses a column that tells the splits of some images: the others might be test images."""
    for name in names:
        splits = splits_of({*table[name]}) if normalized(name) in _SPLITS else {}
        gaps = sorted(value for value, split in splits.items() if not split)
        if gaps and any(splits.values()):
            raise InputError(
                f"setting labels: column {name!r} of {csv_name} names splits, and {gaps[0]!r}; "
                "accepted: a split in each row, or another name of the column"
            )

"""Images of elsewhere that are duplicates of a data set's: a leak where these are tested on."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from gan_mnist.data.duplicates import find_pairs
from gan_mnist.data.splits import Split


class NamedImages(Protocol):
    """Images with their names."""

    @property
    def images(self) -> np.ndarray: ...

    @property
    def filenames(self) -> tuple[str, ...]: ...


def copies_in_numbers(others: NamedImages, splits: Mapping[str, Split]) -> dict[str, Any]:
    """Counts other images that are duplicates of a data set's images, for plan and report.

    Returns:
        `copies`: of each split, how many of `others` are equal to one of it, or nearly so; and
        `pairs`, where there are some: by split, some pairs of file names, the other's first.
    """
    copies, name_pairs = {}, {}
    distinct = {id(split): split for split in splits.values()}
    pairs_by_id = {key: find_pairs(others.images, split.images) for key, split in distinct.items()}
    for name, split in splits.items():
        pairs = pairs_by_id[id(split)]
        copies[name] = len(pairs)
        if len(pairs):
            name_pairs[name] = [[others.filenames[i], split.filenames[j]] for i, j in pairs.first()]
    return {"copies": copies} | ({"pairs": name_pairs} if name_pairs else {})


def leak_in_words(name: str, copies: int, number: int, of: str) -> str:
    """The warning that `copies` of the `number` images of `name` are copies of `of` images."""
    predicate = f"is a copy of a {of} image" if copies == 1 else f"are copies of {of} images"
    return f"{copies:,} of the {number:,} images of `{name}` {predicate}, which is a leak"


def copies_in_pictures(
    summary: Mapping[str, Any], others: NamedImages, splits: Mapping[str, Split]
) -> dict[str, np.ndarray]:
    """The pairs that `copies_in_numbers` told: by split uint8 (2, n, H, W, C), others first."""
    pictures = {}
    for name, pairs in summary.get("pairs", {}).items():
        sides = (others, splits[name])
        columns = zip(sides, zip(*pairs, strict=True), strict=True)
        row_lists = [
            [side.filenames.index(filename) for filename in names] for side, names in columns
        ]
        images = [side.images[np.array(rows)] for side, rows in zip(sides, row_lists, strict=True)]
        pictures[name] = np.stack(images)
    return pictures

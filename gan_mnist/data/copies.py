"""Images of elsewhere that are duplicates of a data set's: a leak where these are tested on."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gan_mnist.data.duplicates import find_pairs
from gan_mnist.data.splits import Split
from gan_mnist.data.subsets import Subset


def copies_in_numbers(others: Subset, splits: Mapping[str, Split]) -> dict[str, Any]:
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
    summary: Mapping[str, Any], others: Subset, splits: Mapping[str, Split]
) -> dict[str, np.ndarray]:
    """The pairs that `copies_in_numbers` told: by split uint8 (2, n, H, W, C), others first."""
    pictures = {}
    for name, pairs in summary.get("pairs", {}).items():
        names, names_in_split = zip(*pairs, strict=True)
        pictures[name] = np.stack(
            [_images_called(others, names), _images_called(splits[name], names_in_split)]
        )
    return pictures


def _images_called(source: Subset | Split, names: Iterable[str]) -> np.ndarray:
    return source.images[[source.filenames.index(name) for name in names]]

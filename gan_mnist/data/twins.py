"""Which of several images that are alike are dropped: those that are like one that is kept."""

import json
from collections.abc import Collection, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from gan_mnist.data.decoded_cache import Remember
from gan_mnist.data.duplicates import (
    MIN_CORRELATION,
    Pairs,
    described,
    first_rows,
    may_be_alike,
    sketched,
)
from gan_mnist.data.splits import Split
from gan_mnist.files import fingerprint


def like_a_kept_one(
    split: Split,
    duplicates: Pairs,
    gone: Collection[int],
    remember: Remember,
) -> set[int]:
    """Rows to drop, so that of the images that remain none is like an earlier one.

    An image is not dropped for one that is dropped itself: of frames that change slowly, each is
    like the one before it, but not like the first.

    Args:
        split: The images.
        duplicates: What `find_duplicates` returns of the split within itself.
        gone: Rows that are dropped for another reason.
        remember: Caches what is found.
    """
    match_of = dict(zip(duplicates.rows, duplicates.matches, strict=True))
    waiting = [row for row in duplicates.rows if row not in gone]
    unsure = {*match_of, *gone}
    dropped = {row for row in waiting if match_of[row] not in unsure}
    if not (undecided := [row for row in waiting if row not in dropped]):
        return dropped
    matches = [match_of[row] for row in undecided]
    key = fingerprint(MIN_CORRELATION, split.selection, undecided)
    twins_json = remember(
        f"twins-{key}", lambda: json.dumps(_earlier_twins(split, undecided, matches))
    )
    # In order, so that of each earlier image it is known whether it is kept.
    for row, twins in zip(undecided, json.loads(twins_json), strict=True):
        if any(twin not in dropped and twin not in gone for twin in twins):
            dropped.add(row)
    return dropped


@threadpool_limits.wrap(limits=1, user_api="blas")
def _earlier_twins(split: Split, rows: Sequence[int], matches: Sequence[int]) -> list[list[int]]:
    """For each of `rows` all images before it, in other groups, that it is like.

    Without groups, of equal images the first, as the others are like the same ones.
    """
    images = split.images
    groups = np.arange(len(images)) if split.groups is None else split.groups
    checksums, sketches = sketched(images)
    is_compared = np.full(len(images), split.groups is not None)
    is_compared[[*first_rows(checksums).values()]] = True
    twins = {row: {match} for row, match in zip(rows, matches, strict=True)}
    for block, columns in may_be_alike(np.array(rows), sketches, sketches):
        own, others = np.unique(block), np.unique(columns[is_compared[columns]])
        correlations = described(images[own]) @ described(images[others]).T
        for i, j in zip(*np.nonzero(correlations >= MIN_CORRELATION), strict=True):
            twins[int(own[i])].add(int(others[j]))
    return [
        sorted(twin for twin in twins[row] if twin < row and groups[twin] != groups[row])
        for row in rows
    ]

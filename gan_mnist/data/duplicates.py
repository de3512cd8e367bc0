"""Duplicate images: equal, or nearly so, as after re-encoding or rescaling.

Two images are alike if their grey values, at 32 x 32 pixels or as many as they have, correlate by
`MIN_CORRELATION` or more. Of 400 photographs of 32 x 32 pixels all are found again after saving as
JPEG of quality 75 and after scaling up and down, most after a change of brightness; shifted,
cropped and mirrored ones are not looked for. Of 3,000 test digits of MNIST none is that near to one
of 20,000 training digits (at most 0.983); of 2,000 cats and dogs of CIFAR-10 five are, to one of
10,000.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from gan_mnist.data.decoded_cache import Remember
from gan_mnist.data.images import ImageConversion, resize
from gan_mnist.data.splits import Split
from gan_mnist.files import fingerprint

# The key of duplicates between these two; the other keys are splits compared with "train".
BETWEEN = "validation and test"
SIDE = 32
MIN_CORRELATION = 0.985
# So many of the pairs found are named and shown.
SHOWN = 8
# A split with a larger share of duplicates gets a warning before the answer.
MATTERS = 0.01
# Rows and columns of correlations that are in memory at a time.
_ROWS, _COLUMNS = 256, 4096
# Cosine waves along a side that bound the correlations first; the bound's slack for rounding.
_WAVES, _ROUNDING = 6, 1e-3


@dataclass(frozen=True)
class Pairs:
    """Images that have a duplicate among others.

    Attributes:
        rows: Which images, ascending.
        matches: The most similar other image of each.
        equal: Whether every pixel of the two is the same.
    """

    rows: list[int]
    matches: list[int]
    equal: list[bool]

    def __len__(self) -> int:
        return len(self.rows)

    def first(self) -> list[tuple[int, int]]:
        """The first pairs, as many as are named and shown."""
        return [*zip(self.rows[:SHOWN], self.matches[:SHOWN], strict=True)]


# The products are small: two threads wait for each other longer than they work.
@threadpool_limits.wrap(limits=1, user_api="blas")
def find_pairs(
    images: np.ndarray, others: np.ndarray | None = None, groups: np.ndarray | None = None
) -> Pairs:
    """Finds the images that are equal or nearly equal to one of `others`.

    Args:
        images: uint8 (n, H, W, C).
        others: uint8 (m, H, W, C); None compares each of `images` with those before it.
        groups: int (n,), used without `others` only: images of one group are no pair.
    """
    is_self, others = others is None, images if others is None else others
    if not len(images) or not len(others):
        return Pairs([], [], [])
    other_checksums, other_sketches = sketched(others)
    checksums, sketches = (other_checksums, other_sketches) if is_self else sketched(images)
    groups = np.arange(len(images)) if groups is None else groups
    if is_self:
        matches = _find_earlier_equal(checksums, groups)
    else:
        row_of = first_rows(other_checksums)
        matches = np.array([row_of.get(checksum, -1) for checksum in checksums])
    is_equal, best = matches >= 0, np.full(len(images), MIN_CORRELATION, np.float32)

    def may_pair(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Whether they can be a pair, whatever they look like."""
        if is_self:
            return (column < row) & (groups[column] != groups[row])
        return np.ones(np.broadcast(row, column).shape, bool)

    for row, column in may_be_alike(np.flatnonzero(~is_equal), sketches, other_sketches):
        is_pair = may_pair(row, column)
        if not is_pair.any():
            continue
        rows, columns = np.unique(row[is_pair]), np.unique(column[is_pair])
        correlations = described(images[rows]) @ described(others[columns]).T
        correlations[~may_pair(rows[:, None], columns)] = -1
        nearest = correlations.argmax(axis=1)
        new_matches, correlation = columns[nearest], correlations.max(axis=1)
        is_earlier = (matches[rows] < 0) | (new_matches < matches[rows])
        better = (correlation > best[rows]) | ((correlation == best[rows]) & is_earlier)
        matches[rows[better]], best[rows[better]] = new_matches[better], correlation[better]
    rows = np.flatnonzero(matches >= 0)
    return Pairs(rows.tolist(), matches[rows].tolist(), is_equal[rows].tolist())


def first_rows(checksums: list[bytes]) -> dict[bytes, int]:
    """The first row that has each checksum."""
    return {checksum: row for row, checksum in reversed([*enumerate(checksums)])}


def _find_earlier_equal(checksums: list[bytes], groups: np.ndarray) -> np.ndarray:
    """The first image before each, in another group, that is equal: int64 (n,), -1 for none."""
    matches = np.full(len(checksums), -1)
    # For each checksum the first row that has it, and the first in another group than that row.
    rows_by_checksum: dict[bytes, list[int]] = {}
    for row, checksum in enumerate(checksums):
        twins = rows_by_checksum.setdefault(checksum, [])
        matches[row] = next((twin for twin in twins if groups[twin] != groups[row]), -1)
        if not twins or (len(twins) == 1 and matches[row] >= 0):
            twins.append(row)
    return matches


def sketched(images: np.ndarray) -> tuple[list[bytes], np.ndarray]:
    """A checksum of each image, and a sketch that bounds its correlations: float32 (n, e).

    Descriptors of a million images would be 4 GB. Some of their lowest frequencies (a discrete
    cosine transform) and the norm of the remainder make a vector of the same norm. The product of
    two such vectors is at least that of the descriptors, by the Cauchy-Schwarz inequality.
    """
    checksums, sketches = [], []
    for start in range(0, len(images), _ROWS):
        block = images[start : start + _ROWS]
        checksums += [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in block]
        descriptors = described(block)
        side = round(descriptors.shape[1] ** 0.5)
        basis = np.cos(np.pi / side * np.outer(np.arange(min(_WAVES, side)), np.arange(side) + 0.5))
        basis /= np.linalg.norm(basis, axis=1, keepdims=True)
        spectra = (basis @ descriptors.reshape(-1, side, side) @ basis.T).reshape(len(block), -1)
        remainder = (descriptors**2).sum(axis=1) - (spectra**2).sum(axis=1)
        sketch = np.column_stack([spectra, np.sqrt(np.maximum(remainder, 0))])
        sketches.append(sketch.astype(np.float32))
    return checksums, np.concatenate(sketches)


def described(images: np.ndarray) -> np.ndarray:
    """Grey descriptors, float32 (n, d), of mean 0 and norm 1; 0 for an image of one grey."""
    side = min(SIDE, images.shape[1])
    grey = resize(images, ImageConversion(side, 1)).reshape(-1, side * side).astype(np.float32)
    grey -= grey.mean(axis=1, keepdims=True)
    return grey / np.maximum(np.linalg.norm(grey, axis=1, keepdims=True), 1e-6)


def may_be_alike(
    rows: np.ndarray, sketches: np.ndarray, other_sketches: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Candidate pairs, whose sketches do not rule out that they are duplicates, some at a time.

    Args:
        rows: int64 (k,): the rows of `sketches` to compare.
        sketches: Sketches of the images, as `sketched` returns them.
        other_sketches: Sketches of the others.

    Yields:
        Rows of `sketches` and of `other_sketches`, int64 (n,) each.
    """
    # Unit vectors that correlate by r are sqrt(2 - 2 r) apart, so that only those near each other
    # along the axis of the largest spread have to be compared.
    radius, axis = (2 - 2 * MIN_CORRELATION) ** 0.5 + _ROUNDING, other_sketches.std(axis=0).argmax()
    rows, order = rows[sketches[rows, axis].argsort()], other_sketches[:, axis].argsort()
    other_sketches = other_sketches[order]
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS]
        block_sketches = sketches[block]
        interval = block_sketches[0, axis] - radius, block_sketches[-1, axis] + radius
        begin, end = np.searchsorted(other_sketches[:, axis], interval)
        for offset in range(begin, end, _COLUMNS):
            columns = slice(offset, min(offset + _COLUMNS, end))
            bounds = block_sketches @ other_sketches[columns].T
            # `np.nonzero` of two dimensions takes ten times as long.
            i, j = np.divmod(np.flatnonzero(bounds >= MIN_CORRELATION - _ROUNDING), bounds.shape[1])
            yield block[i], order[columns][j]


DuplicatesBySplit = Mapping[str, Pairs]


def find_duplicates(splits: Mapping[str, Split], remember: Remember) -> DuplicatesBySplit:
    """Finds the images that have a duplicate in another split.

    Args:
        splits: By name, "train" among them.
        remember: Caches what is found.

    Returns:
        For every other split, rows of "train" with their matches in that split. If the split is
        "train" itself, an image is compared with those before it, but not with its own group, which
        is never divided. The same for `BETWEEN`, with rows of "validation", if "test" is a split of
        its own.
    """
    train = splits["train"]
    has_both = "validation" in splits and splits["test"] is not train

    def find() -> str:
        duplicates = {}
        for name, split in splits.items():
            if split is not train:
                duplicates[name] = find_pairs(train.images, split.images)
            elif name != "train":
                duplicates[name] = find_pairs(train.images, groups=train.groups)
        if has_both:
            validation, test = splits["validation"], splits["test"]
            duplicates[BETWEEN] = find_pairs(validation.images, test.images)
        return json.dumps({name: [*vars(pairs).values()] for name, pairs in duplicates.items()})

    selections = [split.selection for split in splits.values()]
    if has_both:
        selections.append(BETWEEN)
    found = json.loads(remember(f"duplicates-{fingerprint(MIN_CORRELATION, selections)}", find))
    return {name: Pairs(*lists) for name, lists in found.items()}


def _sides(name: str) -> tuple[str, str]:
    """The two splits that something was found in."""
    return ("validation", "test") if name == BETWEEN else ("train", name)


def duplicates_in_numbers(
    found: DuplicatesBySplit, splits: Mapping[str, Split]
) -> dict[str, dict[str, Any]]:
    """Counts duplicates, for plan and report.

    Returns:
        For every split that has some: `images`, how many training images have a duplicate in it;
        `equal`, how many of these are equal to theirs; `of`, how many of its images are matched;
        and some `pairs` of file names. For `BETWEEN` the same of validation and test images.
    """
    summary = {}
    for name, duplicates in found.items():
        if len(duplicates):
            filenames, other_filenames = (splits[side].filenames for side in _sides(name))
            summary[name] = {
                "images": len(duplicates),
                "equal": sum(duplicates.equal),
                "of": len(set(duplicates.matches)),
                "pairs": [[filenames[i], other_filenames[j]] for i, j in duplicates.first()],
            }
    return summary


def duplicates_in_pictures(
    found: DuplicatesBySplit, splits: Mapping[str, Split]
) -> dict[str, np.ndarray]:
    """Some pairs of duplicates, by split: uint8 (2, n, H, W, C), those of "train" first."""
    pictures = {}
    for name, duplicates in found.items():
        if len(duplicates):
            sides = zip(_sides(name), zip(*duplicates.first(), strict=True), strict=True)
            images = [splits[side].take(np.array(rows)).images for side, rows in sides]
            pictures[name] = np.stack(images)
    return pictures

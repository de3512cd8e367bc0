"""Duplicate images: equal, or nearly so, as after re-encoding or rescaling.

Two images are alike if their grey values, at 32 x 32 pixels or as many as they have, correlate by
`ALIKE` or more. Of 400 photographs of 32 x 32 pixels all are found again after saving as JPEG of
quality 75 and after scaling up and down, most after a change of brightness; shifted, cropped and
mirrored ones are not looked for. Of 3,000 test digits of MNIST none is that near to one of 20,000
training digits (at most 0.983); of 2,000 cats and dogs of CIFAR-10 five are, to one of 10,000.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from gan_mnist.data.images import ImageConversion, resize
from gan_mnist.data.splits import Split
from gan_mnist.files import fingerprint

# The key of duplicates between these two; the other keys are splits compared with "train".
BETWEEN = "validation and test"
SIDE = 32
ALIKE = 0.985
# So many of the pairs found are named and shown.
SHOWN = 8
# A split with a larger share of duplicates gets a warning before the answer.
MATTERS = 0.01
# Rows and columns of correlations that are in memory at a time.
_ROWS, _COLUMNS = 256, 4096
# Cosine waves along a side that bound the correlations first; the bound's slack for rounding.
_WAVES, _ROUNDING = 6, 1e-3


@dataclass(frozen=True, eq=False)
class Pairs:
    """Images that have a duplicate among others.

    Attributes:
        rows: int64 (n,), ascending: which images.
        matches: int64 (n,): the most similar other image of each.
        equal: bool (n,): whether every pixel is the same.
    """

    rows: np.ndarray
    matches: np.ndarray
    equal: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


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
    before, others = others is None, images if others is None else others
    if not len(images) or not len(others):
        return Pairs(np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool))
    checksums, coarse = _sketched(others)
    own_checksums, own_coarse = (checksums, coarse) if before else _sketched(images)
    groups = np.arange(len(images)) if groups is None else groups
    # For each checksum the first row that has it, and the first in another group than that row.
    places: dict[bytes, list[int]] = {}
    for place, checksum in enumerate(checksums):
        known = places.setdefault(checksum, [place])
        if before and len(known) == 1 and groups[place] != groups[known[0]]:
            known.append(place)
    matches = np.full(len(images), -1)
    for own, checksum in enumerate(own_checksums):
        known = places.get(checksum, [])
        if before:
            known = [place for place in known if place < own and groups[place] != groups[own]]
        matches[own] = known[0] if known else -1
    equal, highest = matches >= 0, np.full(len(images), ALIKE, np.float32)

    def are_two(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Whether they can be a pair, whatever they look like."""
        if before:
            return (column < row) & (groups[column] != groups[row])
        return np.ones(np.broadcast(row, column).shape, bool)

    for row, column in _may_be_alike(np.flatnonzero(~equal), own_coarse, coarse):
        two = are_two(row, column)
        if not two.any():
            continue
        rows, columns = np.unique(row[two]), np.unique(column[two])
        correlations = _described(images[rows]) @ _described(others[columns]).T
        correlations[~are_two(rows[:, None], columns)] = -1
        nearest = correlations.argmax(axis=1)
        found, correlation = columns[nearest], correlations.max(axis=1)
        first = (matches[rows] < 0) | (found < matches[rows])
        better = (correlation > highest[rows]) | ((correlation == highest[rows]) & first)
        matches[rows[better]], highest[rows[better]] = found[better], correlation[better]
    rows = np.flatnonzero(matches >= 0)
    return Pairs(rows, matches[rows], equal[rows])


def _sketched(images: np.ndarray) -> tuple[list[bytes], np.ndarray]:
    """A checksum of each image, and a sketch that bounds its correlations: float32 (n, e).

    Descriptors of a million images would be 4 GB. Some of their lowest frequencies (a discrete
    cosine transform) and the norm of the remainder make a vector of the same norm. The product of
    two such vectors is at least that of the descriptors, by the Cauchy-Schwarz inequality.
    """
    checksums, sketches = [], []
    for start in range(0, len(images), _ROWS):
        block = images[start : start + _ROWS]
        checksums += [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in block]
        described = _described(block)
        side = round(described.shape[1] ** 0.5)
        waves = np.cos(np.pi / side * np.outer(np.arange(min(_WAVES, side)), np.arange(side) + 0.5))
        waves /= np.linalg.norm(waves, axis=1, keepdims=True)
        strengths = (waves @ described.reshape(-1, side, side) @ waves.T).reshape(len(block), -1)
        left = (described**2).sum(axis=1) - (strengths**2).sum(axis=1)
        sketch = np.column_stack([strengths, np.sqrt(np.maximum(left, 0))])
        sketches.append(sketch.astype(np.float32))
    return checksums, np.concatenate(sketches)


def _described(images: np.ndarray) -> np.ndarray:
    """Grey descriptors, float32 (n, d), of mean 0 and norm 1; 0 for an image of one grey."""
    side = min(SIDE, images.shape[1])
    grey = resize(images, ImageConversion(side, 1)).reshape(-1, side * side).astype(np.float32)
    grey -= grey.mean(axis=1, keepdims=True)
    return grey / np.maximum(np.linalg.norm(grey, axis=1, keepdims=True), 1e-6)


def _may_be_alike(
    rows: np.ndarray, own: np.ndarray, coarse: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Candidate pairs, whose sketches do not rule out that they are duplicates, some at a time.

    Args:
        rows: int64 (k,): the rows of `own` to compare.
        own: Sketches of the images, as `_sketched` returns them.
        coarse: Sketches of the others.

    Yields:
        Rows of `own` and of `coarse`, int64 (n,) each.
    """
    # Unit vectors that correlate by r are sqrt(2 - 2 r) apart, so that only those near each other
    # along the axis of the largest spread have to be compared.
    reach, axis = (2 - 2 * ALIKE) ** 0.5 + _ROUNDING, coarse.std(axis=0).argmax()
    rows, order = rows[own[rows, axis].argsort()], coarse[:, axis].argsort()
    coarse = coarse[order]
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS]
        shown = own[block]
        ends = shown[0, axis] - reach, shown[-1, axis] + reach
        begin, end = np.searchsorted(coarse[:, axis], ends)
        for place in range(begin, end, _COLUMNS):
            part = slice(place, min(place + _COLUMNS, end))
            bounds = shown @ coarse[part].T
            # `np.nonzero` of two dimensions takes ten times as long.
            a, b = np.divmod(np.flatnonzero(bounds >= ALIKE - _ROUNDING), bounds.shape[1])
            yield block[a], order[part][b]


Alike = Mapping[str, tuple[list[int], list[int], list[bool]]]


def find_duplicates(
    splits: Mapping[str, Split], remember: Callable[[str, Callable[[], str]], str]
) -> Alike:
    """Finds the images that have a duplicate in another split.

    Args:
        splits: By name, "train" among them.
        remember: See `Dataset`.

    Returns:
        For every other split, as lists: rows of "train", the most similar image of each in that
        split, and whether the two are equal. If the split is "train" itself, an image is compared
        with those before it, but not with its own group, which is never divided. The same for
        `BETWEEN`, with rows of "validation", if "test" is a split of its own.
    """
    train = splits["train"]
    between = "validation" in splits and splits["test"] is not train

    def find() -> str:
        found = {}
        for name, split in splits.items():
            if name != "train":
                whole = split is train
                others = (None, train.groups) if whole else (split.images, None)
                pairs = find_pairs(train.images, *others)
                found[name] = _as_lists(pairs)
        if between:
            validation, test = splits["validation"], splits["test"]
            found[BETWEEN] = _as_lists(find_pairs(validation.images, test.images))
        return json.dumps(found)

    selections = [split.selection for split in splits.values()]
    if between:
        selections.append(BETWEEN)
    return json.loads(remember(f"duplicates-{fingerprint(ALIKE, selections)}", find))


def _as_lists(pairs: Pairs) -> list[list]:
    return [pairs.rows.tolist(), pairs.matches.tolist(), pairs.equal.tolist()]


def _sides(name: str) -> tuple[str, str]:
    """The two splits that something was found in."""
    return ("validation", "test") if name == BETWEEN else ("train", name)


def duplicates_in_numbers(found: Alike, splits: Mapping[str, Split]) -> dict[str, dict[str, Any]]:
    """Counts duplicates, for plan and report.

    Returns:
        For every split that has some: `images`, how many training images have a duplicate in it;
        `equal`, how many of these are equal to theirs; `of`, how many of its images are matched;
        and some `pairs` of file names. For `BETWEEN` the same of validation and test images.
    """
    told = {}
    for name, (rows, matches, equal) in found.items():
        if rows:
            ours, theirs = (splits[side].filenames for side in _sides(name))
            pairs = [[ours[a], theirs[b]] for a, b in zip(rows, matches, strict=True)]
            told[name] = {
                "images": len(rows),
                "equal": sum(equal),
                "of": len(set(matches)),
                "pairs": pairs[:SHOWN],
            }
    return told


def duplicates_in_pictures(found: Alike, splits: Mapping[str, Split]) -> dict[str, np.ndarray]:
    """Some pairs of duplicates, by split: uint8 (2, n, H, W, C), those of "train" first."""
    pictures = {}
    for name, (*rows, _) in found.items():
        if rows[0]:
            sides = zip(_sides(name), rows, strict=True)
            shown = [splits[side].take(np.array(own[:SHOWN])).images for side, own in sides]
            pictures[name] = np.stack(shown)
    return pictures


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
    copies, named = {}, {}
    different = {id(split): split for split in splits.values()}
    pairs = {key: find_pairs(others.images, split.images) for key, split in different.items()}
    for name, split in splits.items():
        found = pairs[id(split)]
        copies[name] = len(found)
        rows = zip(found.rows[:SHOWN].tolist(), found.matches[:SHOWN].tolist(), strict=True)
        if len(found):
            named[name] = [[others.filenames[a], split.filenames[b]] for a, b in rows]
    return {"copies": copies} | ({"pairs": named} if named else {})


def leak_in_words(name: str, copies: int, number: int, of: str) -> str:
    """The warning that `copies` of the `number` images of `name` are copies of `of` images."""
    are = f"is a copy of a {of} image" if copies == 1 else f"are copies of {of} images"
    return f"{copies:,} of the {number:,} images of `{name}` {are}, which is a leak"


def copies_in_pictures(
    told: Mapping[str, Any], others: NamedImages, splits: Mapping[str, Split]
) -> dict[str, np.ndarray]:
    """The pairs that `copies_in_numbers` told: by split uint8 (2, n, H, W, C), others first."""
    pictures = {}
    for name, pairs in told.get("pairs", {}).items():
        sides = (others, splits[name])
        columns = zip(sides, zip(*pairs, strict=True), strict=True)
        rows = [[side.filenames.index(filename) for filename in of] for side, of in columns]
        shown = [side.images[np.array(own)] for side, own in zip(sides, rows, strict=True)]
        pictures[name] = np.stack(shown)
    return pictures

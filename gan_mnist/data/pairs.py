"""A folder of pairs: noisy images, and clean ones under the same names.

Pairs are groups of two images of the classes `noisy` and `clean`, so whatever divides a data set
keeps them together.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from gan_mnist.data.class_folders import composed
from gan_mnist.data.finding import FoundImages, ImageFile
from gan_mnist.data.images import open_image, orientation
from gan_mnist.data.reading import Decoded
from gan_mnist.data.splits import Split
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import InputError, first_of

CLEAN, NOISY = CLASSES = ("clean", "noisy")
ALONE, PARTNER_BAD = "without a partner of its name", "of a partner that cannot be read"
APART = "of a partner in another split"
OTHER_SIZE = "of another size than its partner"
IN_PAIRS = "in pairs, noisy and clean"
# Orientations of an image that lies on its side.
_LYING = (5, 6, 7, 8)


def are_pairs(class_names: Iterable[str]) -> bool:
    """Whether classes are those of noisy images and their clean partners."""
    return {name.casefold() for name in class_names} == set(CLASSES)


def with_partners(found: FoundImages, skip_bad: bool) -> FoundImages:
    """Groups the images of folders `noisy` and `clean` by pairs.

    If there are groups already, that of the clean image becomes its partner's too.

    Args:
        found: The images.
        skip_bad: Whether images without a partner are left out; else they are refused.

    Raises:
        InputError: For two images of one name, and images without a partner, or with one of
            another split, all of which are counted.
    """
    pairs: dict[str, dict[str, ImageFile]] = {}
    for file in found.files:
        kind, name = file.class_name.casefold(), _pair(file.name, file.class_name)
        pair = pairs.setdefault(name, {})
        if kind in pair:
            raise InputError(
                f"--data_dir: {pair[kind].name} and {file.name} in {found.root} have one name; "
                "accepted: one image of a name in a folder"
            )
        pair[kind] = file
    excluded: dict[str, str] = {}
    for reason, problem, is_excluded in (
        (ALONE, "have no partner of their name", lambda pair: len(pair) < 2),
        (APART, "have a partner in another split", _is_apart),
    ):
        names = sorted(
            member.name for pair in pairs.values() if is_excluded(pair) for member in pair.values()
        )
        excluded |= dict.fromkeys(names, reason)
        if names and (len(excluded) == len(found.files) or not skip_bad):
            raise _refusal(found, names, problem)
    grouped_files = {
        file.name: file._replace(class_name=kind, group=pair[CLEAN].group or name)
        for name, pair in pairs.items()
        if len(pair) == 2 and not _is_apart(pair)
        for kind, file in pair.items()
    }
    files = [grouped_files[file.name] for file in found.files if file.name in grouped_files]
    passed_over = found.passed_over + Counter(excluded.values())
    return replace(found, files=files, passed_over=passed_over, left_out=excluded)


def _is_apart(pair: Mapping[str, ImageFile]) -> bool:
    return len({file.split for file in pair.values()}) > 1


def unlike_partners(found: FoundImages, decoded: Decoded, skip_bad: bool) -> dict[str, str]:
    """Images that cannot be used as their partner is bad or of another size: the reason, by name.

    Args:
        found: What `with_partners` returned.
        decoded: Its decoded files.
        skip_bad: Whether pairs of two sizes are left out; else they are refused.

    Raises:
        InputError: If they are refused.
    """
    pairs: dict[str, list[str]] = {}
    for file in found.files:
        pairs.setdefault(_pair(file.name, file.class_name), []).append(file.name)
    readable_pairs: list[list[str]] = []
    excluded: dict[str, str] = {}
    for pair in pairs.values():
        readable_names = [name for name in pair if name not in decoded.bad]
        if readable_names == pair:
            readable_pairs.append(pair)
        else:
            excluded |= dict.fromkeys(readable_names, PARTNER_BAD)

    def of_two_sizes() -> str:
        names: list[str] = []
        for pair in readable_pairs:
            if len({_size(found.root / name) for name in pair}) > 1:
                names += sorted(pair)
        return json.dumps(names)

    unlike_names = json.loads(decoded.remember("of-two-sizes", of_two_sizes))
    if unlike_names and (len(unlike_names) + len(excluded) == len(found.files) or not skip_bad):
        raise _refusal(found, unlike_names, "are not of their partner's size")
    return excluded | dict.fromkeys(unlike_names, OTHER_SIZE)


def with_their_partners(rows: Iterable[int], split: Split, class_names: Sequence[str]) -> set[int]:
    """Rows of a split, and those of the partners of the images there."""
    names = list(_names(split.filenames, split.labels, class_names))
    pair_names = {names[row] for row in rows}
    return {row for row, name in enumerate(names) if name in pair_names}


def paired(subset: Subset) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of a subset of both classes, in the order of their names.

    Returns:
        Noisy and clean images, uint8 (n, H, W, C) each, partners in the same rows.
    """
    names = list(_names(subset.filenames, subset.labels, subset.class_names))
    order = np.array(sorted(range(len(names)), key=names.__getitem__), int)
    noisy_rows, clean_rows = (
        order[subset.labels[order] == subset.class_names.index(kind)] for kind in (NOISY, CLEAN)
    )
    assert [names[row] for row in noisy_rows] == [names[row] for row in clean_rows]
    return subset.images[noisy_rows], subset.images[clean_rows]


def _names(
    filenames: Iterable[str], labels: np.ndarray, class_names: Sequence[str]
) -> Iterator[str]:
    """Yields the name that each image shares with its partner."""
    for name, label in zip(filenames, labels.tolist(), strict=True):
        yield _pair(name, class_names[label])


def _pair(name: str, class_name: str) -> str:
    """What the names of partners have in common: all but the class folder and the suffix."""
    parts = list(PurePosixPath(composed(name)).with_suffix("").parts)
    folders = [part.casefold() for part in parts[:-1]]
    if class_name.casefold() in folders:
        del parts[folders.index(class_name.casefold())]
    return "/".join(parts)


def _size(path: Path) -> tuple[int, int]:
    """Width and height in pixels as the image is seen; EXIF may say that it is to be turned."""
    with open_image(path) as image:
        width, height = image.size
        return (height, width) if orientation(image) in _LYING else (width, height)


def _refusal(found: FoundImages, names: Sequence[str], problem: str) -> InputError:
    return InputError(
        f"--data_dir: {len(names)} of {len(found.files)} images in {found.root} {problem}: "
        f"{', '.join(first_of(names))}; accepted: pairs of one name and size in noisy and "
        "clean, or --skip_bad to go on without these"
    )

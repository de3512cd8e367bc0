"""Further test sets: images of a study's classes from other folders."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.data.copies import copies_in_numbers
from gan_mnist.data.dataset import Dataset
from gan_mnist.data.file_summary import BAD, bad_images, file_summary
from gan_mnist.data.finding import FoundImages, find_classes, find_images
from gan_mnist.data.folder import FolderOptions
from gan_mnist.data.folder_splits import by_split
from gan_mnist.data.images import FORMATS, ImageConversion
from gan_mnist.data.labels import find_labelled, tables_of
from gan_mnist.data.reading import read_files
from gan_mnist.data.split_names import TEST, TRAIN, VALIDATION
from gan_mnist.data.splits import Split, carve_test
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import InputError


@dataclass(frozen=True, eq=False)
class FurtherTest:
    """A further test set, on which every arm is evaluated as well.

    Attributes:
        subset: The images; of some classes there may be none.
        summary: One line: counts by class, images of other classes, the checksum.
        files: As `files` of `Dataset`.
    """

    subset: Subset
    summary: str
    files: Mapping[str, Any]

    def provenance(self, dataset: Dataset) -> dict[str, Any]:
        """The provenance of the images, for plan, records and report.

        Returns:
            `summary` as `told`, `files`, `sha256`, and what `copies_in_numbers` returns.
        """
        return {
            "told": self.summary,
            "files": dict(self.files),
            "sha256": self.subset.fingerprint,
            **copies_in_numbers(self.subset, dataset.whole),
        }


def read_further_test(
    name: str,
    root: Path,
    classes: tuple[str, ...],
    conversion: ImageConversion,
    options: FolderOptions,
) -> FurtherTest:
    """All images of a folder that are of a study's classes, whatever split they are in.

    A table of labels is used if the folder has it, else its class folders. Settings of splits,
    groups and duplicates have no effect.

    Args:
        name: What the test set is called.
        root: The folder.
        classes: The study's class names, whose order gives the labels.
        conversion: How images become arrays.
        options: How the study's folder is interpreted.

    Raises:
        InputError: If there are no images of these classes, or some that cannot be read.
    """
    if not os.path.isdir(root):
        raise InputError(f"--data_dir: {str(root)!r} is not a directory")
    found = _found(root, classes, options)
    if not found.files:
        raise InputError(f"--data_dir: {root} holds no images; accepted: {FORMATS}")
    decoded = read_files(root, found.names, conversion)
    if decoded.bad and not options.skip_bad:
        raise bad_images(root, decoded, len(found.files))
    class_names = tuple(sorted({file.class_name for file in found.files}))
    splits = by_split(found, decoded.images, decoded.bad.keys(), class_names)
    parts = _in_order(splits, class_names)
    passed_over = found.passed_over + Counter({BAD: len(decoded.bad)})
    num_read = len(found.files) - len(decoded.bad)
    files = file_summary(num_read, passed_over, decoded.notes, decoded.bad)
    return further_test(name, parts, class_names, classes, files)


def _found(root: Path, classes: tuple[str, ...], options: FolderOptions) -> FoundImages:
    """The images of the folder with their classes, and no groups."""
    if not (options.labels and _has_table(root, options.labels)):
        return find_classes(root, classes)
    found = find_labelled(root, options.labels, options.columns, is_test_set=True)
    return replace(found, files=[file._replace(group="") for file in found.files])


def _has_table(root: Path, labels: str) -> bool:
    """Whether a folder has the table; one elsewhere is its own where it has no class folders."""
    images = find_images(root)
    tables = tables_of(images, labels)
    if not tables or not os.path.isabs(labels):
        return bool(tables)
    is_within = Path(labels).resolve().is_relative_to(root.resolve())
    return is_within or not any("/" in name for name in images.names)


def _in_order(splits: Mapping[str, Split], class_names: tuple[str, ...]) -> tuple[Split, ...]:
    """The images of all splits, in an order that must not change, as checksums depend on it.

    Images without splits are carved as for a data set: those to train on come first.
    """
    images = tuple(splits[name] for name in (TRAIN, "", VALIDATION, TEST) if name in splits)
    is_undivided = len(images) == 1 and TEST not in splits
    if is_undivided and np.bincount(images[0].labels, minlength=len(class_names)).min() > 1:
        return carve_test(images[0], class_names, "")
    return images


def further_test(
    name: str,
    parts: Sequence[Split],
    class_names: tuple[str, ...],
    classes: tuple[str, ...],
    files: Mapping[str, Any],
) -> FurtherTest:
    """Makes a further test set of those images that are of a study's classes.

    Args:
        name: What the test set is called.
        parts: All images, in one split or more.
        class_names: Names of the classes of these images.
        classes: The study's class names, whose order gives the labels.
        files: See `FurtherTest`.

    Raises:
        InputError: If no image is of these classes.
    """
    label_of = {class_name: label for label, class_name in enumerate(class_names)}
    # No image has the label of a class that is missing.
    class_images = [_images_of(parts, label_of.get(class_name, -1)) for class_name in classes]
    counts = [len(filenames) for _, filenames in class_images]
    extra_classes = [class_name for class_name in class_names if class_name not in classes]
    if not any(counts):
        raise InputError(
            f"--test_dir {name}: its classes are {', '.join(class_names)}; accepted: folders of "
            f"{', '.join(classes)}"
        )
    subset = Subset(
        images=np.concatenate([images for images, _ in class_images]),
        labels=np.repeat(np.arange(len(classes), dtype=np.int32), counts),
        class_names=classes,
        filenames=tuple(filename for _, filenames in class_images for filename in filenames),
    )
    phrases = ["1 image" if len(subset) == 1 else f"{len(subset)} images"]
    phrases += [
        f"{class_name}: {count}" if count else f"no {class_name}"
        for class_name, count in zip(classes, counts, strict=True)
    ]
    if extra_classes:
        passed_over = sum(map(len, parts)) - len(subset)
        phrases.append(f"passed over {passed_over} of other classes ({', '.join(extra_classes)})")
    summary = f"{name}: {', '.join(phrases)}; sha256 {subset.fingerprint[:16]}"
    return FurtherTest(subset, summary, files)


def _images_of(parts: Sequence[Split], label: int) -> tuple[np.ndarray, list[str]]:
    """Images and file names of one class."""
    class_parts = [part.take(np.flatnonzero(part.labels == label)) for part in parts]
    return (
        np.concatenate([part.images for part in class_parts]),
        [filename for part in class_parts for filename in part.filenames],
    )

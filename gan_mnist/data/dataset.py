"""A data set: its splits, its classes, and what a report says of where it came from."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gan_mnist.data.duplicates import (
    MATTERS,
    Found,
    duplicates_in_numbers,
    duplicates_in_pictures,
)
from gan_mnist.data.splits import Split
from gan_mnist.files import fingerprint


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory.

    Attributes:
        name: As in the registry.
        source: Where it was read from, for the reader of a report.
        class_names: Names of the classes; labels are indices into them.
        train: The training split.
        test: The test split.
        validation: The validation split; None where there is none, and training images serve.
        files: How many files were read, passed over by reason, and noted; None for a data set
            that is no folder of images.
        remember: Gives the text of a name that it is told, from what is kept of the images or by
            calling what makes it; None where nothing is kept.
        duplicates: As `find_duplicates` gives them, where they were looked for.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    train: Split
    test: Split
    validation: Split | None = None
    files: Mapping[str, Any] | None = None
    remember: Callable[[str, Callable[[], str]], str] | None = None
    duplicates: Found = field(default_factory=dict)

    @property
    def splits(self) -> dict[str, Split]:
        """Those that there are, by name."""
        between = {} if self.validation is None else {"validation": self.validation}
        return {"train": self.train, **between, "test": self.test}

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image."""
        return self.train.image_shape

    @functools.cached_property
    def sha256(self) -> str:
        """SHA-256 in hexadecimal of the shapes, images and labels of all splits."""
        if self.remember is None:
            return self._checksum()
        selections = [split.selection for split in self.splits.values()]
        return self.remember(f"sha256-{fingerprint(selections)}", self._checksum)

    def _checksum(self) -> str:
        digest = hashlib.sha256()
        for split in self.splits.values():
            for block in split.blocks():
                digest.update(block)
        return digest.hexdigest()

    @property
    def provenance(self) -> dict[str, Any]:
        """What is told of it: `name`, `source`, `counts` ({class: {split: n}}), `sha256`.

        Of a folder also `files`, `duplicates` and, where there are some, `warnings`.
        """
        numbers = {
            split: np.bincount(images.labels, minlength=len(self.class_names)).tolist()
            for split, images in self.splits.items()
        }
        counts = {
            name: {split: of_split[label] for split, of_split in numbers.items()}
            for label, name in enumerate(self.class_names)
        }
        told = {"name": self.name, "source": self.source, "counts": counts, "sha256": self.sha256}
        if self.files is None:
            return told
        duplicates = duplicates_in_numbers(self.duplicates, self.splits)
        warnings = [
            f"{numbers['of']:,} of the {len(self.splits[name]):,} {name} images are among the "
            "training images too, or nearly so (--set duplicates=drop leaves these out)"
            for name, numbers in duplicates.items()
            if numbers["of"] > MATTERS * len(self.splits[name])
        ]
        return (
            told
            | {"files": dict(self.files), "duplicates": duplicates}
            | ({"warnings": warnings} if warnings else {})
        )

    def duplicates_shown(self) -> dict[str, np.ndarray]:
        """Some pairs that are alike: by split uint8 (2, n, H, W, C), the training image first."""
        return duplicates_in_pictures(self.duplicates, self.splits)

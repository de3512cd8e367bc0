"""A data set: its splits, its classes, and what a report says of where it came from."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gan_mnist.data.duplicates import (
    BETWEEN,
    MATTERS,
    Alike,
    duplicates_in_numbers,
    duplicates_in_pictures,
)
from gan_mnist.data.splits import Split, carve_test
from gan_mnist.files import fingerprint

# Groups make the numbers of images differ between seeds. A plan looks at so many or at all of its
# own, so that up to this number a run can be given more seeds.
FEWEST_SEEDS = 10


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
        files: As `files_told` gives it; None for a data set that is no folder of images.
        remember: Gives the text of a name that it is told, from what is kept of the images or by
            calling what makes it; None where nothing is kept.
        duplicates: As `find_duplicates` gives them for `whole`, where they were looked for.
        pool: Where each seed has training and test images of its own, both together; `train` and
            `test` are then those of no seed, but as many. None where all seeds share these.
        seeds: How many seeds are looked at, from 0 on, where groups make numbers differ.
        cautions: What plan and report say of how a folder is taken.
        white: Value of files of more than 8 bits that is white; 0 where there are none.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    train: Split
    test: Split
    validation: Split | None = None
    files: Mapping[str, Any] | None = None
    remember: Callable[[str, Callable[[], str]], str] | None = None
    duplicates: Alike = field(default_factory=dict)
    pool: Split | None = None
    seeds: int = FEWEST_SEEDS
    cautions: tuple[str, ...] = ()
    white: int = 0

    def planned_for(self, seeds: int) -> "Dataset":
        """The same, for a plan of so many seeds."""
        return self if seeds <= self.seeds else replace(self, seeds=seeds)

    def of_seed(self, seed: int) -> "Dataset":
        """As the trials of a seed see it: where there is a pool it is divided for that seed.

        Raises:
            InputError: If it cannot be, as groups go.
        """
        if self.pool is None:
            return self
        origin = f"--data_dir: {self.source}, seed {seed}"
        train, test = carve_test(self.pool, self.class_names, origin, seed)
        return replace(self, train=train, test=test, pool=None)

    @functools.cached_property
    def draws(self) -> tuple["Dataset", ...]:
        """The data sets of seeds, as many as numbers of images differ in: this one if in none.

        What holds for each of them holds for every seed; with groups, for as many as `seeds` says.
        """
        if self.pool is None or self.pool.groups is None:
            return (self,)
        return tuple(self.of_seed(seed) for seed in range(self.seeds))

    def fewest(self, split: str) -> np.ndarray:
        """Images of each class in a split, int (k,): as few as there are for any seed."""
        return self._counts(split).min(axis=0)

    def _counts(self, split: str) -> np.ndarray:
        """Of each draw and class, int (draws, k)."""
        labels = (each.splits[split].labels for each in self.draws)
        return np.array([np.bincount(own, minlength=len(self.class_names)) for own in labels])

    @property
    def splits(self) -> dict[str, Split]:
        """Those that there are, by name."""
        between = {} if self.validation is None else {"validation": self.validation}
        return {"train": self.train, **between, "test": self.test}

    @property
    def whole(self) -> dict[str, Split]:
        """By split, all images that are in it for one seed or another."""
        return self.splits | ({} if self.pool is None else {"train": self.pool, "test": self.pool})

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

        Of a folder also `files`, `duplicates` and, where there are some, `white`, `cautions` of
        the plan and `warnings`, which are told before the answer. Where each seed has test images
        of its own, `counts` are the fewest of any seed, and `each_seed` holds `n_test` and
        `n_train` of the class of which the largest share is tested, and whether there are
        `groups`.
        """
        numbers = {split: self.fewest(split).tolist() for split in self.splits}
        counts = {
            name: {split: of_split[label] for split, of_split in numbers.items()}
            for label, name in enumerate(self.class_names)
        }
        told = {"name": self.name, "source": self.source, "counts": counts, "sha256": self.sha256}
        if self.pool is not None:
            told["each_seed"] = self._most_tested()
        if self.files is None:
            return told
        duplicates = duplicates_in_numbers(self.duplicates, self.whole)
        warnings = []
        for name, numbers in duplicates.items():
            split = "test" if name == BETWEEN else name
            if numbers["of"] > MATTERS * len(self.whole[split]):
                warnings.append(self._warning(name, split, numbers["of"]))
        return (
            told
            | {"files": dict(self.files), "duplicates": duplicates}
            | ({"white": self.white} if self.white else {})
            | ({"cautions": list(self.cautions)} if self.cautions else {})
            | ({"warnings": warnings} if warnings else {})
        )

    def _most_tested(self) -> dict[str, int | bool]:
        pairs = zip(self._counts("test").flat, self._counts("train").flat, strict=True)
        n_test, n_train = max(pairs, key=lambda pair: pair[0] / pair[1])
        return {"n_test": int(n_test), "n_train": int(n_train), "groups": len(self.draws) > 1}

    def _warning(self, name: str, split: str, number: int) -> str:
        """What is said of `number` images of a split that are like others."""
        cure = "(--set duplicates=drop leaves these out)"
        images = f"{number:,} of the {len(self.whole[split]):,}"
        are = "is" if number == 1 else "are"
        if name == BETWEEN:
            return f"{images} test images {are} among the validation images too, or nearly so"
        if self.pool is not None and split == "test":
            return (
                f"{images} images {are} there twice, or nearly so, and "
                f"may be trained on and tested on at once {cure}"
            )
        return f"{images} {split} images {are} among the training images too, or nearly so {cure}"

    def duplicates_shown(self) -> dict[str, np.ndarray]:
        """Some pairs that are alike: by split uint8 (2, n, H, W, C), the training image first."""
        return duplicates_in_pictures(self.duplicates, self.whole)

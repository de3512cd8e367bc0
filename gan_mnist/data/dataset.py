"""A data set: its splits, its class names and its provenance."""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gan_mnist.data.decoded_cache import Remember
from gan_mnist.data.duplicates import (
    BETWEEN,
    MATTERS,
    DuplicatesBySplit,
    duplicates_in_numbers,
    duplicates_in_pictures,
)
from gan_mnist.data.splits import Split, carve_test
from gan_mnist.files import fingerprint

# With groups, the numbers of images differ between seeds. A plan checks at least this many seeds,
# so that a run can be given more seeds up to this number.
FEWEST_SEEDS = 10


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory.

    Attributes:
        name: Its key in the registry.
        source: Where it was read from, in words for the report.
        class_names: Names of the classes; labels are indices into them.
        train: The training split.
        test: The test split.
        validation: The validation split; None if training images are set aside instead.
        files: What `file_summary` returns; None if the data set is not an image folder.
        remember: Caches texts about the images; None if there is no cache.
        duplicates: What `find_duplicates` returns for `whole`; empty if it was not called.
        pool: If each seed draws its own test split, training and test images together; `train` and
            `test` are then one such split, of no seed. None if all seeds share one split.
        seeds: How many seeds, from 0 on, `draws` covers if groups make numbers of images differ.
        cautions: Warnings of plan and report about how the folder was interpreted.
        white: Pixel value shown as white in files of more than 8 bits; 0 if there are none.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    train: Split
    test: Split
    validation: Split | None = None
    files: Mapping[str, Any] | None = None
    remember: Remember | None = None
    duplicates: DuplicatesBySplit = field(default_factory=dict)
    pool: Split | None = None
    seeds: int = FEWEST_SEEDS
    cautions: tuple[str, ...] = ()
    white: int = 0

    def planned_for(self, seeds: int) -> "Dataset":
        """The same data set, with `draws` for at least so many seeds."""
        return self if seeds <= self.seeds else replace(self, seeds=seeds)

    def of_seed(self, seed: int) -> "Dataset":
        """The data set that the trials of a seed see: a pool is divided for that seed.

        Raises:
            InputError: If the pool's groups cannot be divided.
        """
        if self.pool is None:
            return self
        origin = f"--data_dir: {self.source}, seed {seed}"
        train, test = carve_test(self.pool, self.class_names, origin, seed)
        return replace(self, train=train, test=test, pool=None)

    @functools.cached_property
    def draws(self) -> tuple["Dataset", ...]:
        """One data set for each seed if numbers of images differ between seeds, else this one.

        What holds for each of them holds for every seed; with groups, for the first `seeds`.
        """
        if self.pool is None or self.pool.groups is None:
            return (self,)
        return tuple(self.of_seed(seed) for seed in range(self.seeds))

    def fewest(self, split: str) -> np.ndarray:
        """Images of each class in a split, int (k,): the minimum over seeds."""
        return self._counts(split).min(axis=0)

    def _counts(self, split: str) -> np.ndarray:
        """Images of each class in a split, for each of `draws`: int (draws, k)."""
        labels = (draw.splits[split].labels for draw in self.draws)
        return np.array(
            [np.bincount(draw_labels, minlength=len(self.class_names)) for draw_labels in labels]
        )

    @property
    def splits(self) -> dict[str, Split]:
        """The splits that exist, by name."""
        validation = {} if self.validation is None else {"validation": self.validation}
        return {"train": self.train, **validation, "test": self.test}

    @property
    def whole(self) -> dict[str, Split]:
        """By name of the split, all images that it holds for any seed."""
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
        """Provenance: `name`, `source`, `counts` ({class: {split: n}}) and `sha256`.

        An image folder adds `files`, `duplicates` and, where there are some, `white`, `cautions` of
        the plan and `warnings`, which come before the answer. If each seed has its own test
        images, `counts` are minima over seeds, and `each_seed` holds `n_test` and `n_train` of the
        class with the largest share of test images, and whether there are `groups`.
        """
        fewest = {split: self.fewest(split).tolist() for split in self.splits}
        counts = {
            name: {split: class_counts[label] for split, class_counts in fewest.items()}
            for label, name in enumerate(self.class_names)
        }
        provenance: dict[str, Any] = {
            "name": self.name,
            "source": self.source,
            "counts": counts,
            "sha256": self.sha256,
        }
        if self.pool is not None:
            provenance["each_seed"] = self._most_tested()
        if self.files is None:
            return provenance
        duplicates = duplicates_in_numbers(self.duplicates, self.whole)
        warnings = []
        for name, about in duplicates.items():
            split = "test" if name == BETWEEN else name
            if about["of"] > MATTERS * len(self.whole[split]):
                warnings.append(self._warning(name, split, about["of"]))
        optional = {"white": self.white, "cautions": list(self.cautions), "warnings": warnings}
        provenance |= {"files": dict(self.files), "duplicates": duplicates}
        return provenance | {key: value for key, value in optional.items() if value}

    def _most_tested(self) -> dict[str, int | bool]:
        pairs = zip(self._counts("test").flat, self._counts("train").flat, strict=True)
        n_test, n_train = max(pairs, key=lambda pair: pair[0] / pair[1])
        return {"n_test": int(n_test), "n_train": int(n_train), "groups": len(self.draws) > 1}

    def _warning(self, name: str, split: str, num_duplicates: int) -> str:
        """The warning about `num_duplicates` images of a split that are duplicates."""
        remedy = "(--set duplicates=drop leaves these out)"
        fraction = f"{num_duplicates:,} of the {len(self.whole[split]):,}"
        verb = "is" if num_duplicates == 1 else "are"
        if name == BETWEEN:
            return f"{fraction} test images {verb} among the validation images too, or nearly so"
        if self.pool is not None and split == "test":
            return (
                f"{fraction} images {verb} there twice, or nearly so, and "
                f"may be trained on and tested on at once {remedy}"
            )
        return (
            f"{fraction} {split} images {verb} among the training images too, or nearly so {remedy}"
        )

    def duplicates_shown(self) -> dict[str, np.ndarray]:
        """Some pairs of duplicates: by split uint8 (2, n, H, W, C), the training image first."""
        return duplicates_in_pictures(self.duplicates, self.whole)

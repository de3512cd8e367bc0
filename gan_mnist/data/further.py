"""Further test images, of the classes that a study has, from wherever they are."""

from dataclasses import dataclass

import numpy as np

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import InputError


@dataclass(frozen=True, eq=False)
class FurtherTest:
    """Images on which every arm is judged as well.

    Attributes:
        subset: The images; of some classes there may be none.
        told: In one line: what there is, what is missing, what was passed over, the checksum.
    """

    subset: Subset
    told: str


def further_test(name: str, dataset: Dataset, classes: tuple[str, ...]) -> FurtherTest:
    """All images of a data set that are of a study's classes, whatever split they are in.

    Args:
        name: What the test set is called.
        dataset: Where the images come from.
        classes: Of the study, in its order, which gives the labels.

    Raises:
        InputError: If there are none.
    """
    found = [_images_of(dataset, class_name) for class_name in classes]
    counts = [len(filenames) for _, filenames in found]
    extra = [other for other in dataset.class_names if other not in classes]
    if not any(counts):
        raise InputError(
            f"--test_dir {name}: its classes are {', '.join(extra)}; accepted: folders of "
            f"{', '.join(classes)}"
        )
    subset = Subset(
        images=np.concatenate([images for images, _ in found]),
        labels=np.repeat(np.arange(len(classes), dtype=np.int32), counts),
        class_names=classes,
        filenames=tuple(filename for _, filenames in found for filename in filenames),
    )
    by_class = zip(classes, counts, strict=True)
    parts = [f"{len(subset)} images", *(f"{of}: {n}" if n else f"no {of}" for of, n in by_class)]
    passed_over = sum(len(_images_of(dataset, other)[1]) for other in extra)
    if extra:
        parts.append(f"passed over {passed_over} of other classes ({', '.join(extra)})")
    told = f"{name}: {', '.join(parts)}; sha256 {subset.fingerprint[:16]}"
    return FurtherTest(subset, told)


def _images_of(dataset: Dataset, class_name: str) -> tuple[np.ndarray, list[str]]:
    """Images and file names of one class in all splits."""
    splits = dataset.train, dataset.test
    if class_name not in dataset.class_names:
        return dataset.test.images[:0], []
    label = dataset.class_names.index(class_name)
    rows = [np.flatnonzero(split.labels == label) for split in splits]
    parts = [split.take(own) for split, own in zip(splits, rows, strict=True)]
    return (
        np.concatenate([part.images for part in parts]),
        [filename for part in parts for filename in part.filenames],
    )

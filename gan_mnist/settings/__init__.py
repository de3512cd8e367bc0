"""Settings that experiments share, a class a group, and how a data set makes them explicit.

Nothing here imports TensorFlow: an experiment's declaration reads this.
"""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from gan_mnist.data.datasets import Dataset, load_dataset
from gan_mnist.data.folder import FolderOptions
from gan_mnist.data.images import (
    DEFAULT_CONVERSION,
    GROUNDS,
    IMAGE_MEGABYTES,
    RESIZES,
    ImageConversion,
)
from gan_mnist.data.splits import EACH_SEED, FIXED, SPLITS
from gan_mnist.data.subsets import divided
from gan_mnist.errors import InputError
from gan_mnist.models.names import CLASSIFIERS
from gan_mnist.settings.augmentation import AugmentationSettings
from gan_mnist.settings.further import FurtherTestSettings
from gan_mnist.settings.network import NetworkSettings
from gan_mnist.study.settings import Settings, setting

SMALLEST_DEEP_SIDE = CLASSIFIERS["deep_cnn"].least_side


@dataclass(frozen=True)
class DataSettings(Settings):
    """How images are read, which classes are learnt, and what is set aside for validation."""

    GROUP: ClassVar[str] = "data"

    resize: str = setting(
        "pad", "how oblong images become square: padded (black, or ground if transparent), "
        "cropped, or stretched", choices=RESIZES,
    )  # fmt: skip
    ground: str = setting(
        "white", "background for transparent parts of images", choices=tuple(GROUNDS)
    )
    white: int = setting(
        0, "pixel value that is white in images of more than 8 bits; 0: the maximum of the bits in "
        "use, such as 4095", low=0, high=65535, location=True,
    )  # fmt: skip
    image_megabytes: int = setting(
        DEFAULT_CONVERSION.megabytes, IMAGE_MEGABYTES, low=1, location=True
    )
    duplicates: str = setting(
        "keep", "training images nearly equal to a test or validation image: keep or drop them",
        choices=("keep", "drop"),
    )  # fmt: skip
    split: str = setting(
        EACH_SEED, "folder, cats_vs_dogs without test images: these are drawn for each seed, or "
        "once for all seeds", choices=SPLITS, before=FIXED,
    )  # fmt: skip
    skip_bad: bool = setting(False, "empty, broken or too large files are left out, not refused")
    labels: str = setting(
        "", "CSV file in data_dir with the classes of a folder's images", location=True
    )
    file_column: str = setting("", "labels: the column of file names; empty: detected")
    label_column: str = setting("", "labels: the column of classes; empty: detected")
    split_column: str = setting("", "labels: the column of train, val and test; empty: detected")
    groups: str = setting(
        "", "groups that random splits keep whole: a regular expression on file names that finds "
        "the group, or column:NAME of labels",
    )  # fmt: skip

    classes: tuple[str, ...] = setting((), "class names; empty: usually all")
    validation_per_class: int = setting(
        0, "images per class; 0: val split, or 10 % of the smallest class up to 500 (imbalance: 20 "
        "%, 50)", low=0,
    )  # fmt: skip

    @property
    def conversion(self) -> ImageConversion:
        """How an image file becomes an array; complete once the settings are resolved."""
        return self.options.conversion(self.image_size, self.channels)

    @property
    def options(self) -> FolderOptions:
        """How a folder of images is read."""
        option_names = {field.name for field in dataclasses.fields(FolderOptions)} - {"pairs"}
        return FolderOptions(**{name: getattr(self, name) for name in option_names})

    def load(self, download: bool = False) -> Dataset:
        return load_dataset(
            self.dataset, self.data_dir, download, self.image_size, self.channels, self.options
        )

    def default_classes(self, dataset: Dataset) -> tuple[str, ...]:
        """The default classes, where none are named."""
        return dataset.class_names

    def resolve(self, dataset: Dataset) -> Self:
        """With explicit classes, image size, channels, white value and way of splitting.

        Raises:
            InputError: For fewer than two classes, a class with too few images, or a list that is
                empty though it is not by default.
        """
        for field in dataclasses.fields(self):
            if getattr(self, field.name) == () != field.default:
                raise InputError(
                    f"setting {field.name}: nothing is not accepted; accepted: one value or more"
                )
        settings = super().resolve(dataset)
        classes = settings.classes or self.default_classes(dataset)
        if len(classes) < 2:
            raise InputError(f"--set classes: {', '.join(classes)} is 1 class; accepted: 2 or more")
        class_counts = zip(dataset.fewest("train"), dataset.fewest("test"), strict=True)
        counts_by_class = dict(zip(dataset.class_names, class_counts, strict=True))
        for name in classes:
            if name not in counts_by_class:
                continue  # `allot` refuses it, with the nearest right name
            num_train, num_test = counts_by_class[name]
            if num_train < 1 or num_test < 1:
                raise InputError(
                    f"--set classes: class {name!r} has {num_train} training and {num_test} test "
                    "images; accepted: classes with 1 and 1 or more"
                )
        size, _, channels = dataset.image_shape
        return dataclasses.replace(
            settings,
            classes=classes,
            image_size=settings.image_size or size,
            channels=settings.channels or channels,
            white=settings.white or dataset.white,
            split=FIXED if dataset.pool is None else EACH_SEED,
        )

    def smallest_class(self, dataset: Dataset) -> int:
        """Training images of the smallest of the named classes, 0 where none is known."""
        counts = dataset.fewest("train")
        names = [name for name in self.classes if name in dataset.class_names]
        return int(min((counts[dataset.class_names.index(name)] for name in names), default=0))

    def usual_validation(self, dataset: Dataset) -> int:
        """Validation images a class: as set, or all of a validation split.

        Where there is none it is `usual_share` of the smallest class, but one at least.
        """
        if self.validation_per_class:
            return self.validation_per_class
        if dataset.validation is not None:
            return int(np.bincount(dataset.validation.labels).max())
        return max(1, self.usual_share(self.smallest_class(dataset)))

    def usual_share(self, images: int) -> int:
        """How many of a class's `images` training images are set aside for validation."""
        return min(500, images // 10)

    def images_left(self, dataset: Dataset, validation_per_class: int) -> list[int]:
        """Training images of each named class that validation leaves, the fewest of any seed.

        Raises:
            InputError: If a class is unknown or named twice, or validation leaves none.
        """
        train_splits = (
            divided(draw, self.classes, validation_per_class)[0] for draw in dataset.draws
        )
        return np.min([[len(rows) for rows in split] for split in train_splits], axis=0).tolist()

    def fewest_left(self, dataset: Dataset, validation_per_class: int) -> int:
        """`images_left` of the class that has the fewest images."""
        return min(self.images_left(dataset, validation_per_class))


@dataclass(frozen=True)
class TrainingSettings(DataSettings):
    """How long a network is trained, and how."""

    GROUP: ClassVar[str] = "network and training"

    width: int = setting(
        16, "channels of the first layer; the others scale with it", low=1, high=10_000
    )
    updates: int = setting(
        1000, "optimizer steps in training", low=10, high=10_000_000, multiple_of=10
    )
    intervals: int = setting(
        10, "equal parts of the training; curves have a point after each", low=1, high=100_000
    )
    batch_size: int = setting(64, "images per batch", low=1, high=100_000)
    learning_rate: float = setting(1e-3, "learning rate of Adam", low=1e-8, high=1)

    def resolve(self, dataset: Dataset) -> Self:
        """As `DataSettings.resolve`.

        Raises:
            InputError: As there, and if `updates` is not a multiple of `intervals`.
        """
        if self.updates % self.intervals:
            raise InputError(
                f"setting updates: {self.updates} is not accepted; accepted with "
                f"intervals={self.intervals}: multiples of {self.intervals}"
            )
        return super().resolve(dataset)


@dataclass(frozen=True)
class ClassifierSettings(
    AugmentationSettings, NetworkSettings, FurtherTestSettings, TrainingSettings
):
    """A classifier's augmentation, network and training, and its further test sets."""


@dataclass(frozen=True)
class SubsetSettings(ClassifierSettings):
    """Settings with the same number of training images for every class."""

    GROUP: ClassVar[str] = "data"

    images_per_class: int = setting(
        0, "training images per class; 0 or all: as many as there are", low=0, zero="all"
    )

    @property
    def counts(self) -> tuple[int, ...] | None:
        """Training images of each class, as `allot` takes them; None for all."""
        return (self.images_per_class,) * len(self.classes) if self.images_per_class else None

    def fitted(self, dataset: Dataset, free: Collection[str]) -> Self:
        settings = super().fitted(dataset, free)
        if "images_per_class" not in free or not settings.images_per_class:
            return settings
        resolved = dataclasses.replace(settings, images_per_class=0).resolve(dataset)
        max_images = resolved.fewest_left(dataset, resolved.validation_per_class)
        num_images = min(settings.images_per_class, max_images)
        return dataclasses.replace(settings, images_per_class=num_images)

    def resolve(self, dataset: Dataset) -> Self:
        """As `ClassifierSettings.resolve`, with validation explicit.

        Raises:
            InputError: As there, and if a class has fewer images than `images_per_class`.
        """
        settings = super().resolve(dataset)
        validation = settings.usual_validation(dataset)
        resolved = dataclasses.replace(settings, validation_per_class=validation)
        max_images = resolved.fewest_left(dataset, validation)
        if max_images < settings.images_per_class:
            raise InputError(
                f"--set images_per_class: {settings.images_per_class} is out of range; accepted: "
                f"1 to {max_images}, or 0 for all ({validation} images a class are set aside for "
                "validation)"
            )
        return resolved


def check_image_size(settings: Settings, because: str) -> None:
    """Raises `InputError` for images too small for the deep convolutional networks.

    Args:
        settings: Settings with an explicit `image_size`.
        because: The setting, or network, that needs larger images; for the message.
    """
    if settings.image_size < SMALLEST_DEEP_SIDE:
        raise InputError(
            f"setting image_size: {settings.image_size} is out of range; accepted with "
            f"{because}: {SMALLEST_DEEP_SIDE} or more"
        )

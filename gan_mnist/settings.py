"""Settings that experiments share, and how a data set makes them explicit.

Nothing here imports TensorFlow: an experiment's declaration reads this.
"""

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError
from gan_mnist.study.settings import Settings, setting

# Two to train on, one to validate on, and what a fifth of them leaves.
FEWEST_IMAGES = 5
# A mirrored digit or letter is another one, or none.
NEVER_MIRRORED = ("mnist_sample", "mnist", "kmnist", "emnist")
# Three unpadded 5 x 5 convolutions leave a pixel.
SMALLEST_DEEP_SIDE = 13


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """Which classes, and how long a network is trained on them."""

    classes: tuple[str, ...] = setting((), "class names; all if empty")
    validation_per_class: int = setting(
        0, "images a class for validation; 0: a tenth of the smallest class, at most 500", low=0
    )
    width: int = setting(16, "of the classifier: multiplies its channels", low=1, high=10_000)
    updates: int = setting(
        1000, "updates of the classifier", low=10, high=10_000_000, multiple_of=10
    )
    intervals: int = setting(
        10, "parts of the training after which accuracies are taken", low=1, high=100_000
    )
    batch_size: int = setting(64, "images a batch", low=1, high=100_000)
    learning_rate: float = setting(1e-3, "of Adam, for the classifier", low=1e-8, high=1)


@dataclass(frozen=True)
class ClassifierSettings(TrainingSettings):
    """How a classifier is trained: which images it is shown."""

    classical: bool = setting(False, "every image is changed at random, anew in every batch")
    rotation_degrees: float = setting(12.0, "classical: rotation in +-degrees", low=0, high=180)
    shift: float = setting(0.07, "classical: shift in +-sides", low=0, high=1)
    zoom: float = setting(0.1, "classical: scale in 1 +-", low=0, high=0.9)
    shear: float = setting(0.2, "classical: shear in +-radians", low=0, high=1)
    brightness: float = setting(0.0, "classical: brightness in 1 +-", low=0, high=1)
    border: str = setting(
        "zero",
        "classical: what is shown beyond the edge: black, or the edge repeated",
        choices=("zero", "nearest"),
    )
    flip: str = setting(
        "never",
        "classical: left and right exchanged in half of the images; auto: not of digits and kana",
        choices=("auto", "always", "never"),
    )


@dataclass(frozen=True)
class SubsetSettings(ClassifierSettings):
    """As many training images of every class."""

    images_per_class: int = setting(0, "training images a class; 0: all there are", low=0)

    @property
    def counts(self) -> tuple[int, ...] | None:
        """Training images a class, as `allot` takes them."""
        return (self.images_per_class,) * len(self.classes) if self.images_per_class else None


@dataclass(frozen=True)
class GANSettings(Settings):
    """How a conditional GAN is built and trained, but for how long.

    Source: specification, sections 2 and 3.
    """

    gan_architecture: str = setting("dcgan", "of the conditional GAN", choices=("mlp", "dcgan"))
    gan_width: int = setting(4, "of the conditional GAN", low=1, high=10_000)
    gan_latent_dim: int = setting(100, "of the conditional GAN", low=1, high=10_000)
    gan_batch_size: int = setting(64, "of the conditional GAN", low=1, high=10_000)
    gan_learning_rate: float = setting(1e-3, "of the conditional GAN", low=1e-8, high=1)
    gan_beta_1: float = setting(0.5, "of the conditional GAN's Adam", low=0, high=0.999)
    gan_average_decay: float = setting(
        0.998, "of the moving average of the generator's weights", low=0, high=0.9999
    )
    gan_loss: str = setting(
        "non_saturating",
        "of the conditional GAN",
        choices=("non_saturating", "hinge", "least_squares"),
    )


@dataclass(frozen=True)
class GeneratorSettings(GANSettings):
    """A conditional GAN that is trained in one go."""

    gan_updates: int = setting(
        4000, "of the conditional GAN", low=10, high=10_000_000, multiple_of=10
    )


# The source's conditional DCGAN, for the presets `paper`. Source: specification, section 2.
PAPER_DCGAN = {
    "gan_width": 64,
    "gan_batch_size": 100,
    "gan_learning_rate": 1e-5,
    "gan_beta_1": 0.9,
}

SettingsT = TypeVar("SettingsT", bound=TrainingSettings)


def resolve_classes(
    settings: SettingsT, dataset: Dataset, usual: tuple[str, ...], fewest: int = FEWEST_IMAGES
) -> SettingsT:
    """`settings` with classes named, each of them large enough, and no `flip` left open.

    Args:
        settings: May leave the classes open.
        dataset: Must have them.
        usual: The classes where settings name none.
        fewest: Training images that a class must have.

    Raises:
        InputError: For fewer than two classes, a class with too few images, digits that are to be
            mirrored, or a number of updates that is no multiple of `intervals`.
    """
    if isinstance(settings, ClassifierSettings):
        settings = dataclasses.replace(settings, flip=_flip(settings.flip, dataset))
    if settings.updates % settings.intervals:
        raise InputError(
            f"setting updates: {settings.updates} is not accepted; accepted with "
            f"intervals={settings.intervals}: multiples of {settings.intervals}"
        )
    classes = settings.classes or usual
    if len(classes) < 2:
        raise InputError(f"--set classes: {', '.join(classes)} is 1 class; accepted: 2 or more")
    for name in classes:
        if name not in dataset.class_names:
            continue  # `allot` refuses it, with the nearest right name
        num_train, num_test = (
            int(np.sum(split.labels == dataset.class_names.index(name)))
            for split in (dataset.train, dataset.test)
        )
        if num_train < fewest or num_test < 1:
            raise InputError(
                f"--set classes: class {name!r} has {num_train} training and {num_test} test "
                f"images; accepted: classes with {fewest} and 1 or more"
            )
    return dataclasses.replace(settings, classes=classes)


def _flip(asked: str, dataset: Dataset) -> str:
    """ "always" or "never"."""
    if dataset.name not in NEVER_MIRRORED:
        return "always" if asked == "auto" else asked
    if asked == "always":
        raise InputError(
            f"setting flip: always is not accepted; accepted with --dataset={dataset.name}: "
            "auto or never, as what its images show changes when it is mirrored"
        )
    return "never"


def smallest_class(settings: TrainingSettings, dataset: Dataset) -> int:
    """Training images of the smallest of the named classes, 0 where none is known."""
    available = np.bincount(dataset.train.labels, minlength=len(dataset.class_names))
    known = [name for name in settings.classes if name in dataset.class_names]
    return int(min((available[dataset.class_names.index(name)] for name in known), default=0))


def usual_validation(settings: TrainingSettings, dataset: Dataset) -> int:
    """Validation images a class: as set, or a tenth of the smallest class, at most 500."""
    tenth = smallest_class(settings, dataset) // 10
    return settings.validation_per_class or max(1, min(500, tenth))


SubsetSettingsT = TypeVar("SubsetSettingsT", bound=SubsetSettings)


def resolve(settings: SubsetSettingsT, dataset: Dataset) -> SubsetSettingsT:
    """Makes classes and validation explicit for `dataset`, and checks that it has what is asked.

    Raises:
        InputError: If it has not.
    """
    settings = resolve_classes(settings, dataset, dataset.class_names)
    validation = usual_validation(settings, dataset)
    resolved = dataclasses.replace(settings, validation_per_class=validation)
    most = smallest_class(settings, dataset) - validation
    if 0 < most < settings.images_per_class:
        raise InputError(
            f"--set images_per_class: {settings.images_per_class} is out of range; accepted: 1 to "
            f"{most}, or 0 for all ({validation} images a class are set aside for validation)"
        )
    allot(dataset, resolved.classes, resolved.counts, 0, resolved.validation_per_class)
    return resolved


def refuse_small_images(settings: Settings, because: str) -> None:
    """Raises `InputError` for images too small for the deep convolutional networks.

    Args:
        settings: With the image size.
        because: The setting, or network, that asks for larger ones.
    """
    if settings.image_size < SMALLEST_DEEP_SIDE:
        raise InputError(
            f"setting image_size: {settings.image_size} is out of range; accepted with "
            f"{because}: {SMALLEST_DEEP_SIDE} or more"
        )

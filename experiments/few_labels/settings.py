"""Settings of the study of few labels: how many images are labelled, what is done with the rest."""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Self

from gan_mnist.data.dataset import Dataset
from gan_mnist.errors import InputError
from gan_mnist.generators.names import GENERATORS, NONE
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.settings import ClassifierSettings
from gan_mnist.study.settings import setting

USUAL_NUMBERS = (1, 4, 10, 40, 100)
# The number of labels a class that the answer is about.
MAIN_NUMBER = 10
UNLABELLED = LEFT_OUT, PSEUDO, FIXMATCH, TRUE_LABELS = (
    "left_out",
    "pseudo_labels",
    "fixmatch",
    "told",
)


@dataclass(frozen=True)
class FewLabelsSettings(GeneratorSettings, ClassifierSettings):
    """Settings of the study of few labels. Source: docs/sources.md#few_labels."""

    GROUP: ClassVar[str] = "few_labels"

    labels_per_class: tuple[int, ...] = setting(
        (), "labelled images per class, one or several numbers; empty: those of "
        f"{', '.join(map(str, USUAL_NUMBERS))} that leave some unlabelled", low=1,
    )  # fmt: skip
    unlabelled: str = setting(
        LEFT_OUT, "use of the other training images: none; pseudo-labels where a first classifier "
        "is sure, from which a generator learns too; FixMatch; or with their true labels",
        choices=UNLABELLED,
    )  # fmt: skip
    threshold: float = setting(
        0.95, "pseudo_labels: probability from which the first classifier counts as sure",
        low=0, high=1,
    )  # fmt: skip
    rounds: int = setting(
        3, "pseudo_labels: trainings of the first classifier, each with pseudo-labels of the one "
        "before", low=1, high=100,
    )  # fmt: skip
    batch_size: int = setting(64, "images per batch", low=2, high=100_000)
    labelled_share: float = setting(
        0.5, "share of labelled images in a batch that also holds others", low=0.01, high=0.99
    )
    generated_per_class: int = setting(1000, "images to generate per class", low=1, high=1_000_000)

    @property
    def primary_numbers(self) -> tuple[int, ...]:
        """The numbers of labels whose mean accuracy is the primary metric."""
        return (MAIN_NUMBER,) if MAIN_NUMBER in self.labels_per_class else self.labels_per_class

    @property
    def rows(self) -> tuple[int, int]:
        """How many labelled images, and how many others, a batch of both holds."""
        num_labelled = min(
            max(1, round(self.labelled_share * self.batch_size)), self.batch_size - 1
        )
        return num_labelled, self.batch_size - num_labelled

    @property
    def single_device_only(self) -> str:
        is_fixmatch = self.unlabelled == FIXMATCH
        return f"unlabelled={FIXMATCH}" if is_fixmatch else super().single_device_only

    @property
    def uses_pseudo_labels(self) -> bool:
        """Whether a first classifier does so; a generator made elsewhere learns nothing from it."""
        is_elsewhere = self.generator != NONE and GENERATORS[self.generator].elsewhere
        return self.unlabelled == PSEUDO and (not is_elsewhere or bool(self.kept_from))

    @property
    def num_parts(self) -> int:
        return 1 if self.unlabelled == TRUE_LABELS else len(self.labels_per_class)

    @property
    def shared_work(self) -> str | None:
        # The first classifier is the longer work; whatever generator learns from its labels.
        return PSEUDO if self.uses_pseudo_labels else super().shared_work

    def fitted(self, dataset: Dataset, free: Collection[str]) -> Self:
        settings = super().fitted(dataset, free)
        if "labels_per_class" not in free or not settings.labels_per_class:
            return settings
        resolved = dataclasses.replace(settings, labels_per_class=()).resolve(dataset)
        maximum = resolved.fewest_left(dataset, resolved.validation_per_class)
        numbers = tuple(n for n in settings.labels_per_class if n < maximum)
        return dataclasses.replace(settings, labels_per_class=numbers)

    def resolve(self, dataset: Dataset) -> Self:
        """Makes classes, validation and numbers of labels explicit for `dataset`.

        Raises:
            InputError: If a class has fewer images than a number, or a number is named twice.
        """
        settings = super().resolve(dataset)
        validation = settings.usual_validation(dataset)
        maximum = settings.fewest_left(dataset, validation)
        default_numbers = tuple(n for n in USUAL_NUMBERS if n < maximum) or (1,)
        numbers = settings.labels_per_class or default_numbers
        for number in numbers:
            if number > maximum or numbers.count(number) > 1:
                raise InputError(
                    f"setting labels_per_class: {number} is not accepted; accepted: different "
                    f"numbers from 1 to {maximum} ({validation} images a class are set aside for "
                    "validation)"
                )
        return dataclasses.replace(
            settings, validation_per_class=validation, labels_per_class=tuple(sorted(numbers))
        )

"""Settings of the imbalance study: how many images of each class there are, and which are rare."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError, listed, unknown
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.settings import ClassifierSettings
from gan_mnist.study.settings import setting

# Balanced data sets that are made unequal as the source did it.
DIGITS = ("mnist_sample", "mnist", "fashion_mnist", "kmnist", "emnist")
ALL = (0,)
# Stand in the place of a class's name: for every class, and for the first one if none is rare.
EACH, FIRST_IF_NONE_RARE = "each", ""
# Most digits in a number of images.
MOST_DIGITS = 12


@dataclass(frozen=True)
class ImbalanceSettings(GeneratorSettings, ClassifierSettings):
    """Settings of the imbalance study. Source: docs/sources.md#imbalance."""

    GROUP: ClassVar[str] = "imbalance"

    counts: tuple[int, ...] = setting(
        (), "training images per class, each a number or all; a single value: for every class; "
        "empty: all, but of digits and their like 1,300,300 of three classes", low=0, zero="all",
    )  # fmt: skip
    starve: tuple[str, ...] = setting(
        (), "CLASS:COUNT leaves COUNT training images of the class, and the oracle gets the rest; "
        "COUNT: of the first class, if none is rare; each:COUNT, one or several: of each class in "
        "turn, in separate trainings that are averaged",
    )  # fmt: skip
    rare_below: float = setting(
        0.5, "a class is rare if starved, or if it has less than this share of the largest class's "
        "images; if none is rare, the smallest", low=0, high=1,
    )  # fmt: skip
    repeats: int = setting(
        1, "classifiers trained on each draw of images; their metrics are averaged",
        low=1, high=10_000,
    )  # fmt: skip
    duplicate: bool = setting(False, "real images are repeated until the classes are balanced")
    weighted: bool = setting(False, "balanced class weights in the loss")
    every_class: bool = setting(
        False, "every class gets generated images beside real ones, the latter repeated as needed"
    )
    generated_per_class: int = setting(
        3000, "with every_class: images generated per class, and as many real ones, at "
        "generated_share=0.5; at least as many as the largest class has if counts is all",
        low=1, high=1_000_000,
    )  # fmt: skip
    generated_share: float = setting(
        0.5, "with every_class: share of generated images in each class's 2 x generated_per_class "
        "images", low=0, high=1,
    )  # fmt: skip

    tuned: bool = setting(
        False, "widened and elastic_shift are tuned in each trial, on classes made rare for it"
    )
    tuned_widened: tuple[float, ...] = setting(
        (1.0, 1.5), "tuned: candidate values of widened", low=0, high=9
    )
    tuned_elastic_shifts: tuple[float, ...] = setting(
        (0.0, 0.08), "tuned: candidate values of elastic_shift", low=0, high=0.5
    )

    donors_first: bool = setting(
        False, "pretrain on the classes that are not rare, then train on all, as many updates each"
    )
    prototypes: bool = setting(
        False, "predict the class whose mean feature vector, its prototype, is nearest"
    )

    @property
    def starved(self) -> dict[str, int]:
        """How many images are left of classes that are starved, by name.

        `EACH` and `FIRST_IF_NONE_RARE` may be among the names.

        Raises:
            InputError: For another form, or a class that is named twice.
        """
        counts: dict[str, int] = {}
        for text in self.starve:
            name, _, count = text.rpartition(":")
            is_repeated = name in counts and (name != EACH or EACH in self.classes)
            is_number = count.isascii() and count.isdigit() and len(count) < MOST_DIGITS
            if not (is_number and int(count)) or is_repeated:
                raise InputError(
                    f"--set starve: {text!r} is not accepted; accepted: CLASS:COUNT, with a COUNT "
                    "of 1 or more, each class once"
                )
            counts[name] = int(count)
        return counts

    @property
    def names_starved(self) -> bool:
        """Whether `starve` names a class, or each of them in turn."""
        return any(name != FIRST_IF_NONE_RARE for name in self.starved)

    @property
    def each(self) -> tuple[int, ...]:
        """Numbers of images that are left of a class in its turn; none without turns."""
        if EACH in self.classes or EACH not in self.starved:
            return ()
        pairs = (text.rpartition(":") for text in self.starve)
        return tuple(int(count) for name, _, count in pairs if name == EACH)

    @property
    def num_parts(self) -> int:
        return max(1, len(self.each) * len(self.classes))

    @property
    def rare(self) -> tuple[int, ...]:
        """Labels of the rare classes, for counts that are explicit."""
        if self.each:
            return tuple(range(len(self.classes)))
        starved = (label for label, name in enumerate(self.classes) if name in self.starved)
        if labels := {*self._rare_by_size(self.counts), *starved}:
            return tuple(sorted(labels))
        return tuple(label for label, n in enumerate(self.counts) if n == min(self.counts))

    def _rare_by_size(self, counts: Sequence[int]) -> list[int]:
        """Labels of the classes that are rare by their size."""
        limit = self.rare_below * max(counts)
        return [label for label, count in enumerate(counts) if count < limit]

    def _is_unequal_as_source(self, dataset: Dataset) -> bool:
        """Whether three classes are made unequal as the source did it."""
        return dataset.name in DIGITS and not self.counts and not self.names_starved

    @property
    def _takes_all(self) -> bool:
        return self.counts in ((), ALL)

    def default_classes(self, dataset: Dataset) -> tuple[str, ...]:
        if dataset.name not in DIGITS or len(self.counts) == 1 or self.names_starved:
            return super().default_classes(dataset)
        digits = ("1", "2", "3")
        return digits if set(digits) <= set(dataset.class_names) else dataset.class_names[:3]

    def usual_share(self, images: int) -> int:
        return min(50, images // 5)

    def usual_validation(self, dataset: Dataset) -> int:
        default = super().usual_validation(dataset)
        if self.validation_per_class or dataset.validation is not None or dataset.name in DIGITS:
            return default
        # Of a class of three images none is given away for a curve.
        return self.usual_share(self.smallest_class(dataset))

    def fitted(self, dataset: Dataset, free: Collection[str]) -> Self:
        settings = super().fitted(dataset, free)
        if "counts" not in free or len(settings.counts) != 1:
            return settings
        resolved = super().resolve(dataset)
        max_count = resolved.fewest_left(dataset, resolved.usual_validation(dataset))
        settings = dataclasses.replace(settings, counts=(min(settings.counts[0], max_count),))
        if "starve" in free and len(settings.each) > 1:
            # Of several numbers those are left out that starve nothing; one image does, if none.
            starved_counts = [n for n in settings.each if n < settings.counts[0]] or [1]
            settings = dataclasses.replace(
                settings, starve=tuple(f"{EACH}:{n}" for n in starved_counts)
            )
        return settings

    def resolve(self, dataset: Dataset) -> Self:
        """Makes classes and counts explicit for `dataset` and checks that it has them.

        Raises:
            InputError: If it has fewer images, or if no class is rare.
        """
        settings = super().resolve(dataset)
        validation = settings.usual_validation(dataset)
        available = settings.images_left(dataset, validation)
        if settings._is_unequal_as_source(dataset):
            # The first class is starved; the others are as many as the smallest of them has.
            max_count = min(300, *available[1:])
            counts = (1, *(max_count for _ in settings.classes[1:]))
            settings = dataclasses.replace(settings, counts=counts, starve=())
        else:
            settings = settings._with_explicit_counts(available)
        resolved = dataclasses.replace(settings, validation_per_class=validation)
        for draw in dataset.draws:
            allot(draw, resolved.classes, resolved.counts, 0, resolved.validation_per_class)
        if min(resolved.counts) == max(resolved.counts) and not resolved.each:
            raise InputError(
                f"--set counts: {resolved.counts} is balanced; accepted: unequal counts, or "
                "--set starve=CLASS:COUNT"
            )
        return resolved

    def _with_explicit_counts(self, available: Sequence[int]) -> Self:
        """With explicit counts, all images where none are given, and some classes starved.

        Args:
            available: Training images of each class.
        """
        requested = self.counts or ALL
        if len(requested) == 1:
            requested *= len(available)
        # What is too short, or too long, stays so, and is refused as that.
        pairs = zip(requested, available, strict=False)
        counts = [*(count or maximum for count, maximum in pairs), *requested[len(available) :]]
        if self.each:
            self._check_each(counts)
            starve = tuple(f"{EACH}:{number}" for number in sorted(self.each))
        else:
            starved = self._starved_by_name(counts)
            counts = self._starve(counts, starved, available)
            starve = tuple(f"{name}:{count}" for name, count in starved.items())
        # Every real image is to be seen where all are taken.
        min_generated = max(counts) if self._takes_all else 1
        return dataclasses.replace(
            self,
            counts=tuple(counts),
            starve=starve,
            generated_per_class=max(self.generated_per_class, min_generated),
        )

    def _starved_by_name(self, counts: Sequence[int]) -> dict[str, int]:
        """As `starved`, with the first class by its name if it is starved, as none is rare."""
        starved = self.starved
        first_count = starved.pop(FIRST_IF_NONE_RARE, None)
        if starved or not self._takes_all or self._rare_by_size(counts):
            return starved
        if first_count is None:
            raise InputError(
                f"--set counts: no class is rare, of {min(counts)} to {max(counts)} training "
                f"images each: none has less than {self.rare_below:g} of the largest; "
                f"accepted: {self._how_to_starve(counts)}unequal counts, or another rare_below"
            )
        return {self.classes[0]: first_count}

    def _starve(
        self, counts: Sequence[int], starved: Mapping[str, int], available: Sequence[int]
    ) -> list[int]:
        """The training images that are left of each class when some are starved.

        Args:
            counts: Training images of each class before.
            starved: How many are left of starved classes, by name.
            available: Training images that there are of each class.

        Raises:
            InputError: For an unknown class, or a number of images that takes none away or is not
                the one that the setting `counts` gives the class.
        """
        left = list(counts)
        for name, count in starved.items():
            if name not in self.classes:
                raise unknown("--set starve", name, self.classes)
            label = self.classes.index(name)
            # A single value is what the class has before, fewer than there are.
            max_left = (available if len(self.counts) > 1 else counts)[label] - 1
            differs = len(self.counts) > 1 and self.counts[label : label + 1] != (count,)
            if count > max_left or differs:
                raise InputError(
                    f"--set starve: {count} images of class {name!r} are not accepted; accepted: "
                    f"{_up_to(max_left)}, and no other number in counts"
                )
            left[label] = count
        return left

    def _how_to_starve(self, counts: Sequence[int]) -> str:
        """What makes a class rare, to be copied; nothing, of classes of a single image."""
        if max(counts) < 2:
            return ""
        name = self.classes[counts.index(max(counts))]
        example = listed([f"{name}:{max(1, min(counts) // 10)}"])
        return f"--set 'starve={example}' or another class and number, "

    def _check_each(self, counts: Sequence[int]) -> None:
        """Raises `InputError` unless every class has more images than are left in its turn."""
        if len(set(self.each)) < len(self.starve):
            raise InputError(
                f"--set starve: {','.join(self.starve)} is not accepted; accepted: {EACH}:COUNT "
                "alone, as it is of every class, or with several numbers"
            )
        if max(self.each) >= min(counts):
            raise InputError(
                f"--set starve: {max(self.each)} images of each class in turn are not accepted; "
                f"accepted: {_up_to(min(counts) - 1)}, fewer than there are otherwise"
            )


def _up_to(maximum: int) -> str:
    return f"1 to {maximum}" if maximum else "none, as one image is all there is of a class"

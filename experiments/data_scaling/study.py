"""How does accuracy grow with the number of training images?"""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Self

from gan_mnist.data.datasets import Dataset
from gan_mnist.errors import InputError
from gan_mnist.generators.settings import PAPER_DCGAN, GeneratorSettings
from gan_mnist.settings import ClassifierSettings
from gan_mnist.study.comparison import Pair
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Metric, Preset, Study

USUAL_SMALLEST = 16


@dataclass(frozen=True)
class DataScalingSettings(GeneratorSettings, ClassifierSettings):
    """Settings of the scaling study. Source: docs/sources.md#data_scaling."""

    GROUP: ClassVar[str] = "data_scaling"

    smallest: int = setting(
        0, "images in the smallest training set, rounded up to a power of two, at least one per "
        f"class; 0: {USUAL_SMALLEST}, or fewer where there are too few", low=0,
    )  # fmt: skip
    largest: int = setting(
        0, "images in the largest training set, rounded down to a power of two; 0: as many as "
        "there are", low=0,
    )  # fmt: skip
    batch_size: int = setting(64, "images per batch", low=2, high=100_000)
    pool_images: int = setting(10_000, "generated images per training set", low=1, high=10_000_000)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of training images, ascending; for settings that are resolved."""
        powers = range(self.smallest.bit_length() - 1, self.largest.bit_length())
        return tuple(1 << power for power in powers)

    @property
    def num_parts(self) -> int:
        return len(self.sizes)

    def fitted(self, dataset: Dataset, free: Collection[str]) -> Self:
        settings = super().fitted(dataset, free)
        if "largest" not in free or not settings.largest:
            return settings
        most = dataclasses.replace(settings, largest=0).resolve(dataset).largest
        return dataclasses.replace(settings, largest=min(settings.largest, most))

    def resolve(self, dataset: Dataset) -> Self:
        """Makes classes, validation and sizes explicit for `dataset`, and checks that it has them.

        Raises:
            InputError: If it lacks some, or they leave fewer than two sizes.
        """
        settings = super().resolve(dataset)
        num_classes = len(settings.classes)
        validation = settings.usual_validation(dataset)
        available = sum(settings.images_left(dataset, validation))
        if settings.largest > available:
            raise InputError(
                f"setting largest: {settings.largest} is out of range; accepted: up to {available} "
                f"(all there are; {validation} images a class are set aside for validation), or 0 "
                "for as many"
            )
        largest = 1 << (settings.largest or available).bit_length() - 1
        default_smallest = min(USUAL_SMALLEST, largest // 2)
        smallest = max(settings.smallest or default_smallest, num_classes)
        resolved = dataclasses.replace(
            settings,
            validation_per_class=validation,
            smallest=1 << (smallest - 1).bit_length(),
            largest=largest,
        )
        min_images = 2 << (num_classes - 1).bit_length()
        if available < min_images:
            raise InputError(
                f"--data_dir: {available} training images are left of {num_classes} classes, and "
                "sizes to compare are two powers of two or more, with an image a class at least; "
                f"accepted: {min_images} or more besides those to validate and test on"
            )
        if len(resolved.sizes) < 2:
            raise InputError(
                f"settings smallest, largest: sizes from {resolved.smallest} to "
                f"{resolved.largest} images are fewer than 2; accepted: two powers of two from "
                f"{num_classes} (an image a class) to {available} (all there are)"
            )
        if resolved.pool_images < num_classes:
            raise InputError(
                f"setting pool_images: {resolved.pool_images} is out of range; accepted: "
                f"{num_classes} or more, one a class"
            )
        return resolved


ARMS = (
    # name, what differs, what a batch holds
    Arm("alone", {}, "real images only", kind="control", source="docs/sources.md#data_scaling"),
    Arm("classical", {"classical": True},
        "real images, rotated, shifted, zoomed and sheared at random"),
    Arm("generated", {"generator": "cgan"},
        "half real images, half those of a GAN trained on the same real ones", kind="generated"),
    Arm("classical_and_generated", {"classical": True, "generator": "cgan"},
        "as generated; every image augmented as in classical", kind="generated"),
)  # fmt: skip


def of_source(settings: DataScalingSettings, name: str) -> tuple[Arm, ...]:
    """The arms of one source of generated images."""
    return (
        Arm(name, {}, f"half real images, half those of {name}", kind="generated"),
        Arm(f"{name}_classical", {"classical": True},
            f"as {name}; every image augmented as in classical", kind="generated"),
    )  # fmt: skip


STUDY = Study(
    package=__package__,
    question="How does accuracy grow with the number of training images, alone and with generated "
    "ones?",
    settings=DataScalingSettings(
        updates=500, gan_architecture="mlp", gan_width=64, gan_latent_dim=64, gan_updates=6000
    ),
    arms=ARMS,
    of_source=of_source,
    presets={
        "smoke": Preset(
            2, {"largest": 128, "updates": 20, "intervals": 2, "width": 4, "gan_updates": 20}
        ),
        "quick": Preset(3, {}),
        "paper": Preset(
            5,
            {
                **PAPER_DCGAN,
                "updates": 5_000,
                "gan_architecture": "dcgan",
                "gan_latent_dim": 100,
                "gan_updates": 100_000,
                "pool_images": 60_000,
            },
        ),
    },
    control="alone",
    rival="classical",
    primary=(Pair("generated", "alone"), Pair("classical_and_generated", "classical")),
    primary_of_source=(Pair("{source}", "alone"), Pair("{source}_classical", "classical")),
    metrics=(
        # One image in a hundred: less would change nobody's choice of a classifier.
        Metric("accuracy", "test accuracy, mean over the sizes", bounds=(0, 1), margin=0.01),
        Metric("accuracy_at_*", "test accuracy at * training images", bounds=(0, 1)),
    ),
    gallery_caption="What each arm trains on, or adds to real images, from the smallest size "
    "(left) to the largest.",
    published=(
        "The source asks whether accuracy is tied to the logarithm of the amount of data, and "
        "supposes that it is; it reports no measurement.",
    ),
)

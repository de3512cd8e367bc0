"""How does accuracy grow with the number of training images? Document 000's open question."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.subsets import allot
from gan_mnist.errors import InputError
from gan_mnist.settings import (
    PAPER_DCGAN,
    ClassifierSettings,
    GeneratorSettings,
    refuse_small_images,
    resolve_classes,
    usual_validation,
)
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Metric, Picture, Preset, Study

USUAL_SMALLEST = 16


@dataclass(frozen=True)
class DataScalingSettings(GeneratorSettings, ClassifierSettings):
    """Settings of the scaling study. Source: specification, section 8."""

    smallest: int = setting(
        0, "training images of the smallest size, rounded up to a power of two with an image a "
        f"class; 0: {USUAL_SMALLEST} or more", low=0,
    )  # fmt: skip
    largest: int = setting(
        0, "training images of the largest size, rounded down to a power of two that there is; "
        "0: all there are", low=0,
    )  # fmt: skip
    updates: int = setting(
        500, "updates of the classifier at every size", low=10, high=10_000_000, multiple_of=10
    )
    batch_size: int = setting(64, "images a batch", low=2, high=100_000)
    pool_images: int = setting(10_000, "generated images at every size", low=1, high=10_000_000)
    generated: bool = setting(False, "half of each batch is generated")

    gan_architecture: str = setting("mlp", "of the conditional GAN", choices=("mlp", "dcgan"))
    gan_width: int = setting(64, "of the conditional GAN", low=1, high=10_000)
    gan_latent_dim: int = setting(64, "of the conditional GAN", low=1, high=10_000)
    gan_updates: int = setting(
        6000, "of the conditional GAN at every size", low=10, high=10_000_000, multiple_of=10
    )


def resolve(settings: DataScalingSettings, dataset: Dataset) -> DataScalingSettings:
    """Makes classes, validation and sizes explicit for `dataset`, and checks that it has them.

    Raises:
        InputError: If it has not, or if they leave fewer than two sizes.
    """
    settings = resolve_classes(settings, dataset, dataset.class_names)
    if settings.gan_architecture == "dcgan":
        refuse_small_images(settings, "gan_architecture=dcgan")
    num_classes = len(settings.classes)
    validation = usual_validation(settings, dataset)
    available = len(allot(dataset, settings.classes, None, 0, validation).train)
    smallest = max(settings.smallest or USUAL_SMALLEST, num_classes)
    largest = min(settings.largest or available, available)
    resolved = dataclasses.replace(
        settings,
        validation_per_class=validation,
        smallest=1 << int(np.ceil(np.log2(smallest))),
        largest=1 << int(np.floor(np.log2(largest))),
    )
    if len(sizes(resolved)) < 2:
        raise InputError(
            f"settings smallest, largest: sizes from {resolved.smallest} to {resolved.largest} "
            f"images are fewer than 2; accepted: two powers of two from {num_classes} (an image "
            f"a class) to {available} (all there are)"
        )
    if resolved.pool_images < num_classes:
        raise InputError(
            f"setting pool_images: {resolved.pool_images} is out of range; accepted: "
            f"{num_classes} or more, one a class"
        )
    return resolved


def sizes(settings: DataScalingSettings) -> tuple[int, ...]:
    """The numbers of training images, ascending; `settings` are resolved."""
    powers = range(settings.smallest.bit_length() - 1, settings.largest.bit_length())
    return tuple(1 << power for power in powers)


def shared_work(settings: DataScalingSettings) -> str | None:
    """Arms with the generators follow each other in one process."""
    return "generators" if settings.generated else None


ARMS = (
    # name, what differs, what a batch holds
    Arm("alone", {}, "real images", kind="control", source="document 000"),
    Arm("classical", {"classical": True},
        "real images, rotated, shifted, zoomed and sheared at random"),
    Arm("generated", {"generated": True},
        "half real, half of a GAN that saw the same real images only", kind="generated"),
    Arm("classical_and_generated", {"classical": True, "generated": True},
        "as generated, every image changed as in classical", kind="generated"),
)  # fmt: skip

STUDY = Study(
    name="data_scaling",
    question="How does accuracy grow with the number of training images, alone and with generated "
    "ones?",
    settings=DataScalingSettings(),
    arms=ARMS,
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
    oracle=None,
    rival="classical",
    metrics=(
        Metric("accuracy", "test accuracy, mean over the sizes", bounds=(0, 1)),
        Metric("accuracy_at_*", "test accuracy at * training images", bounds=(0, 1)),
    ),
    expectations=(),
    run_trial="gan_mnist.experiments.data_scaling.trial:run_trial",
    resolve=resolve,
    shared_work=shared_work,
    findings="gan_mnist.experiments.data_scaling.findings:findings",
    pictures=(
        Picture(
            "scaling",
            "gan_mnist.experiments.data_scaling.figures:scaling",
            "Accuracy and error against the number of training images",
            "Dots are seeds, those of several arms side by side at a size; lines are their means, "
            "dashes the fits: accuracy as a straight line in the logarithm of the number of images "
            "(left), error as a power of it (right). Where a line leaves its dashes, that law does "
            "not hold.",
        ),
    ),
    gallery_caption="What each arm trains on, or adds to real images, from the smallest size "
    "(left) to the largest.",
    published=(
        "Document 000 asks whether accuracy is tied to the logarithm of the amount of data, and "
        "supposes that it is; it reports no measurement.",
    ),
)

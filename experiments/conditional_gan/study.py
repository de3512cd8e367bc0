"""Are images of a class-conditional GAN any good? The GAN of document 002, measured."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_mnist import settings as shared_settings
from gan_mnist.data.datasets import Dataset
from gan_mnist.errors import InputError
from gan_mnist.settings import (
    PAPER_DCGAN,
    GANSettings,
    SubsetSettings,
    refuse_small_images,
)
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Expectation, Metric, Picture, Preset, Study

# Fewer say nothing of a distribution: see `copy_rate` and `generation_metrics`.
FEWEST_TEST_IMAGES = 20


@dataclass(frozen=True)
class ConditionalGANSettings(GANSettings, SubsetSettings):
    """Settings of the study of conditional GANs. Source: specification, sections 3 and 10."""

    updates: int = setting(2000, "updates of each classifier", low=10, high=10_000_000)
    gan_epochs: int = setting(
        100, "of the conditional GAN: parts of its training, a line and a point each",
        low=1, high=100_000,
    )  # fmt: skip
    gan_epoch_updates: int = setting(
        120, "updates an epoch of the conditional GAN", low=10, high=1_000_000
    )
    gan_loss: str = setting(
        "hinge", "of the conditional GAN", choices=("non_saturating", "hinge", "least_squares")
    )
    gan_latents: str = setting(
        "normal", "latents: N(0, 1) or U(-1, 1)", choices=("normal", "uniform")
    )
    gan_sampling_scale: float = setting(
        1.5, "what latents are multiplied by when images are drawn; above 1: more variety",
        low=0.01, high=100,
    )  # fmt: skip
    generated_images: int = setting(
        20_000, "that a classifier is trained on, classes in equal parts", low=2, high=10_000_000
    )

    images_from: str = setting(
        "gan", "what is measured: images of a GAN, or the training images", choices=("gan", "real")
    )
    shuffled: bool = setting(False, "each image asked for is one of another class")


def resolve(settings: ConditionalGANSettings, dataset: Dataset) -> ConditionalGANSettings:
    """Checks what the networks and the measures need, besides what every experiment does.

    Raises:
        InputError: If it is not met.
    """
    refuse_small_images(settings, "the arm dcgan")
    resolved = shared_settings.resolve(settings, dataset)
    if resolved.generated_images < len(resolved.classes):
        raise InputError(
            f"setting generated_images: {resolved.generated_images} is out of range; accepted: "
            f"{len(resolved.classes)} or more, one a class"
        )
    labels = [dataset.class_names.index(name) for name in resolved.classes]
    num_test = int(np.isin(dataset.test.labels, labels).sum())
    if num_test < FEWEST_TEST_IMAGES:
        raise InputError(
            f"--set classes: {', '.join(resolved.classes)} have {num_test} test images; accepted: "
            f"classes with {FEWEST_TEST_IMAGES} or more in all"
        )
    return resolved


def shared_work(settings: ConditionalGANSettings) -> str | None:
    """Arms with one GAN follow each other in one process."""
    return settings.gan_architecture if settings.images_from == "gan" else None


DOCUMENT = "document 002"
MLP: dict[str, Any] = {
    "gan_architecture": "mlp",
    "gan_width": 64,
    "gan_latent_dim": 128,
    "gan_latents": "uniform",
    "gan_batch_size": 100,
    "gan_epoch_updates": 550,
    "gan_learning_rate": 1e-3,
    "gan_beta_1": 0.9,
    "gan_average_decay": 0.0,
    "gan_loss": "non_saturating",
    "gan_sampling_scale": 1.0,
}
# The architecture is given in every arm, and so cannot be set: none would heed it.
REAL = {"images_from": "real", "gan_architecture": "dcgan"}
ARMS = (
    # name, what differs, whose images are measured
    Arm("mlp", MLP, "one hidden layer of 256 units in each network", kind="control",
        source=DOCUMENT),
    Arm("dcgan", {"gan_architecture": "dcgan"},
        "convolutions, a moving average of the generator, latents spread wider than in training",
        kind="generated", source="document 000, narrower"),
    Arm("dcgan_usual_latents", {"gan_architecture": "dcgan", "gan_sampling_scale": 1.0},
        "as dcgan, latents as in training", kind="ablation", ablates="dcgan"),
    Arm("real", REAL, "the training images themselves", kind="oracle"),
    Arm("shuffled_labels", REAL | {"shuffled": True}, "the training images under wrong labels",
        kind="check"),
)  # fmt: skip

STUDY = Study(
    name="conditional_gan",
    question="Are images of a convolutional GAN worth more than those of a two-layer MLP GAN?",
    settings=ConditionalGANSettings(),
    arms=ARMS,
    presets={
        "smoke": Preset(
            2,
            {
                "updates": 20,
                "intervals": 2,
                "width": 4,
                "gan_epochs": 1,
                "gan_epoch_updates": 10,
                "gan_width": 1,
                "generated_images": 200,
            },
        ),
        "quick": Preset(3, {"gan_epochs": 30}),
        "paper": Preset(
            5,
            {
                **PAPER_DCGAN,
                "gan_loss": "non_saturating",
                "updates": 10_000,
                "gan_epoch_updates": 1_000,
                "generated_images": 60_000,
            },
        ),
    },
    control="mlp",
    oracle="real",
    metrics=(
        Metric(
            "gan_train_accuracy",
            "test accuracy of a classifier trained on the images (GAN-train)",
            bounds=(0, 1),
        ),
        Metric(
            "gan_test_accuracy",
            "accuracy on the images of a classifier trained on real ones (GAN-test)",
            bounds=(0, 1),
        ),
        Metric("kid", "kernel distance to the test images", higher_is_better=False),
        Metric("kid_low", "its 95 % interval within a trial, low end", higher_is_better=False),
        Metric("kid_high", "high end", higher_is_better=False),
        Metric("precision", "precision", bounds=(0, 1)),
        Metric("recall", "recall", bounds=(0, 1)),
        Metric("density", "density"),
        Metric("coverage", "coverage", bounds=(0, 1)),
        Metric("copy_rate", "copy rate", higher_is_better=False, bounds=(0, 1)),
        Metric(
            "copy_rate_low",
            "its 95 % interval within a trial, low end",
            higher_is_better=False,
            bounds=(0, 1),
        ),
        Metric("copy_rate_high", "high end", higher_is_better=False, bounds=(0, 1)),
        Metric("gan_train_recall_*", "GAN-train recall of *", bounds=(0, 1)),
        Metric("gan_test_recall_*", "GAN-test recall of *", bounds=(0, 1)),
        # Trials have it only where test images outnumber the features.
        Metric("frechet*", "Frechet distance*", higher_is_better=False),
    ),
    expectations=(Expectation("shuffled_labels", "below", "mlp"),),
    run_trial="gan_mnist.experiments.conditional_gan.trial:run_trial",
    resolve=resolve,
    shared_work=shared_work,
    pictures=(
        Picture(
            "sheets",
            "gan_mnist.experiments.conditional_gan.figures:sheets",
            "Test images, and samples of the same labels",
            "Of each arm, first seed, when its training is done: test images above, samples below. "
            "The sheets of the first and every tenth epoch lie in `trials/ARM/seed-XX/sheets`, of "
            "the arm that trained the GAN, with latents as in its training.",
        ),
        Picture(
            "classes",
            "gan_mnist.experiments.conditional_gan.figures:classes",
            "Which classes are good",
            "GAN-train: the share of a class's test images that are found by a classifier trained "
            "on the arm's images. GAN-test: the share of the arm's images of a class that are "
            "found by one trained on real images. Bars are means over seeds, dots are seeds. "
            "GAN-test high and GAN-train low: good images, too much alike.",
        ),
        Picture(
            "nearest",
            "gan_mnist.experiments.conditional_gan.figures:nearest_pairs",
            "Is it memorising?",
            "Samples above, the nearest training image of each below, with their Euclidean "
            "distance over all pixels in [0, 1]; first seed. Left: of each class the pair that is "
            "nearest of those examined; right: the median pair. A copy has the same picture below "
            "it and a distance near 0, as the training images themselves have. Each heading has "
            "the median of its distances, and that of as many test images for comparison.",
        ),
    ),
    gallery_caption="Samples of each arm, classes in turn.",
    published=("Document 002 shows sheets of samples and no figures.",),
)

"""Are images of a class-conditional GAN any good?"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from gan_mnist.data.datasets import Dataset
from gan_mnist.errors import InputError
from gan_mnist.generators.settings import PAPER_DCGAN, GeneratorSettings
from gan_mnist.settings import SubsetSettings, check_image_size
from gan_mnist.study.comparison import Pair
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Expectation, Metric, Preset, Study

# With fewer only accuracies are measured: see `copy_rate` and `generation_metrics`.
FEWEST_TEST_IMAGES = 20


@dataclass(frozen=True)
class ConditionalGANSettings(GeneratorSettings, SubsetSettings):
    """Settings of the study of conditional GANs.

    Source: docs/sources.md#conditional_gan, docs/sources.md#what-the-sources-lack.
    """

    GROUP: ClassVar[str] = "conditional_gan"

    gan_epochs: int = setting(
        100, "cgan, r3gan, bagan, dagan, vae_flow: epochs of the training, a log line each",
        low=1, high=100_000,
    )  # fmt: skip
    gan_epoch_updates: int = setting(
        120, "the same five: updates per epoch", low=10, high=1_000_000
    )
    gan_updates: int = setting(0, "fixed at 0: gan_epochs x gan_epoch_updates count", low=0, high=0)
    generated_images: int = setting(
        20_000, "generated images to train a classifier on, split evenly by class",
        low=2, high=10_000_000,
    )  # fmt: skip

    @property
    def gan_budget(self) -> tuple[int, int]:
        return self.gan_epochs * self.gan_epoch_updates, self.gan_epochs

    def resolve(self, dataset: Dataset) -> Self:
        """As `resolve` of the other settings; checks what the networks and the metrics need.

        Raises:
            InputError: As there, and for images too small, or fewer generated than classes.
        """
        resolved = super().resolve(dataset)
        check_image_size(resolved, "the arm dcgan")
        if resolved.generated_images < len(resolved.classes):
            raise InputError(
                f"setting generated_images: {resolved.generated_images} is out of range; accepted: "
                f"{len(resolved.classes)} or more, one a class"
            )
        return resolved


DOCUMENT = "docs/sources.md#conditional_gan"
MLP: dict[str, Any] = {
    "generator": "cgan",
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
DCGAN = {"generator": "cgan", "gan_architecture": "dcgan"}
ARMS = (
    # name, what differs, whose images are measured
    Arm("mlp", MLP,
        "a GAN of dense networks, one hidden layer of 256 units in each", kind="control",
        source=DOCUMENT),
    Arm("dcgan", DCGAN,
        "a convolutional GAN; a moving average of its generator; latents wider than in training",
        kind="generated", source="docs/sources.md#mixing, narrower"),
    Arm("dcgan_usual_latents", DCGAN | {"gan_sampling_scale": 1.0},
        "as dcgan, with latents as in training", kind="ablation", ablates="dcgan"),
    Arm("r3gan", DCGAN | {"generator": "r3gan", "gan_sampling_scale": 1.0},
        "as dcgan_usual_latents, without batch norm; relativistic loss and gradient penalties",
        kind="generated", source="arXiv 2501.05441"),
    Arm("bagan", DCGAN | {"generator": "bagan"},
        "a GAN that starts from an autoencoder; its discriminator classifies", kind="generated",
        source="arXiv 1803.09655"),
    Arm("vae_flow",
        DCGAN | {"generator": "vae_flow", "gan_batch_size": 128, "gan_epoch_updates": 150},
        "a variational autoencoder, and a flow that draws its latent codes",
        kind="generated", source="arXiv 2209.03003, 2112.10752"),
    Arm("dagan", DCGAN | {"generator": "dagan"}, "a GAN that changes real images",
        kind="generated", source="arXiv 1711.04340"),
    Arm("warp_gan", DCGAN | {"generator": "warp_gan"}, "a GAN that warps real images",
        kind="generated", source="docs/sources.md#imbalance"),
    Arm("deformations", {"generator": "deformations"},
        "real images under deformations learnt from pairs of one class, their own or another",
        kind="generated", source="arXiv 1510.02795"),
    Arm("smote", {"generator": "smote"}, "points between neighbouring images of a class",
        source="arXiv 1106.1813"),
    Arm("mixture", {"generator": "mixture"},
        "samples of a Gaussian mixture per class: what networks must beat"),
    Arm("real", {"generator": "copy"}, "the training images themselves", kind="oracle"),
    Arm("shuffled_labels", {"generator": "copy", "shuffled_labels": True},
        "the training images under wrong labels", kind="check"),
)  # fmt: skip


def of_source(settings: ConditionalGANSettings, name: str) -> tuple[Arm, ...]:
    """The arm of one source of generated images."""
    return (Arm(name, {}, f"images of {name}", kind="generated"),)


STUDY = Study(
    package=__package__,
    question="Are images of a convolutional GAN worth more than those of a two-layer MLP GAN?",
    settings=ConditionalGANSettings(updates=2000, gan_loss="hinge", gan_sampling_scale=1.5),
    # The architecture is given in every arm, and so cannot be set: none would heed it.
    arms=tuple(replace(arm, changes={"gan_architecture": "dcgan", **arm.changes}) for arm in ARMS),
    of_source=of_source,
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
                "bagan_width": 1,
                "vae_width": 1,
                "generated_images": 200,
            },
        ),
        "quick": Preset(
            5,
            {"gan_epochs": 10},
            ("mlp", "dcgan", "deformations", "smote", "real", "shuffled_labels"),
        ),
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
    primary=(Pair("dcgan", "mlp"),),
    primary_of_source=(Pair("{source}", "mlp"),),
    oracle="real",
    metrics=(
        # One image in a hundred: less would change nobody's choice of a generator.
        Metric(
            "gan_train_accuracy",
            "test accuracy of a classifier trained on the images (GAN-train)",
            bounds=(0, 1),
            margin=0.01,
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
    gallery_caption="Samples of each arm, classes in turn.",
    published=("The source shows sheets of samples and no figures.",),
)

"""Can a GAN repair a class imbalance? With rivals and controls."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Self

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.subsets import allot, divided
from gan_mnist.errors import InputError
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.settings import ClassifierSettings
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Expectation, Metric, Preset, Study


@dataclass(frozen=True)
class ImbalanceSettings(GeneratorSettings, ClassifierSettings):
    """Settings of the imbalance study. Source: docs/sources.md#imbalance."""

    GROUP: ClassVar[str] = "imbalance"

    counts: tuple[int, ...] = setting((), "training images a class; 1,300,300 if empty", low=1)
    repeats: int = setting(
        1, "classifiers trained on one draw; their metrics are averaged", low=1, high=10_000
    )
    duplicate: bool = setting(False, "real images are repeated until the classes are balanced")
    weighted: bool = setting(False, "the loss weighs every class alike")
    every_class: bool = setting(
        False, "images are generated for every class, beside as many real ones, repeated"
    )
    generated_per_class: int = setting(
        3000,
        "with every_class: images generated per class, and as many real ones",
        low=1,
        high=1_000_000,
    )

    def usual_classes(self, dataset: Dataset) -> tuple[str, ...]:
        digits = ("1", "2", "3")
        return digits if set(digits) <= set(dataset.class_names) else dataset.class_names[:3]

    def usual_share(self, images: int) -> int:
        return min(50, images // 5)

    def resolve(self, dataset: Dataset) -> Self:
        """Makes classes and counts explicit for `dataset` and checks that it has them.

        Raises:
            InputError: If it has not.
        """
        settings = super().resolve(dataset)
        validation = settings.usual_validation(dataset)
        # The first class is starved; the others are as many as the smallest of them has.
        left = divided(dataset, settings.classes, validation)[0]
        most = min(300, *map(len, left[1:]))
        resolved = dataclasses.replace(
            settings,
            counts=settings.counts or (1, *(most for _ in settings.classes[1:])),
            validation_per_class=validation,
        )
        allot(dataset, resolved.classes, resolved.counts, 0, resolved.validation_per_class)
        if min(resolved.counts) == max(resolved.counts):
            raise InputError(
                f"--set counts: {resolved.counts} is balanced; accepted: unequal counts"
            )
        return resolved


DOCUMENT = "docs/sources.md#imbalance"
ARMS = (
    # name, what differs, what is done to the training images
    Arm("none", {}, "the imbalanced images as they are", kind="control", source=DOCUMENT),
    Arm("class_weight", {"weighted": True}, "the loss weighs every class alike"),
    Arm("duplicate", {"duplicate": True}, "the starved class repeated"),
    Arm("classical", {"duplicate": True, "classical": True},
        "repeated; every image rotated, shifted, zoomed and sheared at random"),
    Arm("smote", {"generator": "smote"}, "points between neighbours", source="arXiv 1106.1813"),
    Arm("cgan", {"generator": "cgan"}, "images of a conditional GAN", kind="generated",
        source=DOCUMENT),
    Arm("cgan_diffaugment", {"generator": "cgan", "diffaugment": True},
        "images of a conditional GAN with DiffAugment", kind="generated",
        source="arXiv 2006.10738"),
    Arm("cgan_classical", {"generator": "cgan", "classical": True},
        "images of a conditional GAN, and classical augmentation", kind="generated"),
    Arm("warp_gan", {"generator": "warp_gan"},
        "warps of real images, learnt by a GAN on the others", kind="generated"),
    Arm("warp_gan_classical", {"generator": "warp_gan", "every_class": True, "classical": True},
        "half real, half warped by the GAN, all classes; and classical augmentation",
        kind="generated"),
    Arm("random_warp_classical",
        {"generator": "warp_gan", "every_class": True, "classical": True, "untrained": True},
        "the same with the GAN's generator untrained: random warps",
        kind="ablation", ablates="warp_gan_classical"),
    Arm("oracle", {"generator": "held_back"}, "the real images that were taken away",
        kind="oracle"),
    Arm("shuffled_labels", {"generator": "copy", "shuffled_labels": True},
        "copies of the starved class under wrong labels", kind="check"),
    Arm("copy", {"generator": "copy"}, "a generator that copies", kind="check"),
)  # fmt: skip


def of_source(settings: ImbalanceSettings, name: str) -> tuple[Arm, ...]:
    """The arms of one source of generated images."""
    return (
        Arm(name, {}, f"images of {name}", kind="generated"),
        Arm(f"{name}_classical", {"classical": True},
            f"images of {name}, and classical augmentation", kind="generated"),
    )  # fmt: skip


STUDY = Study(
    package=__package__,
    question="Can a GAN repair a class imbalance?",
    settings=ImbalanceSettings(
        gan_architecture="mlp",
        gan_width=64,
        gan_latent_dim=64,
        rotation_degrees=25.0,
        shift=0.05,
        zoom=0.2,
        shear=0.4,
    ),
    arms=ARMS,
    of_source=of_source,
    presets={
        "smoke": Preset(2, {"updates": 20, "gan_updates": 20, "warp_updates": 20}),
        "quick": Preset(5, {}),
        "paper": Preset(10, {"repeats": 2, "gan_architecture": "dcgan", "gan_updates": 20_000}),
    },
    control="none",
    oracle="oracle",
    rival="classical",
    metrics=(
        Metric("minority_recall", "recall of the starved class", bounds=(0, 1)),
        Metric("balanced_accuracy", "balanced accuracy", bounds=(0, 1)),
        Metric("macro_auc", "macro ROC AUC", bounds=(0, 1)),
        Metric("accuracy", "accuracy", bounds=(0, 1)),
        Metric("recall_*", "recall of *", bounds=(0, 1)),
    ),
    expectations=(
        Expectation("shuffled_labels", "below", "duplicate"),
        Expectation("copy", "equal to", "duplicate"),
        Expectation("oracle", "above", "none"),
    ),
    published=(
        "The source, digits 1, 2, 3 with 1, 300 and 300 images: 23 of 30 test images right "
        "before and 26 of 30 after (digit 1: 4 and 7 of 10).",
        "BAGAN on MNIST (ResNet-18; arXiv 1803.09655, read off its figure), accuracy of plain / "
        "BAGAN with a share of the minority class dropped: 40 %: 99.40/99.33, 60 %: 99.14/99.37, "
        "80 %: 98.92/98.92, 90 %: 98.58/98.26, 95 %: 97.88/97.95, 97.5 %: 96.86/97.05.",
        "DAGAN (arXiv 1711.04340, abstract): EMNIST 73.9 to 76 %, Omniglot 69 to 82 %.",
    ),
    gallery_caption="The starved class as each arm showed it to the network, in its first finished "
    "trial. Images that look alike in a row teach the network little more than one of them would.",
    examples=True,
)

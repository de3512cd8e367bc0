"""Do these generated images help my classifier?"""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Self

from gan_mnist.data.dataset import Dataset
from gan_mnist.errors import InputError
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.settings import ClassifierSettings
from gan_mnist.study.comparison import Pair
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Expectation, Metric, Preset, Study

USUAL_SIZES = (5, 20, 100)


@dataclass(frozen=True)
class UsefulnessSettings(GeneratorSettings, ClassifierSettings):
    """Settings of the study of usefulness."""

    GROUP: ClassVar[str] = "usefulness"

    images_per_class: tuple[int, ...] = setting(
        (), "real training images per class, one or several numbers, or all; empty: those of "
        f"{', '.join(map(str, USUAL_SIZES))} of which the data hold twice as many",
        low=0, zero="all",
    )  # fmt: skip
    shares: tuple[float, ...] = setting(
        (1.0,), "generated images per real one; each of several values makes its own arms of a "
        "source", low=0.001, high=1000,
    )  # fmt: skip
    share: float = setting(1.0, "generated images per real one", low=0.001, high=1000)
    trained_on: str = setting(
        "real", "kind of the training images", choices=("real", "generated", "both")
    )
    measured: bool = setting(False, "also measure generated images: copies, nearness to real ones")

    def __post_init__(self) -> None:
        super().__post_init__()
        # As the names of arms tell them.
        shares = [f"{share:g}" for share in self.shares]
        if repeated := [share for share in shares if shares.count(share) > 1]:
            raise InputError(
                f"setting shares: {repeated[0]} is there twice; accepted: shares that differ in "
                "their first six digits"
            )

    @property
    def num_parts(self) -> int:
        return len(self.images_per_class)

    def resolve(self, dataset: Dataset) -> Self:
        """Makes classes, validation and numbers of images explicit for `dataset`.

        Raises:
            InputError: If a class has fewer images than a number, or a number is named twice.
        """
        settings = super().resolve(dataset)
        validation = settings.usual_validation(dataset)
        maximum = settings.fewest_left(dataset, validation)
        default_sizes = tuple(n for n in USUAL_SIZES if 2 * n <= maximum) or (max(1, maximum // 2),)
        sizes = settings.images_per_class or default_sizes
        for size in sizes:
            if size > maximum or sizes.count(size) > 1:
                raise InputError(
                    f"setting images_per_class: {size} is not accepted; accepted: different "
                    f"numbers from 1 to {maximum}, and 0 for all ({validation} images a class are "
                    "set aside for validation)"
                )
        ordered = tuple(sorted(sizes, key=lambda size: size or maximum + 1))
        return dataclasses.replace(
            settings, validation_per_class=validation, images_per_class=ordered
        )


def of_source(settings: UsefulnessSettings, name: str) -> tuple[Arm, ...]:
    """The arms of one source of generated images."""
    arms = []
    for share in settings.shares:
        suffix = "" if len(settings.shares) == 1 else f"_x{share:g}"
        amount = "as many" if share == 1 else f"{share:g} times as many"
        mixed = {"trained_on": "both", "share": share}
        arms += [
            Arm(f"{name}_only{suffix}", {"trained_on": "generated", "share": share},
                f"{amount} images of {name}, no real ones", kind="ablation"),
            Arm(f"{name}{suffix}", mixed | {"measured": True},
                f"real images and {amount} of {name}", kind="generated"),
            Arm(f"{name}_classical{suffix}", mixed | {"classical": True},
                f"as {name}{suffix}; every image augmented as in classical", kind="generated"),
        ]  # fmt: skip
    return tuple(arms)


COPIES = {"generator": "copy", "trained_on": "both"}
ARMS = (
    # name, what differs, what the classifier is trained on
    Arm("real", {}, "real images only", kind="control"),
    Arm("classical", {"classical": True},
        "real images, rotated, shifted, zoomed, sheared and, but for digits, mirrored at random"),
    Arm("elastic", {"classical": True, "augmentation": ("wide", "elastic")},
        "as classical with wider ranges, and elastic: 5 x 5 control points shifted at random"),
    Arm("oracle", {"generator": "held_back", "trained_on": "both", "measured": True},
        "real images and as many other real ones", kind="oracle"),
    Arm("copy", COPIES, "real images and a copy of each", kind="check"),
    Arm("shuffled_labels", COPIES | {"shuffled_labels": True},
        "real images and a copy of each under a wrong label", kind="check"),
)  # fmt: skip

STUDY = Study(
    package=__package__,
    question="Do these generated images help my classifier?",
    settings=UsefulnessSettings(
        gan_architecture="mlp", gan_width=64, gan_latent_dim=64, gan_updates=2000, flip="auto"
    ),
    arms=ARMS,
    of_source=of_source,
    # What there is at hand, to show what a report looks like.
    sources=("cgan",),
    presets={
        "smoke": Preset(
            2,
            {"updates": 20, "intervals": 2, "width": 4, "gan_updates": 20, "judge_updates": 20},
        ),
        "quick": Preset(5, {}),
        "paper": Preset(10, {"updates": 5_000, "judge_updates": 5_000, "gan_updates": 20_000}),
    },
    control="real",
    rival="classical",
    oracle="oracle",
    primary_of_source=(Pair("{source}", "real"), Pair("{source}_classical", "classical")),
    metrics=(
        # One image in a hundred: less would change nobody's choice of a classifier.
        Metric("balanced_accuracy", "balanced accuracy, mean over the numbers of images",
               bounds=(0, 1), margin=0.01),
        Metric("balanced_accuracy_at_*", "balanced accuracy, * real images a class",
               bounds=(0, 1)),
        Metric("copies_of_train", "share of images that are copies of training images",
               higher_is_better=False, bounds=(0, 1)),
        Metric("copies_of_test", "share of images that are copies of test images",
               higher_is_better=False, bounds=(0, 1)),
        Metric("kid", "kernel distance to test images", higher_is_better=False),
        Metric("precision", "share of generated images among real ones", bounds=(0, 1)),
        Metric("recall", "share of real images among generated ones", bounds=(0, 1)),
        Metric("coverage", "share of real images with a generated one near", bounds=(0, 1)),
    ),
    expectations=(
        Expectation("shuffled_labels", "below", "real"),
        Expectation("copy", "equal to", "real"),
        Expectation("oracle", "above", "real"),
    ),
    gallery_caption="What each arm trains on, an image of each class in turn; generated ones where "
    "it has some.",
)  # fmt: skip

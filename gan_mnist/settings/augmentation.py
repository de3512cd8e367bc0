"""Settings of augmentation: whether images are changed at random, and how."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from gan_mnist.errors import InputError
from gan_mnist.study.settings import Settings, setting

# A mirrored digit or letter is another one, or none.
NEVER_MIRRORED = ("mnist_sample", "mnist", "kmnist", "emnist")
WIDE, ELASTIC, THICKNESS, RANDAUGMENT, ERASING, MIXUP, CUTMIX = KINDS = (
    "wide",
    "elastic",
    "thickness",
    "randaugment",
    "erasing",
    "mixup",
    "cutmix",
)


@dataclass(frozen=True)
class AugmentationSettings(Settings):
    """How images are shown: as they are, or changed at random."""

    GROUP: ClassVar[str] = "classical augmentation"

    classical: bool = setting(False, "augment every image at random, anew in every batch")
    rotation_degrees: float = setting(12.0, "rotation, up to +-degrees", low=0, high=180)
    shift: float = setting(0.07, "shift, +-image sides", low=0, high=1)
    zoom: float = setting(0.1, "scale, 1 +- zoom", low=0, high=0.9)
    shear: float = setting(0.2, "shear, up to +-radians", low=0, high=1)
    brightness: float = setting(0.0, "factor 1 +- brightness", low=0, high=1)
    border: str = setting(
        "zero", "fill beyond the image's edge: black, or the edge repeated",
        choices=("zero", "nearest"),
    )  # fmt: skip
    flip: str = setting(
        "never", "half of the images are mirrored, left to right; auto: not digits, letters, kana",
        choices=("auto", "always", "never"),
    )  # fmt: skip
    augmentation: tuple[str, ...] = setting(
        (), f"further changes with classical, comma-separated: {', '.join(KINDS)}", choices=KINDS
    )
    widened: float = setting(
        1.5, "wide: factor on the ranges of rotation, shift, zoom and shear", low=0, high=9
    )
    elastic_shift: float = setting(
        0.08, "elastic: shift of each of 5 x 5 control points, +-image sides", low=0, high=0.5
    )
    thickness_change: float = setting(
        0.5, "thickness: bright strokes grow by up to +-pixels on all sides", low=0, high=1
    )
    randaugment_changes: int = setting(
        2, "randaugment: changes per image, in place of the affine map and elastic", low=1, high=10
    )
    randaugment_strength: float = setting(
        0.5, "randaugment: strength, as a share of each change's maximum", low=0, high=1
    )
    erased: float = setting(
        0.3, "erasing: largest noise box, as a share of the area; in half the images",
        low=0.01, high=1,
    )  # fmt: skip
    mixup_alpha: float = setting(
        0.2, "mixup: alpha of Beta(alpha, alpha), which gives the weights", low=0.01, high=100
    )
    cutmix_alpha: float = setting(
        1.0, "cutmix: alpha of Beta(alpha, alpha), which gives the box areas", low=0.01, high=100
    )

    def resolve(self, dataset: Any) -> Self:
        """As `resolve` of the other settings, with an explicit `flip`.

        Raises:
            InputError: As there, and for digits or letters that are to be mirrored.
        """
        settings = super().resolve(dataset)
        return dataclasses.replace(settings, flip=_flip(settings.flip, dataset.name))


def _flip(flip: str, dataset: str) -> str:
    """The setting `flip` made explicit for a data set: "always" or "never"."""
    if dataset not in NEVER_MIRRORED:
        return "always" if flip == "auto" else flip
    if flip == "always":
        raise InputError(
            f"setting flip: always is not accepted; accepted with --dataset={dataset}: "
            "auto or never, as what its images show changes when it is mirrored"
        )
    return "never"

"""The augmentation of a trial, as its settings describe it."""

from gan_mnist.data.augmentation import Augmentation
from gan_mnist.settings import ClassifierSettings
from gan_mnist.settings.augmentation import (
    CUTMIX,
    ELASTIC,
    ERASING,
    MIXUP,
    RANDAUGMENT,
    THICKNESS,
    WIDE,
)


def build_augmentation(settings: ClassifierSettings) -> Augmentation | None:
    """The augmentation that resolved settings describe; None where images stay as they are."""
    if not settings.classical:
        return None
    kinds = settings.augmentation
    factor = settings.widened if WIDE in kinds else 1.0
    return Augmentation(
        min(180.0, settings.rotation_degrees * factor),
        settings.shift * factor,
        min(0.9, settings.zoom * factor),
        settings.shear * factor,
        settings.brightness,
        settings.flip == "always",
        settings.border,
        elastic=settings.elastic_shift if ELASTIC in kinds else 0.0,
        thickness=settings.thickness_change if THICKNESS in kinds else 0.0,
        changes=settings.randaugment_changes if RANDAUGMENT in kinds else 0,
        strength=settings.randaugment_strength if RANDAUGMENT in kinds else 0.0,
        erased=settings.erased if ERASING in kinds else 0.0,
        mixup=settings.mixup_alpha if MIXUP in kinds else 0.0,
        cutmix=settings.cutmix_alpha if CUTMIX in kinds else 0.0,
        num_classes=len(settings.classes) if {MIXUP, CUTMIX} & set(kinds) else 0,
    )

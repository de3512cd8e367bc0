"""The training set that an arm's treatment makes of a draw."""

from typing import NamedTuple

import numpy as np

from gan_mnist.data.images import as_float, as_uint8
from gan_mnist.data.pipelines import Repeated
from gan_mnist.data.subsets import Allotment
from gan_mnist.errors import NotApplicable
from gan_mnist.generators.contract import Generator
from gan_mnist.trials import ClassifierSteps

from .settings import ImbalanceSettings


class TrainingRows(NamedTuple):
    """The columns of a training set, a row an image.

    Attributes:
        images: uint8, or float32 in [0, 1], (n, H, W, C).
        labels: int (n,), 0..k-1.
        weights: float32 (n,), the weight of each image in the loss.
    """

    images: Repeated
    labels: np.ndarray
    weights: np.ndarray


def training_rows(
    steps: ClassifierSteps[ImbalanceSettings],
    settings: ImbalanceSettings,
    parts: Allotment,
    generator: Generator | None,
    *stream: str,
) -> TrainingRows:
    """Images, labels and loss weights of the training set that the arm's treatment makes."""
    subset = parts.train
    num_real, num_generated = _num_real_and_generated(settings, parts, generator)
    rows = np.concatenate(
        [
            np.resize(np.flatnonzero(subset.labels == label), count)
            for label, count in enumerate(num_real)
        ]
    )
    images, labels = subset.images, subset.labels[rows]
    if generator is not None:
        requested_labels = np.repeat(np.arange(len(num_real), dtype=np.int32), num_generated)
        fake_images, assigned_labels = steps.generate(
            generator, requested_labels, "generated", *stream
        )
        # Class by class, so that a row of the batch order is of one class in every arm of a seed.
        order = np.argsort(np.concatenate([labels, requested_labels]), kind="stable")
        rows = np.concatenate([rows, len(images) + np.arange(len(requested_labels))])[order]
        # As bytes, where nothing is lost, all take a quarter of the memory: of an oracle, say.
        if np.array_equal(as_float(as_uint8(fake_images)), fake_images):
            fake_images = as_uint8(fake_images)
        else:
            images = as_float(images)
        images = np.concatenate([images, fake_images])
        labels = np.concatenate([labels, assigned_labels])[order]
    weights = np.ones(len(labels), np.float32)
    if settings.weighted:
        weights = (len(labels) / (len(num_real) * np.bincount(labels)))[labels].astype(np.float32)
    return TrainingRows(Repeated(images, rows), labels, weights)


def _num_real_and_generated(
    settings: ImbalanceSettings, parts: Allotment, generator: Generator | None
) -> tuple[np.ndarray, np.ndarray]:
    """How many real images of each class are shown, and how many generated: int (k,) each."""
    counts = np.array(settings.counts)
    if generator is not None and generator.most is not None:
        held_back = generator.most
        if not held_back.any():
            raise NotApplicable(
                "no real images are held back; --set starve=CLASS:COUNT takes some away"
            )
        # Classes of which none are left are repeated, or what comes back would drown them.
        return (counts + held_back).max() - held_back, held_back
    if settings.every_class:
        per_class = 2 * settings.generated_per_class
        num_generated = round(settings.generated_share * per_class)
        return np.full_like(counts, per_class - num_generated), np.full_like(counts, num_generated)
    balanced = np.full_like(counts, counts.max())
    if settings.duplicate:
        return balanced, np.zeros_like(counts)
    missing = balanced - counts
    if generator is not None and generator.supply is not None:
        # Images from elsewhere may be there for rare classes alone; those they must have.
        is_spared = generator.supply == 0
        is_spared[list(settings.rare)] = False
        missing[is_spared] = 0
    return counts, missing

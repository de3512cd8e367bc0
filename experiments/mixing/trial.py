"""One trial of the mixing study: batches that are partly generated, accuracy all along."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.augmentation import Augmentation, augment
from gan_mnist.data.images import as_float, as_uint8
from gan_mnist.data.pipelines import latent_batches
from gan_mnist.data.subsets import Subset
from gan_mnist.files import read_rows
from gan_mnist.generators.contract import TrainedGenerator, mislabelled
from gan_mnist.generators.gans import ConditionalRecipe, DAGANRecipe, conditional_recipe, widened
from gan_mnist.models.classifiers import build_deep_cnn
from gan_mnist.models.conditional_gan import ARCHITECTURES
from gan_mnist.models.generating_classifier import Augment, GeneratingClassifier
from gan_mnist.models.latents import Latents
from gan_mnist.seeding import derive_seed
from gan_mnist.training.classifier import Batches
from gan_mnist.trials import ClassifierTrial, save_gallery

from .study import MixingSettings, num_generated

GALLERY_IMAGES = 14
# What `large` multiplies the width by, and how often it goes through the training images.
WIDER, PASSES = 2, 11

Build = Callable[[tuple[int, int, int], int, int], keras.Model]
Prepare = Callable[[keras.Model], None]


def run_trial(settings: MixingSettings, arm: str, seed: int, directory: Path) -> dict[str, Any]:
    """Runs one arm with one seed; see `imbalance` for the contract.

    The curves hold `test_accuracy` at every tenth of the training and all through the last one.
    Nothing is chosen by it: `accuracy_at_best_validation` looks at validation images.
    """
    trial = ClassifierTrial("mixing", settings, arm, seed, directory)
    allotment = trial.allot(settings.counts)
    columns = (allotment.train.images, allotment.train.labels)
    generator = None
    if settings.generated != "none":
        generator = _generator(settings, trial, allotment.train)
    build, batches, prepare = _mixture(settings, trial, columns, generator, seed)
    _save_gallery(settings, trial, allotment.train, generator, seed, directory / "gallery.npz")

    updates = _updates(settings, len(allotment.train))
    model = trial.train(
        trial.recipe(
            build,
            width=settings.width * (WIDER if settings.large else 1),
            updates=updates,
            decay=settings.large,
            loss=settings.loss,
        ),
        batches,
        allotment.validation,
        watched=("test", trial.test),
        rows=judged_intervals(settings.intervals),
        prepare=prepare,
    )
    metrics, probabilities = trial.examine(model)
    metrics = curve_metrics(read_rows(directory / "curves.csv")) | metrics
    trial.keep(model, probabilities, metrics, generator)
    return trial.record(metrics) | {"updates": updates}


def _updates(settings: MixingSettings, num_images: int) -> int:
    """Updates of the classifier, a multiple of the intervals."""
    if not settings.large:
        return settings.updates
    longest = max(settings.updates, PASSES * num_images / settings.batch_size)
    return settings.intervals * math.ceil(longest / settings.intervals)


def judged_intervals(intervals: int) -> list[int]:
    """Every tenth of the training, and within the last tenth every interval."""
    tenth = intervals // 10
    return [i for i in range(1, intervals + 1) if i % tenth == 0 or i > intervals - tenth]


def curve_metrics(rows: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """What a test curve says beyond its end.

    Args:
        rows: With `update`, `test_accuracy` and `val_accuracy`.
    """
    update, test, validation = (
        np.array([float(row[name]) for row in rows])
        for name in ("update", "test_accuracy", "val_accuracy")
    )
    last = test[update > 0.9 * update[-1]]
    return {
        "accuracy_last_tenth": float(last.mean()),
        "accuracy_swing": float(last.std()),
        "accuracy_at_best_validation": float(test[validation.argmax()]),
    }


def _generator(
    settings: MixingSettings, trial: ClassifierTrial, subset: Subset
) -> TrainedGenerator:
    if settings.generator == "dagan":
        return trial.generator(_dagan(settings), subset)
    return widened(trial.generator(_recipe(settings), subset), settings.gan_sampling_scale)


def _recipe(settings: MixingSettings) -> ConditionalRecipe:
    return conditional_recipe(
        settings, settings.gan_updates, most_generator_steps=settings.most_generator_steps
    )


def _dagan(settings: MixingSettings) -> DAGANRecipe:
    return DAGANRecipe(
        updates=settings.gan_updates,
        batch_size=settings.gan_batch_size,
        width=settings.dagan_width,
        average_decay=settings.gan_average_decay,
        latent_dim=settings.gan_latent_dim,
        learning_rate=settings.gan_learning_rate,
        beta_1=settings.gan_beta_1,
        precision=settings.precision,
    )


def _mixture(
    settings: MixingSettings,
    trial: ClassifierTrial,
    columns: tuple[np.ndarray, np.ndarray],
    generator: TrainedGenerator | None,
    seed: int,
) -> tuple[Build, Batches, Prepare | None]:
    """How the classifier is built, what its batches hold, and what it must be given first."""
    if generator is None:
        return build_deep_cnn, trial.batches((columns, settings.batch_size)), None
    fakes = num_generated(settings)
    if settings.generated == "pool":
        with trial.measured("generator"):
            pool = _pool(settings, generator, seed)
        real = settings.batch_size - fakes
        return build_deep_cnn, trial.batches((columns, real), (pool, fakes)), None
    batches = functools.partial(
        latent_batches,
        columns,
        settings.batch_size - fakes,
        fakes,
        len(settings.classes) - settings.without_last,
        _latents(settings).draw,
        trial.augmentation,
    )
    weights = generator.network.average.get_weights()
    build = BuildGenerating(_recipe(settings), trial.augmentation)
    return build, batches, lambda model: model.generator.set_weights(weights)


@dataclass(frozen=True)
class BuildGenerating:
    """Builds a `DeepCNN` that makes its generated images itself; equal ones build equal models."""

    recipe: ConditionalRecipe
    augmentation: Augmentation | None

    def __call__(
        self, image_shape: tuple[int, int, int], num_classes: int, width: int
    ) -> GeneratingClassifier:
        # The classifier first: it draws the weights that it has in every other arm.
        classifier = build_deep_cnn(image_shape, num_classes, width)
        build_generator, _ = ARCHITECTURES[self.recipe.architecture]
        generator = build_generator(
            image_shape, num_classes, self.recipe.width, self.recipe.latent_dim
        )
        return GeneratingClassifier(classifier, generator, self._augment())

    def _augment(self) -> Augment | None:
        if (augmentation := self.augmentation) is None:
            return None
        return lambda images, key: augment(images, augmentation, key)


def _latents(settings: MixingSettings) -> Latents:
    return Latents(
        settings.gan_latent_dim,
        decimals=None if settings.decimals < 0 else settings.decimals,
        active=settings.active or None,
        scale=settings.gan_sampling_scale,
    )


def _pool(
    settings: MixingSettings, generator: TrainedGenerator, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Generated images and their labels; a smaller pool is the beginning of a larger one."""
    num_classes = len(settings.classes)
    num_images = min(settings.pool_images, settings.pool_limit)
    labels = np.arange(num_images, dtype=np.int32) % num_classes
    images = as_uint8(generator.sample(labels, derive_seed("mixing", seed, "pool")))
    if settings.shuffled:
        labels = mislabelled(labels, num_classes, derive_seed("mixing", seed, "shuffled_labels"))
    return images, labels


def _save_gallery(
    settings: MixingSettings,
    trial: ClassifierTrial,
    subset: Subset,
    generator: TrainedGenerator | None,
    seed: int,
    path: Path,
) -> None:
    """One image after the other of each class, real or generated from the arm's latents."""
    num_classes = len(settings.classes) - settings.without_last
    labels = np.arange(GALLERY_IMAGES, dtype=np.int32) % num_classes
    if generator is None:
        of_class = [subset.of_class(label) for label in range(num_classes)]
        images = np.stack([of_class[c][i % len(of_class[c])] for i, c in enumerate(labels)])
    elif settings.generated == "pool":
        images = as_uint8(generator.sample(labels, derive_seed("mixing", seed, "pool")))
    else:
        latents = _latents(settings).draw(GALLERY_IMAGES, tf.constant([0, 0]))
        images = as_uint8(generator.network.decode(latents, labels).numpy())
    if trial.augmentation is not None:
        shown = augment(tf.constant(as_float(images)), trial.augmentation, (0, tf.constant(0)))
        images = as_uint8(shown.numpy())
    save_gallery(images, path)

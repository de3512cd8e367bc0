"""One trial of the mixing study: batches that are partly generated, accuracy all along."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.augmentation import Augmentation, augment
from gan_mnist.data.images import as_uint8
from gan_mnist.data.pipelines import latent_batches
from gan_mnist.data.subsets import Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.files import read_rows
from gan_mnist.generators.contract import Generator
from gan_mnist.generators.trained import GeneratorRecipe, TrainedGenerator
from gan_mnist.models.conditional_gan import WideLatents
from gan_mnist.models.generating_classifier import Augment, GeneratingClassifier
from gan_mnist.models.latents import Latents, LatentSampler
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.training.classifier import Batches, BuildNetwork
from gan_mnist.trials import ClassifierSteps
from gan_mnist.trials.basics import OWN
from gan_mnist.trials.shown import in_turn

from .study import MixingSettings

GALLERY_IMAGES = 14
# What `large` multiplies the width by, and how often it goes through the training images.
WIDER, PASSES = 2, 11

Steps = ClassifierSteps[MixingSettings]


class Mixture(NamedTuple):
    """A classifier, and the batches that it is trained on.

    Attributes:
        build: Builds the classifier.
        batches: The batches that it is trained on.
        gallery: Some of the images that the arm adds, or real ones where it adds none.
        prepare: Called with the fresh classifier before it is trained, or None.
    """

    build: BuildNetwork
    batches: Batches
    gallery: np.ndarray
    prepare: Callable[[keras.Model], None] | None = None


def run_trial(trial: Trial[MixingSettings]) -> Outcome:
    """Trains and evaluates one classifier.

    The curves hold `test_accuracy` at every tenth of the training and all through the last one.
    Nothing is chosen by it: `accuracy_at_best_validation` looks at validation images.

    Raises:
        NotApplicable: If the generator cannot do what the settings ask of it.
    """
    steps, settings = Steps(trial), trial.settings
    allotment = steps.allot(settings.counts, settings.classes)
    generator = steps.generator(allotment)
    mixture = _mixture(steps, allotment.train, generator)
    steps.save_gallery(mixture.gallery)

    updates = _updates(settings, len(allotment.train))
    correct_by_interval: dict[int, np.ndarray] = {}
    model = steps.train(
        steps.recipe(
            network=mixture.build,
            width=settings.width * (WIDER if settings.large else 1),
            updates=updates,
            decay=settings.large,
            loss=settings.loss,
        ),
        mixture.batches,
        allotment.validation,
        watched=("test", steps.test),
        rows=judged_intervals(settings.intervals),
        prepare=mixture.prepare,
        right=correct_by_interval,
    )
    metrics, probabilities = steps.evaluate(model)
    metrics = curve_metrics(read_rows(trial.directory / "curves.csv")) | metrics
    steps.save_and_export(model, probabilities, metrics, generator)
    steps.correct[OWN] = [
        correct_by_interval[n] for n in sorted(correct_by_interval) if n > 0.9 * settings.intervals
    ]
    return steps.outcome(metrics, updates)


def _updates(settings: MixingSettings, num_images: int) -> int:
    """Updates of the classifier, a multiple of the intervals."""
    if not settings.large:
        return settings.updates
    num_updates = max(settings.updates, PASSES * num_images / settings.batch_size)
    return settings.intervals * math.ceil(num_updates / settings.intervals)


def judged_intervals(intervals: int) -> list[int]:
    """The intervals after which test images are judged: each tenth, and all of the last tenth."""
    tenth = intervals // 10
    return [i for i in range(1, intervals + 1) if i % tenth == 0 or i > intervals - tenth]


def curve_metrics(rows: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Metrics of a test curve: its last tenth, its change since half-way, its best checkpoint.

    Args:
        rows: Rows of `curves.csv`, with `update`, `test_accuracy` and, where there are validation
            images, `val_accuracy`.
    """
    columns = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    update, test = columns["update"], columns["test_accuracy"]
    last_tenth = test[update > 0.9 * update[-1]]
    metrics = {
        "accuracy_last_tenth": float(last_tenth.mean()),
        "accuracy_swing": float(last_tenth.std()),
    }
    # Near 0 where the curve has settled.
    half_accuracy = test[np.argmin(np.abs(update - update[-1] / 2))]
    metrics["accuracy_since_half"] = float(last_tenth.mean() - half_accuracy)
    if "val_accuracy" in columns:
        metrics["accuracy_at_best_validation"] = float(test[columns["val_accuracy"].argmax()])
    return metrics


def _mixture(steps: Steps, subset: Subset, generator: Generator | None) -> Mixture:
    settings = steps.trial.settings
    columns = (subset.images, subset.labels)
    if generator is None:
        batches = steps.batches((columns, settings.batch_size))
        gallery = subset.images[in_turn(subset.labels, GALLERY_IMAGES)]
        return Mixture(steps.network, batches, gallery)
    num_fakes = settings.num_generated
    if not num_fakes:
        raise NotApplicable(f"of {settings.batch_size} images a share of {settings.share} is none")
    if settings.fresh:
        return _fresh(steps, columns, generator)
    pool_size = min(settings.pool_images, settings.pool_limit)
    requested_labels = np.arange(pool_size, dtype=np.int32) % np.int32(len(settings.classes))
    # A smaller pool is the beginning of a larger one.
    generated, labels = steps.generate(generator, requested_labels, "pool")
    pool = as_uint8(generated), labels
    real = [(columns, settings.batch_size - num_fakes)] if num_fakes < settings.batch_size else []
    batches = steps.batches(*real, (pool, num_fakes))
    return Mixture(steps.network, batches, pool[0][:GALLERY_IMAGES])


def _fresh(steps: Steps, columns: tuple[np.ndarray, ...], generator: Generator) -> Mixture:
    """The classifier makes the generated half of each batch itself, from latents and labels."""
    settings = steps.trial.settings
    if settings.generators_in_turn > 1 or settings.kept_from:
        raise NotApplicable("of generators in turn, or what a judge keeps, there is a pool only")
    decoders = LatentSampler | WideLatents
    if not (isinstance(generator, TrainedGenerator) and isinstance(generator.network, decoders)):
        raise NotApplicable(f"{settings.generator} decodes no latents; it fills a pool")
    network = generator.network
    if settings.num_generated == settings.batch_size:
        raise NotApplicable("batches without a real image are made of a pool only")
    if settings.shuffled_labels:
        raise NotApplicable("wrong labels are given to images of a pool only")
    if steps.augmentation is not None and steps.augmentation.mixes_labels:
        raise NotApplicable("labels are mixed where images come of a pool only")
    num_classes = len(settings.classes) - settings.without_last
    latents = _latents(settings, network.prior)
    batches = functools.partial(
        latent_batches,
        columns,
        settings.batch_size - settings.num_generated,
        settings.num_generated,
        num_classes,
        latents.draw,
        steps.augmentation,
    )
    weights = network.average.get_weights()
    labels = np.arange(GALLERY_IMAGES, dtype=np.int32) % num_classes
    gallery = network.decode(latents.draw(GALLERY_IMAGES, tf.constant([0, 0])), labels)
    return Mixture(
        BuildGenerating(steps.network, generator.recipe, steps.augmentation),
        batches,
        gallery.numpy(),
        lambda model: model.generator.set_weights(weights),
    )


@dataclass(frozen=True)
class BuildGenerating:
    """Builds a classifier that makes its generated images itself; equal ones build equal models."""

    build: BuildNetwork
    recipe: GeneratorRecipe
    augmentation: Augmentation | None

    def __call__(
        self, image_shape: tuple[int, int, int], num_classes: int, width: int
    ) -> GeneratingClassifier:
        # The classifier first: it draws the weights that it has in every other arm.
        classifier = self.build(image_shape, num_classes, width)
        generator = self.recipe.build(image_shape, num_classes).average
        return GeneratingClassifier(classifier, generator, self._augment())

    def _augment(self) -> Augment | None:
        if (augmentation := self.augmentation) is None:
            return None
        return lambda images, key: augment(images, augmentation, key)


def _latents(settings: MixingSettings, prior: Latents) -> Latents:
    return replace(
        prior,
        decimals=None if settings.decimals < 0 else settings.decimals,
        active=settings.active or None,
    )

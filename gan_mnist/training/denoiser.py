"""Training of denoisers: the same way in every arm, with an adversary or without."""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_mnist.data.degradation import Degradation, FixedPairs, fixed_pairs, given_pairs
from gan_mnist.data.images import as_float
from gan_mnist.evaluation.inference import predict_in_chunks
from gan_mnist.evaluation.restoration import MEASURES, restoration_metrics
from gan_mnist.models.denoiser import DenoisingModel, Schedule, build_denoising_model
from gan_mnist.seeding import derive_seed
from gan_mnist.training.adam import scaled_adam
from gan_mnist.training.loop import fit, updates_per_call
from gan_mnist.training.made_once import reusable
from gan_mnist.training.tensorboard import TensorBoardScalars


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """Fixed pairs on which all denoisers are evaluated, whatever they are given and return.

    Outputs of a denoiser that returns the truth at full scale are brought to the scale of the
    others' target first; else their errors would count for more. All are measured against the ref
    at full scale, whether the denoiser is given that or a fainter one.

    Attributes:
        pairs: The denoiser's inputs, and the rows of the images that they are made of.
        truths: float32 (n, H, W, C) in [0, 1], at full scale.
        refs: float32 (n, H, W, C) in [0, 1], at full scale.
        truth_scale: Scale of the truths in the mixture.
        answer_scale: What the denoiser's outputs are multiplied by.
        has_refs: Whether there are refs at all; else they are black, and nothing can be a leak.
    """

    pairs: FixedPairs
    truths: np.ndarray
    refs: np.ndarray
    truth_scale: float
    answer_scale: float
    has_refs: bool = True

    @functools.cached_property
    def targets(self) -> np.ndarray:
        """The truths as they were mixed in: float32 (n, H, W, C) in [0, 1]."""
        return np.minimum(np.float32(self.truth_scale) * self.truths, 1)

    def outputs(self, answers: np.ndarray) -> np.ndarray:
        """A denoiser's outputs at the scale of `targets`: float32 (n, H, W, C) in [0, 1]."""
        return np.minimum(np.float32(self.answer_scale) * answers, 1)

    def measures(
        self, outputs: np.ndarray, names: Sequence[str] | None = None
    ) -> dict[str, np.ndarray]:
        """The measures of each image, all or those in `names`; see `restoration_metrics`."""
        selected = [name for name in names or MEASURES if self.has_refs or name != "ref_leak"]
        return restoration_metrics(outputs, self.targets, self.refs, selected)


def build_evaluation_set(
    images: np.ndarray, number: int, degradation: Degradation, a: float, b: float
) -> EvaluationSet:
    """The evaluation set of `number` of the images.

    Args:
        images: uint8 (n, H, W, C), truths and refs alike.
        number: See `fixed_pairs`.
        degradation: As in the denoiser's training.
        a: Scale of every truth.
        b: Scale of every ref.
    """
    pairs = fixed_pairs(images, number, degradation, a, b)
    return EvaluationSet(
        pairs=pairs,
        truths=as_float(images[pairs.truth_rows]),
        refs=as_float(images[pairs.ref_rows]),
        truth_scale=a,
        answer_scale=a if degradation.target == "plain" else 1.0,
    )


def build_given_evaluation_set(
    noisy_images: np.ndarray, clean_images: np.ndarray, number: int
) -> EvaluationSet:
    """The evaluation set of `number` of the given pairs; arguments as for `given_pairs`."""
    pairs = given_pairs(noisy_images, clean_images, number)
    return EvaluationSet(pairs, pairs.targets, pairs.references, 1.0, 1.0, has_refs=False)


@dataclass(frozen=True)
class DenoiserRecipe:
    """How a denoiser and its adversary are built and trained.

    Attributes:
        image_shape: (H, W, C).
        width: Channels of the denoiser's hidden layers.
        updates: Number of updates, a multiple of `intervals`.
        learning_rate: Learning rate of Adam, for both networks.
        decay: Whether the learning rate falls to 0 along a half cosine (arXiv 1608.03983), for both
            networks by the updates of the denoiser.
        adversary: "none", "vanilla" or "conditional".
        discriminator_width: Channels of the discriminator's first layer.
        loss: The adversarial loss, a key of `ADVERSARIAL_LOSSES`.
        content_loss: A key of `CONTENT_LOSSES`.
        spectral: Whether the discriminator is spectrally normalised, without batch norm.
        input_skip: Whether the input is added before the last convolution.
        separate_batches: Whether the discriminator learns on batches of its own.
        intervals: Number of equal parts of the training; curves have a point after each.
        precision: Keras dtype policy, which the caller has set.
    """

    image_shape: tuple[int, int, int]
    width: int
    updates: int
    learning_rate: float
    decay: bool = False
    adversary: str = "none"
    discriminator_width: int = 4
    loss: str = "non_saturating"
    content_loss: str = "l1"
    spectral: bool = False
    input_skip: bool = True
    separate_batches: bool = False
    intervals: int = 10
    precision: str = "float32"

    def build(self) -> DenoisingModel:
        """The networks, not compiled."""
        return build_denoising_model(
            self.image_shape,
            self.width,
            self.adversary,
            discriminator_width=self.discriminator_width,
            spectral=self.spectral,
            input_skip=self.input_skip,
            loss=self.loss,
            content_loss=self.content_loss,
            separate_batches=self.separate_batches,
        )

    def compile(self, model: DenoisingModel) -> None:
        """Gives the networks their optimizers."""
        rate: Any = self.learning_rate
        if not self.decay:
            optimizers = scaled_adam(rate), scaled_adam(rate)
        else:
            rate = keras.optimizers.schedules.CosineDecay(self.learning_rate, self.updates)
            denoiser = scaled_adam(rate)
            # A discriminator that begins later has done fewer updates, but has the same rate.
            optimizers = denoiser, scaled_adam(lambda: rate(denoiser.iterations))
        steps = updates_per_call(self.updates, self.intervals)
        model.compile(*optimizers, steps_per_execution=steps)


def train_denoiser(
    recipe: DenoiserRecipe,
    schedule: Schedule,
    batches: Callable[[int, int], tf.data.Dataset],
    validation: EvaluationSet,
    stream: tuple[str | int, ...],
    directory: Path,
    log_directory: Path,
    before: Callable[[DenoisingModel], None] | None = None,
) -> tuple[DenoisingModel, float]:
    """Trains a fresh denoiser.

    Args:
        recipe: How it is built and trained.
        schedule: Weights of content loss and adversarial loss.
        batches: Maps (seed, first update) to the data set of ((noisy_images, references), targets).
        validation: For the columns `val_psnr_db` and `val_ref_leak` of the curves.
        stream: What keys initial weights and the order of images; the same in all arms of a seed.
        directory: Receives `curves.csv`.
        log_directory: Receives TensorBoard's events.
        before: Called with the fresh model before it is trained.

    Returns:
        The model, which the next call with this recipe trains anew, and the seconds it took.
    """
    model: DenoisingModel = reusable(recipe).fresh(derive_seed(*stream, "weights"))
    model.follow(schedule)
    if before is not None:
        before(model)

    def all_batches(first_update: int) -> tf.data.Dataset:
        denoiser_batches = batches(derive_seed(*stream, "order"), first_update)
        if not recipe.separate_batches:
            return denoiser_batches
        return tf.data.Dataset.zip(
            (denoiser_batches, batches(derive_seed(*stream, "others"), first_update))
        )

    interval = recipe.updates // recipe.intervals
    seconds = fit(
        model,
        all_batches,
        recipe.updates,
        directory,
        derive_seed(*stream, "layers"),
        [_Watch(validation), TensorBoardScalars(log_directory, interval)],
        intervals=recipe.intervals,
    )
    return model, seconds


def denoise(model: DenoisingModel, evaluation_set: EvaluationSet) -> np.ndarray:
    """The outputs of the averaged network for the set: float32 (n, H, W, C) in [0, 1]."""
    return predict_in_chunks(
        model.average, evaluation_set.pairs.noisy_images, evaluation_set.pairs.references
    )


class _Watch(keras.callbacks.Callback):
    """Adds `val_psnr_db` and `val_ref_leak` to the metrics of an interval."""

    def __init__(self, evaluation_set: EvaluationSet):
        super().__init__()
        self._evaluation_set = evaluation_set

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            evaluation_set = self._evaluation_set
            outputs = evaluation_set.outputs(denoise(self.model, evaluation_set))
            if np.isfinite(outputs).all():
                measures = evaluation_set.measures(outputs, ("psnr_db", "ref_leak"))
                # A leak of no ref is no column.
                logs |= {f"val_{name}": values.mean() for name, values in measures.items()}
            else:  # The curves, which come next, stop the training and say when.
                logs["val_psnr_db"] = math.nan

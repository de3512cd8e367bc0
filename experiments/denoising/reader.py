"""Evaluates a denoiser's outputs with a *judge*, a classifier of clean images."""

import numpy as np

from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.evaluation.features import FrozenClassifier
from gan_mnist.evaluation.generation import kernel_distance
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.study.trial import Trial
from gan_mnist.training.classifier import ClassifierRecipe
from gan_mnist.training.denoiser import EvaluationSet
from gan_mnist.training.judge import trained_judge
from gan_mnist.trials import Steps

from .settings import FEWEST_FOR_DISTANCE, DenoisingSettings

JUDGE_BATCH_SIZE = 64


def evaluate_with_judge(
    steps: Steps[DenoisingSettings],
    everything: Allotment,
    evaluation_set: EvaluationSet,
    outputs: np.ndarray,
) -> tuple[np.ndarray, dict[str, float]]:
    """Evaluates an arm's outputs with the seed's judge; adds its seconds to `evaluation`.

    Args:
        steps: Steps of the trial.
        everything: All images of the seed; the judge learns those to train on.
        evaluation_set: The test pairs.
        outputs: The arm's outputs for them, float32 (n, H, W, C), at the truths' scale.

    Returns:
        Whether the judge predicts the right class of each output, float64 (n,), 0 or 1; and
        metrics: `truth_accuracy`, its accuracy on the truths, which outputs can hardly exceed, and,
        of enough outputs, `feature_distance`, in the judge's features.
    """
    judge, seconds = _judge(steps.trial, everything)
    steps.seconds["evaluation"] += seconds
    with steps.measured("evaluation"):
        seed = steps.trial.stream("feature_distance")
        return _perception(judge, evaluation_set, outputs, steps.test, seed)


def _judge(
    trial: Trial[DenoisingSettings], everything: Allotment
) -> tuple[FrozenClassifier, float]:
    """A classifier of clean images, the same for all arms of a seed."""
    settings = trial.settings
    recipe = ClassifierRecipe(
        network=build_small_cnn,
        image_shape=(settings.image_size, settings.image_size, settings.channels),
        num_classes=len(settings.classes),
        width=settings.judge_width,
        updates=settings.judge_updates,
        learning_rate=1e-3,
        precision=settings.precision,
    )
    stream = trial.experiment, trial.seed
    return trained_judge(recipe, JUDGE_BATCH_SIZE, everything, stream, trial.workdir)


def _perception(
    judge: FrozenClassifier,
    evaluation_set: EvaluationSet,
    outputs: np.ndarray,
    test: Subset,
    seed: int,
) -> tuple[np.ndarray, dict[str, float]]:
    """Applies the judge to the outputs, brought to the full scale that it was trained on.

    Returns:
        As `evaluate_with_judge`.
    """
    labels = test.labels[evaluation_set.pairs.truth_rows]
    truth_predictions = judge.predict(evaluation_set.truths)
    output_predictions = judge.predict(
        np.minimum(outputs / np.float32(evaluation_set.truth_scale), 1)
    )
    outputs_correct, truths_correct = (
        (predictions.probabilities.argmax(axis=1) == labels).astype(np.float64)
        for predictions in (output_predictions, truth_predictions)
    )
    # A kernel distance assumes that its two samples are independent, and an output resembles its
    # own truth and ref. So outputs are taken of the second half of the pairs and truths of the
    # first, without its last one: that is the ref of the second half's first pair, and all other
    # refs of that half are truths of it.
    metrics = {"truth_accuracy": float(truths_correct.mean())}
    if len(outputs) < FEWEST_FOR_DISTANCE:
        return outputs_correct, metrics
    half = len(outputs) // 2
    truths, fakes = truth_predictions.features[: half - 1], output_predictions.features[half:]
    num_subsets = min(10, len(truths) // 2)
    distance = kernel_distance(
        truths,
        fakes,
        num_subsets,
        len(truths) // num_subsets,
        seed,
    )
    return outputs_correct, metrics | {"feature_distance": distance.value}

"""One trial of the denoising study: train a denoiser, and evaluate its outputs in several ways."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from gan_mnist.data.degradation import Degradation, denoising_batches, pair_batches
from gan_mnist.data.images import as_uint8
from gan_mnist.data.pairs import paired
from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.evaluation.restoration import restoration_metrics, rival_outputs
from gan_mnist.files import write_arrays, write_bytes, write_rows
from gan_mnist.models.denoiser import DenoisingModel, Schedule
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.training.denoiser import (
    DenoiserRecipe,
    EvaluationSet,
    build_evaluation_set,
    build_given_evaluation_set,
    denoise,
    train_denoiser,
)
from gan_mnist.training.tensorboard import as_png, image_sheet
from gan_mnist.trials import Steps
from gan_mnist.trials.export import export_denoiser

from .reader import evaluate_with_judge
from .settings import REF_SCALE, TRUTH_SCALE, DenoisingSettings

# Pairs on the report's sheet, and on the trial's own.
SHEET_PAIRS, OWN_SHEET_PAIRS = 16, 4
VALIDATION_PAIRS, SWEEP_PAIRS = 250, 250
# Each varied alone, from within what is trained on (by default) to beyond it.
SWEEPS = {
    "a": (0.1, 0.2, 0.35, 0.5, 0.75, 1.0),
    "b": (0.0, 0.2, 0.45, 0.7, 1.0, 1.4),
    "noise": (0.0, 0.25, 0.5, 1.0, 1.5),
}

DenoiseFunction = Callable[[EvaluationSet], np.ndarray]
Batches = Callable[[int, int], tf.data.Dataset]


def run_trial(trial: Trial[DenoisingSettings]) -> Outcome:
    """Trains and evaluates one denoiser.

    `measures.csv` holds the measures of every test pair, `sweep.csv` those beyond the fixed pairs,
    `sheet.npz` and `sheet.png` some pairs with what the arm returned.

    With given pairs no scale or noise is varied, and no classifier reads the outputs.

    Raises:
        NotApplicable: If there are fewer training images than the arm is to have, or the arm is
            about refs and there are none.
    """
    steps, settings = Steps(trial), trial.settings
    if settings.pairs and (settings.ref_shown, settings.target) != ("ref", "scaled"):
        raise NotApplicable("the pairs have no refs and no scales, in which this arm differs")
    everything = steps.allot(None)
    evaluation_set = _evaluation_set(settings, steps.test, settings.test_pairs)
    model, untrained_metrics = None, {}
    if settings.method == "network":

        def look(model: DenoisingModel) -> None:
            if evaluation_set.has_refs:
                untrained_metrics["untrained_ref_leak"] = _ref_leak(
                    evaluation_set, denoise(model, evaluation_set)
                )

        model = _train(steps, everything, look)
    answer = _RIVALS[settings.method] if model is None else functools.partial(denoise, model)

    with steps.measured("evaluation"):
        outputs = evaluation_set.outputs(answer(evaluation_set))
        measures = evaluation_set.measures(outputs)
    if settings.pairs:
        extra_metrics = _of_inputs(evaluation_set)
    else:
        measures["digit_accuracy"], extra_metrics = evaluate_with_judge(
            steps, everything, evaluation_set, outputs
        )
        with steps.measured("evaluation"):
            sweep = list(_sweep(settings, steps.test, answer))
        write_rows(trial.directory / "sweep.csv", sweep)
    metrics = (
        {name: float(values.mean()) for name, values in measures.items()}
        | extra_metrics
        | untrained_metrics
    )
    _save_sheet(evaluation_set, outputs, measures["psnr_db"], trial.directory)
    write_rows(trial.directory / "measures.csv", _rows(measures))
    if model is not None and (directory := steps.export_directory) is not None:
        export_denoiser(model, directory, evaluation_set.has_refs)
        steps.write_about(directory, metrics, ["denoiser"])
    updates = None if model is not None else 0
    return steps.outcome(metrics, updates, test_rows=evaluation_set.pairs.truth_rows)


def _train(
    steps: Steps[DenoisingSettings],
    everything: Allotment,
    before_training: Callable[[DenoisingModel], None],
) -> DenoisingModel:
    """Trains the arm's denoiser, on batches of its own images alone, as truths and as refs."""
    trial, settings = steps.trial, steps.trial.settings
    validation = _evaluation_set(
        settings, everything.validation, min(VALIDATION_PAIRS, len(everything.validation))
    )
    model, steps.seconds["training"] = train_denoiser(
        _recipe(settings),
        Schedule(settings.phases),
        _batches(steps, everything),
        validation,
        (trial.experiment, trial.seed),
        trial.directory,
        trial.log_directory,
        before_training,
    )
    return model


def _batches(steps: Steps[DenoisingSettings], everything: Allotment) -> Batches:
    """Batches of mixtures of the arm's images, or of its pairs."""
    settings, size = steps.trial.settings, steps.trial.settings.batch_size
    if not settings.pairs:
        images = steps.allot(_counts(settings, everything)).train.images
        return functools.partial(denoising_batches, images, size, _degradation(settings))
    noisy_images, clean_images = paired(everything.train)
    num_pairs, available = settings.training_images, len(noisy_images)
    if num_pairs >= available:
        raise NotApplicable(f"there are no more than {available} pairs to train on")
    if num_pairs:
        order = np.random.default_rng(steps.trial.stream("pairs")).permutation(available)
        noisy_images, clean_images = (
            noisy_images[order[:num_pairs]],
            clean_images[order[:num_pairs]],
        )
    return functools.partial(pair_batches, noisy_images, clean_images, size)


def _ref_leak(evaluation_set: EvaluationSet, answers: np.ndarray) -> float:
    return float(
        evaluation_set.measures(evaluation_set.outputs(answers), ("ref_leak",))["ref_leak"].mean()
    )


def _counts(settings: DenoisingSettings, everything: Allotment) -> tuple[int, ...] | None:
    """Images a class, one at least; a class that has fewer gives all it has.

    Raises:
        NotApplicable: If there are no more images than are asked for: that would be another arm.
    """
    if not settings.training_images:
        return None
    if settings.training_images >= len(everything.train):
        raise NotApplicable(f"there are no more than {len(everything.train)} training images")
    num_classes = len(settings.classes)
    per_class, remainder = divmod(settings.training_images, num_classes)
    available = np.bincount(everything.train.labels, minlength=num_classes)
    return tuple(
        min(max(1, per_class + (label < remainder)), int(count))
        for label, count in enumerate(available)
    )


def _recipe(settings: DenoisingSettings) -> DenoiserRecipe:
    return DenoiserRecipe(
        image_shape=(settings.image_size, settings.image_size, settings.channels),
        width=settings.width,
        updates=settings.updates,
        learning_rate=settings.learning_rate,
        decay=settings.decay,
        adversary=settings.adversary,
        discriminator_width=settings.discriminator_width,
        loss=settings.adversarial_loss,
        content_loss=settings.content_loss,
        spectral=settings.spectral,
        input_skip=settings.input_skip,
        separate_batches=settings.adversary != "none" and not settings.same_batch,
        intervals=settings.intervals,
        precision=settings.precision,
    )


def _degradation(settings: DenoisingSettings) -> Degradation:
    (a, b, noise) = ((low, high) for low, high in (settings.a, settings.b, settings.noise))
    return Degradation(a, b, noise, settings.scales, settings.ref_shown, settings.target)


def _evaluation_set(
    settings: DenoisingSettings, subset: Subset, num_pairs: int, **changes: Any
) -> EvaluationSet:
    """The fixed pairs; `changes` move `a`, `b` or the upper end of `noise` of mixtures."""
    if settings.pairs:
        return build_given_evaluation_set(*paired(subset), num_pairs)
    degradation = _degradation(settings)
    low = degradation.noise[0]
    noise = changes.pop("noise", degradation.noise[1])
    degradation = dataclasses.replace(degradation, noise=(min(low, noise), noise))
    scales = {"a": TRUTH_SCALE, "b": REF_SCALE} | changes
    return build_evaluation_set(subset.images, num_pairs, degradation, **scales)


def _of_inputs(evaluation_set: EvaluationSet) -> dict[str, float]:
    """Metrics of the inputs themselves against the truths: what an arm has to beat."""
    inputs = evaluation_set.pairs.noisy_images
    measures = restoration_metrics(
        inputs, evaluation_set.targets, evaluation_set.refs, ("psnr_db", "ssim")
    )
    return {f"input_{name}": float(values.mean()) for name, values in measures.items()}


def _sweep(
    settings: DenoisingSettings, test: Subset, answer: DenoiseFunction
) -> Iterator[dict[str, Any]]:
    """Rows of `sweep.csv`: which quantity was varied, its value, and two measures."""
    num_pairs = min(SWEEP_PAIRS, settings.test_pairs)
    for varied, values in SWEEPS.items():
        for value in values:
            evaluation_set = _evaluation_set(settings, test, num_pairs, **{varied: value})
            measures = evaluation_set.measures(
                evaluation_set.outputs(answer(evaluation_set)), ("psnr_db", "ref_leak")
            )
            means = {name: values.mean() for name, values in measures.items()}
            yield {"varied": varied, "value": value, **means}


def _rows(measures: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """A row a test pair."""
    columns = zip(*(values.round(6) for values in measures.values()), strict=True)
    return [{"pair": i, **dict(zip(measures, row, strict=True))} for i, row in enumerate(columns)]


def _save_sheet(
    evaluation_set: EvaluationSet, outputs: np.ndarray, psnr_db: np.ndarray, directory: Path
) -> None:
    """Keeps pairs for the report, and the source's sheet of 4 x 4: truth, ref, input, output."""
    sheet_rows = slice(min(SHEET_PAIRS, len(outputs)))
    parts = {
        "truths": evaluation_set.truths,
        "refs": evaluation_set.refs,
        "inputs": evaluation_set.pairs.noisy_images,
        "outputs": outputs,
    }
    images: dict[str, Any] = {name: as_uint8(part[sheet_rows]) for name, part in parts.items()}
    write_arrays(directory / "sheet.npz", psnr_db=psnr_db[sheet_rows], **images)
    rows = np.stack([part[:OWN_SHEET_PAIRS] for part in images.values()], axis=1)
    sheet = image_sheet(rows.reshape(-1, *rows.shape[2:]), columns=len(parts))
    write_bytes(directory / "sheet.png", as_png(sheet))


_RIVALS: dict[str, DenoiseFunction] = {
    "filter": lambda evaluation_set: rival_outputs(
        evaluation_set.pairs.noisy_images,
        evaluation_set.pairs.references if evaluation_set.has_refs else None,
    ),
    "black": lambda evaluation_set: np.zeros_like(evaluation_set.truths),
}

"""One trial of the denoising study: train a denoiser, and mark what it returns in several ways."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_mnist.data.degradation import Degradation, denoising_batches
from gan_mnist.data.images import as_uint8
from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.evaluation.features import FrozenClassifier
from gan_mnist.evaluation.generation import kernel_distance
from gan_mnist.evaluation.restoration import subtract_and_filter
from gan_mnist.files import write_rows
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.models.denoiser import DenoisingModel, Schedule
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.training.classifier import ClassifierRecipe
from gan_mnist.training.denoiser import (
    DenoiserRecipe,
    Exam,
    build_exam,
    exam_answers,
    train_denoiser,
)
from gan_mnist.training.judge import trained_judge
from gan_mnist.training.tensorboard import image_sheet
from gan_mnist.trials import Steps
from gan_mnist.trials.export import export_denoiser

from .settings import FEWEST_FOR_DISTANCE, REF_SCALE, TRUTH_SCALE, DenoisingSettings

# On sheets: for the report, and of those in the trial's own.
SHEET_PAIRS, OWN_SHEET_PAIRS = 16, 4
VALIDATION_PAIRS, SWEEP_PAIRS = 250, 250
# Each varied alone, from within what is trained on (by default) to beyond it.
SWEEPS = {
    "a": (0.1, 0.2, 0.35, 0.5, 0.75, 1.0),
    "b": (0.0, 0.2, 0.45, 0.7, 1.0, 1.4),
    "noise": (0.0, 0.25, 0.5, 1.0, 1.5),
}
JUDGE_BATCH_SIZE = 64

Answer = Callable[[Exam], np.ndarray]


def run_trial(trial: Trial[DenoisingSettings]) -> Outcome:
    """Trains and marks one denoiser.

    `measures.csv` holds the measures of every test pair, `sweep.csv` those beyond the fixed pairs,
    `sheet.npz` and `sheet.png` some pairs with what the arm returned.

    Raises:
        NotApplicable: If there are fewer training images than the arm is to have.
    """
    steps, settings = Steps(trial), trial.settings
    everything = steps.allot(None)
    exam = _exam(settings, steps.test, settings.test_pairs)
    model, untrained = None, {}
    if settings.method == "network":

        def look(model: DenoisingModel) -> None:
            untrained["untrained_ref_leak"] = _ref_leak(exam, exam_answers(model, exam))

        model = _train(steps, everything, look)
    answer = _RIVALS[settings.method] if model is None else functools.partial(exam_answers, model)

    judge, seconds = _judge(trial, everything)
    steps.seconds["evaluation"] += seconds
    with steps.measured("evaluation"):
        outputs = exam.outputs(answer(exam))
        measures = exam.measures(outputs)
        seed = trial.stream("feature_distance")
        measures["digit_accuracy"], perception = _perception(judge, exam, outputs, steps.test, seed)
        metrics = {name: float(values.mean()) for name, values in measures.items()}
        metrics |= perception | untrained
        sweep = list(_sweep(settings, steps.test, answer))
    _save_sheet(exam, outputs, measures["psnr_db"], trial.directory)
    write_rows(trial.directory / "measures.csv", _rows(measures))
    write_rows(trial.directory / "sweep.csv", sweep)
    if model is not None and steps.export_directory is not None:
        export_denoiser(model, steps.export_directory)
        steps.tell_export(steps.export_directory, metrics)
    return steps.outcome(metrics, None if model is not None else 0)


def _train(
    steps: Steps[DenoisingSettings],
    everything: Allotment,
    before: Callable[[DenoisingModel], None],
) -> DenoisingModel:
    """The arm's denoiser. Only its own images are in its batches, as truths and as refs."""
    trial, settings = steps.trial, steps.trial.settings
    images = steps.allot(_counts(settings, everything)).train.images
    validation = _exam(
        settings, everything.validation, min(VALIDATION_PAIRS, len(everything.validation))
    )
    model, steps.seconds["training"] = train_denoiser(
        _recipe(settings),
        Schedule(settings.phases),
        functools.partial(denoising_batches, images, settings.batch_size, _degradation(settings)),
        validation,
        (trial.experiment, trial.seed),
        trial.directory,
        trial.log_directory,
        before,
    )
    return model


def _ref_leak(exam: Exam, answered: np.ndarray) -> float:
    return float(exam.measures(exam.outputs(answered), ("ref_leak",))["ref_leak"].mean())


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
    each, rest = divmod(settings.training_images, num_classes)
    available = np.bincount(everything.train.labels, minlength=num_classes)
    return tuple(
        min(max(1, each + (label < rest)), int(count)) for label, count in enumerate(available)
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


def _exam(settings: DenoisingSettings, subset: Subset, number: int, **changes: Any) -> Exam:
    """The fixed pairs; `changes` move `a`, `b` or the upper end of `noise`."""
    degradation = _degradation(settings)
    low = degradation.noise[0]
    noise = changes.pop("noise", degradation.noise[1])
    degradation = dataclasses.replace(degradation, noise=(min(low, noise), noise))
    scales = {"a": TRUTH_SCALE, "b": REF_SCALE} | changes
    return build_exam(subset.images, number, degradation, **scales)


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
    judge: FrozenClassifier, exam: Exam, outputs: np.ndarray, test: Subset, seed: int
) -> tuple[np.ndarray, dict[str, float]]:
    """What the judge makes of the outputs, brought to the full scale that it learned on.

    Returns:
        Whether it reads the right digit, 0 or 1 of each pair; and metrics: its accuracy on the
        truths, which outputs can hardly exceed, and the feature distance.
    """
    labels = test.labels[exam.pairs.truth_rows]
    of_truths = judge.look_at(exam.truths)
    seen = judge.look_at(np.minimum(outputs / np.float32(exam.truth_scale), 1))
    read, could_be_read = (
        (looked.probabilities.argmax(axis=1) == labels).astype(np.float64)
        for looked in (seen, of_truths)
    )
    # An output may resemble its own truth or ref, which a distance of samples of two distributions
    # would take for a likeness of those. The refs of the second half are truths of that half too,
    # but for the first, which is the last truth of the first half.
    told = {"truth_accuracy": float(could_be_read.mean())}
    if len(outputs) < FEWEST_FOR_DISTANCE:
        return read, told
    half = len(outputs) // 2
    truths, fakes = of_truths.features[: half - 1], seen.features[half:]
    num_subsets = min(10, len(truths) // 2)
    distance = kernel_distance(
        truths,
        fakes,
        num_subsets,
        len(truths) // num_subsets,
        seed,
    )
    return read, told | {"feature_distance": distance.value}


def _sweep(settings: DenoisingSettings, test: Subset, answer: Answer) -> Iterator[dict[str, Any]]:
    """Rows of `sweep.csv`: which quantity was varied, its value, and two measures."""
    number = min(SWEEP_PAIRS, settings.test_pairs)
    for varied, values in SWEEPS.items():
        for value in values:
            exam = _exam(settings, test, number, **{varied: value})
            measures = exam.measures(exam.outputs(answer(exam)), ("psnr_db", "ref_leak"))
            means = {name: values.mean() for name, values in measures.items()}
            yield {"varied": varied, "value": value, **means}


def _rows(measures: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """A row a test pair."""
    columns = zip(*(values.round(6) for values in measures.values()), strict=True)
    return [{"pair": i, **dict(zip(measures, row, strict=True))} for i, row in enumerate(columns)]


def _save_sheet(exam: Exam, outputs: np.ndarray, psnr_db: np.ndarray, directory: Path) -> None:
    """Keeps pairs for the report, and the source's sheet of 4 x 4: truth, ref, input, output."""
    shown = slice(min(SHEET_PAIRS, len(outputs)))
    parts = {
        "truths": exam.truths,
        "refs": exam.refs,
        "inputs": exam.pairs.noisy_images,
        "outputs": outputs,
    }
    images: dict[str, Any] = {name: as_uint8(part[shown]) for name, part in parts.items()}
    np.savez_compressed(directory / "sheet.npz", psnr_db=psnr_db[shown], **images)
    rows = np.stack([part[:OWN_SHEET_PAIRS] for part in images.values()], axis=1)
    sheet = image_sheet(rows.reshape(-1, *rows.shape[2:]), columns=len(parts))
    Image.fromarray(sheet.squeeze(axis=-1) if sheet.shape[-1] == 1 else sheet).save(
        directory / "sheet.png"
    )


_RIVALS: dict[str, Answer] = {
    "filter": lambda exam: subtract_and_filter(exam.pairs.noisy_images, exam.pairs.references),
    "black": lambda exam: np.zeros_like(exam.truths),
}

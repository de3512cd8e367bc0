"""One trial of the imbalance study: fill up the classes, train a classifier, test it once."""

import functools
from collections.abc import Sequence

import numpy as np

from gan_mnist.evaluation.classification import precision_metrics
from gan_mnist.files import write_arrays
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.trials import ClassifierSteps
from gan_mnist.trials.basics import GALLERY, OWN, mean_metrics

from .few_shot import classify_by_prototypes, pretrain_on_donors
from .rows import TrainingRows, training_rows
from .settings import ImbalanceSettings
from .tuning import tune_augmentation
from .turns import folder_of_turn, settings_of_turns, stream_of_turn

GALLERY_IMAGES = 12
# Archive of the probabilities that a turn's classifiers predicted for test images.
PREDICTIONS_FILE = "called.npz"


def run_trial(trial: Trial[ImbalanceSettings]) -> Outcome:
    """Trains classifiers on the training set that the arm makes, and evaluates each once.

    Where each class is starved in turn, the turns of a seed share nothing but the draw.

    Raises:
        NotApplicable: If the arm's generator has no images for a rare class.
    """
    steps, settings = ClassifierSteps(trial), trial.settings
    if settings.each:
        return _starve_each(steps)
    metrics = _treat(steps, settings)
    rare = [settings.classes[label] for label in settings.rare]
    metrics, updates = _with_recall(metrics, rare), _updates(settings)
    return steps.outcome(metrics, updates, averaged=rare)


def _updates(settings: ImbalanceSettings) -> int:
    """Updates of a network that is evaluated, those on donor classes among them."""
    return settings.updates * (2 if settings.donors_first else 1)


def _starve_each(steps: ClassifierSteps[ImbalanceSettings]) -> Outcome:
    """Trains a classifier for each class starved in turn; a class has the metrics of its turn.

    `turn-I` in the trial's directory holds what belongs to the turn of class number I; where there
    are several numbers of images left, it lies in `left-N`. Predictions and gallery are those of
    the smallest N: every test image is classified by the classifier that lacked its class.
    """
    settings = steps.trial.settings
    metrics_by_left, probabilities_by_left, first_left, correct_at = [], [], settings.each[0], {}
    for num_left in settings.each:
        turn_results = [
            _turn(steps, turn, num_left, label)
            for label, turn in enumerate(settings_of_turns(settings, num_left))
        ]
        metrics_by_left.append([metrics for metrics, _ in turn_results])
        probabilities_by_left.append(
            np.concatenate([probabilities for _, probabilities in turn_results], axis=1)
        )
        correct = list(probabilities_by_left[-1].argmax(axis=2) == steps.test.labels)
        correct_at[f"minority_recall_at_{num_left}"] = correct
        steps.correct[OWN] += correct
    steps.save_test_predictions(probabilities_by_left[0][0])
    labels = range(len(settings.classes))
    parts = [folder_of_turn(settings, first_left, label) for label in labels]
    steps.join_galleries(parts, GALLERY_IMAGES)

    all_metrics = [metrics for turns in metrics_by_left for metrics in turns]
    metrics = mean_metrics(all_metrics)
    for label, name in enumerate(settings.classes):
        for key in (f"recall_{name}", f"precision_{name}"):
            metrics[key] = float(np.mean([turns[label][key] for turns in metrics_by_left]))
    if len(metrics_by_left) > 1:
        for num_left, turns in zip(settings.each, metrics_by_left, strict=True):
            pairs = zip(turns, settings.classes, strict=True)
            recalls = [turn[f"recall_{name}"] for turn, name in pairs]
            metrics[f"minority_recall_at_{num_left}"] = float(np.mean(recalls))
            metrics[f"accuracy_at_{num_left}"] = float(
                np.mean([turn["accuracy"] for turn in turns])
            )
    return steps.outcome(
        _with_recall(metrics, settings.classes),
        _updates(settings) * len(all_metrics),
        averaged=settings.classes,
        at=correct_at if len(metrics_by_left) > 1 else None,
    )


def _turn(
    steps: ClassifierSteps[ImbalanceSettings],
    settings: ImbalanceSettings,
    num_left: int,
    label: int,
) -> tuple[dict[str, float], np.ndarray]:
    """Metrics of a turn, and the probabilities of its class's test images.

    Returns:
        The metrics, and float32 (repeats, n, k).
    """
    name = folder_of_turn(steps.trial.settings, num_left, label)
    run = functools.partial(_treat, steps, settings, name)
    metrics = steps.part(name, run, needed=(PREDICTIONS_FILE, GALLERY))
    with np.load(steps.trial.directory / name / PREDICTIONS_FILE) as archive:
        return metrics, archive["probabilities"]


def _treat(
    steps: ClassifierSteps[ImbalanceSettings], settings: ImbalanceSettings, turn: str = ""
) -> dict[str, float]:
    """Mean metrics of the classifiers that are trained on one draw.

    Args:
        steps: Steps of the trial.
        settings: Settings of the trial, or of a turn.
        turn: Folder of the turn, which keys its streams; empty where there are none.
    """
    stream = stream_of_turn(turn)
    # In its turn a class lacks what fills it up, and that is what the oracle has.
    allotment = steps.allot(settings.counts, () if turn else tuple(settings.starved))
    choice: dict[str, float] = {}
    if settings.tuned:
        settings, choice = tune_augmentation(steps, settings, allotment.train, turn)
    generator = steps.generator(allotment)
    training_set = training_rows(steps, settings, allotment, generator, *stream)
    _save_gallery(steps, settings, training_set, turn)

    trial_settings = steps.trial.settings
    first_turn = (
        folder_of_turn(trial_settings, trial_settings.each[0], 0) if trial_settings.each else ""
    )
    # Turns have one recipe, as a network is traced once a recipe.
    recipe = steps.recipe(minority=() if turn else settings.rare)
    batches = steps.batches((training_set, settings.batch_size), settings=settings)
    repeat_metrics, repeat_probabilities = [], []
    prepare = None
    if settings.donors_first:
        prepare = pretrain_on_donors(
            steps, settings, recipe, training_set, allotment.validation, turn
        )
    with steps.one_of(settings.repeats):
        for repeat in range(settings.repeats):
            model = steps.train(
                recipe, batches, allotment.validation, repeat, turn, stream, prepare=prepare
            )
            if settings.prototypes:
                classify_by_prototypes(model, allotment.train)
            metrics, probabilities = steps.evaluate(model)
            metrics |= precision_metrics(steps.test.labels, probabilities, settings.classes)
            repeat_metrics.append(metrics)
            repeat_probabilities.append(probabilities)
            if repeat == 0 and turn == first_turn:
                steps.save_and_export(model, probabilities, metrics, generator)
    if turn:
        (name,) = settings.starved
        in_class = steps.test.labels == settings.classes.index(name)
        path = steps.trial.directory / turn / PREDICTIONS_FILE
        write_arrays(path, probabilities=np.array(repeat_probabilities)[:, in_class])
    return mean_metrics(repeat_metrics) | choice


def _with_recall(metrics: dict[str, float], rare: Sequence[str]) -> dict[str, float]:
    """The metrics, with the primary one first: the mean recall of the rare classes."""
    recalls = [metrics[f"recall_{name}"] for name in rare]
    return {"minority_recall": float(np.mean(recalls)), **metrics}


def _save_gallery(
    steps: ClassifierSteps[ImbalanceSettings],
    settings: ImbalanceSettings,
    training_set: TrainingRows,
    part: str,
) -> None:
    """The rare classes as this arm shows them to the network, for the report."""
    rows = np.flatnonzero(np.isin(training_set.labels, settings.rare))
    gallery_rows = np.resize(np.random.default_rng(0).permutation(rows), GALLERY_IMAGES)
    steps.save_gallery(training_set.images[gallery_rows], part, settings=settings)

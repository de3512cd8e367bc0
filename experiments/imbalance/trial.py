"""One trial of the imbalance study: fill the rare classes, train a classifier, test it once."""

import functools
from collections.abc import Sequence

import numpy as np

from gan_mnist.evaluation.classification import precision_metrics
from gan_mnist.files import write_arrays
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.trials import ClassifierSteps
from gan_mnist.trials.basics import GALLERY, OWN

from .few_shot import classify_by_prototypes, pretrain_on_donors
from .rows import Columns, training_rows
from .settings import ImbalanceSettings
from .tuning import tuned

GALLERY_IMAGES = 12
# Archive of the probabilities that a turn's classifiers predicted for test images.
CALLED = "called.npz"


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
    found, called, first, at = [], [], settings.each[0], {}
    for left in settings.each:
        both = [_turn(steps, turn, left, label) for label, turn in enumerate(settings.turns(left))]
        found.append([metrics for metrics, _ in both])
        called.append(np.concatenate([probabilities for _, probabilities in both], axis=1))
        right = list(called[-1].argmax(axis=2) == steps.test.labels)
        at[f"minority_recall_at_{left}"] = right
        steps.right[OWN] += right
    steps.save_test_predictions(called[0][0])
    labels = range(len(settings.classes))
    parts = [_folder(settings, first, label) for label in labels]
    steps.join_galleries(parts, GALLERY_IMAGES)

    every = [metrics for turns in found for metrics in turns]
    metrics = {name: float(np.mean([turn[name] for turn in every])) for name in every[0]}
    for label, name in enumerate(settings.classes):
        for key in (f"recall_{name}", f"precision_{name}"):
            metrics[key] = float(np.mean([turns[label][key] for turns in found]))
    if len(found) > 1:
        for left, turns in zip(settings.each, found, strict=True):
            pairs = zip(turns, settings.classes, strict=True)
            recalls = [of_turn[f"recall_{name}"] for of_turn, name in pairs]
            metrics[f"minority_recall_at_{left}"] = float(np.mean(recalls))
            metrics[f"accuracy_at_{left}"] = float(np.mean([turn["accuracy"] for turn in turns]))
    return steps.outcome(
        _with_recall(metrics, settings.classes),
        _updates(settings) * len(every),
        averaged=settings.classes,
        at=at if len(found) > 1 else None,
    )


def _folder(settings: ImbalanceSettings, left: int, label: int) -> str:
    """The folder of a turn in the trial's directory; `settings` are the trial's."""
    turn = f"turn-{label}"
    return turn if len(settings.each) == 1 else f"left-{left}/{turn}"


def _turn(
    steps: ClassifierSteps[ImbalanceSettings], settings: ImbalanceSettings, left: int, label: int
) -> tuple[dict[str, float], np.ndarray]:
    """Metrics of a turn, and the probabilities of its class's test images.

    Returns:
        The metrics, and float32 (repeats, n, k).
    """
    name = _folder(steps.trial.settings, left, label)
    run = functools.partial(_treat, steps, settings, name)
    metrics = steps.part(name, run, needed=(CALLED, GALLERY))
    with np.load(steps.trial.directory / name / CALLED) as kept:
        return metrics, kept["probabilities"]


def _treat(
    steps: ClassifierSteps[ImbalanceSettings], settings: ImbalanceSettings, turn: str = ""
) -> dict[str, float]:
    """Mean metrics of the classifiers that are trained on one draw.

    Args:
        steps: Steps of the trial.
        settings: Settings of the trial, or of a turn.
        turn: Folder of the turn, which keys its streams; empty where there are none.
    """
    stream = (turn,) if turn else ()
    # In its turn a class lacks what fills it up, and that is what the oracle has.
    images = steps.allot(settings.counts, () if turn else tuple(settings.starved))
    choice: dict[str, float] = {}
    if settings.tuned:
        settings, choice = tuned(steps, settings, images.train, turn)
    generator = steps.generator(images)
    columns = training_rows(steps, settings, images, generator, *stream)
    _save_gallery(steps, settings, columns, turn)

    whole = steps.trial.settings
    first = _folder(whole, whole.each[0], 0) if whole.each else ""
    # Turns have one recipe, as a network is traced once a recipe.
    recipe = steps.recipe(minority=() if turn else settings.rare)
    batches = steps.batches((columns, settings.batch_size), settings=settings)
    found, called = [], []
    prepare = None
    if settings.donors_first:
        prepare = pretrain_on_donors(steps, settings, recipe, columns, images.validation, turn)
    with steps.one_of(settings.repeats):
        for repeat in range(settings.repeats):
            model = steps.train(
                recipe, batches, images.validation, repeat, turn, stream, prepare=prepare
            )
            if settings.prototypes:
                classify_by_prototypes(model, images.train)
            metrics, probabilities = steps.evaluate(model)
            metrics |= precision_metrics(steps.test.labels, probabilities, settings.classes)
            found.append(metrics)
            called.append(probabilities)
            if repeat == 0 and turn == first:
                steps.keep(model, probabilities, metrics, generator)
    if turn:
        (name,) = settings.starved
        of_class = steps.test.labels == settings.classes.index(name)
        path = steps.trial.directory / turn / CALLED
        write_arrays(path, probabilities=np.array(called)[:, of_class])
    means = {name: float(np.mean([metrics[name] for metrics in found])) for name in found[0]}
    return means | choice


def _with_recall(metrics: dict[str, float], rare: Sequence[str]) -> dict[str, float]:
    """The metrics, with the primary one first: the mean recall of the rare classes."""
    recalls = [metrics[f"recall_{name}"] for name in rare]
    return {"minority_recall": float(np.mean(recalls)), **metrics}


def _save_gallery(
    steps: ClassifierSteps[ImbalanceSettings],
    settings: ImbalanceSettings,
    columns: Columns,
    part: str,
) -> None:
    """The rare classes as this arm shows them to the network, for the report."""
    rows = np.flatnonzero(np.isin(columns[1], settings.rare))
    shown = np.resize(np.random.default_rng(0).permutation(rows), GALLERY_IMAGES)
    steps.save_gallery(columns[0][shown], part, settings=settings)

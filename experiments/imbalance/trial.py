"""One trial of the imbalance study: fill the rare classes, train a classifier, test it once."""

import functools
from collections.abc import Sequence

import numpy as np

from gan_mnist.evaluation.classification import precision_metrics
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.trials import ClassifierSteps

from .rows import Columns, training_rows
from .settings import ImbalanceSettings
from .tuning import tuned

GALLERY_IMAGES = 12


def run_trial(trial: Trial[ImbalanceSettings]) -> Outcome:
    """Trains classifiers on what the arm's treatment makes of the images, and judges each once.

    Where each class is starved in turn, the turns of a seed share nothing but the draw.

    Raises:
        NotApplicable: If the arm's generator has no images for a rare class.
    """
    steps, settings = ClassifierSteps(trial), trial.settings
    if settings.each:
        return _starve_each(steps)
    metrics = _treat(steps, settings)
    rare = [settings.classes[label] for label in settings.rare]
    return steps.outcome(_with_recall(metrics, rare), repeats=settings.repeats, averaged=rare)


def _starve_each(steps: ClassifierSteps[ImbalanceSettings]) -> Outcome:
    """A training for each class, starved in it; metrics of a class are those of its turn.

    So are the predictions: every test image is called by the classifier that lacked its class.
    `turn-N` in the trial's directory holds what belongs to the class number N.
    """
    trial, settings = steps.trial, steps.trial.settings
    found, called = [], []
    for label, turn in enumerate(settings.turns):
        name = f"turn-{label}"
        found.append(steps.part(name, functools.partial(_treat, steps, turn, name)))
        with np.load(trial.directory / name / "called.npz") as kept:
            called.append(kept["probabilities"])
    for probabilities in np.concatenate(called, axis=1):
        steps.right.append(probabilities.argmax(axis=1) == steps.test.labels)
    steps.save_called(np.concatenate(called, axis=1)[0])
    _join_galleries(steps, [f"turn-{label}" for label in range(len(found))])
    metrics = {name: float(np.mean([of_turn[name] for of_turn in found])) for name in found[0]}
    for of_turn, name in zip(found, settings.classes, strict=True):
        metrics |= {key: of_turn[key] for key in (f"recall_{name}", f"precision_{name}")}
    return steps.outcome(
        _with_recall(metrics, settings.classes),
        settings.updates * len(found),
        settings.repeats,
        settings.classes,
    )


def _treat(
    steps: ClassifierSteps[ImbalanceSettings], settings: ImbalanceSettings, turn: str = ""
) -> dict[str, float]:
    """Mean metrics of the classifiers that are trained on one draw.

    Args:
        steps: Of the trial.
        settings: Of the trial, or of a turn.
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

    # Turns have one recipe, as a network is traced once a recipe.
    recipe = steps.recipe(minority=() if turn else settings.rare)
    batches = steps.batches((columns, settings.batch_size), settings=settings)
    found, called = [], []
    for repeat in range(settings.repeats):
        model = steps.train(recipe, batches, images.validation, repeat, turn, stream)
        metrics, probabilities = steps.evaluate(model)
        metrics |= precision_metrics(steps.test.labels, probabilities, settings.classes)
        found.append(metrics)
        called.append(probabilities)
        if repeat == 0 and turn in ("", "turn-0"):
            steps.keep(model, probabilities, metrics, generator)
    if turn:
        (name,) = settings.starved
        of_class = steps.test.labels == settings.classes.index(name)
        path = steps.trial.directory / turn / "called.npz"
        np.savez_compressed(path, probabilities=np.array(called)[:, of_class])
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


def _join_galleries(steps: ClassifierSteps[ImbalanceSettings], parts: Sequence[str]) -> None:
    """Of each part's gallery as many images as there is room for."""
    galleries = [np.load(steps.trial.directory / part / "gallery.npz")["images"] for part in parts]
    each = max(1, GALLERY_IMAGES // len(parts))
    joined = np.concatenate([images[:each] for images in galleries])[:GALLERY_IMAGES]
    steps.save_gallery(joined, augmented=True)

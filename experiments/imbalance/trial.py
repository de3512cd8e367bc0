"""One trial of the imbalance study: fill the rare classes, train a classifier, test it once."""

import functools
from collections.abc import Sequence

import numpy as np

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import Allotment
from gan_mnist.errors import NotApplicable
from gan_mnist.evaluation.classification import precision_metrics
from gan_mnist.generators.contract import Generator
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.trials import ClassifierSteps

from .settings import ImbalanceSettings

GALLERY_IMAGES = 12
Columns = tuple[np.ndarray, np.ndarray, np.ndarray]


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
    generator = steps.generator(images)
    columns = _training_rows(steps, settings, images, generator, *stream)
    _save_gallery(steps, columns, settings.rare, turn)

    # Turns have one recipe, as a network is traced once a recipe.
    recipe = steps.recipe(minority=() if turn else settings.rare)
    batches = steps.batches((columns, settings.batch_size))
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
    return {name: float(np.mean([metrics[name] for metrics in found])) for name in found[0]}


def _with_recall(metrics: dict[str, float], rare: Sequence[str]) -> dict[str, float]:
    """The metrics, with the primary one first: the mean recall of the rare classes."""
    recalls = [metrics[f"recall_{name}"] for name in rare]
    return {"minority_recall": float(np.mean(recalls)), **metrics}


def _training_rows(
    steps: ClassifierSteps[ImbalanceSettings],
    settings: ImbalanceSettings,
    parts: Allotment,
    generator: Generator | None,
    *stream: str,
) -> Columns:
    """Images, labels and loss weights of the training set that the arm's treatment makes."""
    subset = parts.train
    num_real, num_generated = _numbers(settings, parts, generator)
    rows = np.concatenate(
        [np.resize(np.flatnonzero(subset.labels == c), n) for c, n in enumerate(num_real)]
    )
    images, labels = subset.images[rows], subset.labels[rows]
    if generator is not None:
        wanted = np.repeat(np.arange(len(num_real), dtype=np.int32), num_generated)
        fake_images, shown = steps.generate(generator, wanted, "generated", *stream)
        # Class by class, so that a row of the batch order is of one class in every arm of a seed.
        order = np.argsort(np.concatenate([labels, wanted]), kind="stable")
        images = np.concatenate([as_float(images), fake_images])[order]
        labels = np.concatenate([labels, shown])[order]
    weights = np.ones(len(labels), np.float32)
    if settings.weighted:
        weights = (len(labels) / (len(num_real) * np.bincount(labels)))[labels].astype(np.float32)
    return images, labels, weights


def _numbers(
    settings: ImbalanceSettings, parts: Allotment, generator: Generator | None
) -> tuple[np.ndarray, np.ndarray]:
    """How many real images of each class are shown, and how many generated: int (k,) each."""
    counts = np.array(settings.counts)
    if settings.generator == "held_back":
        held_back = np.bincount(parts.held_back.labels, minlength=len(counts))
        if not held_back.any():
            raise NotApplicable(
                "no real images are held back; --set starve=CLASS:COUNT takes some away"
            )
        # Classes of which none are left are repeated, or what comes back would drown them.
        return (counts + held_back).max() - held_back, held_back
    if settings.every_class:
        every = np.full_like(counts, settings.generated_per_class)
        return every, every
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


def _save_gallery(
    steps: ClassifierSteps[ImbalanceSettings], columns: Columns, rare: Sequence[int], part: str
) -> None:
    """The rare classes as this arm shows them to the network, for the report."""
    rows = np.flatnonzero(np.isin(columns[1], rare))
    shown = np.resize(np.random.default_rng(0).permutation(rows), GALLERY_IMAGES)
    steps.save_gallery(columns[0][shown], part)


def _join_galleries(steps: ClassifierSteps[ImbalanceSettings], parts: Sequence[str]) -> None:
    """Of each part's gallery as many images as there is room for."""
    galleries = [np.load(steps.trial.directory / part / "gallery.npz")["images"] for part in parts]
    each = max(1, GALLERY_IMAGES // len(parts))
    joined = np.concatenate([images[:each] for images in galleries])[:GALLERY_IMAGES]
    steps.save_gallery(joined, augmented=True)

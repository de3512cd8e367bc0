"""Augmentation tuned inside a trial, by classes that are made rare for the purpose."""

import dataclasses
import functools
import itertools

import numpy as np

from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.errors import NotApplicable
from gan_mnist.files import write_json
from gan_mnist.training.classifier import ClassifierRecipe, predict
from gan_mnist.trials import ClassifierSteps

from .rows import training_rows
from .settings import ImbalanceSettings
from .turns import part_of_turn, stream_of_turn

# The share of the classes that are not rare which is made so.
SHARE = 1 / 3


def tune_augmentation(
    steps: ClassifierSteps[ImbalanceSettings],
    settings: ImbalanceSettings,
    train: Subset,
    turn: str = "",
) -> tuple[ImbalanceSettings, dict[str, float]]:
    """The settings with the ranges of augmentation that work best on *donors*.

    Donors are a third of the classes that are not rare, at least one. They keep as many images as
    the smallest class has, and a classifier is trained on these and on all of the others. Its mean
    recall on the images that the donors lost scores its ranges. No validation or test image plays
    a part, and no image that the trial does not train on.

    Args:
        steps: Steps of the trial.
        settings: Settings of the trial or of a turn, with the candidates.
        train: The training images.
        turn: Folder of the turn, which keys its streams; empty where there are none.

    Returns:
        The settings, and `tuned_widened` and `tuned_elastic_shift`, the choice. The folder keeps
        `tuning.json`: the donors, and their mean recall under each candidate, if there are several.

    Raises:
        NotApplicable: If no class that is not rare has more images than the smallest.
    """
    candidates = list(itertools.product(settings.tuned_widened, settings.tuned_elastic_shifts))
    if len(candidates) == 1:
        return _chosen(settings, *candidates[0])
    donors = _donors(settings, steps.trial.stream(*stream_of_turn(turn, "tuning")))
    train_subset, held_out = _divided(train, donors, min(settings.counts))
    base_settings = dataclasses.replace(
        settings, counts=tuple(np.bincount(train_subset.labels).tolist()), generator="none"
    )
    recalls = []
    # The trial's own, though donors may be rarer: a network is traced once a recipe.
    recipe = steps.recipe(minority=() if turn else settings.rare)
    for number, (widened, shift) in enumerate(candidates):
        candidate = dataclasses.replace(base_settings, widened=widened, elastic_shift=shift)
        part = part_of_turn(turn, f"tuning-{number}")
        run = functools.partial(
            _recall, steps, candidate, recipe, train_subset, held_out, part, turn
        )
        recalls.append(steps.part(part, run)["recall"])
    entries = [
        {"widened": widened, "elastic_shift": shift, "recall": recall}
        for (widened, shift), recall in zip(candidates, recalls, strict=True)
    ]
    names = [settings.classes[label] for label in donors]
    write_json(
        steps.trial.directory / turn / "tuning.json", {"donors": names, "candidates": entries}
    )
    return _chosen(settings, *candidates[int(np.argmax(recalls))])


def _chosen(
    settings: ImbalanceSettings, widened: float, shift: float
) -> tuple[ImbalanceSettings, dict[str, float]]:
    """What `tune_augmentation` returns."""
    choice = {"tuned_widened": widened, "tuned_elastic_shift": shift}
    return dataclasses.replace(settings, widened=widened, elastic_shift=shift), choice


def _donors(settings: ImbalanceSettings, seed: int) -> np.ndarray:
    """Labels of the classes that are made rare, int (n,)."""
    eligible = [
        label
        for label, count in enumerate(settings.counts)
        if label not in settings.rare and count > min(settings.counts)
    ]
    if not eligible:
        raise NotApplicable(
            "ranges are tuned by classes that are not rare, and of more images than the smallest"
        )
    num_donors = max(1, round(SHARE * len(eligible)))
    return np.sort(np.random.default_rng(seed).choice(eligible, num_donors, replace=False))


def _divided(train: Subset, donors: np.ndarray, num_left: int) -> tuple[Subset, Subset]:
    """Splits off all but `num_left` images of each donor: what is trained on, and these others."""
    lost_rows = np.concatenate(
        [np.flatnonzero(train.labels == label)[num_left:] for label in donors]
    )
    rows = np.setdiff1d(np.arange(len(train)), lost_rows)
    return train.take(rows), train.take(lost_rows)


def _recall(
    steps: ClassifierSteps[ImbalanceSettings],
    settings: ImbalanceSettings,
    recipe: ClassifierRecipe,
    train: Subset,
    held_out: Subset,
    part: str,
    turn: str,
) -> dict[str, float]:
    """The mean recall of the classes of `held_out`."""
    empty = held_out.take(np.array([], int))
    training_set = training_rows(steps, settings, Allotment(train, empty, empty), None)
    model = steps.train(
        recipe,
        steps.batches((training_set, settings.batch_size), settings=settings),
        empty,
        part=part,
        stream=stream_of_turn(turn, "tuning"),
    )
    correct = predict(model, held_out.images).argmax(axis=1) == held_out.labels
    recalls = [correct[held_out.labels == label].mean() for label in np.unique(held_out.labels)]
    return {"recall": float(np.mean(recalls))}

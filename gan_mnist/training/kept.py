"""What is made once: networks built and traced once a process, weights trained once a run."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import keras
from filelock import FileLock

from gan_mnist.files import read_json, write_json
from gan_mnist.training.loop import ReusableModel


class Recipe(Protocol):
    """How a network is built and compiled: frozen, so that equal recipes share one network."""

    def build(self, *shapes: Any) -> keras.Model:
        """The network, not compiled."""
        ...

    def compile(self, model: Any) -> None:
        """Gives it its optimizers, losses and metrics."""
        ...


# As many as the arms of a study have: they are traced once a process.
@functools.lru_cache(maxsize=16)
def reusable(recipe: Recipe, *shapes: Any) -> ReusableModel:
    """The network of `recipe`; `shapes` are what its `build` takes."""
    return ReusableModel(lambda: recipe.build(*shapes), recipe.compile)


def trained_once(
    model: keras.Model,
    weights: Path,
    description: Path,
    train: Callable[[], tuple[keras.Model, dict[str, Any]]],
) -> dict[str, Any]:
    """Weights for `model`: trained by whoever comes first, kept, and loaded by all others.

    Others wait meanwhile. Damaged or missing files are no loss: the training is done again.

    Args:
        model: Receives the weights.
        weights: File for them; its directory is made.
        description: JSON file for what is told of them.
        train: Trains a network of the same weights; returns it, and what is to be told of it, with
            the `seconds` that it took.

    Returns:
        What is told.
    """
    weights.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(weights.parent / ".lock"):
        about = read_json(description, "seconds")
        if about is not None and _loaded(model, weights):
            return about
        trained, about = train()
        trained.save_weights(weights)
        write_json(description, about)
        if trained is not model:
            model.load_weights(weights)
        return about


def _loaded(model: keras.Model, weights: Path) -> bool:
    try:
        model.load_weights(weights)
    except (OSError, KeyError, ValueError):
        return False
    return True

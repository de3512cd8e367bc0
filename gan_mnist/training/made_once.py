"""Shared work: networks built and traced once a process, weights trained once a run."""

import functools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NotRequired, Protocol, TypedDict

import keras
import numpy as np
from msgspec import Meta

from gan_mnist.files import Damaged, fingerprint, read_form, sha256_of, write_json
from gan_mnist.files.claim import Claim
from gan_mnist.training.loop import ReusableModel
from gan_mnist.training.memory import optimizers_of


class Description(TypedDict):
    """The description of saved weights."""

    seconds: Annotated[float, Meta(ge=0)]
    sha256: NotRequired[str]


class Recipe(Protocol):
    """How a network is built and compiled: frozen, so that equal recipes share one network."""

    def build(self, *shapes: Any) -> keras.Model:
        """The network, not compiled."""
        ...

    def compile(self, model: Any) -> None:
        """Gives it its optimizers, losses and metrics."""
        ...


# The weights loaded last, by the checksum of their file. Generators that take turns load theirs
# again and again, and reading a file takes ten times as long as setting weights.
_LOADED: dict[str, list[np.ndarray]] = {}
MOST_LOADED, MOST_BYTES_LOADED = 8, 100_000_000


def _bytes_loaded() -> int:
    return sum(array.nbytes for arrays in _LOADED.values() for array in arrays)


# As many as the arms of a study have: they are traced once a process.
@functools.lru_cache(maxsize=16)
def reusable(recipe: Recipe, *shapes: Any) -> ReusableModel:
    """The network of `recipe`; `shapes` are what its `build` takes."""
    return ReusableModel(lambda: recipe.build(*shapes), recipe.compile)


@functools.lru_cache(maxsize=4)
def weights_model(recipe: Any) -> keras.Model:
    """A network to load saved weights into, without the optimizer of the one that is trained."""
    return recipe.build()


def train_or_load_weights(
    model: keras.Model,
    weights: Path,
    description: Path,
    about: Mapping[str, Any],
    train: Callable[[], tuple[keras.Model, float]],
) -> float:
    """Gives `model` its weights: the first caller trains and saves them, all others load them.

    The others wait meanwhile, also on other machines of a shared disk; if the first is killed, the
    next one trains. If files are damaged or missing, the training is done again, and stderr says
    so. Weights that an earlier version saved without a checksum are trusted; stderr says that, too.

    Args:
        model: Receives the weights.
        weights: File for them; its directory is made.
        description: JSON file that describes them: `about`, `seconds`, and the `sha256` of the
            weights' file.
        about: What they depend on.
        train: Trains a network of the same weights; returns it, and the seconds that it took.

    Returns:
        The seconds that the training took, whenever that was.
    """
    weights.parent.mkdir(parents=True, exist_ok=True)
    with Claim(weights.parent).awaited():
        try:
            if (metadata := read_form(description, Description)) is not None:
                _load(model, weights, metadata, about)
                return float(metadata["seconds"])
        except Damaged as reason:
            print(f"{weights.parent}: {reason}; it is trained again", file=sys.stderr)
        trained_model, seconds = train()
        trained_model.save_weights(weights)
        checksum = sha256_of(weights)
        write_json(description, {**about, "seconds": seconds, "sha256": checksum})
        if trained_model is not model:
            _load_weights(model, weights)
        return seconds


def _load_weights(model: keras.Model, weights: Path) -> None:
    """Loads weights without the states of optimizers, which `release_memory` may have released."""
    model.load_weights(weights, objects_to_skip=optimizers_of(model))


def _load(
    model: keras.Model, weights: Path, metadata: Mapping[str, Any], about: Mapping[str, Any]
) -> None:
    """Loads kept weights.

    Raises:
        Damaged: If they do not match their description, or it does not match `about`.
    """
    if fingerprint({name: metadata.get(name) for name in about}) != fingerprint(dict(about)):
        raise Damaged(f"its description is not that of {about}")
    try:
        checksum = sha256_of(weights)
        if "sha256" not in metadata:
            print(f"{weights}: kept without a checksum, and trusted", file=sys.stderr)
        elif metadata["sha256"] != checksum:
            raise Damaged("its weights are not those of its checksum")
        if checksum in _LOADED:
            model.set_weights(_LOADED[checksum])
            return
        _load_weights(model, weights)
        _LOADED[checksum] = model.get_weights()
        while len(_LOADED) > MOST_LOADED or _bytes_loaded() > MOST_BYTES_LOADED:
            del _LOADED[next(iter(_LOADED))]
    except Damaged:
        raise
    except (OSError, KeyError, ValueError) as error:
        # HDF5's errors of what is in a file have no number; a disk's have one.
        if getattr(error, "errno", None) and not isinstance(error, FileNotFoundError):
            raise
        reason = " ".join(str(error).split())
        raise Damaged(f"its weights cannot be loaded: {reason}") from error

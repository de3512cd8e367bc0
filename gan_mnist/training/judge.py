"""Judges: classifiers of real images, trained once a seed, frozen, shared by all of its arms."""

import functools
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import keras
from filelock import FileLock

from gan_mnist.data.pipelines import mixed_batches
from gan_mnist.data.subsets import Allotment
from gan_mnist.evaluation.features import FrozenClassifier
from gan_mnist.files import fingerprint, read_json, write_json
from gan_mnist.training.classifier import ClassifierRecipe, train_classifier
from gan_mnist.training.loop import loaded


def trained_judge(
    recipe: ClassifierRecipe,
    batch_size: int,
    allotment: Allotment,
    stream: Sequence[str | int],
    workdir: Path,
) -> tuple[FrozenClassifier, float]:
    """The classifier of `recipe`, trained on the training images and on nothing else.

    The first call trains it and keeps it in `workdir/judges/FINGERPRINT`; others load it.

    Args:
        recipe: What to train.
        batch_size: Images a batch.
        allotment: Whose training images it sees; validation only shows in its curves.
        stream: What keys weights, batch order and dropout.
        workdir: Of the run.

    Returns:
        The judge, and the seconds that its training took, whenever that was.
    """
    settings = {**asdict(recipe), "build": recipe.build.__name__, "batch_size": batch_size}
    key = fingerprint("judge", settings, allotment.train.fingerprint, *stream)
    directory = workdir / "judges" / key
    directory.mkdir(parents=True, exist_ok=True)
    network, weights = _network(recipe), directory / "judge.weights.h5"
    with FileLock(directory / ".lock"):
        about = read_json(directory / "judge.json", "seconds")
        if about is None or not loaded(network, weights):
            sources = [((allotment.train.images, allotment.train.labels), batch_size)]
            model, seconds = train_classifier(
                recipe,
                functools.partial(mixed_batches, sources, None),
                allotment.validation,
                (*stream, "judge"),
                directory,
            )
            model.save_weights(weights)
            about = {"seconds": seconds, "settings": settings, "stream": list(stream)}
            write_json(directory / "judge.json", about)
            network.load_weights(weights)
    return FrozenClassifier(network), about["seconds"]


@functools.lru_cache(maxsize=1)
def _network(recipe: ClassifierRecipe) -> keras.Model:
    """What weights are loaded into; the network that is trained has an optimizer besides."""
    return recipe.build(recipe.image_shape, recipe.num_classes, recipe.width)

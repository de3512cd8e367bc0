"""Judges: classifiers of real images, trained once a seed, frozen, shared by all of its arms."""

import functools
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import keras

from gan_mnist.data.pipelines import mixed_batches
from gan_mnist.data.subsets import Allotment
from gan_mnist.evaluation.features import FrozenClassifier
from gan_mnist.files import fingerprint
from gan_mnist.training import mirrored
from gan_mnist.training.classifier import ClassifierRecipe, train_classifier
from gan_mnist.training.made_once import train_or_load_weights, weights_model


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
    settings = {**asdict(recipe), "network": recipe.network.__name__, "batch_size": batch_size}
    directory = (
        workdir / "judges" / fingerprint("judge", settings, allotment.train.fingerprint, *stream)
    )

    def train() -> tuple[keras.Model, float]:
        sources = [((allotment.train.images, allotment.train.labels), batch_size)]
        # Its batches, which no setting tells, may be of a size that devices cannot share.
        with mirrored.on_one_device():
            return train_classifier(
                recipe,
                functools.partial(mixed_batches, sources, None),
                allotment.validation,
                (*stream, "judge"),
                directory,
            )

    network = weights_model(recipe)
    files = directory / "judge.weights.h5", directory / "judge.json"
    about = {"settings": settings, "stream": list(stream)}
    seconds = train_or_load_weights(network, *files, about, train)
    return FrozenClassifier(network), seconds

"""One trial of the photograph study: train on colour images, as they are or augmented."""

from pathlib import Path
from typing import Any

from gan_mnist.models.classifiers import build_colour_cnn
from gan_mnist.trials import ClassifierTrial

from .study import CatsVsDogsSettings


def run_trial(settings: CatsVsDogsSettings, arm: str, seed: int, directory: Path) -> dict[str, Any]:
    """Runs one arm with one seed; see `imbalance` for the contract.

    Validation and test images are never augmented.
    """
    trial = ClassifierTrial("cats_vs_dogs", settings, arm, seed, directory)
    allotment = trial.allot(settings.counts)
    columns = (allotment.train.images, allotment.train.labels)
    model = trial.train(
        trial.recipe(build_colour_cnn),
        trial.batches((columns, settings.batch_size)),
        allotment.validation,
    )
    metrics, probabilities = trial.examine(model)
    trial.keep(model, probabilities, metrics)
    return trial.record(metrics)

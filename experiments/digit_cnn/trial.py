"""One trial of the digit study: train on real images, test accuracy all along."""

from pathlib import Path
from typing import Any

from gan_mnist.models.classifiers import build_digit_cnn
from gan_mnist.trials import ClassifierTrial

from .study import DigitCNNSettings


def run_trial(settings: DigitCNNSettings, arm: str, seed: int, directory: Path) -> dict[str, Any]:
    """Runs one arm with one seed; see `imbalance` for the contract.

    The curves hold `test_accuracy`, as the source shows it. Nothing is chosen by it: the classifier
    that is judged is the last one.
    """
    trial = ClassifierTrial("digit_cnn", settings, arm, seed, directory)
    allotment = trial.allot(settings.counts)
    columns = (allotment.train.images, allotment.train.labels)
    model = trial.train(
        trial.recipe(build_digit_cnn, decay=settings.decay),
        trial.batches((columns, settings.batch_size)),
        allotment.validation,
        watched=("test", trial.test),
    )
    metrics, probabilities = trial.examine(model)
    trial.keep(model, probabilities, metrics)
    return trial.record(metrics)

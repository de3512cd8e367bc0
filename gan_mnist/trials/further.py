"""Further test sets of a trial: its last classifier is evaluated on each of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gan_mnist.data.subsets import Subset
from gan_mnist.evaluation.classification import further_test_metrics
from gan_mnist.study.trial import Trial
from gan_mnist.training.classifier import predict, save_predictions


class FurtherTests:
    """The test sets of `--test_dir`, and a classifier's metrics on them.

    Attributes:
        metrics: Metrics of the classifier evaluated last; names begin with the test set's.
    """

    def __init__(self, trial: Trial[Any]):
        """Reads the folders.

        Raises:
            RuntimeError: If their images are not those that the run began with.
        """
        self._tests = trial.settings.further_tests()
        if tuple(test.summary for test in self._tests.values()) != trial.settings.test_sets:
            raise RuntimeError("the further test images are not those that the run began with")
        self._probabilities: dict[str, np.ndarray] = {}
        self.metrics: dict[str, float] = {}

    @property
    def subsets(self) -> dict[str, Subset]:
        """The images of each test set, by its name."""
        return {name: test.subset for name, test in self._tests.items()}

    def evaluate(self, model: keras.Model) -> dict[str, np.ndarray]:
        """Evaluates a classifier; returns bool (n,) by test set: which images it got right."""
        correct_by_test = {}
        for name, subset in self.subsets.items():
            self._probabilities[name] = probabilities = predict(model, subset.images)
            self.metrics |= further_test_metrics(
                name, subset.labels, probabilities, subset.class_names
            )
            correct_by_test[name] = probabilities.argmax(axis=1) == subset.labels
        return correct_by_test

    def save_predictions(self, directory: Path) -> None:
        """Writes `predictions-NAME.csv` for each test set."""
        for name, probabilities in self._probabilities.items():
            path = directory / f"predictions-{name}.csv"
            save_predictions(self._tests[name].subset, probabilities, path)

    def of(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Those of `metrics` that belong to these test sets, by the beginning of their names."""
        prefixes = tuple(f"{name}_" for name in self._tests)
        return {name: value for name, value in metrics.items() if name.startswith(prefixes)}

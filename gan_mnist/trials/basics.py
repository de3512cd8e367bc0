"""The steps of every trial: allot images, run its parts, measure seconds, return the outcome."""

import base64
import contextlib
import functools
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar

import keras
import numpy as np

from gan_mnist.data.subsets import Allotment, Subset, allot, read_test_subset
from gan_mnist.files import Damaged, read_arrays, read_form, write_json
from gan_mnist.settings import TrainingSettings
from gan_mnist.study.statistics.test_images import pack_rows, unpack_rows
from gan_mnist.study.trial import Outcome, Trial, check_finite
from gan_mnist.training import mirrored
from gan_mnist.training.tensorboard import log_trial
from gan_mnist.trials.correctness import correctness
from gan_mnist.trials.export import remove_others

SettingsT = TypeVar("SettingsT", bound=TrainingSettings)
Right = dict[str, list[np.ndarray]]
# Key of the data set's own test images, among further test sets that have names.
OWN = ""
# Archive of some images as the network is shown them.
GALLERY = "gallery.npz"


def mean_metrics(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each metric over several trainings, of which all have the same metrics."""
    return {name: float(np.mean([values[name] for values in metrics])) for name in metrics[0]}


class Part(TypedDict):
    """`result.json`: the result of one of several trainings of a trial."""

    fingerprint: str
    metrics: dict[str, float]
    seconds: dict[Literal["generator", "training", "evaluation"], float]
    generators: list[str]
    right: NotRequired[list[str]]
    right_further: NotRequired[dict[str, list[str]]]


class Steps(Generic[SettingsT]):
    """The steps of every trial: allot images, measure seconds, return the outcome.

    Attributes:
        trial: The trial to run.
        seconds: Seconds spent on generator, training and evaluation, added up step by step.
        generators: Keys of the trained generators that the trial used.
        correct: By test set, bool (n,) for each classifier evaluated: which images it got right.
        correct_by_part: The same, by name of each part that was run.
    """

    def __init__(self, trial: Trial[SettingsT]):
        """Sets the dtype policy and the distribution strategy that the settings name."""
        mirrored.choose_strategy(trial.settings.strategy)
        keras.config.set_dtype_policy(trial.settings.precision)
        self.trial = trial
        self.seconds = {"generator": 0.0, "training": 0.0, "evaluation": 0.0}
        self.generators: list[str] = []
        self.correct: Right = {OWN: []}
        self.correct_by_part: dict[str, Right] = {}

    @functools.cached_property
    def test(self) -> Subset:
        """The test images of the trial's classes."""
        return read_test_subset(self.trial.dataset, self.trial.settings.classes)

    @property
    def tests(self) -> dict[str, Subset]:
        """All test sets by name, the data set's own under `OWN`."""
        return {OWN: self.test}

    def allot(self, counts: tuple[int, ...] | None, starved: tuple[str, ...] = ()) -> Allotment:
        """Draws this seed's images, as `data.subsets.allot`; `counts` None takes all."""
        trial, settings = self.trial, self.trial.settings
        validation = settings.validation_per_class
        return allot(trial.dataset, settings.classes, counts, trial.seed, validation, starved)

    @contextlib.contextmanager
    def measured(self, part: str) -> Iterator[None]:
        """Adds the seconds that the context takes to `part`."""
        start = time.monotonic()
        yield
        self.seconds[part] += time.monotonic() - start

    @contextlib.contextmanager
    def one_of(self, number: int) -> Iterator[None]:
        """Divides the training and evaluation seconds of the context by `number`, its trainings."""
        seconds_before = dict(self.seconds)
        yield
        for kind in ("training", "evaluation"):
            self.seconds[kind] = (
                seconds_before[kind] + (self.seconds[kind] - seconds_before[kind]) / number
            )

    def part(
        self,
        name: str,
        run: Callable[[], dict[str, float]],
        in_primary: bool = False,
        needed: Sequence[str] = (),
    ) -> dict[str, float]:
        """Metrics of one of several trainings that a trial consists of.

        A part that was finished before the trial was stopped is read from its `result.json`, or run
        again where that is damaged.

        Args:
            name: Name of the part, and of its folder in the trial's directory.
            run: Trains and evaluates; returns metrics.
            in_primary: Whether the primary metric is a mean over such parts. If so, what they got
                right is added to `correct`; what they got right in further test sets always is.
            needed: Archives of arrays in that folder which the trial will read: the part is run
                again if one is damaged or missing.
        """
        path = self.trial.directory / name / "result.json"
        finished = self._read_part(path, needed)
        metrics, correct_by_test = finished or self._run_part(path, run)
        self.correct_by_part[name] = correct_by_test
        for test, rows in correct_by_test.items():
            if in_primary or test != OWN:
                self.correct[test] = [*self.correct.get(test, ()), *rows]
        return metrics

    def _read_part(
        self, path: Path, needed: Sequence[str]
    ) -> tuple[dict[str, float], Right] | None:
        """Restores a finished part: its metrics, and by test set which images it got right.

        Also adds its seconds and generators. None if there is none of these settings, or if `path`
        or an archive that is needed is damaged.
        """
        try:
            result = read_form(path, Part)
        except Damaged:
            return None
        is_complete = all(read_arrays(path.with_name(archive)) is not None for archive in needed)
        if result is None or result["fingerprint"] != self.trial.fingerprint or not is_complete:
            return None
        texts_by_test = {OWN: result.get("right", ()), **result.get("right_further", {})}
        sizes = {test: len(self.tests[test]) for test in texts_by_test}
        if not all(_are_packed(texts, sizes[test]) for test, texts in texts_by_test.items()):
            return None
        for kind, duration in result["seconds"].items():
            self.seconds[kind] += duration
        self.generators += result["generators"]
        return result["metrics"], {
            test: unpack_rows(texts, sizes[test]) for test, texts in texts_by_test.items()
        }

    def _run_part(
        self, path: Path, run: Callable[[], dict[str, float]]
    ) -> tuple[dict[str, float], Right]:
        """Runs a part, as `_read_part` returns it, and writes its result to `path`."""
        seconds_before, num_generators = dict(self.seconds), len(self.generators)
        path.parent.mkdir(parents=True, exist_ok=True)
        correct_before = self.correct
        correct_by_test = self.correct = {test: [] for test in correct_before}
        try:
            metrics = run()
        finally:
            self.correct = correct_before
        check_finite(metrics)
        packed = {test: pack_rows(rows) for test, rows in correct_by_test.items()}
        seconds = {kind: self.seconds[kind] - seconds_before[kind] for kind in seconds_before}
        result = {"fingerprint": self.trial.fingerprint, "metrics": metrics, "seconds": seconds}
        result |= {"generators": self.generators[num_generators:], "right": packed.pop(OWN)}
        write_json(path, result | ({"right_further": packed} if packed else {}))
        return metrics, correct_by_test

    @property
    def export_directory(self) -> Path | None:
        """Where this trial exports models: None but for the first seed, or if exports are off."""
        trial = self.trial
        if trial.seed != trial.first_seed or not trial.settings.export_dir:
            return None
        return Path(trial.settings.export_dir) / trial.experiment / trial.arm

    def write_about(
        self, directory: Path, metrics: Mapping[str, float], made: Collection[str]
    ) -> None:
        """Writes `about.json` beside exported models: what they were trained on, and how good.

        Args:
            directory: Directory of the exported models.
            metrics: Metrics of the trial.
            made: Names of the models that it exported; others there are of another run, perhaps of
                other classes, and are removed. Empty where no network gives what the trial showed,
                as with several generators in turn; then `about.json` is removed, too.
        """
        trial = self.trial
        remove_others(directory, made)
        if not made:
            (directory / "about.json").unlink(missing_ok=True)
            return
        about = {"arm": trial.arm, "seed": trial.seed, "settings": trial.settings.identity()}
        about |= {"dataset": dict(trial.provenance), "metrics": dict(metrics)}
        write_json(directory / "about.json", about)

    def outcome(
        self,
        metrics: Mapping[str, float],
        updates: int | None = None,
        averaged: Sequence[str] | None = None,
        at: Mapping[str, Sequence[np.ndarray]] | None = None,
        test_rows: np.ndarray | None = None,
        further_of: str | None = None,
    ) -> Outcome:
        """Logs the trial to TensorBoard, and makes the outcome that `run_trial` returns.

        Args:
            metrics: Metrics of the trial.
            updates: Updates of the network; None for those of the settings.
            averaged: Classes whose mean recall the primary metric is; None where its name says so.
            at: By metric at a number of images: what it is the mean of, in the form of `correct`.
            test_rows: int rows of the test images that the metrics are computed on; None for all.
            further_of: The part whose metrics on further test sets are reported; None for the mean
                of all classifiers evaluated.
        """
        trial = self.trial
        log_trial(
            trial.log_directory,
            f"{trial.arm} seed {trial.seed}",
            {"arm": trial.arm, "seed": trial.seed, **trial.settings.identity()},
            metrics,
        )
        return Outcome(
            metrics=dict(metrics),
            seconds={kind: round(seconds, 3) for kind, seconds in self.seconds.items()},
            updates=trial.settings.updates if updates is None else updates,
            device=mirrored.devices_in_words(),
            generators=tuple(self.generators),
            correct=self._correct(metrics, averaged, at, test_rows),
            correct_further=self._correct_further(metrics, further_of),
        )

    def _correct(
        self,
        metrics: Mapping[str, float],
        averaged: Sequence[str] | None,
        at: Mapping[str, Sequence[np.ndarray]] | None,
        test_rows: np.ndarray | None,
    ) -> dict[str, Any] | None:
        primary = self.trial.study.metrics[0].name
        if primary not in metrics:
            return None
        test = self.test if test_rows is None else self.test.take(test_rows)
        return correctness(primary, metrics, test, self.correct[OWN], averaged, at)

    def _correct_further(
        self, metrics: Mapping[str, float], part: str | None
    ) -> dict[str, dict[str, Any]]:
        correct_by_test = self.correct if part is None else self.correct_by_part[part]
        entries = {}
        for name, test in self.tests.items():
            accuracy = metrics.get(f"{name}_accuracy")
            if name != OWN and accuracy is not None:
                trainings = correct_by_test.get(name, ())
                entries[name] = correctness("accuracy", {"accuracy": accuracy}, test, trainings)
        return {name: entry for name, entry in entries.items() if entry}


def _are_packed(texts: Sequence[str], size: int) -> bool:
    """Whether `unpack_rows` finds all `size` values in each of the texts, and no more."""
    try:
        lengths = {len(base64.b64decode(text, validate=True)) for text in texts}
    except ValueError:
        return False
    return lengths <= {-(-size // 8)}

"""A study made concrete: its plan, the trials that it unfolds into, and what a trial gives back.

This is the contract between the engine and an experiment. The engine calls

    run_trial(trial: Trial[MySettings]) -> Outcome

of the experiment's `trial.py`, in a process of its own, on whatever machine:

- It is a pure function of `trial.settings`, `trial.seed` and `trial.dataset`. All that is drawn at
  random is keyed by `trial.stream(purpose)`, which does not depend on the arm: that pairs the arms.
- It writes to `trial.directory` what belongs to this trial (`predictions.csv`, `curves.csv`,
  `gallery.npz`, for instance), and to `trial.workdir` only what others may share.
- It may be stopped at any moment and called again: it goes on, or starts anew, and ends the same.
- It raises `NotApplicable` where the arm has no meaning on the data, which the report tells; any
  other exception is recorded as the trial's failure, and the other trials go on.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from gan_mnist.files import fingerprint
from gan_mnist.files.names import RECORD, TRIALS
from gan_mnist.seeding import derive_seed
from gan_mnist.study.comparison import Pair
from gan_mnist.study.settings import Settings, with_changes
from gan_mnist.study.spec import Arm, Study

SettingsT = TypeVar("SettingsT", bound=Settings)
# Apart from that of arms: of a hundred runs TensorBoard shows none until some are ticked.
SEEDS_FOLDER = "tensorboard_seeds"


@dataclass(frozen=True)
class Outcome:
    """The result of a trial.

    Attributes:
        metrics: Finite numbers by name, the study's primary metric among them.
        seconds: Seconds by part of the work: "generator", "training", "evaluation".
        updates: Number of updates of the network that is evaluated.
        device: The device that trained: "CPU" or "GPU", or several, such as "2 x GPU".
        generators: Names of the directories in `generators/` that were used.
        correct: How many test images there are and, where the primary metric is a mean over them,
            which were right. From `trials.correctness`; read by `study.statistics.test_images`.
        correct_further: The same for each further test set, by name, for its accuracy.
    """

    metrics: Mapping[str, float]
    seconds: Mapping[str, float] = field(default_factory=dict)
    updates: int = 0
    device: str = ""
    generators: tuple[str, ...] = ()
    correct: Mapping[str, Any] | None = None
    correct_further: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def check_finite(metrics: Mapping[str, float]) -> None:
    """Refuses metrics that are no results.

    Raises:
        ArithmeticError: If one is infinite or not a number; it names them.
    """
    if not_finite := [name for name, value in metrics.items() if not math.isfinite(value)]:
        raise ArithmeticError(f"{', '.join(not_finite)} is not finite")


@dataclass(frozen=True)
class Trial(Generic[SettingsT]):
    """One arm with one seed.

    Attributes:
        study: The study that it belongs to.
        arm: Name of the arm; for labels only.
        seed: The replicate.
        settings: The arm's settings, complete.
        provenance: Provenance of the data set: name, source, counts, sha256.
        workdir: The run's directory.
        first_seed: First seed of the run, whose models are exported.
    """

    study: Study
    arm: str
    seed: int
    settings: SettingsT
    provenance: Mapping[str, Any]
    workdir: Path
    first_seed: int = 0

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return self.study.name

    @property
    def work(self) -> str:
        """Key of the work that a process can reuse for further trials: traces and generators."""
        return self.settings.shared_work or self.arm

    @property
    def directory(self) -> Path:
        """Where the trial's own files go."""
        return self.workdir / TRIALS / self.arm / f"seed-{self.seed:02d}"

    @property
    def record_path(self) -> Path:
        """Where its record goes, the last of its files."""
        return self.directory / RECORD

    @property
    def log_directory(self) -> Path:
        """Where the trial's events for TensorBoard go."""
        return self.workdir / SEEDS_FOLDER / self.arm / f"seed-{self.seed:02d}"

    @functools.cached_property
    def dataset(self) -> Any:
        """The data set that the settings name, as the seed sees it; loaded at the first use.

        Raises:
            RuntimeError: If it is not the one that the run began with.
        """
        return self.load().of_seed(self.seed)

    def load(self) -> Any:
        """The data set that the settings name, whole.

        Raises:
            RuntimeError: If it is not the one that the run began with.
        """
        dataset = self.settings.load()
        if dataset.sha256 != self.provenance["sha256"]:
            raise RuntimeError("the data set is not the one that the run began with")
        return dataset

    def stream(self, *purpose: str | int) -> int:
        """The seed of a stream of random numbers: the same in every arm of a seed."""
        return derive_seed(self.experiment, self.seed, *purpose)

    @property
    def fingerprint(self) -> str:
        """Changes with whatever the result depends on; equal fingerprints mean equal numbers."""
        return self.fingerprint_of(self.settings.identity())

    def fingerprint_of(self, settings: Mapping[str, Any]) -> str:
        """The fingerprint of this experiment, seed and data set with other settings.

        Args:
            settings: As `Settings.identity` gives them, and records hold them.
        """
        return fingerprint(settings, self.experiment, self.seed, self.provenance["sha256"])


@dataclass(frozen=True)
class Plan:
    """What to run: arms, seeds and settings of a study, on a data set, in a directory.

    Attributes:
        study: What is run.
        preset: Name of the preset that `settings` come from.
        settings: The base that every arm starts from, explicit for the data set.
        arms: The arms that run.
        seeds: The replicates.
        dataset: Provenance of the data set: name, source, counts, sha256.
        workdir: The run's directory.
        looks: Announced numbers of seeds at which the run may end, the last that of `seeds`; none
            where it runs all seeds in any case.
        looked: Numbers of seeds at which results were seen, the present one among them.
        left_out: Names of arms that were run and judged before, and are not among `arms`.
        update_seconds: Seconds of an update by precision, which decided it; empty if it was given.
        remote: The address that `workdir` mirrors; "" if the run is in `workdir` only.
    """

    study: Study
    preset: str
    settings: Settings
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    dataset: Mapping[str, Any]
    workdir: Path
    looks: tuple[int, ...] = ()
    looked: tuple[int, ...] = ()
    left_out: tuple[str, ...] = ()
    update_seconds: Mapping[str, float] = field(default_factory=dict)
    remote: str = ""

    @property
    def location(self) -> str:
        """Where the run is kept, in words."""
        return self.remote or str(self.workdir)

    def steps(self) -> list["Plan"]:
        """This plan up to each look that is left, the last that was taken among them."""
        last_look = max(self.looked, default=0)
        seed_counts = (
            [look for look in self.looks if look >= last_look] if self.looks else [len(self.seeds)]
        )
        steps = []
        for number, num_seeds in enumerate(seed_counts, 1):
            looked = tuple(sorted({*self.looked, *seed_counts[:number]} - {1}))
            steps.append(replace(self, seeds=self.seeds[:num_seeds], looked=looked))
        return steps

    @property
    def primary(self) -> tuple[Pair, ...]:
        """The primary comparisons whose two arms both run, and neither leaks."""
        names = {arm.name for arm in self.arms if not arm.leaks}
        return tuple(pair for pair in self.study.primary if {*pair} <= names)

    def arms_of_kind(self, kind: str) -> list[str]:
        """Names of the arms of a kind that run."""
        return [arm.name for arm in self.arms if arm.kind == kind]

    def trials(self) -> list[Trial]:
        """Seed-major: an interrupted study has whole seeds, on which arms can be compared."""
        settings = {
            arm.name: with_changes(self.settings, arm.changes, f"arm {arm.name}")
            for arm in self.arms
        }
        return [
            Trial(
                self.study,
                arm=name,
                seed=seed,
                settings=arm_settings,
                provenance=self.dataset,
                workdir=self.workdir,
                first_seed=min(self.seeds),
            )
            for seed in self.seeds
            for name, arm_settings in settings.items()
        ]

"""What a study is: arms as rows over settings, presets, and the trials they unfold into.

Everything here is plain data, so that a plan can be read, checked and printed without TensorFlow.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gan_mnist.errors import unknown
from gan_mnist.study.settings import Settings, with_changes

Kind = Literal["control", "rival", "generated", "ablation", "oracle", "check"]


@dataclass(frozen=True)
class Arm:
    """One treatment: a row of the study's table.

    Attributes:
        name: As on the command line, in records and in reports.
        changes: What differs from the study's settings.
        about: One line: what is done to the training data or the loss.
        source: Where the treatment comes from.
        kind: Its part in the answer. A study asks about its "generated" arms; where it has none,
            about every "rival"; where it has neither, about every "ablation". "control", "oracle"
            and "check" arms are never the answer.
        ablates: The arm of which this "ablation" leaves something out; the two are compared.
    """

    name: str
    changes: Mapping[str, Any]
    about: str
    source: str = ""
    kind: Kind = "rival"
    ablates: str | None = None


@dataclass(frozen=True)
class Preset:
    """A scale at which a study is run: it changes settings and the number of seeds, not arms."""

    seeds: int
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    """A number of a record that the report compares.

    Attributes:
        name: Its name in records, curves and TensorBoard. One that ends in `*` stands for all
            that begin so, such as the recall of each class.
        label: The same in words; a `*` is replaced likewise.
        higher_is_better: Orients the verdict.
        bounds: What it can be; intervals of its mean end there. None where it has no bounds.
    """

    name: str
    label: str
    higher_is_better: bool = True
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True)
class Picture:
    """A figure of the report that one study has and others have not.

    Attributes:
        name: Of its file, `figures/NAME.png`, and its place in the page; an identifier.
        draw: "module:function" of `draw(run: Run) -> Figure | None`, None where the run has no data
            for it; named, not imported, because it needs matplotlib. `gan_mnist.report.pictures`
            has some that several studies share.
        title: The heading above it; also what stands for it where it cannot be seen.
        caption: What it shows and how it is read.
    """

    name: str
    draw: str
    title: str
    caption: str


@dataclass(frozen=True)
class Expectation:
    """A control that must come out right: `arm` is "below", "equal to" or "above" `reference`."""

    arm: str
    relation: str
    reference: str


@dataclass(frozen=True)
class Study:
    """An experiment's declaration.

    Attributes:
        name: The experiment's name.
        question: In one line, as `--list` prints it.
        settings: The frozen base that every arm starts from.
        arms: The table; the control is among them.
        presets: "smoke", "quick" and "paper".
        control: The arm that all others are compared with.
        oracle: The arm that shows what is possible, or None.
        metrics: The primary metric first.
        expectations: Controls that must come out right.
        run_trial: "module:function" of `run_trial(settings, arm, seed, directory) -> dict` with
            keys `metrics`, `seconds`, `updates`; named, not imported, because it needs TensorFlow.
        resolve: Turns settings into fully explicit ones for a data set, or raises `InputError`.
        shared_work: A key for work that arms of one seed share (a generator, a network that is
            traced), or None; trials with equal keys run one after the other in one process.
        published: Lines on what others reported, for the report.
        rival: A plain arm, or None. Generated arms are compared with it besides the control: they
            are worth their price only if they do more than it.
        gallery_caption: What the images are that trials leave in `gallery.npz`, an arm a row; empty
            where they leave none.
        curve: The column of `curves.csv` that the learning curves show. None: what validation says
            of the primary metric, or else of accuracy.
        pictures: More figures, in the order of the report.
        findings: "module:function" of `findings(records) -> {"lines": [...], name: number}`, or
            empty. It gets the records that are done, in the order of the plan, none to begin with,
            and tells what the comparison of arms does not: a fit, say. Its lines, plain sentences,
            stand below the answer; all it returns goes into the summary, so it is strict JSON.
        treatment: What "generated" arms have that the control has not, in words.
        examples: Whether the report shows ten test images a class as the control and the best arm
            call them.
    """

    name: str
    question: str
    settings: Settings
    arms: tuple[Arm, ...]
    presets: Mapping[str, Preset]
    control: str
    oracle: str | None
    metrics: tuple[Metric, ...]
    expectations: tuple[Expectation, ...]
    run_trial: str
    resolve: Callable[[Any, Any], Any]
    shared_work: Callable[[Any], str | None] = lambda settings: None
    published: tuple[str, ...] = ()
    rival: str | None = None
    gallery_caption: str = ""
    curve: Metric | None = None
    pictures: tuple[Picture, ...] = ()
    findings: str = ""
    treatment: str = "generated images"
    examples: bool = False

    def select(self, names: list[str] | None) -> tuple[Arm, ...]:
        """The arms called `names` in table order, always with the control; all for None."""
        known = [arm.name for arm in self.arms]
        for name in [""] if names == [] else names or []:
            if name not in known:
                raise unknown("--arms", name, known)
        wanted = known if names is None else [self.control, *names]
        return tuple(arm for arm in self.arms if arm.name in wanted)

    def fixes(self, setting: str) -> bool:
        """Whether `setting` is what makes an arm differ from the control.

        Where the control has a value of its own, the others' is free, unless all have theirs.
        """
        fixed = {arm.name for arm in self.arms if setting in arm.changes}
        return bool(fixed) and (self.control not in fixed or len(fixed) == len(self.arms))


def load_function(name: str) -> Callable[..., Any]:
    """The function that a declaration names as "module:function"."""
    module, function = name.split(":")
    return getattr(importlib.import_module(module), function)


@dataclass(frozen=True)
class Trial:
    """One arm with one seed: all that `run_trial` needs, as plain data.

    Attributes:
        experiment: Name of the study.
        arm: Name of the arm.
        seed: The replicate.
        settings: The arm's settings, complete.
        dataset: Provenance: name, source, counts, sha256.
        run_trial: "module:function".
        shared_work: See `Study`.
        workdir: The run's directory.
    """

    experiment: str
    arm: str
    seed: int
    settings: Settings
    dataset: Mapping[str, Any]
    run_trial: str
    shared_work: str | None
    workdir: Path

    @property
    def directory(self) -> Path:
        return self.workdir / "trials" / self.arm / f"seed-{self.seed:02d}"

    @property
    def fingerprint(self) -> str:
        """Changes with whatever the result depends on; equal fingerprints mean equal numbers."""
        return self.settings.fingerprint(self.experiment, self.seed, self.dataset["sha256"])


@dataclass(frozen=True)
class Plan:
    """A study made concrete: these arms, seeds and settings on this data set, in this directory."""

    study: Study
    preset: str
    settings: Settings
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    dataset: Mapping[str, Any]
    workdir: Path

    def trials(self) -> list[Trial]:
        """Seed-major: an interrupted study has whole seeds, on which arms can be compared."""
        return [self._trial(arm, seed) for seed in self.seeds for arm in self.arms]

    def _trial(self, arm: Arm, seed: int) -> Trial:
        settings = with_changes(self.settings, arm.changes, f"arm {arm.name}")
        return Trial(
            experiment=self.study.name,
            arm=arm.name,
            seed=seed,
            settings=settings,
            dataset=self.dataset,
            run_trial=self.study.run_trial,
            shared_work=self.study.shared_work(settings),
            workdir=self.workdir,
        )

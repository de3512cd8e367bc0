"""What a study is: settings, arms as rows over them, presets, and the trials they unfold into.

Everything here is plain data, so that a plan can be read, checked and printed without TensorFlow.
"""

import dataclasses
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from gan_mnist.errors import InputError, unknown
from gan_mnist.files import fingerprint


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    location: bool = False,
) -> Any:
    """A field of a settings dataclass.

    Args:
        default: Its value unless a preset, an arm or `--set` says otherwise.
        help: One line for `--list`.
        low: Smallest value accepted (of every element, for a tuple).
        high: Largest value accepted.
        choices: Accepted strings.
        location: True where the value says only *where* something lies. It is then left out of
            fingerprints: moving a data directory does not change a result.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "location": location}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Settings that every experiment has. An experiment adds its own in a subclass."""

    dataset: str = setting("mnist_sample", "name of the data set")
    data_dir: str = setting("", "where its files lie", location=True)
    export_dir: str = setting("", "where SavedModels go; empty for none", location=True)
    image_size: int = setting(28, "height and width in pixels", low=8, high=512)
    channels: int = setting(1, "1 for grey, 3 for colour", low=1, high=3)
    precision: str = setting(
        "float32",
        "Keras dtype policy",
        choices=("float32", "mixed_bfloat16", "mixed_float16"),
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))

    def fingerprint(self, *extra: Any) -> str:
        """16 hex digits that change with any setting but a location, and with `extra`."""
        return fingerprint(self.identity(), *extra)

    def identity(self) -> dict[str, Any]:
        """The settings that a result depends on, as JSON holds them."""
        kept = (f.name for f in dataclasses.fields(self) if not f.metadata.get("location"))
        return {name: _plain(getattr(self, name)) for name in kept}


SettingsT = TypeVar("SettingsT", bound=Settings)


def with_changes(settings: SettingsT, changes: Mapping[str, Any], origin: str) -> SettingsT:
    """`settings` with some replaced; an unknown name is an `InputError` that names `origin`."""
    names = [field.name for field in dataclasses.fields(settings)]
    for name in changes:
        if name not in names:
            raise unknown(origin, name, names)
    return dataclasses.replace(settings, **changes)


def parse_assignments(settings: Settings, assignments: list[str]) -> dict[str, Any]:
    """Typed values of `name=value` texts, checked against the fields of `settings`.

    Raises:
        InputError: For text without `=`, an unknown name, or a value of the wrong type.
    """
    types = typing.get_type_hints(type(settings))
    values = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise InputError(f"--set: {assignment!r} is not of the form name=value")
        if name not in types:
            raise unknown("--set", name, types)
        values[name] = _parse(name, text, types[name])
    return values


_KINDS = {int: "an integer", float: "a number", bool: "true or false", str: "a text"}


def _parse(name: str, text: str, kind: Any) -> Any:
    if typing.get_origin(kind) is tuple:
        element = typing.get_args(kind)[0]
        return tuple(
            _parse(name, part.strip(), element) for part in text.split(",") if part.strip()
        )
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        return kind(text)
    except (KeyError, ValueError):
        raise InputError(f"--set: {name}={text!r} is not {_KINDS[kind]}") from None


def _check(field: dataclasses.Field, value: Any) -> None:
    choices, low, high = (field.metadata.get(key) for key in ("choices", "low", "high"))
    for element in value if isinstance(value, tuple) else (value,):
        if choices is not None and element not in choices:
            raise unknown(f"setting {field.name}", str(element), choices)
        if isinstance(element, float) and not math.isfinite(element):
            raise InputError(f"setting {field.name}: {element} is not a finite number")
        if (low is not None and element < low) or (high is not None and element > high):
            bounds = f"at least {low:g}" if high is None else f"between {low} and {high}"
            raise InputError(f"setting {field.name}: {element} is out of range; accepted: {bounds}")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


Kind = Literal["control", "rival", "generated", "oracle", "check"]


@dataclass(frozen=True)
class Arm:
    """One treatment: a row of the study's table.

    Attributes:
        name: As on the command line, in records and in reports.
        changes: What differs from the study's settings.
        about: One line: what is done to the training data or the loss.
        source: Where the treatment comes from.
        kind: Its part in the answer. A study asks about its "generated" arms (about every "rival"
            where it has none); "control", "oracle" and "check" arms are never the answer.
    """

    name: str
    changes: Mapping[str, Any]
    about: str
    source: str = ""
    kind: Kind = "rival"


@dataclass(frozen=True)
class Preset:
    """A scale at which a study is run: it changes settings and the number of seeds, not arms."""

    seeds: int
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    """A number of a record that the report compares. `higher_is_better` orients the verdict."""

    name: str
    label: str
    higher_is_better: bool = True


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
        shared_work: A key for work that arms of one seed share (a generator), or None; trials
            with equal keys run one after the other in one process.
        published: Lines on what others reported, for the report.
        rival: The strongest plain arm, or None. Generated arms are compared with it besides the
            control: generated data is worth its price only if it does more than a plain rival.
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

    def select(self, names: list[str] | None) -> tuple[Arm, ...]:
        """The arms called `names` in table order, always with the control; all for None."""
        known = [arm.name for arm in self.arms]
        for name in names or []:
            if name not in known:
                raise unknown("--arms", name, known)
        wanted = known if names is None else [self.control, *names]
        return tuple(arm for arm in self.arms if arm.name in wanted)


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

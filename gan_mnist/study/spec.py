"""What a study is: arms as rows over settings, presets, metrics, and what must come out right."""

import contextlib
import importlib.util
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal

from gan_mnist.errors import InputError, in_one_line, unknown
from gan_mnist.study.comparison import Pair, parse_primary
from gan_mnist.study.settings import Settings, Source

Kind = Literal["control", "rival", "generated", "ablation", "oracle", "check"]
Relation = Literal["below", "equal to", "above"]


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
        leaks: Whether it shows copies of test images: a "check", and in no primary comparison.
    """

    name: str
    changes: Mapping[str, Any]
    about: str
    source: str = ""
    kind: Kind = "rival"
    ablates: str | None = None
    leaks: bool = False

    def leaking(self) -> "Arm":
        """This arm marked as leaking: a "check", which is never the answer."""
        return replace(self, kind="check", leaks=True)

    def with_sources(self, sources: Mapping[str, Source]) -> "Arm":
        """This arm with the images of its source, if it has one."""
        source = sources.get(self.name, Source({}))
        arm = replace(self, changes={**self.changes, **source.changes})
        return arm.leaking() if source.warnings else arm


@dataclass(frozen=True)
class Preset:
    """A scale at which a study is run.

    Attributes:
        seeds: Number of seeds, unless a run sets another.
        changes: Values of settings.
        arms: Names of the arms that run unless others are requested; all if empty.
    """

    seeds: int
    changes: Mapping[str, Any]
    arms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metric:
    """A number of a record that the report compares.

    Attributes:
        name: Its name in records, curves and TensorBoard. One that ends in `*` stands for all
            that begin so, such as the recall of each class.
        label: The same in words; a `*` is replaced likewise.
        higher_is_better: Orients the verdict.
        bounds: What it can be; intervals of its mean end there. None where it has no bounds.
        margin: A difference that would change nothing for those who use the result: within it two
            arms are the same. None: they are never said to be.
    """

    name: str
    label: str
    higher_is_better: bool = True
    bounds: tuple[float, float] | None = None
    margin: float | None = None

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return 1 if self.higher_is_better else -1


@dataclass(frozen=True)
class Expectation:
    """A control that must come out right: `arm` is "below", "equal to" or "above" `reference`.

    Equal is what is within the margin of the primary metric, see `verdicts`.
    """

    arm: str
    relation: Relation
    reference: str


@dataclass(frozen=True)
class Study:
    """An experiment's declaration: `STUDY` in the `study.py` of its folder.

    What needs more than a declaration stands beside it, and is found by its name:

    - `trial.py`: `run_trial(trial) -> Outcome`, see `gan_mnist.study.trial`.
    - `findings.py`, if wanted: `findings(evidence) -> {"lines": [...], name: number}`. It
      receives `gan_mnist.study.answer.evidence.Evidence`, at first without records, and reports
      what the comparison of arms does not: a fit, say. Its lines, plain sentences, stand below the
      answer, those under `warnings` before it, and arms under `leaks` are not an answer; all it
      returns goes into the summary, so it is strict JSON.
    - `figures.py`, if wanted: `PICTURES`, further figures, and `TABLES`, CSV files to publish.

    Attributes:
        package: The package that the declaration stands in: `__package__`.
        question: In one line, as `--list` prints it. Where its words show a direction, as do "help"
            and "hurt", "raise" and "lower", the answer is a yes or a no; see `answer.question`.
        settings: The frozen base that every arm starts from.
        arms: The table; the control is among them.
        control: The arm that all others are compared with.
        metrics: The primary metric first.
        presets: "smoke", "quick" and "paper", and further ones.
        oracle: The arm that shows what is possible, or None.
        expectations: Controls that must come out right.
        rival: A plain arm, or None. Generated arms are compared with it besides the control: they
            are worth their price only if they do more than it.
        published: Lines on what others reported, for the report.
        gallery_caption: What the images are that trials leave in `gallery.npz`, an arm a row; empty
            where they leave none.
        curve: The column of `curves.csv` that the learning curves show. None: the validation value
            of the primary metric, or else of accuracy.
        treatment: What "generated" arms have that the control has not, in words.
        of_source: Gives the arms that show the images of one source (`--generated=NAME=DIR`), from
            the study's settings and the source's name. Their changes need not name the generator:
            `with_sources` adds it, and marks arms whose source leaks test images, which are never
            the answer. None if the experiment takes no sources.
        sources: The default of `--generated`.
        metrics_of: Gives metrics that depend on the resolved settings and the data set, in their
            labels, say. One of a declared name replaces it, others come last. None if it has none.
        examples: Whether the report shows ten test images a class with the predictions of the
            control and the best arm.
        further_tests: Names of test sets besides that of the data; a plan has those of its flags.
        primary: The one to three comparisons that the study is made for; see `primary.py`. A run
            keeps those that it began with.
        primary_of_source: The same for each source of generated images, whose name replaces
            `{source}`. Where there are sources, they replace `primary`.
    """

    package: str
    question: str
    settings: Settings
    arms: tuple[Arm, ...]
    control: str
    metrics: tuple[Metric, ...]
    presets: Mapping[str, Preset]
    oracle: str | None = None
    expectations: tuple[Expectation, ...] = ()
    rival: str | None = None
    published: tuple[str, ...] = ()
    gallery_caption: str = ""
    curve: Metric | None = None
    treatment: str = "generated images"
    of_source: Callable[[Any, str], tuple[Arm, ...]] | None = None
    sources: tuple[str, ...] = ()
    metrics_of: Callable[[Any, Any], tuple[Metric, ...]] | None = None
    examples: bool = False
    further_tests: tuple[str, ...] = ()
    primary: tuple[Pair, ...] = ()
    primary_of_source: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        """Raises `ValueError` for what no run could be made of."""
        names = [arm.name for arm in self.arms]
        if (duplicate := first_duplicate(names)) is not None:
            raise ValueError(f"two arms are called {duplicate!r}")
        for name in names:
            if not name or name[0] == "." or any(sign in name for sign in "/\\\0"):
                raise ValueError(f"{name!r} is no name of an arm, as its files are called by it")
        ablated = [arm.ablates for arm in self.arms if arm.ablates]
        if duplicate := first_duplicate(ablated):
            raise ValueError(f"two arms are ablations of {duplicate!r}, which is compared with one")
        if self.control not in names:
            raise ValueError(f"the control, {self.control!r}, is none of its arms")
        if not self.metrics:
            raise ValueError("it has no metric")

    @property
    def name(self) -> str:
        """The experiment's name: that of its folder."""
        return self.package.rpartition(".")[2]

    @contextlib.contextmanager
    def failing_as_input_error(self, name: str) -> Iterator[None]:
        """Turns errors in the module `name`, which a user may have written, into `InputError`."""
        try:
            yield
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            raise InputError(
                f"--experiment: {name}.py of {self.name} cannot be used: {in_one_line(error)}; all "
                "trials are kept, and the same command goes on"
            ) from error

    def part(self, name: str) -> ModuleType | None:
        """The module `name` of the experiment's folder, or None where it has no such file."""
        full_name = f"{self.package}.{name}"
        if importlib.util.find_spec(full_name) is None:
            return None
        return importlib.import_module(full_name)

    def with_arms(self, rows: Iterable[Arm]) -> "Study":
        """This study with further arms.

        Raises:
            InputError: If two arms have the same name.
        """
        arms = (*self.arms, *rows)
        if duplicate := first_duplicate([arm.name for arm in arms]):
            accepted = "names that lead to none of another"
            if duplicate in {arm.name for arm in self.arms}:
                accepted = f"--arms={duplicate}, which the experiment has, or another NAME=..."
            raise InputError(
                f"--generated: there would be two arms {duplicate!r}; accepted: {accepted}"
            )
        return replace(self, arms=arms)

    def with_primary_of_run(
        self, texts: Sequence[str] | None, arms: Collection[str], sources: Iterable[str]
    ) -> "Study":
        """This study with the primary comparisons of a run.

        Args:
            texts: As "ARM > REFERENCE"; None for those that the study declares.
            arms: Names of the arms that run, among which `texts` name theirs.
            sources: Names of the sources of generated images.

        Raises:
            InputError: If a text is no comparison of these arms, or has the control for its arm, or
                there are too many.
        """
        if texts is not None:
            return replace(self, primary=parse_primary(texts, arms, self.control))
        templates = self.primary_of_source
        source_pairs = [pair.of(source) for source in sources for pair in templates]
        arm_names = {arm.name for arm in self.arms}
        pairs = tuple(pair for pair in source_pairs or self.primary if {*pair} <= arm_names)
        return replace(self, primary=pairs)

    def with_sources(self, sources: Mapping[str, Source]) -> "Study":
        """This study with the images of sources in some arms, by name."""
        return replace(self, arms=tuple(arm.with_sources(sources) for arm in self.arms))

    def with_metrics(self, settings: Settings, dataset: Any) -> "Study":
        """This study with the metrics that it has for resolved settings and a data set."""
        if self.metrics_of is None:
            return self
        specific = {metric.name: metric for metric in self.metrics_of(settings, dataset)}
        declared = [specific.pop(metric.name, metric) for metric in self.metrics]
        return replace(self, metrics=(*declared, *specific.values()))

    def select(self, names: list[str] | None) -> tuple[Arm, ...]:
        """The arms called `names` in table order, always with the control; all for None or "all".

        Raises:
            InputError: For a name that there is not, or that is given twice.
        """
        arm_names = [arm.name for arm in self.arms]
        if names is None or (names == ["all"] and "all" not in arm_names):
            return self.arms
        if not names:
            raise unknown("--arms", "", arm_names)
        for name in names:
            if name not in arm_names:
                raise unknown("--arms", name, arm_names)
        if duplicate := first_duplicate(names):
            raise InputError(f"--arms: {duplicate!r} is given twice; accepted: each arm once")
        return tuple(arm for arm in self.arms if arm.name in (self.control, *names))

    def differs_between_arms(self, setting: str) -> bool:
        """Whether `setting` is what makes an arm differ from the control, and so cannot be set.

        Where the control has a value of its own, the others' is free, unless all have theirs.
        """
        having = {arm.name for arm in self.arms if setting in arm.changes}
        return bool(having) and (self.control not in having or len(having) == len(self.arms))


def first_duplicate(names: Sequence[str]) -> str | None:
    """The first of `names` that occurs more than once, or None."""
    return next((name for name in names if names.count(name) > 1), None)

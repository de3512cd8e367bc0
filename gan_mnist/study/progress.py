"""What a person sees while a study runs: a bar with the time left, or plain lines in a log."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from gan_mnist.study.records import DONE
from gan_mnist.study.trial import Plan


def describe(plan: Plan) -> str:
    """The plan in words: data, settings, arms, trials."""
    data = plan.dataset
    per_class = ", ".join(f"{n}: {c['train']}+{c['test']}" for n, c in data["counts"].items())
    lines = [
        f"experiment  {plan.study.name}: {plan.study.question}",
        f"data set    {data['name']} from {data['source']}, sha256 {data['sha256'][:12]}",
        f"            training+test images a class: {per_class}",
        f"directory   {plan.workdir}",
        f"preset      {plan.preset}",
        f"trials      {len(plan.arms)} arms x {len(plan.seeds)} seeds = {len(plan.trials())}",
        "arms",
        *columns((arm.name, arm.about) for arm in plan.arms),
        "settings",
        *columns((name, _with_own(plan, name, v)) for name, v in plan.settings.identity().items()),
    ]
    return "\n".join(lines)


def _with_own(plan: Plan, name: str, value: Any) -> str:
    """The value of a setting, and of the control where that has its own."""
    (control,) = [arm for arm in plan.arms if arm.name == plan.study.control]
    own = control.changes.get(name, value)
    return f"{value}" if own == value else f"{value} ({control.name}: {own})"


def columns(rows: Iterable[tuple[str, Any]]) -> list[str]:
    """Lines in which what is said of each name begins in one column."""
    pairs = list(rows)
    width = max(len(name) for name, _ in pairs)
    return [f"  {name:{width}}  {text}" for name, text in pairs]


class StudyProgress:
    """A context in which `add(record)` is called for every trial that ends."""

    def __init__(self, num_trials: int, primary_metric: str, console: Console | None = None):
        """Shows `num_trials` trials, each with its `primary_metric`."""
        self._console = console or Console(stderr=True, soft_wrap=True, highlight=False)
        self._num_trials = num_trials
        self._primary_metric = primary_metric
        self._counts: Counter[str] = Counter()
        self._bar = Progress(
            TextColumn("trials"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> "StudyProgress":
        self._began = time.monotonic()
        self._bar.start()
        self._task = self._bar.add_task("trials", total=self._num_trials, left="")
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def add(self, record: Mapping[str, Any]) -> None:
        """Tells of one trial."""
        self._counts[record["status"]] += 1
        ended = self._counts.total()
        per_trial = (time.monotonic() - self._began) / ended
        left = _duration(per_trial * (self._num_trials - ended))
        self._bar.update(self._task, completed=ended, left=f"about {left} left")
        told = (
            f"{self._primary_metric} {record['metrics'][self._primary_metric]:.3f}"
            if record["status"] == DONE
            else f"{record['status'].replace('_', ' ')}: {record['error']}"
        )
        self._console.print(
            f"[{ended}/{self._num_trials}] {record['arm']} seed {record['seed']}: {told} "
            f"({sum(record['seconds'].values()):.0f} s; about {left} left)",
            markup=False,
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"

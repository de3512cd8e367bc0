"""What a person sees while a study runs: on a terminal, in a notebook, or as lines in a log."""

import html
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from gan_mnist.files import read_json
from gan_mnist.files.names import PROGRESS
from gan_mnist.study.display.printing import dropped_if_full, duration
from gan_mnist.study.display.time_left import TimeLeft
from gan_mnist.study.records import DONE
from gan_mnist.study.scratch_trial import files_in
from gan_mnist.study.trial import Plan, Trial
from gan_mnist.study.words import counted

_LAST = 5
# Kinds of arms that are there to be the best, or to fail.
_NO_CANDIDATES = ("oracle", "check")


class _Console(Console):
    """Raises `BrokenPipeError` if nobody reads it; rich's exits with the status of a failure."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class StudyProgress:
    """A context that displays progress: call `begin` when a trial begins, `add` when it ends.

    `refresh` updates the display.
    """

    def __init__(
        self,
        plan: Plan,
        missing: Sequence[Trial],
        jobs: int,
        done: Sequence[Mapping[str, Any]] = (),
        console: Console | None = None,
    ):
        """Shows the `missing` trials of a plan, `jobs` at a time; `done` has the other records."""
        self._console = console or _Console(stderr=True, soft_wrap=True, highlight=False)
        self._metric = plan.study.metrics[0]
        self._kinds = {arm.name: arm.kind for arm in plan.arms}
        self._workdir = plan.workdir
        self._num_trials = len(missing)
        self._time_left = TimeLeft(missing, jobs)
        self._running: dict[tuple[str, int], tuple[Trial, float]] = {}
        self._values: dict[str, list[float]] = {}
        for record in done:
            if record["status"] == DONE:
                self._keep(record)
        self._last: deque[str] = deque(maxlen=_LAST)
        self._counts: Counter[str] = Counter()
        self._bar = Progress(
            TextColumn("trials"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
        )
        self._task = self._bar.add_task("trials", total=self._num_trials, left="")
        self._live = Live(get_renderable=self._shown, console=self._console, refresh_per_second=2)
        self._handle: Any = None

    def __enter__(self) -> "StudyProgress":
        self._began = time.monotonic()
        if self._num_trials:
            self._handle = _notebook_handle(self._page())
        if self._handle is None and self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if exception[0] is None:
            self.refresh()
        self._live.stop()

    def begin(self, trial: Trial, process: int) -> None:
        """Tells that a trial begins in a process."""
        self._running[trial.arm, trial.seed] = trial, time.monotonic()
        self._time_left.begin(trial, process, time.monotonic())

    def add(self, record: Mapping[str, Any]) -> None:
        """Tells of a trial that has ended."""
        now = time.monotonic()
        self._running.pop((record["arm"], record["seed"]), None)
        self._time_left.end(record, now)
        self._counts[record["status"]] += 1
        count, message = self._counts.total(), f"{record['arm']} seed {record['seed']}: "
        if record["status"] == DONE:
            message += f"{self._metric.name} {self._keep(record):.3f}"
        else:
            message += f"{record['status'].replace('_', ' ')}: {record['error']}"
        seconds = sum(record["seconds"].values())
        self._last.append(message)
        details = [f"{seconds:.0f} s", self._left(now), f"best so far {self._best()}"]
        if self._handle is None:
            with dropped_if_full():
                self._console.print(
                    f"[{count}/{self._num_trials}] {message} ({'; '.join(details)})", markup=False
                )

    def _keep(self, record: Mapping[str, Any]) -> float:
        """What the primary metric of a finished trial is."""
        value: float = record["metrics"][self._metric.name]
        self._values.setdefault(record["arm"], []).append(value)
        return value

    def refresh(self) -> None:
        """Shows how things are now; called about once a second."""
        self._look()
        time_left = self._left(time.monotonic())
        self._bar.update(self._task, completed=self._counts.total(), left=time_left)
        if self._handle is not None:
            self._handle.update(sys.modules["IPython"].display.HTML(self._page()))

    def _look(self) -> None:
        """Looks how far trainings are that are under way."""
        if not self._running:
            return
        earliest_start = time.time() - max(
            time.monotonic() - start for _, start in self._running.values()
        )
        trials = [trial for trial, _ in self._running.values()]
        # Nobody knows which of the trials a generator is of; arms have mostly as many parts.
        most_parts = max(trial.settings.num_parts for trial in trials)
        shared = [
            (path, most_parts) for path in (self._workdir / "generators").glob(f"*/{PROGRESS}")
        ]
        own = [
            (path, trial.settings.num_parts)
            for trial in trials
            for path in files_in(trial.directory)
            if path.name == PROGRESS
        ]
        self._time_left.project(
            *(
                [
                    num_parts * seconds
                    for path, num_parts in trainings
                    if (seconds := _expected(path, earliest_start)) is not None
                ]
                for trainings in (shared, own)
            )
        )

    def _left(self, now: float) -> str:
        if (seconds := self._time_left.estimate(now)) is None:
            return "time left is not known yet"
        return f"{'about' if self._time_left.is_known else 'at least'} {duration(seconds)} left"

    def _best(self) -> str:
        """The arm with the best mean, of those that are no oracle and no check."""
        means = {
            arm: sum(values) / len(values)
            for arm, values in list(self._values.items())  # while another thread adds to it
            if self._kinds.get(arm) not in _NO_CANDIDATES
        }
        if not means:
            return "not known yet"
        best = max(means, key=lambda arm: self._metric.sign * means[arm])
        return f"{best} {means[best]:.3f} ({counted(len(self._values[best]), 'seed')})"

    def _lines(self) -> list[str]:
        now = time.monotonic()
        running = (
            f"{trial.arm} seed {trial.seed} ({duration(now - start)})"
            for trial, start in list(self._running.values())
        )
        return [f"now   {', '.join(running)}", f"best  {self._best()}"]

    def _shown(self) -> Group:
        return Group(Text("\n".join(self._lines())), self._bar)

    def _page(self) -> str:
        now, count = time.monotonic(), self._counts.total()
        lines = [
            f"{count}/{self._num_trials} trials, {duration(now - self._began)}, {self._left(now)}",
            *self._lines(),
            *(f"      {line}" for line in reversed(self._last)),
        ]
        percentage = 100 * count / max(1, self._num_trials)
        bar = f'<progress max="100" value="{percentage:.0f}" style="width:100%"></progress>'
        return f"{bar}<pre>{html.escape(chr(10).join(lines))}</pre>"


def _expected(path: Path, start: float) -> float | None:
    """Total seconds of a training, projected from what it wrote since `start`; None without any."""
    try:
        progress = read_json(path, "share", "seconds") if path.stat().st_mtime >= start else None
    except OSError:  # it has just ended
        return None
    return progress["seconds"] / progress["share"] if progress else None


def _notebook_handle(page: str) -> Any:
    """A place in a notebook's cell that shows `page` and can be renewed; None anywhere else."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if not hasattr(shell, "kernel"):
        return None
    display = sys.modules["IPython"].display
    return display.display(display.HTML(page), display_id=True)

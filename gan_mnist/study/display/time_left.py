"""Estimates how long unfinished trials take: by arm, with shared work and compilation apart.

A trial's time has three parts: the generator's, from its record, which only the first trial of a
seed pays for among those that share it; what a process does once, importing TensorFlow for its
first trial and tracing networks for the first of some work; and the trial's own. Each is estimated
from trials that have ended, of the same arm or else of others. Running trainings report how far
they are (`project`), and a trial that has taken longer than expected raises the estimate for its
kind.
"""

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from gan_mnist.study.trial import Trial

# Share of the expected time that is left for a trial that has taken longer.
_OVERDUE = 0.1
# What a process has to do first: nothing, to trace networks, to import TensorFlow as well.
_READY, _TRACES, _STARTS = range(3)


@dataclass
class _Running:
    """A trial that has begun.

    Attributes:
        trial: The trial.
        began: Time of its start, in seconds.
        first: What its process has to do first.
        pays: Whether it is the first of its seed that does this work, which is shared.
    """

    trial: Trial
    began: float
    first: int
    pays: bool


class TimeLeft:
    """What is expected of the trials that are not done."""

    def __init__(self, trials: Iterable[Trial], jobs: int):
        """Expects `trials`, so many at a time."""
        # How many trials of an arm wait, by arm and work; and by work that is shared, the seeds
        # that have yet to begin it. There may be thousands of trials, and what is left is told
        # with every one that ends.
        self._waiting = Counter[tuple[str, str]]()
        self._unpaid: dict[str, set[int]] = defaultdict(set)
        for trial in trials:
            self._waiting[trial.arm, trial.work] += 1
            if trial.settings.shared_work is not None:
                self._unpaid[trial.work].add(trial.seed)
        self._jobs = max(1, min(jobs, self._waiting.total()))
        self._running: dict[tuple[str, int], _Running] = {}
        self._done_by: dict[int, set[str]] = defaultdict(set)
        # By `_Running.first` and arm: seconds without shared work.
        self._own_seconds: list[dict[str, list[float]]] = [defaultdict(list) for _ in range(3)]
        # By `_Running.first`: seconds that no record covers.
        self._unrecorded_seconds: list[list[float]] = [[], [], []]
        self._shared: dict[str, list[float]] = defaultdict(list)
        self._projected: tuple[list[float], list[float]] = [], []

    def begin(self, trial: Trial, process: int, now: float) -> None:
        """Tells that a trial begins in a process, numbered at will."""
        work, done = trial.work, self._done_by[process]
        first = _READY if work in done else _TRACES if done else _STARTS
        pays = trial.seed in self._unpaid[work]
        self._running[trial.arm, trial.seed] = _Running(trial, now, first, pays)
        self._waiting[trial.arm, work] -= 1
        self._unpaid[work].discard(trial.seed)
        done.add(work)

    def end(self, record: Mapping[str, Any], now: float) -> None:
        """Tells that a trial has ended, with its record."""
        running = self._running.pop((record["arm"], record["seed"]), None)
        if running is None:
            return
        elapsed, seconds = now - running.began, record["seconds"]
        shared = float(seconds.get("generator", 0.0))
        # A loaded generator has the seconds of its training.
        if running.pays and shared <= elapsed:
            self._shared[running.trial.work].append(shared)
            elapsed -= shared
        recorded = seconds.get("training", 0.0) + seconds.get("evaluation", 0.0)
        # What another process had begun took longer than this one knows of.
        self._own_seconds[running.first][record["arm"]].append(max(elapsed, recorded))
        if recorded:
            self._unrecorded_seconds[running.first].append(max(0.0, elapsed - recorded))

    def project(self, shared: list[float], own: list[float]) -> None:
        """Sets the projected total seconds of what is being trained.

        Args:
            shared: Seconds of what a trial shares with others, in all of its parts.
            own: Seconds of each trial's other training, in all of its parts.
        """
        self._projected = shared, own

    @property
    def is_known(self) -> bool:
        """Whether it is known what a trial takes of its own; else `estimate` is the least."""
        # A training under way may be one of several that its trial consists of.
        return any(self._own_seconds)

    def setup_seconds(self, first: int) -> float:
        """Seconds of what a process has to do first, beyond a trial's own."""
        if first == _READY:
            return 0.0
        extra_seconds = [
            fmean(times) - own_seconds
            for arm, times in self._own_seconds[first].items()
            if (own_seconds := self._measured_seconds(arm, first)) is not None
        ]
        if extra_seconds:
            return max(0.0, median(extra_seconds))
        return min(self._unrecorded_seconds[first], default=0.0)

    def _measured_seconds(self, arm: str, limit: int) -> float | None:
        """Own seconds of an arm, from ended trials with less to do first than `limit`."""
        for first in range(limit):
            if arm in self._own_seconds[first]:
                return max(0.0, fmean(self._own_seconds[first][arm]) - self.setup_seconds(first))
        return None

    def estimate(self, now: float) -> float | None:
        """Seconds until all is done; None while nothing is known of any trial."""
        if not (self.is_known or any(self._projected)):
            return None
        own_of = functools.cache(self._own_of)
        once = [self.setup_seconds(first) for first in range(3)]
        default_shared = self._shared_if_unknown(now, own_of)

        def shared_of(work: str) -> float:
            times = self._shared.get(work)
            return fmean(times) if times else default_shared

        remaining = []
        for running in self._running.values():
            shared_seconds = shared_of(running.trial.work) if running.pays else 0.0
            expected = own_of(running.trial.arm) + once[running.first] + shared_seconds
            remaining.append(max(expected - (now - running.began), _OVERDUE * expected))
        total, longest = sum(remaining), max(remaining, default=0.0)
        unpaid = {work: len(seeds) for work, seeds in self._unpaid.items() if seeds}
        done = set().union(*self._done_by.values())
        for (arm, work), num_waiting in (+self._waiting).items():
            own_seconds, setup_seconds = own_of(arm), once[_READY if work in done else _TRACES]
            shared_seconds, num_unpaid = shared_of(work), unpaid.pop(work, 0)
            total += num_waiting * own_seconds + setup_seconds + num_unpaid * shared_seconds
            longest = max(longest, own_seconds + setup_seconds + shared_seconds * bool(num_unpaid))
            done.add(work)
        return max(total / self._jobs, longest)

    def _own_of(self, arm: str) -> float:
        """What a trial of an arm takes of its own; as others do where none has ended."""
        if (own_seconds := self._measured_seconds(arm, 3)) is not None:
            return own_seconds
        arms = dict.fromkeys(name for table in self._own_seconds for name in table)
        known_seconds = [
            seconds for name in arms if (seconds := self._measured_seconds(name, 3)) is not None
        ]
        return median([*known_seconds, *self._projected[1]] or [0.0])

    def _shared_if_unknown(self, now: float, own_of: Callable[[str], float]) -> float:
        """What is expected of work that is shared and that no trial has ended with."""
        means = [fmean(times) for times in self._shared.values()]
        if projected := self._projected[0]:
            typical = fmean(projected)
        else:
            # With nothing known: as long as a trial's own, which most generators take at least.
            typical = median(means) if means else own_of("")
        elapsed = (
            now - running.began - own_of(running.trial.arm)
            for running in self._running.values()
            if running.pays and not self._shared.get(running.trial.work)
        )
        return max(typical, *elapsed, 0.0)

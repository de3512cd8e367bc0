"""How long the trials take that are not done: by arm, what is shared and what is compiled apart.

A trial's time has three parts: what its record says of the generator, which only the first trial of
a seed pays for that shares it; what the process does once, such as importing TensorFlow and tracing
networks, which the first trial of some work pays in each process; and the trial's own. Each is
known from trials that have ended, of the same arm or else of others. Of what has not ended yet, its
trainings tell how far they are (`project`), and a trial that has taken longer than was expected
says that more is to come of its kind.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gan_mnist.study.trial import Trial

# Of what a trial was expected to take, what is left of one that has taken longer.
_OVERDUE = 0.1
Key = tuple[str, int]


@dataclass
class _Running:
    """A trial that has begun.

    Attributes:
        trial: Which.
        began: When, in seconds.
        is_new: Whether its process has done none of this work before.
        pays: Whether it is the first of its seed that does this work.
    """

    trial: Trial
    began: float
    is_new: bool
    pays: bool


class TimeLeft:
    """What is expected of the trials that are not done."""

    def __init__(self, trials: Iterable[Trial], jobs: int):
        """Expects `trials`, so many at a time."""
        self._waiting = {_key(trial): trial for trial in trials}
        self._jobs = max(1, min(jobs, len(self._waiting)))
        self._running: dict[Key, _Running] = {}
        self._done_by: dict[int, set[str]] = defaultdict(set)
        self._paid: set[tuple[int, str]] = set()
        self._own: dict[str, list[float]] = defaultdict(list)
        self._own_new: dict[str, list[float]] = defaultdict(list)
        self._shared: dict[str, list[float]] = defaultdict(list)
        self._projected: tuple[list[float], list[float]] = [], []

    def begin(self, trial: Trial, process: int, now: float) -> None:
        """Tells that a trial begins in a process, numbered at will."""
        work = _work(trial)
        is_new, pays = work not in self._done_by[process], (trial.seed, work) not in self._paid
        self._running[_key(trial)] = _Running(trial, now, is_new, pays)
        self._waiting.pop(_key(trial), None)
        self._done_by[process].add(work)
        self._paid.add((trial.seed, work))

    def end(self, record: Mapping[str, Any], now: float) -> None:
        """Tells that a trial has ended, with its record."""
        ended = self._running.pop((record["arm"], record["seed"]), None)
        if ended is None:
            return
        taken = now - ended.began
        shared = float(record["seconds"].get("generator", 0.0))
        pays = ended.pays and shared <= taken and ended.trial.settings.shared_work is not None
        if pays:
            self._shared[_work(ended.trial)].append(shared)
        own = self._own_new if ended.is_new else self._own
        own[record["arm"]].append(taken - pays * shared)

    def project(self, shared: list[float], own: list[float]) -> None:
        """Tells what trainings under way will have taken, by how far they are.

        Args:
            shared: Seconds of each that a trial shares with others.
            own: Of each of its own.
        """
        self._projected = shared, own

    @property
    def is_known(self) -> bool:
        """Whether it is known what a trial takes of its own; else `left` is the least."""
        return bool(self._own or self._own_new or self._projected[1])

    @property
    def compile_seconds(self) -> float:
        """What the first trial of some work in a process takes more than later ones."""
        more = [
            statistics.median(new) - statistics.median(self._own[arm])
            for arm, new in self._own_new.items()
            if arm in self._own
        ]
        return max(0.0, statistics.median(more)) if more else 0.0

    def left(self, now: float) -> float | None:
        """Seconds until all is done; None while nothing is known of any trial."""
        if not (self.is_known or self._projected[0]):
            return None
        unknown = self._shared_if_unknown(now)
        rests, paid = [], set(self._paid)
        for running in self._running.values():
            expected = self._expected(running.trial, running.pays, running.is_new, unknown)
            rest = expected - (now - running.began)
            rests.append(max(rest, _OVERDUE * expected))
        waiting = []
        for trial in self._waiting.values():
            pays = (trial.seed, _work(trial)) not in paid
            paid.add((trial.seed, _work(trial)))
            is_new = not any(_work(trial) in done for done in self._done_by.values())
            waiting.append(self._expected(trial, pays, is_new, unknown))
        return max([(sum(rests) + sum(waiting)) / self._jobs, *rests, *waiting], default=0.0)

    def _expected(self, trial: Trial, pays: bool, is_new: bool, unknown: float) -> float:
        own = self._own_of(trial.arm) + is_new * self.compile_seconds
        if not pays or trial.settings.shared_work is None:
            return own
        known = self._shared.get(_work(trial))
        return own + (statistics.fmean(known) if known else unknown)

    def _own_of(self, arm: str) -> float:
        if arm in self._own:
            return statistics.fmean(self._own[arm])
        if arm in self._own_new:
            return max(0.0, statistics.fmean(self._own_new[arm]) - self.compile_seconds)
        tables = (self._own, self._own_new)
        known = [statistics.fmean(times) for table in tables for times in table.values()]
        return statistics.median(known or self._projected[1] or [0.0])

    def _shared_if_unknown(self, now: float) -> float:
        """What is expected of work that is shared and that no trial has ended with."""
        if shared := self._projected[0]:
            return statistics.fmean(shared)
        known = [statistics.fmean(times) for times in self._shared.values()]
        # With nothing known: as long as a trial's own part, which most generators take at least.
        usual = statistics.median(known) if known else self._own_of("")
        longer = (
            now - running.began - self._own_of(running.trial.arm)
            for running in self._running.values()
            if running.pays and running.trial.settings.shared_work is not None
            if not self._shared.get(_work(running.trial))
        )
        return max(usual, *longer, 0.0)


def _key(trial: Trial) -> Key:
    return trial.arm, trial.seed


def _work(trial: Trial) -> str:
    return trial.settings.shared_work or trial.arm

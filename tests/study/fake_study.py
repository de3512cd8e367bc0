"""A study without TensorFlow: its numbers are plain functions of the settings and the seed.

A file `orders/ARM-SEED` in the work directory tells a trial to misbehave; the settings, and with
them the fingerprints, stay as they are, as when a machine and not the study is at fault.
"""

import errno
import json
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_mnist.errors import InputError, NotApplicable
from gan_mnist.files import write_rows
from gan_mnist.study.settings import Settings, setting
from gan_mnist.study.spec import Arm, Expectation, Metric, Plan, Preset, Study

DATASET = {
    "name": "fake",
    "source": "nowhere",
    "counts": {"a": {"train": 2, "test": 1}, "b": {"train": 3, "test": 1}},
    "sha256": "0123456789abcdef" * 4,
}


@dataclass(frozen=True)
class FakeSettings(Settings):
    scale: float = setting(1.0, "of all numbers", low=0, high=10)
    updates: int = setting(100, "updates", low=10, high=1000, multiple_of=10)
    classes: tuple[str, ...] = setting((), "class names")
    counts: tuple[int, ...] = setting((2, 3), "images a class", low=1)
    nap_seconds: float = setting(0.0, "sleep of a trial", location=True)
    bonus: float = setting(0.0, "what an arm adds")
    family: str = setting("", "trials of one family share work", choices=("", "x", "y"))


STUDY = Study(
    name="fake",
    question="Does a bonus help?",
    settings=FakeSettings(),
    arms=(
        Arm("none", {}, "nothing added", kind="control"),
        Arm("small", {"bonus": 0.1, "family": "x"}, "a little added", kind="generated"),
        Arm("large", {"bonus": 0.2, "family": "x"}, "more added", source="a paper"),
        Arm("all", {"bonus": 0.3}, "everything added", kind="oracle"),
    ),
    presets={
        "smoke": Preset(1, {"updates": 10}),
        "quick": Preset(3, {}),
        "paper": Preset(10, {"updates": 1000}),
    },
    control="none",
    oracle="all",
    metrics=(Metric("score", "score"), Metric("loss", "loss", higher_is_better=False)),
    expectations=(Expectation("all", "above", "none"),),
    run_trial="fake_study:run_trial",
    resolve=lambda settings, dataset: settings,
    shared_work=lambda settings: settings.family or None,
)


def run_trial(settings: FakeSettings, arm: str, seed: int, directory: Path) -> dict:
    """Adds a line to `calls.txt`, then does as it is told, which is to work unless told else."""
    workdir = directory.parents[2]
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS")
    with (workdir / "calls.txt").open("a") as file:
        file.write(f"{arm} {seed} {os.getpid()} {threads}\n")
    time.sleep(settings.nap_seconds)
    write_rows(directory / "curves.csv", [{"update": settings.updates, "seconds": 0.1, "loss": 1}])
    metrics = expected_metrics(settings.scale, settings.bonus, seed)
    order = workdir / "orders" / f"{arm}-{seed}"
    if order.exists():
        metrics |= _MISDEEDS[order.read_text()]() or {}
    seconds = {"training": settings.nap_seconds}
    return {"metrics": metrics, "seconds": seconds, "updates": settings.updates, "device": "none"}


def expected_metrics(scale: float, bonus: float, seed: int) -> dict[str, float]:
    noise = float(np.random.default_rng(seed).normal(scale=0.1))
    return {"score": scale * (noise + bonus * (1 + seed / 10)), "loss": -noise}


def _raise(error: BaseException) -> None:
    raise error


def _leave_no_room() -> None:
    """No file of this process can grow any more, so its record will not fit."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))


_MISDEEDS = {
    "raise": lambda: _raise(RuntimeError("the first line\nthe second line")),
    "not a number": lambda: {"score": float("nan")},
    "infinite": lambda: {"loss": float("inf")},
    "die": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(3),
    "leave": lambda: _raise(SystemExit("left")),
    "refuse": lambda: _raise(InputError("--data_dir: 'x.png' is not an image")),
    "decline": lambda: _raise(NotApplicable("too few images")),
    "foreign file": lambda: _raise(OSError("h5: file signature not found")),
    "missing file": lambda: Path("/nowhere/at/all").read_text(),
    "find the disk full": lambda: _raise(OSError(errno.ENOSPC, "No space left on device", "x")),
    "leave no room": _leave_no_room,
    "complain": lambda: print("a complaint", file=sys.stderr, flush=True),
    "hang": lambda: time.sleep(1000),
}


def make_plan(workdir: Path, seeds: int = 2, arms: list[str] | None = None, **changes) -> Plan:
    return Plan(
        study=STUDY,
        preset="quick",
        settings=FakeSettings(**changes),
        arms=STUDY.select(arms),
        seeds=tuple(range(seeds)),
        dataset=DATASET,
        workdir=workdir,
    )


def order(workdir: Path, arm: str, seed: int, misdeed: str | None) -> None:
    """Tells a trial to misbehave, or no longer."""
    path = workdir / "orders" / f"{arm}-{seed}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if misdeed is None:
        path.unlink()
    else:
        path.write_text(misdeed)


def calls(workdir: Path) -> list[list[str]]:
    """Arm, seed, process and thread number of every call of `run_trial` so far."""
    path = workdir / "calls.txt"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def _without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [_without_seconds(v) for v in value] if isinstance(value, list) else value


def summary(workdir: Path) -> dict:
    """The summary of a run without what differs between two of them."""
    return _without_seconds(json.loads((workdir / "summary.json").read_text()))

"""A trial: its numbers are plain functions of the settings and the seed."""

import errno
import os
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np

from gan_mnist.errors import InputError, NotApplicable
from gan_mnist.files import write_rows
from gan_mnist.study.trial import Outcome, Trial

from .study import FakeSettings

# Names the file of calls where trials have not the directory of the run.
CALLS = "GAN_MNIST_FAKE_CALLS"


def run_trial(trial: Trial[FakeSettings]) -> Outcome:
    """Adds a line to `calls.txt`, then does as it is told, which is to work unless told else."""
    settings, arm, seed, workdir = trial.settings, trial.arm, trial.seed, trial.workdir
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS")
    with Path(os.environ.get(CALLS, workdir / "calls.txt")).open("a") as file:
        file.write(f"{arm} {seed} {os.getpid()} {threads} {workdir}\n")
    time.sleep(settings.nap_seconds)
    row = {"update": settings.updates, "seconds": 0.1, "loss": 1}
    write_rows(trial.directory / "curves.csv", [row])
    metrics = expected_metrics(settings.scale, settings.bonus, seed)
    order = workdir / "orders" / f"{arm}-{seed}"
    if order.exists():
        metrics |= _MISDEEDS[order.read_text()]() or {}
    seconds = {"training": settings.nap_seconds}
    return Outcome(metrics, seconds, settings.updates, "none")


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
    "read what it may not": lambda: _raise(PermissionError(errno.EACCES, "No", "/root/x.png")),
    "find the disk full": lambda: _raise(OSError(errno.ENOSPC, "No space left on device", "x")),
    "find it full in words": lambda: _raise(
        ArithmeticError(f"part-0; {os.strerror(28)} [Op:Save]")
    ),
    "leave no room": _leave_no_room,
    "complain": lambda: print("a complaint", file=sys.stderr, flush=True),
    "hang": lambda: time.sleep(1000),
}

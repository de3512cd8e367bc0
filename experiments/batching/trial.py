"""One trial of the batching study: the same images seen, in batches of the arm's size."""

import re
import resource
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gan_mnist.models.classifiers import build_digit_cnn
from gan_mnist.study.run import WORKERS_LOG
from gan_mnist.study.workers import LocalWorker
from gan_mnist.trials import ClassifierTrial

from .study import BatchingSettings, schedule


def run_trial(settings: BatchingSettings, arm: str, seed: int, directory: Path) -> dict[str, Any]:
    """Runs one arm with one seed; see `imbalance` for the contract.

    A process keeps the memory that an earlier trial took, and reading the data set takes more than
    it leaves. So the data is read here, and a process of its own trains.

    Raises:
        RuntimeError: If that process is killed, for want of memory perhaps.
    """
    trial = ClassifierTrial("batching", settings, arm, seed, directory)
    worker = LocalWorker(trial.workdir / WORKERS_LOG)
    try:
        return worker.submit(train, trial, settings).result()
    except BrokenProcessPool as error:
        raise RuntimeError("the process that trained was killed; was memory short?") from error
    finally:
        worker.stop()


def train(trial: ClassifierTrial, settings: BatchingSettings) -> dict[str, Any]:
    """Trains, judges and keeps; in a fresh process, if its `peak_memory_mb` is to mean anything."""
    keras.config.set_dtype_policy(settings.precision)
    allotment = trial.allot(settings.counts)
    updates, batch_size = schedule(settings, len(allotment.train))
    columns = (allotment.train.images, allotment.train.labels)
    before = peak_memory_mb()
    model = trial.train(
        trial.recipe(build_digit_cnn, updates=updates),
        trial.batches((columns, batch_size)),
        allotment.validation,
    )
    measured = {
        "images_seen": float(updates * batch_size),
        "images_per_second": updates * batch_size / trial.seconds["training"],
        "peak_memory_mb": peak_memory_mb() - before,
    }
    metrics, probabilities = trial.examine(model)
    metrics |= {"loss": cross_entropy(trial.test.labels, probabilities)} | measured
    trial.keep(model, probabilities, metrics)
    return trial.record(metrics) | {"updates": updates}


def cross_entropy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean of -ln p of the true class, in nats; a p that underflowed is the smallest float32.

    Args:
        labels: int (n,) in 0..k-1.
        probabilities: float32 (n, k), rows sum to 1.
    """
    of_truth = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(of_truth, np.finfo(np.float32).tiny)).mean())


def peak_memory_mb() -> float:
    """The most resident memory that this process ever had, in units of 2**20 bytes.

    Linux lets a child begin with the peak of its parent in `getrusage`, not so in `VmHWM`.
    """
    status = Path("/proc/self/status")
    peak = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    if peak:
        return int(peak[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (
        20 if sys.platform == "darwin" else 10
    )

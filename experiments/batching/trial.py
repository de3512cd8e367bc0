"""One trial of the batching study: the same images seen, in batches of the arm's size."""

import contextlib
import dataclasses
from concurrent.futures.process import BrokenProcessPool

import numpy as np

from gan_mnist.data.subsets import Allotment, Subset
from gan_mnist.study.run import WORKERS_LOG
from gan_mnist.study.trial import Outcome, Trial
from gan_mnist.study.workers import ENGINES, peak_memory_mib
from gan_mnist.trials import ClassifierSteps

from .study import BatchingSettings


def run_trial(trial: Trial[BatchingSettings]) -> Outcome:
    """Trains and evaluates one classifier, in a process of its own.

    A process keeps the memory that an earlier trial took, and reading the data set takes more than
    it leaves. So the data is read here, and a fresh process trains.

    Raises:
        RuntimeError: If that process is killed, for want of memory perhaps.
    """
    allotment, test = (steps := ClassifierSteps(trial)).allot(trial.settings.counts), steps.test
    worker = ENGINES["local"](trial.workdir / WORKERS_LOG)
    try:
        # Without the data set, which this process has read.
        return worker.submit(train, dataclasses.replace(trial), allotment, test).result()
    except BrokenProcessPool as error:
        raise RuntimeError("the process that trained was killed; was memory short?") from error
    finally:
        worker.stop()


def train(trial: Trial[BatchingSettings], images: Allotment, test: Subset) -> Outcome:
    """Trains, evaluates and saves; `peak_memory_mb` is valid in a fresh process only."""
    steps = ClassifierSteps(trial)
    steps.test = test
    updates, batch_size = trial.settings.schedule(len(images.train))
    columns = (images.train.images, images.train.labels)
    _forget_peak()
    baseline_mib = peak_memory_mib()
    model = steps.train(
        steps.recipe(updates=updates),
        steps.batches((columns, batch_size)),
        images.validation,
    )
    cost_metrics = {
        "images_seen": float(updates * batch_size),
        "images_per_second": updates * batch_size / steps.seconds["training"],
        "peak_memory_mb": peak_memory_mib() - baseline_mib,
    }
    metrics, probabilities = steps.evaluate(model)
    metrics |= {"loss": cross_entropy(test.labels, probabilities)} | cost_metrics
    steps.save_and_export(model, probabilities, metrics)
    return steps.outcome(metrics, updates)


def cross_entropy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean of -ln p of the true class, in nats; a p that underflowed is the smallest float32.

    Args:
        labels: int (n,) in 0..k-1.
        probabilities: float32 (n, k), rows sum to 1.
    """
    true_class_probabilities = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(true_class_probabilities, np.finfo(np.float32).tiny)).mean())


def _forget_peak() -> None:
    """Resets the peak of memory: receiving the images has taken more than it left.

    Where the system cannot do so, the peak stays.
    """
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")

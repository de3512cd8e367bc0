"""Prints as JSON where the seconds of a study go that one thread runs in one process.

python tests/benchmarks/where_seconds.py MNIST_DIR WORKDIR SEEDS
"""

import collections
import contextlib
import functools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

SETTINGS = {"classes": tuple("0123456789"), "counts": (0,), "starve": ("1:20",)}
ARMS = ("none", "class_weight", "duplicate", "oracle")

spent: dict[str, float] = collections.Counter()
stack: list[list] = []


@contextlib.contextmanager
def part(name: str) -> Iterator[None]:
    """Adds to `name` the processor's seconds of what is done within, but for other parts in it."""
    stack.append([name, 0.0])
    began = time.process_time()
    yield
    taken = time.process_time() - began
    spent[name] += taken - stack.pop()[1]
    if stack:
        stack[-1][1] += taken


def measure(owner: Any, name: str, as_part: str) -> None:
    function = getattr(owner, name)

    @functools.wraps(function)
    def measured(*args: Any, **options: Any) -> Any:
        with part(as_part):
            return function(*args, **options)

    setattr(owner, name, measured)


def measure_training(model_class: Any) -> None:
    """The first call of a network's train function traces it."""
    make = model_class.make_train_function

    def made(model: Any, force: bool = False) -> Any:
        before = model.train_function
        make(model, force)
        if before is None:
            function, calls = model.train_function, []

            def timed(iterator: Any) -> Any:
                with part("train" if calls else "trace"):
                    calls.append(None)
                    return function(iterator)

            model.train_function = timed

    model_class.make_train_function = made


def seconds_of_input(batches: Callable[[], Any], updates: int) -> float:
    import tensorflow as tf

    @tf.function
    def consume(iterator: Any) -> None:
        for _ in tf.range(updates):
            next(iterator)

    consume(iter(batches()))
    began = time.process_time()
    consume(iter(batches()))
    return time.process_time() - began


def main(data_dir: str, workdir: str, seeds: str) -> None:
    from gan_mnist.study.workers import ONE_THREAD

    os.environ.update(ONE_THREAD)
    with part("import"):
        import keras
        from gan_mnist.experiments.imbalance import trial as _  # noqa: F401

        from gan_mnist import experiments
        from gan_mnist.commands import running
        from gan_mnist.data.pipelines import training_batches
        from gan_mnist.report import boards, page  # noqa: F401
        from gan_mnist.study import continuation, records, run, scheduler  # noqa: F401
        from gan_mnist.study.answer import summary  # noqa: F401
        from gan_mnist.training.loop import ReusableModel
        from gan_mnist.trials import steps
    with part("read"):
        plan = experiments.make_plan(
            "imbalance", dataset="mnist", data_dir=data_dir, workdir=workdir, seeds=int(seeds),
            arms=ARMS, settings=SETTINGS, export_dir="",
        )  # fmt: skip
        dataset = plan.trials()[0].dataset
    measure_training(keras.Model)
    measure(ReusableModel, "__init__", "build")
    measure(ReusableModel, "fresh", "build")
    measure(steps, "mixed_batches", "input")
    measure(keras.Model, "evaluate", "judge")
    measure(steps.ClassifierSteps, "evaluate", "judge")
    for trial in plan.trials():
        with part("record"):
            assert scheduler.complete(trial)["status"] == "done"
    with part("report"):
        running.write_summary_and_report(plan, "")
    images, labels = dataset.train.images, dataset.train.labels
    trials, updates = len(plan.trials()), plan.settings.updates
    batches = functools.partial(training_batches, (images, labels, labels), 64, None, 0, 0)
    waited = trials * seconds_of_input(batches, updates)
    spent["input"] += waited
    spent["train"] -= waited
    told = {name: round(value, 2) for name, value in spent.items()}
    print(json.dumps({"trials": trials, "seconds": told}))


if __name__ == "__main__":
    main(*sys.argv[1:])

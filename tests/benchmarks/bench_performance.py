"""This project beside what one would write instead, into docs/performance.json: `make benchmark`.

What is compared takes turns, so that both see the same load. Seconds of trainings are the
processor's, of processes with one thread; of whole studies both these and the clock's are kept.
"""

import functools
import importlib
import importlib.metadata
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from gan_mnist.data.datasets import load_dataset
from gan_mnist.files import read_json, write_json
from gan_mnist.study.description import versions
from gan_mnist.study.workers import LocalWorker

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "docs" / "performance.json"
MNIST = Path(os.environ.get("MNIST_DIR", ROOT / "data" / "mnist"))
FLOAT32, BFLOAT16 = PRECISIONS = ("float32", "mixed_bfloat16")
ROUNDS, STUDY_ROUNDS, SEEDS = 5, 1, 6
# What is trained, the rivals, and the arguments of all: updates first.
TRAININGS = {
    "SmallCNN": ("classifier", ("bare_classifier", "torch"), (1000,)),
    "dense GAN": ("gan", ("bare_gan", "torch", "fed_gan"), (1000, "mlp", 64)),
    "convolutional GAN": ("gan", ("bare_gan", "torch"), (10, "dcgan", 16)),
    "denoiser, width 32": ("denoiser", ("torch",), (50, 32, 32)),
    "denoiser, width 128": ("denoiser", ("torch",), (10, 128, 16)),
}


@functools.cache
def prepared(module: str, name: str, args: tuple, precision: str):
    """In a worker: the training, and the number of its parameters."""
    digits = load_dataset("mnist_sample").train
    images, labels = np.asarray(digits.images), np.asarray(digits.labels, np.int32)
    keras.config.set_dtype_policy(precision)
    updates, *sizes = args
    if name == "fed_gan":
        sizes = sizes[1:]
    if module == "in_pytorch":
        importlib.import_module("torch").set_num_threads(1)
        sizes = [precision, *sizes]
    return getattr(importlib.import_module(module), name)(images, labels, updates, *sizes)


def seconds(*of: object) -> tuple[int, float]:
    """In a worker: parameters, and the processor's seconds of one more training."""
    parameters, train = prepared(*of)
    began = time.process_time()
    train()
    return parameters, time.process_time() - began


def keep(told: dict) -> None:
    """Puts rows into the records, in place of those that were measured before."""
    known = read_json(RECORDS) or {"rows": {}}
    model = next(x for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x)
    about = {"processor": model.partition(": ")[2], "versions": versions()}
    about["versions"]["torch"] = importlib.metadata.version("torch")
    write_json(RECORDS, {**known, **about, "rows": {**known["rows"], **told}})


@pytest.fixture
def mnist() -> Path:
    if not MNIST.exists():
        pytest.skip(f"no MNIST in {MNIST}; MNIST_DIR tells another place")
    return MNIST


@pytest.fixture(autouse=True)
def has_pytorch() -> None:
    pytest.importorskip("torch")


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("what", TRAININGS)
def test_training(what: str, precision: str) -> None:
    ours, rivals, args = TRAININGS[what]
    sides = {"ours": ("in_tensorflow", ours)} | {
        rival: ("in_pytorch", ours) if rival == "torch" else ("in_tensorflow", rival)
        for rival in rivals
        if precision == FLOAT32 or rival != "fed_gan"
    }
    workers = {side: LocalWorker(Path(os.devnull)) for side in sides}
    taken: dict[str, list[float]] = {side: [] for side in sides}
    try:
        # One that is not counted: it traces.
        for turn in range(1 + ROUNDS):
            parameters = set()
            for side, (module, name) in sides.items():
                asked = workers[side].submit(seconds, module, name, args, precision)
                number, second = asked.result()
                parameters.add(number)
                taken[side] += [round(second, 3)] * (turn > 0)
            assert len(parameters) == 1
    finally:
        for worker in workers.values():
            worker.stop()
    row = {"what": what, "precision": precision, "updates": args[0], "seconds": taken}
    keep({f"{what}, {precision}": row})
    for rival in taken.keys() - {"ours"}:
        print(what, precision, rival, np.median(np.divide(taken[rival], taken["ours"])))


def timed(command: list) -> tuple[float, float]:
    """Seconds of a command by the clock, and the processor's of all its processes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    quiet = subprocess.DEVNULL
    subprocess.run(list(map(str, command)), check=True, stdout=quiet, stderr=quiet, cwd=ROOT)
    clock, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("precision", PRECISIONS)
def test_study(precision: str, mnist: Path, tmp_path: Path) -> None:
    python, script = sys.executable, Path(__file__).with_name("in_pytorch.py")
    taken: dict[str, list[float]] = {}
    accuracies = {}
    worker = LocalWorker(Path(os.devnull))
    asked = "in_tensorflow", "bare_classifier", (1000,), precision
    for turn in range(STUDY_ROUNDS):
        places = {side: tmp_path / f"{side}-{turn}" for side in ("ours", "torch")}
        commands = {
            "ours": [
                *(python, "-m", "gan_mnist.main", "--experiment=imbalance", "--dataset=mnist"),
                *(f"--data_dir={mnist}", "--set", "classes=0,1,2,3,4,5,6,7,8,9", "--set"),
                *("counts=all", "--set", "starve=1:20", f"--seeds={SEEDS}", "--export_dir="),
                *("--arms=none,class_weight,duplicate,oracle", f"--precision={precision}"),
                *("--jobs=2", f"--workdir={places['ours']}"),
            ],
            "torch": [python, script, mnist, places["torch"], "--seeds", SEEDS]
            + ["--precision", precision],
        }
        for side, command in commands.items():
            clock, processor = timed(command)
            taken.setdefault(side, []).append(round(processor, 3))
            taken.setdefault(f"{side} (clock)", []).append(round(clock, 3))
            lines = (places[side] / "records.jsonl").read_text().splitlines()
            records = list(map(json.loads, lines))
            found = [r.get("metrics", r) for r in records if r["arm"] == "oracle"]
            accuracies[side] = float(np.mean([r["accuracy"] for r in found]))
            assert len(records) == 4 * SEEDS
        # The first call traces.
        bare = [worker.submit(seconds, *asked).result()[1] for _ in range(2)][1]
        taken.setdefault("bare_classifier", []).append(round(4 * SEEDS * bare, 3))
    worker.stop()
    row = {
        "what": f"study of 4 arms and {SEEDS} seeds",
        "precision": precision,
        "seconds": taken,
        "accuracy": accuracies,
    }
    keep({f"study, {precision}": row})
    print(row)
    assert abs(accuracies["ours"] - accuracies["torch"]) < 0.005


def test_where_the_seconds_go(mnist: Path, tmp_path: Path) -> None:
    script = Path(__file__).with_name("where_seconds.py")
    command = [sys.executable, script, mnist, tmp_path / "run", "2"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    where = json.loads(told.splitlines()[-1])
    write_json(RECORDS, {**(read_json(RECORDS) or {"rows": {}}), "where": where})
    print(where)
    assert min(where["seconds"].values()) > 0

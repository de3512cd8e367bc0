"""Which trial is trained on which GPU, on machines that are told to have some."""

import json
from concurrent.futures.process import BrokenProcessPool

import coin
import pytest

import gan_mnist
from gan_mnist.errors import InputError
from gan_mnist.experiments import load, make_plan
from gan_mnist.generators.names import GENERATORS
from gan_mnist.settings import ClassifierSettings
from gan_mnist.study import devices, workers
from gan_mnist.study.settings import with_changes
from gan_mnist.study.workers import LocalWorker

SMI = """#!/bin/sh
[ "$1 $2" = "--query-gpu=uuid --format=csv,noheader" ] || exit 9
{}
"""
# A coin whose trials tell on which GPU they are, and leave their process once.
TRIAL = """
import os
import time

from gan_mnist.study.trial import Outcome


def run_trial(trial):
    told = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    if trial.arm == "bent" and trial.seed == 0:
        os._exit(1)
    time.sleep(0.5)
    return Outcome({"heads": 0.5}, device=told)
"""


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """`machine(script, gpus)`: what nvidia-smi does, and how many GPUs TensorFlow finds."""

    def has(script, gpus):
        place = tmp_path / "bin"
        place.mkdir(exist_ok=True)
        (place / "nvidia-smi").write_text(SMI.format(script))
        (place / "nvidia-smi").chmod(0o755)
        monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        found = {devices.NUM_GPUS: gpus, devices.NUM_DEVICES: max(1, gpus)}
        monkeypatch.setattr(workers, "call_in_process", lambda name: found[name])

    yield has
    workers.share_out([])


@pytest.fixture
def folder(directory, tmp_path):
    with coin.forgotten():
        yield coin.write(tmp_path / "elsewhere" / "coin_on_gpus", trial=TRIAL)


TWO = "echo GPU-a; echo GPU-b"


def test_a_tensorflow_that_dies_when_it_is_asked_is_told_in_a_line(machine, monkeypatch):
    machine(TWO, 2)

    def died(name):
        raise BrokenProcessPool("it was killed")

    monkeypatch.setattr(workers, "call_in_process", died)
    with pytest.raises(InputError, match=r"cannot tell its devices: BrokenProcessPool: it was"):
        devices.usable_gpus()


@pytest.mark.parametrize(
    ("script", "gpus", "expected"),
    [
        (TWO, 2, ["GPU-a", "GPU-b"]),
        (TWO, 0, []),  # TensorFlow without CUDA
        (TWO, 1, ["GPU-a"]),
        ("echo 'NVIDIA-SMI has failed'; exit 6", 0, []),
        ("exit 0", 0, []),
    ],
)
def test_gpus_are_those_of_the_driver_that_tensorflow_uses(machine, script, gpus, expected):
    machine(script, gpus)
    assert devices.usable_gpus() == expected


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("0,1", ["0", "1"]),
        (" GPU-b , GPU-c", ["GPU-b", "GPU-c"]),
        ("3", ["3"]),
        ("", []),
        ("-1", []),
        ("1,-1,0", ["1"]),
    ],
)
def test_gpus_are_those_that_the_caller_leaves(machine, monkeypatch, named, expected):
    machine(TWO, 8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert devices.usable_gpus() == expected


def test_without_a_driver_there_are_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert devices.usable_gpus() == []


def gpu_of(worker):
    return worker.submit(eval, "__import__('os').environ.get('CUDA_VISIBLE_DEVICES')").result()


@pytest.mark.slow
def test_each_process_has_the_gpu_that_fewest_have(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,6,7")
    workers.share_out(["5", "7"])
    begun = [LocalWorker(tmp_path / "log") for _ in range(3)]
    try:
        assert [gpu_of(worker) for worker in begun] == ["5", "7", "5"]
        begun[1].stop()
        begun[1] = LocalWorker(tmp_path / "log")
        assert gpu_of(begun[1]) == "7"
        # Whoever asks how many there are sees them all, whatever ran before.
        assert workers.call_in_process("os:getenv", "CUDA_VISIBLE_DEVICES") == "5,6,7"
        workers.share_out([])
        begun.append(LocalWorker(tmp_path / "log"))
        assert gpu_of(begun[-1]) == "5,6,7"
    finally:
        workers.share_out([])
        for worker in begun:
            worker.stop()


def on_gpus(directory):
    paths = sorted((directory / "run").rglob("record.json"))
    return {(r["arm"], r["seed"]): r["device"] for r in (json.loads(p.read_text()) for p in paths)}


@pytest.mark.slow
def test_a_run_has_a_trial_a_gpu_and_goes_on_where_one_dies(folder, directory, machine):
    machine(TWO, 2)
    summary = gan_mnist.run(folder, preset="smoke", seeds=4, export_dir="", workdir="run")
    assert [(failed["arm"], failed["seed"]) for failed in summary["failed"]] == [("bent", 0)]
    told = on_gpus(directory)
    assert told.pop(("bent", 0)) == ""  # It died.
    assert set(told.values()) == {"GPU-a", "GPU-b"}


@pytest.mark.slow
def test_mirrored_each_trial_has_all_gpus(folder, directory, machine, monkeypatch):
    machine(TWO, 2)
    plan = make_plan(folder, preset="smoke", strategy="mirrored")
    assert devices.share_gpus(plan, "local", None) == 1
    assert devices.share_gpus(plan, "local", 3) == 3
    gan_mnist.run(
        folder, preset="smoke", seeds=2, export_dir="", workdir="run", strategy="mirrored"
    )
    assert set(on_gpus(directory).values()) == {"all", ""}
    settings = json.loads((directory / "run" / "study.json").read_text())["settings"]
    assert settings["strategy"] == "mirrored"
    with pytest.raises(InputError, match="strategy: mirrored -> none"):
        gan_mnist.run(folder, preset="smoke", seeds=2, export_dir="", workdir="run")


@pytest.mark.parametrize(("gpus", "jobs"), [(2, 2), (0, None)])
def test_trials_at_a_time_are_as_many_as_gpus(folder, machine, gpus, jobs):
    machine(TWO, gpus)
    plan = make_plan(folder, preset="smoke")
    assert devices.share_gpus(plan, "local", None) == jobs
    assert devices.share_gpus(plan, "local", 7) == 7
    assert devices.share_gpus(plan, "ray", None) is None


def test_ray_shows_trials_no_gpu(folder, machine):
    machine(TWO, 2)
    plan = make_plan(folder, preset="smoke", strategy="mirrored")
    with pytest.raises(InputError, match=r"^--strategy: mirrored .*--engine=ray.*accepted: "):
        devices.share_gpus(plan, "ray", None)


@pytest.mark.parametrize("asked", ["Mirrored", "", "all", None, 2])
def test_another_strategy_is_refused(folder, directory, asked):
    with pytest.raises(InputError, match=r"^--strategy: .*accepted: none, mirrored"):
        make_plan(folder, preset="smoke", strategy=asked)
    assert list(directory.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "arms", "told"),
    [
        ("imbalance", ["bagan"], "generator=bagan"),
        ("imbalance", ["warp_gan"], "generator=warp_gan"),
        ("denoising", None, "adversary=vanilla"),
        ("mixing", None, "fresh=true"),
        ("few_labels", ["fixmatch"], "unlabelled=fixmatch"),
    ],
)
def test_what_cannot_be_divided_is_refused(directory, machine, experiment, arms, told):
    machine(TWO, 2)
    with pytest.raises(InputError, match=f"^--strategy: mirrored .* {told} .*accepted: none"):
        make_plan(experiment, preset="smoke", arms=arms, strategy="mirrored")
    assert list(directory.iterdir()) == []


def test_of_generators_some_can_be_divided_and_others_not():
    settings = load("imbalance").settings

    def single_device_only(**changes):
        return with_changes(settings, changes, "").single_device_only

    divided = {"none", *(name for name in GENERATORS if not single_device_only(generator=name))}
    untrained = {name for name, row in GENERATORS.items() if not row.trains}
    assert divided == {"none", "cgan", "r3gan", "dagan", *untrained}
    assert (
        single_device_only(generator="cgan", most_generator_steps=2)
        == "most_generator_steps above 1"
    )
    # Others have one step, whatever the setting says.
    for name in ("none", "r3gan", "dagan"):
        assert not single_device_only(generator=name, most_generator_steps=2)
    assert single_device_only(generator="cgan", classifier="applications:VGG16").startswith(
        "classifier="
    )
    assert not ClassifierSettings().single_device_only


@pytest.mark.parametrize(
    ("changes", "told"),
    [({}, "batch_size: 64"), ({"batch_size": 33}, "gan_batch_size: 64")],
)
def test_batches_that_cannot_be_divided_are_refused(directory, machine, changes, told):
    machine(TWO, 3)
    with pytest.raises(InputError, match=f"^setting {told} .*3 devices; accepted: a multiple of 3"):
        make_plan("imbalance", preset="smoke", arms=["cgan"], strategy="mirrored", settings=changes)
    assert list(directory.iterdir()) == []

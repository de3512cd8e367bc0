"""Trials run in real worker processes; what befalls one of them is recorded, and stays with it."""

import itertools
import json
import os
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest
from fake_study import STUDY, calls, expected_metrics, make_plan, order
from fake_worker import AtOnce

from gan_mnist.errors import StorageError
from gan_mnist.study import scheduler
from gan_mnist.study.scheduler import next_task, run_trials, tasks_of
from gan_mnist.study.spec import Arm
from gan_mnist.study.workers import ENGINES


def run(plan, jobs=2):
    """Runs `plan`; returns the new records by arm and seed, in the order in which they came."""
    told = []
    plan.workdir.mkdir(parents=True, exist_ok=True)
    run_trials(plan.trials(), jobs, "local", plan.workdir / "workers.log", told.append)
    return {(record["arm"], record["seed"]): record for record in told}


def on_disk(plan):
    found = [json.loads(p.read_text()) for p in plan.workdir.glob("trials/*/*/record.json")]
    return {(record["arm"], record["seed"]): record for record in found}


def plain(records):
    """Without what differs between two runs: the order, seconds and memory."""
    differs = ("seconds", "memory_mib")
    return {key: {k: v for k, v in r.items() if k not in differs} for key, r in records.items()}


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_the_number_of_jobs_changes_nothing_but_the_time(tmp_path, jobs):
    plan = make_plan(tmp_path, seeds=2)
    told = run(plan, jobs)
    assert told == on_disk(plan)
    assert {key: record["metrics"] for key, record in told.items()} == {
        (arm.name, seed): expected_metrics(1.0, arm.changes.get("bonus", 0.0), seed)
        for arm in STUDY.arms
        for seed in range(2)
    }
    processes = {call[2] for call in calls(tmp_path)}
    assert 1 <= len(processes) <= jobs
    assert str(os.getpid()) not in processes


@pytest.mark.slow
def test_two_jobs_use_two_processes_of_one_thread(tmp_path):
    run(make_plan(tmp_path, seeds=2, nap_seconds=0.2), jobs=2)
    _, _, processes, threads, _ = zip(*calls(tmp_path), strict=True)
    assert len(set(processes)) == 2
    assert set(threads) == {"1"}


@pytest.mark.slow
def test_trials_that_share_work_run_one_after_the_other_in_one_process(tmp_path):
    run(make_plan(tmp_path, seeds=3, nap_seconds=0.05), jobs=2)
    process = {(arm, seed): process for arm, seed, process, *_ in calls(tmp_path)}
    for seed in "012":
        assert process["small", seed] == process["large", seed]
    in_process = [call[:2] for call in calls(tmp_path) if call[2] == process["small", "1"]]
    assert in_process.index(["large", "1"]) == in_process.index(["small", "1"]) + 1


def test_tasks_are_seed_major_with_the_long_ones_first(tmp_path):
    tasks = tasks_of(make_plan(tmp_path, seeds=2).trials())
    names = [[(trial.arm, trial.seed) for trial in task] for task in tasks]
    assert names == [
        [("small", 0), ("large", 0)],
        [("none", 0)],
        [("all", 0)],
        [("small", 1), ("large", 1)],
        [("none", 1)],
        [("all", 1)],
    ]


def test_a_process_goes_on_with_the_work_it_knows_but_not_with_a_later_seed(tmp_path):
    pending = tasks_of(make_plan(tmp_path, seeds=2).trials())
    taken = [next_task(pending, {"all"}) for _ in range(len(pending))]
    assert [(task[0].arm, task[0].seed) for task in taken] == [
        ("all", 0),
        ("small", 0),
        ("none", 0),
        ("all", 1),
        ("small", 1),
        ("none", 1),
    ]


def test_a_process_goes_on_with_shared_work(tmp_path):
    families = tuple(Arm(name, {"family": name[0]}, "") for name in ("x1", "x2", "y1", "y2"))
    pending = tasks_of(replace(make_plan(tmp_path, seeds=1), arms=families).trials())
    assert [trial.arm for trial in next_task(pending, {"y"})] == ["y1", "y2"]
    assert [trial.arm for trial in next_task(pending, {"y"})] == ["x1", "x2"]


def test_processes_keep_their_arms_over_the_seeds(tmp_path, monkeypatch):
    workers = []

    def start(log):
        workers.append(AtOnce(log))
        return workers[-1]

    monkeypatch.setitem(ENGINES, "at once", start)
    plan = make_plan(tmp_path, seeds=12, arms=["all"])
    run_trials(plan.trials(), 2, "at once", tmp_path / "workers.log", lambda record: None)
    assert sorted(map(sorted, (worker.arms for worker in workers))) == [["all"], ["none"]]


def test_waiting_is_told_once_a_second_however_many_trials_end(tmp_path, monkeypatch):
    monkeypatch.setitem(ENGINES, "at once", AtOnce)
    clock = itertools.count(0.0, 0.25)
    monkeypatch.setattr(scheduler, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    trials, waits = make_plan(tmp_path, seeds=12, arms=["all"]).trials(), []
    run_trials(
        *(trials, 1, "at once", tmp_path / "log", lambda record: None),
        on_wait=lambda: waits.append(None),
    )
    assert 1 < len(waits) < len(trials) / 2


@pytest.mark.slow
def test_who_has_nothing_to_do_takes_half_of_what_shares_work(tmp_path):
    family = tuple(Arm(f"arm{i}", {"family": "x", "bonus": i / 10}, "") for i in range(7))
    plan = replace(make_plan(tmp_path, seeds=1, nap_seconds=0.3), arms=family)
    told = run(plan, jobs=2)
    assert told == on_disk(plan)
    assert set(told) == {(arm.name, 0) for arm in family}
    arms, _, processes, *_ = zip(*calls(tmp_path), strict=True)
    assert len(arms) == len(set(arms))
    assert len(set(processes)) == 2


@pytest.mark.slow
def test_only_what_is_missing_runs(tmp_path):
    run(make_plan(tmp_path, seeds=1, arms=["small"]))
    wider = make_plan(tmp_path, seeds=2, arms=["small", "all"])
    assert set(run(wider)) == {("all", 0), ("none", 1), ("small", 1), ("all", 1)}
    assert len(calls(tmp_path)) == 6
    assert run(wider) == {}
    assert len(calls(tmp_path)) == 6


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What trials of two seeds tell to which nothing happens."""
    return plain(run(make_plan(tmp_path_factory.mktemp("undisturbed"), seeds=2)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("misdeed", "reason"),
    [
        ("die", "killed"),
        ("exit", ""),
        ("raise", "RuntimeError: the first line"),
        ("leave", "left"),
        ("not a number", "score"),
    ],
)
def test_one_trial_fails_and_the_others_go_on(tmp_path, undisturbed, misdeed, reason):
    plan = make_plan(tmp_path, seeds=2)
    order(tmp_path, "small", 0, misdeed)  # the first of two that share work
    told = run(plan)
    assert told == on_disk(plan)
    assert len(told) == 8
    failed = told.pop(("small", 0))
    assert failed["status"] == "failed"
    assert reason in failed["error"]
    assert failed["error"]
    assert {record["status"] for record in told.values()} == {"done"}

    order(tmp_path, "small", 0, None)
    assert set(run(plan)) == {("small", 0)}
    assert plain(on_disk(plan)) == undisturbed


@pytest.mark.slow
def test_every_trial_may_die(tmp_path):
    plan = make_plan(tmp_path, seeds=1)
    for arm in STUDY.arms:
        order(tmp_path, arm.name, 0, "die")
    assert {record["status"] for record in run(plan).values()} == {"failed"}
    assert len(calls(tmp_path)) == 4


def test_a_worker_that_was_killed_while_it_had_nothing_to_do_is_replaced(tmp_path, monkeypatch):
    class Mortal(AtOnce):
        """The second one dies after its first trial."""

        born = 0

        def __init__(self, log):
            super().__init__(log)
            Mortal.born += 1
            self.left = 1 if Mortal.born == 2 else 100

        def submit(self, function, trial):
            if not self.left:
                raise BrokenProcessPool("it was killed")
            self.left -= 1
            return super().submit(function, trial)

    monkeypatch.setitem(ENGINES, "mortal", Mortal)
    plan = make_plan(tmp_path, seeds=3)
    records = []
    scheduler.run_trials(plan.trials(), 2, "mortal", tmp_path / "log", records.append)
    assert Mortal.born == 3
    assert len(records) == 12
    assert {record["status"] for record in records} == {"done"}


def test_a_file_that_a_trial_may_not_read_is_its_own_failure(tmp_path):
    plan = make_plan(tmp_path, seeds=1)
    order(tmp_path, "none", 0, "read what it may not")
    told = run(plan, jobs=1)
    assert told.pop(("none", 0))["error"].startswith("PermissionError: ")
    assert {record["status"] for record in told.values()} == {"done"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "misdeed", ["find the disk full", "find it full in words", "leave no room"]
)
def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path, misdeed):
    plan = make_plan(tmp_path, seeds=2)
    order(tmp_path, "none", 1, misdeed)
    with pytest.raises(StorageError):
        run(plan, jobs=1)
    kept = on_disk(plan)
    assert {key for key in kept if key[1] == 0} == {(arm.name, 0) for arm in STUDY.arms}
    assert ("none", 1) not in kept
    assert {record["status"] for record in kept.values()} == {"done"}
    assert not list(tmp_path.rglob(".record*"))

    order(tmp_path, "none", 1, None)
    assert not set(run(plan)) & set(kept)
    assert len(on_disk(plan)) == 8


@pytest.mark.slow
def test_no_worker_outlives_the_run(tmp_path):
    def workers():
        children = psutil.Process().children(recursive=True)
        return {p.pid for p in children if "resource_tracker" not in " ".join(p.cmdline())}

    before = workers()
    run(make_plan(tmp_path, seeds=1))
    order(tmp_path, "none", 1, "hang")
    order(tmp_path, "all", 1, "find the disk full")
    with pytest.raises(StorageError):
        run(make_plan(tmp_path, seeds=2))
    assert workers() <= before


def test_what_workers_print_on_stderr_goes_to_the_log(tmp_path, capfd):
    plan = make_plan(tmp_path, seeds=1)
    order(tmp_path, "none", 0, "complain")
    run(plan)
    assert "a complaint" in (tmp_path / "workers.log").read_text()
    assert "a complaint" not in capfd.readouterr().err


def test_a_process_that_dies_when_its_trial_has_ended_costs_nothing(tmp_path, monkeypatch):
    class KilledAfterwards(AtOnce):
        """Its record is on the disk, and does not arrive."""

        def submit(self, function, trial):
            super().submit(function, trial)
            future = Future()
            future.set_exception(BrokenProcessPool("killed"))
            return future

    monkeypatch.setitem(ENGINES, "local", KilledAfterwards)
    order(tmp_path, "small", 0, "raise")
    plan = make_plan(tmp_path, seeds=1, arms=["none", "small"])
    told = run(plan)
    assert told == on_disk(plan)
    assert told["none", 0]["metrics"] == expected_metrics(1.0, 0.0, 0)
    assert told["small", 0]["error"] == "the worker process was killed"

"""Trials of an array of jobs: one each, side by side in one directory, summarised at the end."""

import json
import os
from dataclasses import replace

import pytest
from fake_study import calls, expected_metrics, make_plan, order, summary
from fake_worker import AtOnce

from gan_mnist.errors import InputError
from gan_mnist.files import write_text
from gan_mnist.files.claim import Claim
from gan_mnist.study import records, workers
from gan_mnist.study.run import finish_study, run_one, run_study


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Nobody dies here, so that one who is asked whether a lock is held need not ask for long."""
    monkeypatch.setitem(workers.ENGINES, "local", AtOnce)
    monkeypatch.setattr("gan_mnist.files.claim.SURE_SECONDS", 0.1)


def refused(function, *arguments):
    with pytest.raises(InputError) as error:
        function(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.slow
def test_trials_run_one_by_one_in_any_order_are_the_run_of_one_command(tmp_path):
    whole, array = make_plan(tmp_path / "whole"), make_plan(tmp_path / "array")
    run_study(whole, 2, "local", "whole")
    for index in (5, 0, 7, 3, 6, 1, 4, 2):
        trial, record = array.trials()[index], run_one(array, index, "array")
        assert (record["arm"], record["seed"]) == (trial.arm, trial.seed)
    finish_study(array, "array")
    assert summary(array.workdir) == summary(whole.workdir)
    files = [
        {str(path.relative_to(plan.workdir)) for path in plan.workdir.rglob("[!.]*")}
        for plan in (whole, array)
    ]
    assert files[0] == files[1]


def test_indices_count_all_arms_of_a_seed_first(tmp_path):
    plan = make_plan(tmp_path, arms=["none", "small", "large"])
    record = run_one(plan, 4, "")
    assert (record["arm"], record["seed"]) == ("small", 1)
    assert record["metrics"] == expected_metrics(1.0, 0.1, 1)


def test_an_index_beyond_the_plan_is_refused_and_leaves_nothing(tmp_path):
    told = refused(run_one, make_plan(tmp_path / "a"), 8, "")
    assert told == "--index: 8 is beyond the plan; accepted: 0 to 7, for 4 arms x 2 seeds"
    assert list(tmp_path.iterdir()) == []


def test_a_precision_that_each_task_would_choose_for_itself_is_refused(tmp_path):
    plan = make_plan(tmp_path / "run")
    timed = replace(plan, update_seconds={"float32": 0.1, "mixed_bfloat16": 0.3})
    told = refused(run_one, timed, 0, "")
    assert told.startswith("--precision: auto is decided once")
    assert told.endswith("accepted: float32, which is faster here")
    assert list(tmp_path.iterdir()) == []
    run_study(plan, 1, "local", "")  # by one who begins it
    assert run_one(timed, 0, "")["status"] == "done"


def test_a_trial_that_runs_elsewhere_is_refused_and_others_are_not(tmp_path):
    plan = make_plan(tmp_path)
    run_one(plan, 0, "")
    first = plan.trials()[1]
    first.directory.mkdir(parents=True)
    claim = Claim(first.directory)
    claim.take()
    assert f"{first.directory} is in use" in refused(run_one, plan, 1, "")
    run_one(plan, 2, "")
    # Nor may a command for all of them begin, or one that summarises.
    assert f"{first.directory} is in use" in refused(run_study, plan, 1, "local", "")
    assert f"{first.directory} is in use" in refused(finish_study, plan, "")
    claim.release()
    run_one(plan, 1, "")
    assert len(calls(tmp_path)) == 3


def test_while_a_command_runs_all_trials_one_of_them_is_refused(tmp_path):
    plan = make_plan(tmp_path)
    claim = Claim(tmp_path)
    claim.take()
    assert f"{tmp_path} is in use" in refused(run_one, plan, 0, "")
    claim.release()
    assert calls(tmp_path) == []
    run_one(plan, 0, "")


def test_what_is_finished_is_not_run_again_and_what_failed_is(tmp_path):
    plan = make_plan(tmp_path)
    order(tmp_path, "small", 0, "raise")
    assert run_one(plan, 1, "")["status"] == "failed"
    order(tmp_path, "small", 0, None)
    assert run_one(plan, 1, "")["status"] == "done"
    run_one(plan, 1, "")
    assert len(calls(tmp_path)) == 2


def test_other_settings_are_refused_and_more_seeds_are_not(tmp_path):
    run_one(make_plan(tmp_path), 0, "the first")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    told = refused(run_one, make_plan(tmp_path, scale=2.0), 1, "")
    assert "other settings (scale: 1.0 -> 2.0)" in told
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    run_one(make_plan(tmp_path, seeds=3), 8, "")
    finish_study(make_plan(tmp_path, seeds=3), "the last")
    assert json.loads((tmp_path / "study.json").read_text())["seeds"] == [0, 1, 2]


def test_a_summary_of_nothing_is_refused_and_leaves_nothing(tmp_path):
    workdir = tmp_path / "missing"
    told = refused(finish_study, make_plan(workdir), "")
    assert told.startswith(f"--workdir: {workdir} has no finished trial of this plan; accepted: ")
    assert not workdir.exists()


def test_a_summary_before_the_end_says_what_is_missing(tmp_path):
    plan = make_plan(tmp_path)
    for index in range(6):
        run_one(plan, index, "")
    assert "2 trials not run yet" in finish_study(plan, "")["in_full"]


def test_each_summary_before_the_end_is_a_look_at_the_seeds_that_ended(tmp_path):
    plan = make_plan(tmp_path)
    for index in range(len(plan.trials())):
        run_one(plan, index, "")
        if index % len(plan.arms) == len(plan.arms) - 1:
            finish_study(plan, "")
            described = json.loads((tmp_path / "study.json").read_text())
            assert described["seeds"] == list(plan.seeds)
    ended = [look["seeds"] for look in described["looks"]["taken"]]
    assert ended == list(range(2, len(plan.seeds) + 1))


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_where_no_log_can_be_written_it_is_told_and_no_trial_fails(tmp_path, make):
    """A worker that cannot open it ends, as if it had been killed."""
    plan = make_plan(tmp_path)
    make(tmp_path / "workers.log")
    for command, *arguments in ((run_one, 0, ""), (run_study, 1, "local", "")):
        assert "workers.log" in refused(command, plan, *arguments)
    assert not list(tmp_path.rglob("record.json"))
    assert calls(tmp_path) == []


def test_what_is_damaged_is_told_and_kept(tmp_path, capsys):
    plan = make_plan(tmp_path)
    record = plan.trials()[0].directory / "record.json"
    write_text(record, "{")
    write_text(tmp_path / "study.json", "{")
    assert run_one(plan, 0, "")["status"] == "done"
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert f"{tmp_path / 'study.json'} is damaged: " in told[0]
    assert f"{record} is damaged: " in told[1]
    assert record.with_name("record.json.damaged").read_text() == "{"
    # Others may be reading it, so it is mended when they are gone.
    assert (tmp_path / "study.json").read_text() == "{"
    finish_study(plan, "")
    assert json.loads((tmp_path / "study.json").read_text())["seeds"] == [0, 1]


def test_of_two_plans_that_begin_at_once_the_later_one_is_refused(tmp_path, monkeypatch):
    plans = [make_plan(tmp_path, scale=scale) for scale in (1.0, 2.0)]
    original = records.write_new_json

    def after_another(path, value):
        monkeypatch.setattr(records, "write_new_json", original)
        run_one(plans[0], 0, "the first")
        original(path, value)

    monkeypatch.setattr(records, "write_new_json", after_another)
    told = refused(run_one, plans[1], 1, "the later one")
    assert "other settings (scale: 1.0 -> 2.0)" in told
    assert json.loads((tmp_path / "study.json").read_text())["command_line"] == "the first"
    assert len(calls(tmp_path)) == 1

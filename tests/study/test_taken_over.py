"""A command that was suspended for so long that another took its directory over."""

import json

import pytest
from at_address import refused
from fake_study import make_plan, order

from gan_mnist.files.claim import OWNER
from gan_mnist.study import scheduler
from gan_mnist.study.run import run_one, run_study

OTHER = json.dumps({"host": "node-9", "pid": 1, "token": "x"})


def told(workdir, who=" (process 1 on node-9)"):
    return (
        f"--workdir: {workdir} was taken over by another run{who}, as this one seemed dead; "
        "accepted: the same command, once that has ended"
    )


@pytest.mark.parametrize("is_last", [False, True])
def test_it_ends_and_writes_no_more(tmp_path, at_once, is_last):
    def on_record(record):
        seen.append(record)
        if len(seen) == 8 or not is_last:
            (tmp_path / OWNER).write_text(OTHER)

    def write_report(workdir):
        raise AssertionError

    seen = []
    plan = make_plan(tmp_path, seeds=2)
    line = refused(run_study, plan, 1, "local", "", on_record=on_record, write_report=write_report)
    assert line == told(tmp_path)
    assert len(seen) == (8 if is_last else 1)
    assert not (tmp_path / "summary.json").exists()
    assert (tmp_path / OWNER).read_text() == OTHER


def test_it_ends_also_where_the_other_has_ended_before(tmp_path, at_once):
    line = refused(
        run_study, make_plan(tmp_path, seeds=2), 1, "local", "",
        on_record=lambda record: (tmp_path / OWNER).unlink(),
    )  # fmt: skip
    assert line == told(tmp_path, who="")


@pytest.mark.slow
def test_a_trial_under_way_is_ended(tmp_path):
    order(tmp_path, "none", 0, "hang")
    started = []

    def taken_over(trial, process):
        started.append(trial)
        (tmp_path / OWNER).write_text(OTHER)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "gan_mnist.study.display.live.StudyProgress.begin", lambda _, *a: taken_over(*a)
        )
        assert refused(run_study, make_plan(tmp_path, seeds=1), 1, "local", "") == told(tmp_path)
    assert len(started) == 1


def test_a_task_of_an_array_ends_likewise(tmp_path, at_once, monkeypatch):
    def taken_over(trial):
        (trial.directory / OWNER).write_text(OTHER)
        return complete(trial)

    complete = scheduler.complete
    monkeypatch.setattr(scheduler, "complete", taken_over)
    plan = make_plan(tmp_path, seeds=1)
    assert refused(run_one, plan, 0, "") == told(plan.trials()[0].directory)

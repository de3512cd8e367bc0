"""The command in a process of its own is killed and interrupted: nothing finished may be lost.

`slow_interruption.py` has the other moments and ways.
"""

import json
import os
import signal
import time

import pytest
from fake_study import calls, order, summary
from interrupting import (
    NAPS,
    alive,
    check_interrupted,
    check_killed,
    family,
    finish,
    images,
    num_records,
    start,
    undisturbed,
    wait_for,
    whole,
)

__all__ = ["images", "start", "undisturbed", "whole"]  # fixtures


def test_a_finished_run_prints_answer_and_report_on_stdout(whole):
    workdir, done = whole
    assert done.returncode == 0, done.stderr
    assert json.loads((workdir / "summary.json").read_text())["answer"] in done.stdout
    assert f"report: {workdir / 'report.html'}" in done.stdout
    assert "[8/8]" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    study = json.loads((workdir / "study.json").read_text())
    assert study["command_line"].startswith("python -m gan_mnist.main --experiment=fake_study")


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_as_if_undisturbed(start, tmp_path, undisturbed):
    check_killed(start, tmp_path, undisturbed, 0)


# As Ctrl-C does, and as `kill` does.
@pytest.mark.parametrize(
    ("number", "to_group"),
    [
        pytest.param(signal.SIGINT, True, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, False, id="kill", marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_run_ends_at_once_and_goes_on(
    start, tmp_path, undisturbed, number, to_group
):
    check_interrupted(start, tmp_path, undisturbed, number, to_group)


@pytest.mark.slow
def test_an_impatient_user_may_press_twice(start, tmp_path):
    process = start(tmp_path, *NAPS)
    wait_for(lambda: num_records(tmp_path) >= 1)
    members = family(process)
    for _ in range(3):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.05)
    status, _, err = finish(process)
    assert status == 130
    assert "Traceback" not in err
    wait_for(lambda: not alive(members), seconds=10)


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(start, tmp_path):
    process = start(tmp_path, "--seeds=1", "--jobs=2", "--set", "nap_seconds=60")
    wait_for(lambda: len(calls(tmp_path)) == 2)
    members = family(process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not alive(members), seconds=10)


@pytest.mark.slow
def test_a_killed_worker_costs_one_trial(start, tmp_path, undisturbed):
    process = start(tmp_path, *NAPS, "--set", "nap_seconds=0.8")
    wait_for(lambda: len(calls(tmp_path)) >= 3)
    arm, seed, worker, *_ = calls(tmp_path)[-1]
    os.kill(int(worker), signal.SIGKILL)
    status, out, err = finish(process)
    assert status == 1
    assert "Traceback" not in err
    assert num_records(tmp_path) == 8
    told = json.loads((tmp_path / "summary.json").read_text())
    assert [(f["arm"], str(f["seed"])) for f in told["failed"]] == [(arm, seed)]
    assert "killed" in told["failed"][0]["error"]
    assert told["answer"] in out

    assert finish(start(tmp_path, *NAPS))[0] == 0
    assert summary(tmp_path) == undisturbed


@pytest.mark.slow
def test_a_second_run_in_the_directory_is_refused_while_the_first_goes_on(start, tmp_path):
    order(tmp_path, "all", 1, "hang")
    first = start(tmp_path, "--seeds=2", "--jobs=1")
    wait_for(lambda: num_records(tmp_path) == 7)
    status, out, err = finish(start(tmp_path, "--seeds=2"))
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "in use by another run" in err
    assert first.poll() is None
    first.terminate()
    assert finish(first)[0] == 143
    order(tmp_path, "all", 1, None)
    assert finish(start(tmp_path, "--seeds=2"))[0] == 0

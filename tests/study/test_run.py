"""A run is killed, interrupted, spoilt, extended and gone on with; its files are then compared.

What needs signals runs the real command in a process of its own, with the fake study.
"""

import html
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from fake_study import STUDY, calls, make_plan, order
from filelock import FileLock
from PIL import Image

from gan_mnist.errors import InputError
from gan_mnist.study import report
from gan_mnist.study.run import run_study

COMMAND = Path(__file__).parent / "fake_command.py"


def run(plan, jobs=1):
    return run_study(plan, jobs, "local", "python -m gan_mnist.main --experiment=fake")


def refused(plan):
    with pytest.raises(InputError) as error:
        run(plan)
    assert "\n" not in str(error.value)
    return str(error.value)


def without_seconds(value):
    if isinstance(value, dict):
        return {k: without_seconds(v) for k, v in value.items() if k != "seconds"}
    return [without_seconds(v) for v in value] if isinstance(value, list) else value


def summary(workdir):
    return without_seconds(json.loads((workdir / "summary.json").read_text()))


def shown(page):
    """The text of a web page."""
    return html.unescape(re.sub("<[^>]*>", "", page.read_text()))


def files(workdir):
    """Name and content of every file but the lock."""
    found = (path for path in workdir.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(workdir)): path.read_bytes() for path in found}


@pytest.fixture(autouse=True)
def _no_report(request, monkeypatch):
    """The report has tests of its own and takes a second: a test that wants it says so."""
    if "with_report" not in request.fixturenames:
        monkeypatch.setattr(report, "write_report", lambda workdir: None)


@pytest.fixture
def with_report():
    """Asks for the report."""


# In this process.


def test_a_run_leaves_its_files(tmp_path, capsys, with_report):
    plan = make_plan(tmp_path / "run", seeds=2)
    told = run(plan)
    assert json.loads((plan.workdir / "summary.json").read_text()) == told
    study = json.loads((plan.workdir / "study.json").read_text())
    assert study["command_line"] == "python -m gan_mnist.main --experiment=fake"
    assert study["settings"] == plan.settings.identity()
    assert study["dataset"] == plan.dataset
    assert list(study["arms"]) == ["none", "small", "large", "all"]
    assert study["seeds"] == [0, 1]
    assert study["versions"]["tensorflow"]
    lines = (plan.workdir / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    order_of_trials = [(trial.arm, trial.seed) for trial in plan.trials()]
    assert [(record["arm"], record["seed"]) for record in records] == order_of_trials
    for record in records:
        path = plan.workdir / "trials" / record["arm"] / f"seed-{record['seed']:02d}"
        assert json.loads((path / "record.json").read_text()) == record
    assert told["answer"] in (plan.workdir / "report.md").read_text()
    assert told["answer"].replace("`", "") in shown(plan.workdir / "report.html")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "4 arms x 2 seeds = 8" in printed.err
    assert printed.err.count(": score ") == 8


def test_the_same_command_again_trains_nothing_and_tells_the_same(tmp_path, capsys):
    plan = make_plan(tmp_path, seeds=2)
    run(plan)
    before = summary(tmp_path)
    capsys.readouterr()
    run(plan)
    assert summary(tmp_path) == before
    assert len(calls(tmp_path)) == 8
    assert "8 trials are done already" in capsys.readouterr().err


def test_more_seeds_and_arms_end_where_one_larger_run_ends(tmp_path):
    run(make_plan(tmp_path / "steps", seeds=1, arms=["small"]))
    run(make_plan(tmp_path / "steps", seeds=3, arms=["small"]))
    run(make_plan(tmp_path / "steps", seeds=3))
    assert len(calls(tmp_path / "steps")) == 12
    run(make_plan(tmp_path / "once", seeds=3))
    assert summary(tmp_path / "steps") == summary(tmp_path / "once")


def test_fewer_arms_and_seeds_lose_nothing(tmp_path):
    run(make_plan(tmp_path, seeds=2))
    told = run(make_plan(tmp_path, seeds=1, arms=["all"]))
    assert list(told["arms"]) == ["none", "all"]
    assert told["seeds"] == [0]
    run(make_plan(tmp_path, seeds=2))
    assert len(calls(tmp_path)) == 8


def test_jobs_do_not_change_the_numbers(tmp_path):
    for jobs in (1, 2):
        run(make_plan(tmp_path / str(jobs), seeds=2), jobs)
    assert summary(tmp_path / "1") == summary(tmp_path / "2")


def test_changed_settings_are_refused_with_the_difference_and_nothing_is_touched(tmp_path):
    run(make_plan(tmp_path, seeds=1))
    before = files(tmp_path)
    message = refused(make_plan(tmp_path, seeds=1, scale=2.0, updates=50))
    assert "scale: 1.0 -> 2.0" in message
    assert "updates: 100 -> 50" in message
    assert "--workdir" in message
    assert files(tmp_path) == before


def test_moved_data_is_no_change(tmp_path):
    run(make_plan(tmp_path, seeds=1, data_dir="/here"))
    run(make_plan(tmp_path, seeds=1, data_dir="/there", export_dir=""))
    assert len(calls(tmp_path)) == 4


def test_two_runs_in_one_directory_at_once_are_refused(tmp_path):
    with FileLock(tmp_path / ".lock"):
        assert "in use by another run" in refused(make_plan(tmp_path))
    assert files(tmp_path) == {}
    run(make_plan(tmp_path, seeds=1, arms=["all"]))


@pytest.mark.parametrize("misdeed", ["raise", "not a number", "die"])
def test_a_failed_trial_is_told_of_and_repaired(tmp_path, misdeed, with_report):
    order(tmp_path, "small", 1, misdeed)
    plan = make_plan(tmp_path, seeds=3)
    told = run(plan, jobs=2)
    assert [(f["arm"], f["seed"]) for f in told["failed"]] == [("small", 1)]
    reason = told["failed"][0]["error"]
    assert reason
    assert told["arms"]["small"]["n"] == 2
    assert told["arms"]["large"]["n"] == 3
    for name in ("report.html", "report.md"):
        assert "small" in (text := (tmp_path / name).read_text())
        assert reason[:20] in text

    order(tmp_path, "small", 1, None)
    assert run(plan)["failed"] == []
    run(make_plan(tmp_path / "undisturbed", seeds=3))
    assert summary(tmp_path) == summary(tmp_path / "undisturbed")


def test_an_arm_that_does_not_apply_is_told_of_and_not_tried_again(tmp_path, with_report):
    for seed in range(2):
        order(tmp_path, "large", seed, "decline")
    plan = make_plan(tmp_path, seeds=2)
    told = run(plan)
    assert told["not_applicable"] == {"large": "too few images"}
    assert told["failed"] == []
    assert "too few images" in (tmp_path / "report.md").read_text()
    run(plan)
    assert len(calls(tmp_path)) == 8


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(tmp_path):
    plan = make_plan(tmp_path, seeds=2)
    order(tmp_path, "none", 1, "leave no room")
    message = refused(plan)
    assert "seed-01" in message
    assert "File too large" in message
    kept = {name for name in files(tmp_path) if name.endswith("record.json")}
    assert kept >= {f"trials/{arm.name}/seed-00/record.json" for arm in STUDY.arms}
    order(tmp_path, "none", 1, None)
    assert run(plan)["failed"] == []


def test_a_disk_that_fills_before_the_report_loses_no_record(tmp_path, monkeypatch):
    plan = make_plan(tmp_path, seeds=3)
    run(plan)
    kept = {k: v for k, v in files(tmp_path).items() if k.endswith("record.json")}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, before[1]))
    try:
        assert "File too large" in refused(plan)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    now = files(tmp_path)
    assert {k: v for k, v in now.items() if k.endswith("record.json")} == kept
    assert not [name for name in now if name.split("/")[-1].startswith(".")]
    run(plan)
    assert len(calls(tmp_path)) == 12


@pytest.mark.parametrize("place", ["a file", "below a file", "/proc/here", "long"])
def test_a_directory_that_cannot_be_is_refused(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    workdir = {
        "a file": tmp_path / "file",
        "below a file": tmp_path / "file" / "run",
        "/proc/here": Path("/proc/here"),
        "long": tmp_path / ("x" * 300),
    }[place]
    message = refused(make_plan(workdir))
    assert "--workdir" in message
    assert str(workdir) in message
    assert (tmp_path / "file").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/here"])
def test_an_export_directory_that_cannot_be_is_refused_before_anything_runs(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    plan = make_plan(tmp_path / "deep" / "run", export_dir=str(tmp_path / place))
    message = refused(plan)
    assert "--export_dir" in message
    assert place in message
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_spoilt_files_of_a_finished_trial_leave_gaps_in_the_report_only(tmp_path, with_report):
    plan = make_plan(tmp_path, seeds=2)
    run(plan)
    before = summary(tmp_path)
    trials = tmp_path / "trials"
    (trials / "none" / "seed-00" / "curves.csv").write_bytes(b"\xff\xfe\x00garbage")
    (trials / "none" / "seed-01" / "curves.csv").unlink()
    (trials / "none" / "seed-00" / "predictions.csv").write_bytes(b'a,b\n"\x00')
    (trials / "none" / "seed-01" / "predictions.csv").write_bytes(b"no,such,columns\n1,2,3\n")
    (trials / "all" / "seed-00" / "gallery.npz").write_bytes(b"no archive")
    (trials / "stray" / "seed-00").mkdir(parents=True)
    (trials / "stray" / "seed-00" / "record.json").write_text("{}")
    (trials / "stray" / "file").write_text("")
    (tmp_path / "report.html").unlink()
    run(plan)
    assert summary(tmp_path) == before
    assert before["answer"].replace("`", "") in shown(tmp_path / "report.html")


# In a process of its own.


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for name in "ab":
        (folder / name).mkdir()
        for number in range(3):
            Image.new("L", (8, 8), 50 * number).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture
def start(images):
    """`start(workdir, *flags)`: the command, in a group of its own; whatever is left is killed."""
    started = []

    def start(workdir, *flags):
        process = subprocess.Popen(
            [
                sys.executable,
                str(COMMAND),
                "--experiment=fake",
                "--dataset=folder",
                f"--data_dir={images}",
                "--export_dir=",
                f"--workdir={workdir}",
                *flags,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def finish(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def num_records(workdir):
    return len(list(workdir.glob("trials/*/*/record.json")))


def family(process):
    """The process and all its children."""
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def alive(processes):
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


NAPS = ("--seeds=2", "--jobs=2", "--set", "nap_seconds=0.3")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, images):
    """The summary of a run that nothing happened to."""
    workdir = tmp_path_factory.mktemp("undisturbed")
    flags = [f"--data_dir={images}", f"--workdir={workdir}", "--dataset=folder", "--export_dir="]
    subprocess.run(
        [sys.executable, str(COMMAND), "--experiment=fake", "--seeds=2", "--jobs=2", *flags],
        check=True,
        capture_output=True,
    )
    return summary(workdir)


@pytest.mark.parametrize("draw", range(2))
def test_killed_at_any_moment_it_ends_as_if_undisturbed(start, tmp_path, undisturbed, draw):
    moments = random.Random(draw)
    for _ in range(2):
        process = start(tmp_path, *NAPS)
        time.sleep(moments.uniform(0.3, 3.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    status, _, err = finish(start(tmp_path, *NAPS))
    assert status == 0, err
    assert summary(tmp_path) == undisturbed


@pytest.mark.parametrize(
    ("number", "status", "told"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
@pytest.mark.parametrize("to_group", [False, True], ids=["parent", "group"])
def test_an_interrupted_run_ends_at_once_and_goes_on(
    start, tmp_path, undisturbed, number, status, told, to_group
):
    process = start(tmp_path, *NAPS)
    wait_for(lambda: num_records(tmp_path) >= 2)
    members = family(process)
    assert len(members) >= 3
    began = time.monotonic()
    (os.killpg if to_group else os.kill)(process.pid, number)
    returned, out, err = finish(process)
    assert time.monotonic() - began < 3
    assert returned == status
    assert out == ""
    lines = err.splitlines()
    assert lines[-1].startswith(told)
    assert "same command" in lines[-1]
    assert "Traceback" not in err
    assert not any(line.startswith(("Exception", "/")) for line in lines)
    wait_for(lambda: not alive(members), seconds=3)

    kept = num_records(tmp_path)
    assert 2 <= kept < 8
    status, _, err = finish(start(tmp_path, *NAPS))
    assert status == 0
    assert f"{kept} trials are done already" in err
    assert summary(tmp_path) == undisturbed


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
    wait_for(lambda: not alive(members), seconds=3)


def test_workers_end_when_their_parent_is_killed(start, tmp_path):
    process = start(tmp_path, "--seeds=1", "--jobs=2", "--set", "nap_seconds=60")
    wait_for(lambda: len(calls(tmp_path)) == 2)
    members = family(process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not alive(members), seconds=3)


def test_a_killed_worker_costs_one_trial(start, tmp_path, undisturbed):
    process = start(tmp_path, *NAPS, "--set", "nap_seconds=0.8")
    wait_for(lambda: len(calls(tmp_path)) >= 3)
    arm, seed, worker, _ = calls(tmp_path)[-1]
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


def test_a_second_run_in_the_directory_is_refused_while_the_first_goes_on(start, tmp_path):
    first = start(tmp_path, "--seeds=2", "--jobs=1", "--set", "nap_seconds=0.5")
    wait_for(lambda: num_records(tmp_path) >= 1)
    status, out, err = finish(start(tmp_path, "--seeds=2"))
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "in use by another run" in err
    assert finish(first)[0] == 0


def test_a_finished_run_prints_answer_and_report_on_stdout(start, tmp_path):
    status, out, err = finish(start(tmp_path, "--seeds=1"))
    assert status == 0
    assert json.loads((tmp_path / "summary.json").read_text())["answer"] in out
    assert f"report: {tmp_path / 'report.html'}" in out
    assert "[4/4]" in err
    assert "\x1b" not in out + err
    study = json.loads((tmp_path / "study.json").read_text())
    assert study["command_line"].startswith("python -m gan_mnist.main --experiment=fake")

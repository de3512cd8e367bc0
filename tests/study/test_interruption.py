"""The command in a process of its own is killed and interrupted: nothing finished may be lost."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from fake_study import calls, summary
from PIL import Image

COMMAND = Path(__file__).parent / "fake_command.py"


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
                "--experiment=fake_study",
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
def whole(tmp_path_factory, images):
    """The directory of a run that nothing happened to, and the process that ran it."""
    workdir = tmp_path_factory.mktemp("undisturbed")
    flags = [f"--data_dir={images}", f"--workdir={workdir}", "--dataset=folder", "--export_dir="]
    done = subprocess.run(
        [sys.executable, str(COMMAND), "--experiment=fake_study", "--seeds=2", "--jobs=2", *flags],
        check=False,
        capture_output=True,
        text=True,
    )
    return workdir, done


@pytest.fixture(scope="module")
def undisturbed(whole):
    """Its summary."""
    return summary(whole[0])


def test_a_finished_run_prints_answer_and_report_on_stdout(whole):
    workdir, done = whole
    assert done.returncode == 0, done.stderr
    assert json.loads((workdir / "summary.json").read_text())["answer"] in done.stdout
    assert f"report: {workdir / 'report.html'}" in done.stdout
    assert "[8/8]" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    study = json.loads((workdir / "study.json").read_text())
    assert study["command_line"].startswith("python -m gan_mnist.main --experiment=fake_study")


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
    assert time.monotonic() - began < 10  # a busy machine takes seconds to end processes
    assert returned == status
    assert out == ""
    lines = err.splitlines()
    assert lines[-1].startswith(told)
    assert "same command" in lines[-1]
    assert "Traceback" not in err
    assert not any(line.startswith(("Exception", "/")) for line in lines)
    wait_for(lambda: not alive(members), seconds=10)

    kept = num_records(tmp_path)
    assert 2 <= kept < 8
    status, _, err = finish(start(tmp_path, *NAPS))
    assert status == 0
    assert re.search(rf"^{kept} trials? (is|are) done already$", err, re.M)
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
    wait_for(lambda: not alive(members), seconds=10)


def test_workers_end_when_their_parent_is_killed(start, tmp_path):
    process = start(tmp_path, "--seeds=1", "--jobs=2", "--set", "nap_seconds=60")
    wait_for(lambda: len(calls(tmp_path)) == 2)
    members = family(process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_for(lambda: not alive(members), seconds=10)


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


def test_a_second_run_in_the_directory_is_refused_while_the_first_goes_on(start, tmp_path):
    first = start(tmp_path, "--seeds=2", "--jobs=1", "--set", "nap_seconds=0.5")
    wait_for(lambda: num_records(tmp_path) >= 1)
    status, out, err = finish(start(tmp_path, "--seeds=2"))
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "in use by another run" in err
    assert finish(first)[0] == 0

"""The command in a process of its own, and what must hold when it is killed or interrupted."""

import glob
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
from fake_study import summary
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
    # Unlike `Path.glob`, this bears with a folder that goes while it looks.
    return len(glob.glob(f"{workdir}/trials/*/*/record.json"))


def family(process):
    """The process and all its children."""
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def alive(processes):
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


ENDS = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated")}
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


def check_killed(start, workdir, undisturbed, draw):
    """Killed at two moments that `draw` tells, it ends as if undisturbed."""
    moments = random.Random(draw)
    for _ in range(2):
        process = start(workdir, *NAPS)
        time.sleep(moments.uniform(0.3, 3.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    status, _, err = finish(start(workdir, *NAPS))
    assert status == 0, err
    assert summary(workdir) == undisturbed


def check_interrupted(start, workdir, undisturbed, number, to_group):
    """It ends at once, tells how to go on, and goes on."""
    status, told = ENDS[number]
    process = start(workdir, *NAPS)
    wait_for(lambda: num_records(workdir) >= 2)
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

    kept = num_records(workdir)
    assert 2 <= kept < 8
    status, _, err = finish(start(workdir, *NAPS))
    assert status == 0
    assert re.search(rf"^{kept} trials? (is|are) done already$", err, re.M)
    assert summary(workdir) == undisturbed

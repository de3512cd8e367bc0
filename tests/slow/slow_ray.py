"""A study on two machines that share no disk ends as one on this machine, whatever is lost."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "study"))
from fake_study import summary
from ray_cluster import environment, fake, two_machines

REAL = (
    *("-m", "gan_mnist.main", "--experiment=imbalance", "--preset=smoke", "--seeds=1", "--jobs=2"),
    "--arms=none,cgan,cgan_classical",
)
NAPS = ("--set", "nap_seconds=1.5")


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """The driver's, with a folder of images."""
    from PIL import Image

    disk = tmp_path_factory.mktemp("disk")
    for name in "ab":
        (disk / "data" / name).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (8, 8), 50 * number).save(disk / "data" / name / f"{number}.png")
    return disk


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, disk):
    with two_machines(tmp_path_factory.mktemp("guard"), disk) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def undisturbed(disk):
    """The directory of a run in a pool of processes."""
    subprocess.run(fake(disk / "pool", disk / "data"), check=True, capture_output=True)
    return disk / "pool"


@pytest.fixture
def start(cluster, disk, tmp_path):
    """`start(*flags)`: the fake study by Ray; whatever is left is killed."""
    started = []

    def start(*flags):
        # Ray tells workers of the driver's directory, so this is not on the disk.
        command = fake(disk / tmp_path.name, disk / "data", "--engine=ray", *NAPS, *flags)
        process = subprocess.Popen(
            command,
            env=environment(cluster, tmp_path / "calls.txt"),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def begun(tmp_path):
    """`begun(number)`: what `fake_study.calls` tells, once there are so many."""

    def begun(number):
        end = time.monotonic() + 120
        while len(told := _lines(tmp_path / "calls.txt")) < number:
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.05)
        return told

    return begun


def _lines(path):
    with contextlib.suppress(FileNotFoundError):
        return [line.split() for line in path.read_text().splitlines()]
    return []


def finish(process):
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return out, err


def numbers(value):
    """JSON without what differs between two runs of the same."""
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items() if k not in ("seconds", "memory_mib")}
    return [numbers(v) for v in value] if isinstance(value, list) else value


def left(workdir):
    """The summary, the records, and the names of all files but hidden ones and TensorBoard's."""
    records = {
        str(path.relative_to(workdir)): numbers(json.loads(path.read_text()))
        for path in workdir.glob("trials/*/*/record.json")
    }
    names = {
        str(path.relative_to(workdir))
        for path in workdir.rglob("*")
        if path.is_file() and "tensorboard" not in str(path) and not path.name.startswith(".")
    }
    # Where the fake study tells of calls is somewhere else with Ray.
    return summary(workdir), records, names - {"calls.txt"}


def test_two_machines_end_as_one_though_a_worker_is_killed(
    start, disk, tmp_path, undisturbed, begun
):
    process = start("--set", "nap_seconds=4")
    arm, seed, worker, _, lost = begun(3)[-1]
    os.kill(int(worker), signal.SIGKILL)
    out, _ = finish(process)
    assert left(disk / tmp_path.name) == left(undisturbed)
    assert str(disk / tmp_path.name / "report.html") in out
    calls = begun(9)
    assert len(calls) == 9
    assert [call[:2] for call in calls].count([arm, seed]) == 2
    # A process of each machine, and one more; each trial in a directory of its own, which is gone.
    _, _, processes, threads, directories = zip(*calls, strict=True)
    assert len(set(processes)) >= 3
    assert set(threads) == {"1"}
    assert len(set(directories)) == 9
    assert not any(Path(directory).is_relative_to(disk) for directory in directories)
    assert [directory for directory in directories if Path(directory).exists()] == [lost]


def test_a_driver_that_is_ended_goes_on(start, disk, tmp_path, undisturbed, begun):
    seen = 0
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = start("--set", "nap_seconds=120")
        calls = begun(seen + 2)
        process.send_signal(number)
        # Long before the trials end.
        _, err = process.communicate(timeout=60)
        assert process.returncode == status
        assert "Traceback" not in err
        workers = {int(worker) for _, _, worker, *_ in calls[seen:]}
        end = time.monotonic() + 60
        while any(Path(f"/proc/{worker}").exists() for worker in workers):
            assert time.monotonic() < end, "a worker goes on"
            time.sleep(0.1)
        seen = len(calls)
    process = start()
    begun(seen + 5)
    process.kill()
    process.communicate()
    kept = len(list((disk / tmp_path.name).glob("trials/*/*/record.json")))
    assert 0 < kept < 8
    _, err = finish(start())
    assert f"{kept} trial{'s are' if kept > 1 else ' is'} done already" in err
    assert left(disk / tmp_path.name) == left(undisturbed)


def test_a_real_study_needs_no_shared_disk(cluster, disk, tmp_path):
    def run(name, *flags):
        command = [sys.executable, *REAL, f"--workdir={disk / name}", *flags]
        calls = tmp_path / "calls.txt"
        subprocess.run(command, check=True, env=environment(cluster, calls), cwd=tmp_path)
        predictions = {
            str(path.relative_to(disk / name)): path.read_bytes()
            for path in disk.glob(f"{name}/trials/*/*/predictions.csv")
        }
        return *left(disk / name), predictions

    found = run("real_ray", "--engine=ray", f"--export_dir={disk / 'models'}")
    assert found == run("real_pool", "--export_dir=")
    # The generator that two arms share is there, and what they export.
    _, _, names, predictions = found
    assert len([name for name in names if name.endswith("gan.weights.h5")]) == 1
    assert len(predictions) == 3
    for arm, model in (("none", "classifier"), ("cgan", "classifier"), ("cgan", "generator")):
        assert (disk / "models" / "imbalance" / arm / model / "saved_model.pb").is_file()


# The last one: a machine fewer is left.
def test_a_lost_machine_is_no_loss(cluster, start, disk, tmp_path, undisturbed, begun):
    process = start()
    begun(4)
    (other,) = cluster.worker_nodes
    cluster.remove_node(other, allow_graceful=False)
    finish(process)
    assert left(disk / tmp_path.name) == left(undisturbed)

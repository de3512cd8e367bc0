"""A study kept in a store of S3's kind, which is all that its machines share, ends as on a disk."""

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

sys.path.insert(0, str(Path(__file__).parent.parent / "study"))
from fake_study import summary

STUDIES = Path(__file__).parent.parent / "study"

EXPERIMENT = (
    *("--experiment=imbalance", "--preset=smoke", "--seeds=1", "--export_dir="),
    "--arms=none,cgan,cgan_classical",
)
FAKE = (
    *(str(STUDIES / "fake_command.py"), "--experiment=fake_study", "--seeds=2"),
    *("--export_dir=", "--jobs=1", "--set=nap_seconds=1"),
)


@pytest.fixture(scope="module")
def server():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def environment(server, tmp_path_factory):
    """`environment(machine)`: that of a command there, which knows the store."""
    address = f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    machines = tmp_path_factory.mktemp("machines")

    def environment(machine):
        ours = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        return ours | {
            "AWS_ENDPOINT_URL": address,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "GAN_MNIST_CACHE": str(machines / machine),
        }

    return environment


@pytest.fixture(scope="module")
def store(environment):
    told = environment("none")
    store = boto3.client(
        "s3",
        endpoint_url=told["AWS_ENDPOINT_URL"],
        region_name=told["AWS_DEFAULT_REGION"],
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
    )
    store.create_bucket(Bucket="studies")
    yield store
    store.close()


@pytest.fixture
def stored(store):
    """`stored(run, end)`: the objects of a run whose names end so, by name."""

    def stored(run, end=""):
        found = store.list_objects_v2(Bucket="studies", Prefix=f"{run}/").get("Contents", ())
        names = [one["Key"] for one in found if one["Key"].endswith(end)]
        read = {name: store.get_object(Bucket="studies", Key=name)["Body"].read() for name in names}
        return {name.removeprefix(f"{run}/"): content for name, content in read.items()}

    return stored


@pytest.fixture
def start(environment):
    """`start(machine, *arguments)`: a command there; whatever is left is killed."""
    started = []

    def start(machine, *arguments, **changes):
        told = {k: v for k, v in (environment(machine) | changes).items() if v is not None}
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=told,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def finish(process, status=0):
    out, err = process.communicate(timeout=600)
    assert process.returncode == status, err
    return out, err


def refused(process):
    """The one line that it ends with."""
    err = finish(process, 2)[1]
    assert "Traceback" not in err
    return err.splitlines()[-1]


def until(happened):
    end = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def numbers(value):
    """JSON without what differs between two runs of the same."""
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items() if k not in ("seconds", "memory_mib")}
    return [numbers(v) for v in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The directories of the real study and of the fake one on a disk."""
    disk = tmp_path_factory.mktemp("disk")
    for name, command in {"real": ("-m", "gan_mnist.main", *EXPERIMENT), "fake": FAKE}.items():
        subprocess.run([sys.executable, *command, f"--workdir={disk / name}"], check=True)
    return disk


def told_files(names):
    """Names of files but those of TensorBoard, which have times in them, and hidden ones."""
    return {n for n in names if "tensorboard" not in n and not re.search(r"(^|/)\.", n)}


def test_a_real_study_in_a_bucket_is_that_of_a_directory(plain, start, stored):
    finish(start("one", "-m", "gan_mnist.main", *EXPERIMENT, "--workdir=s3://studies/real"))
    files = stored("real")
    assert numbers(json.loads(files["summary.json"])) == summary(plain / "real")
    here = {
        path.relative_to(plain / "real").as_posix()
        for path in (plain / "real").rglob("*")
        if path.is_file()
    }
    assert told_files(files) == told_files(here)
    # Another machine has nothing to train, and makes the same report from what it fetches.
    out, err = finish(
        start("two", "-m", "gan_mnist.main", *EXPERIMENT, "--workdir=s3://studies/real")
    )
    assert "3 trials are done already" in err
    assert "report: s3://studies/real/report.html" in out
    assert numbers(json.loads(stored("real")["summary.json"])) == summary(plain / "real")


def test_an_array_on_machines_of_their_own_is_the_run_of_one_command(plain, start, stored):
    task = ("-m", "gan_mnist.trial", *EXPERIMENT, "--workdir=s3://studies/array")
    first = [start(f"node-{index}", *task, f"--index={index}") for index in (0, 1)]
    for process in first:
        finish(process)
    begun = time.monotonic()
    finish(start("node-2", *task, "--index=2"))
    assert time.monotonic() - begun < 600
    # It shares a generator with the one before, which was fetched: it would be another's by now.
    vouching = stored("array", "generator.json")
    assert len(vouching) == 1
    finish(start("last", *task, "--summarise"))
    assert stored("array", "generator.json") == vouching
    assert numbers(json.loads(stored("array")["summary.json"])) == summary(plain / "real")


def test_a_killed_command_goes_on_elsewhere_once_it_is_silent(plain, start, stored, environment):
    command = (*FAKE, "--workdir=s3://studies/killed")
    process = start("killed", *command)
    until(lambda: len(stored("killed", "record.json")) >= 3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    died = time.monotonic()
    shutil.rmtree(environment("killed")["GAN_MNIST_CACHE"])
    done = stored("killed", "record.json")
    told = refused(start("heir", *command))
    assert "s3://studies/killed is in use by another run" in told
    assert told.endswith("if that was killed, wait 120 seconds")
    time.sleep(max(0.0, 125 - (time.monotonic() - died)))
    _, err = finish(start("heir", *command))
    assert f"{len(done)} trials are done already" in err
    files = stored("killed")
    assert done.items() <= files.items()
    assert len(files["calls.txt"].splitlines()) == 8 - len(done)
    assert numbers(json.loads(files["summary.json"])) == summary(plain / "fake")


def test_a_killed_command_goes_on_at_once_where_it_was(plain, start, stored):
    command = (*FAKE, "--workdir=s3://studies/again")
    process = start("again", *command)
    until(lambda: len(stored("again", "record.json")) >= 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    finish(start("again", *command))
    assert numbers(json.loads(stored("again")["summary.json"])) == summary(plain / "fake")


def test_a_server_that_goes_away_costs_nothing_that_has_ended(plain, start, stored, server):
    command = (*FAKE, "--workdir=s3://studies/cut")
    process = start("cut", *command)
    until(lambda: len(stored("cut", "record.json")) >= 2)
    server.stop()
    try:
        told = refused(process)
    finally:
        server._port = server.get_host_and_port()[1]
        server.start()
    assert "cannot write s3://studies/cut: Could not connect to the endpoint" in told
    assert told.endswith("what is finished is kept, and the same command goes on")
    assert len(stored("cut", "record.json")) < 8
    _, err = finish(start("cut", *command))
    assert "8 trials are done already" in err
    files = stored("cut")
    assert len([name for name in files if name.endswith("record.json")]) == 8
    assert len(files["calls.txt"].splitlines()) == 8
    assert numbers(json.loads(files["summary.json"])) == summary(plain / "fake")


def test_a_store_that_refuses_is_told_in_one_line(start, store):
    def told(bucket, **changes):
        return refused(start("refused", *FAKE, f"--workdir=s3://{bucket}/run", **changes))

    assert told("nowhere") == (
        "error: --workdir: s3://nowhere/run: The specified bucket does not exist"
    )
    nobody = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    assert "s3://studies/run: Unable to locate credentials" in told("studies", **nobody)
    # Nothing listens at this port.
    gone = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    assert "s3://studies/run: Could not connect to the endpoint" in told("studies", **gone)

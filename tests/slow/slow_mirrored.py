"""--strategy=mirrored on two virtual CPU devices: more kinds of networks, and a whole run."""

import glob
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from two_devices import check, train_on_two_devices

from gan_mnist.files import read_rows

KINDS = ("small_cnn", "resnet", "dcgan", "r3gan", "dagan", "denoiser")
RUN = (
    *(sys.executable, "-m", "gan_mnist.main", "--experiment=imbalance", "--preset=smoke"),
    *("--seeds=1", "--arms=none,cgan,cgan_diffaugment,classical", "--jobs=1"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_two_devices_give_the_numbers_of_one_and_resume_exactly(tmp_path, kind):
    train_on_two_devices(tmp_path, [kind])
    check(tmp_path, kind)


def records(place):
    told = [json.loads(path.read_text()) for path in sorted(place.glob("trials/*/*/record.json"))]
    assert len(told) == 4
    assert {record["status"] for record in told} == {"done"}
    return {record["arm"]: record for record in told}


def first_row(place, pattern):
    (path,) = place.glob(pattern)
    row = read_rows(path)[0]
    return {name: float(value) for name, value in row.items() if name != "seconds"}


def test_a_whole_run_gives_the_numbers_of_one_device_and_survives_a_kill(tmp_path):
    def options(name):
        place = tmp_path / name
        return f"--workdir={place}", f"--export_dir={place / 'models'}", "--strategy=mirrored"

    two_devices = os.environ | {"GAN_MNIST_VIRTUAL_DEVICES": "2"}
    one = (f"--workdir={tmp_path / 'one'}", f"--export_dir={tmp_path / 'one' / 'models'}")
    subprocess.run([*RUN, *one], check=True)
    subprocess.run([*RUN, *options("two")], check=True, env=two_devices)

    killed = subprocess.Popen([*RUN, *options("killed")], env=two_devices)
    deadline = time.monotonic() + 300
    while not glob.glob(f"{tmp_path}/killed/trials/*/*/record.json"):
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(list(tmp_path.glob("killed/trials/*/*/record.json"))) < 4
    subprocess.run([*RUN, *options("killed")], check=True, env=two_devices)

    alone, both, resumed = (records(tmp_path / name) for name in ("one", "two", "killed"))
    for arm, record in both.items():
        assert (alone[arm]["device"], record["device"]) == ("CPU", "2 x CPU")
        assert record["settings"]["strategy"] == "mirrored"
        assert alone[arm]["settings"] | {"strategy": "mirrored"} == record["settings"]
        # A test image may be called otherwise where two classes are as likely.
        assert record["metrics"] == pytest.approx(alone[arm]["metrics"], abs=0.02)
        assert resumed[arm]["metrics"] == record["metrics"]
        assert resumed[arm]["fingerprint"] == record["fingerprint"] != alone[arm]["fingerprint"]
    for pattern in ("trials/none/seed-00/curves.csv", "trials/cgan/seed-00/curves.csv"):
        ways = [first_row(tmp_path / name, pattern) for name in ("one", "two", "killed")]
        assert ways[1] == pytest.approx(ways[0], rel=1e-3, abs=1e-4)
        assert ways[2] == ways[1]
    # A model that was trained on two devices needs no more than one.
    model = next((tmp_path / "two" / "models").rglob("classifier"))
    asked = (
        f"import tensorflow as tf; print(sorted(tf.saved_model.load({str(model)!r}).signatures))"
    )
    done = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert "classify" in done.stdout

"""The command in a process of its own: how long it takes, what it loads, how it ends."""

import resource
import subprocess
import sys

import pytest

from gan_mnist import experiments

IMBALANCE = "--experiment=imbalance"
PRESETS = experiments.load("imbalance").presets
PROBE = """
import sys
from gan_mnist.main import main
status = main(sys.argv)
loaded = {"tensorflow", "keras", "matplotlib", "pandas"} & set(sys.modules)
sys.exit(f"loaded {loaded}" if loaded else status)
"""


def run_and_time(*arguments):
    """A finished process of Python, and the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["--list"], 0),
        (["--list", IMBALANCE], 0),
        ([IMBALANCE, "--preset=x"], 2),
        ([IMBALANCE, "--set", "counts=9,9,9"], 2),
        ([IMBALANCE, "--workdir=/proc/here"], 2),
    ],
    ids=lambda value: str(value)[-20:],
)
def test_answers_come_at_once_and_without_tensorflow(arguments, status):
    # Seconds differ between machines and with what runs beside, so they are counted in imports
    # of numpy: 0.2 s of an idle laptop. Ours takes 2 to 5 of them, and TensorFlow's alone 28.
    for _ in range(3):  # a busy machine may slow down one of the two
        _, numpy_seconds = run_and_time("-c", "import numpy")
        done, seconds = run_and_time("-c", PROBE, *arguments)
        assert done.returncode == status, done.stderr.decode()
        if seconds < 8 * numpy_seconds:
            return
    pytest.fail(f"{seconds:.2f} s, {seconds / numpy_seconds:.1f} imports of numpy")


@pytest.mark.slow
def test_it_is_a_module_that_runs(directory):
    command = [sys.executable, "-m", "gan_mnist.main", IMBALANCE, "--preset=x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"error: --preset: 'x' is unknown; accepted: {', '.join(PRESETS)}"
    ]


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "gan_mnist.main", IMBALANCE, "--dry_run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141

"""What every test needs: one thread and no GPU, set before anything imports TensorFlow."""

import os
import shutil
import signal
import tempfile
from concurrent.futures import Future
from pkgutil import resolve_name

import numpy as np
import pytest

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = "1"


# Decoded images are kept, but not where a person keeps them.
_CACHE = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
os.environ["GAN_MNIST_CACHE"] = _CACHE.name


def pytest_configure(config):
    # Keras writes its variables to files by `np.array`, which NumPy 2 warns of.
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.name.startswith("slow_"):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def directory(tmp_path, monkeypatch):
    """An empty directory, in which the test runs."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def command(request, capsys, directory):
    """`command(*arguments)`: exit status, stdout and stderr of the module's `MAIN`.

    The signal handlers of pytest come back after the test.
    """

    def run(*arguments):
        capsys.readouterr()
        status = request.module.MAIN(["command.py", *map(str, arguments)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield run
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def refused(command, directory):
    """`refused(*arguments)`: the one line on stderr, after all that a refusal must hold."""

    def run(*arguments):
        status, out, err = command(*arguments)
        assert (status, out) == (2, "")
        assert err.startswith("error: ")
        assert err.endswith("\n")
        assert len(err.splitlines()) == 1, err
        assert list(directory.iterdir()) == []
        return err

    return run


class _ThisProcess:
    """A worker that does at once, here, what a process of its own would do."""

    def __init__(self, log):
        pass

    def submit(self, function, *arguments):
        future = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def stop(self):
        pass


@pytest.fixture(scope="module", autouse=True)
def trials_in_this_process():
    """Starting TensorFlow and tracing networks anew takes most of the time of a whole run.

    What processes are for is tested in `tests/study`, and where `real_processes` is asked for.
    """
    from gan_mnist.study.workers import ENGINES

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", _ThisProcess)
        patch.setattr("gan_mnist.settings.network.call_in_process", _here)
        yield


def _here(function, *arguments):
    """What `gan_mnist.study.workers.call_in_process` returns, without a process of its own."""
    import keras

    before = keras.config.dtype_policy()
    try:
        return resolve_name(function)(*arguments)
    finally:
        keras.config.set_dtype_policy(before)


@pytest.fixture
def real_processes(monkeypatch):
    """Trials run in processes of their own after all, and networks of others are tried there."""
    from gan_mnist.study.workers import ENGINES, LocalWorker, call_in_process

    monkeypatch.setitem(ENGINES, "local", LocalWorker)
    monkeypatch.setattr("gan_mnist.settings.network.call_in_process", call_in_process)


@pytest.fixture
def no_report(monkeypatch):
    """Runs end without a report, for tests that do not read it: it takes longer than they do."""
    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, for the files named slow_*.py."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    assert path, "no browser: make test-all needs chromium (apt-get install chromium)"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


DEPTHS = ("gan_mnist.models.denoiser.NUM_RESIDUAL_BLOCKS", "gan_mnist.models.dagan.LEVELS")


@pytest.fixture(scope="session", autouse=True)
def shallow_networks():
    """A block of a kind in place of three or four: it is tracing them that takes the time.

    How deep they are is tested where `deep_networks` is asked for, and in processes of their own.
    """
    with pytest.MonkeyPatch.context() as patch:
        depths = {name: resolve_name(name) for name in DEPTHS}
        for name in DEPTHS:
            patch.setattr(name, 1)
        yield depths


@pytest.fixture(scope="module")
def deep_networks(shallow_networks):
    """The depth that users have."""
    with pytest.MonkeyPatch.context() as patch:
        for name, depth in shallow_networks.items():
            patch.setattr(name, depth)
        yield


@pytest.fixture
def dtype_policy():
    """Sets the Keras dtype policy; the old one comes back after the test."""
    import keras

    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


@pytest.fixture(scope="session")
def make_subset():
    """`make_subset(counts, shape, seed)`: random images, sorted by class."""
    from gan_mnist.data.subsets import Subset

    def make(counts=(4, 6, 5), shape=(8, 8, 1), seed=0):
        images = np.random.default_rng(seed).integers(0, 256, (sum(counts), *shape), np.uint8)
        labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        names = tuple("abcdefgh"[: len(counts)])
        return Subset(images, labels, names, tuple(f"{i}.png" for i in range(len(labels))))

    return make

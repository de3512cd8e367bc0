"""`gan_mnist.run` called as notebooks call it: in threads, again and again, and interrupted.

Trials run in processes of their own, which know no TensorFlow here.
"""

import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import coin
import psutil
import pytest

import gan_mnist
from gan_mnist.errors import InputError
from gan_mnist.study import scheduler
from gan_mnist.study.workers import LocalWorker

pytestmark = pytest.mark.usefixtures("real_processes")
STUDY = coin.STUDY.replace(
    "\n\n\nSTUDY", '\n    more: float = setting(0.0, "heads more", low=0, high=1)\n\n\nSTUDY'
)
# A file `interrupt` has a trial press Ctrl-C, and then wait for its end.
TRIAL = """
import os
import signal
import time

from gan_mnist.study.trial import Outcome


def run_trial(trial):
    if (trial.workdir / "interrupt").exists() and (trial.arm, trial.seed) == ("bent", 1):
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(60)
    if (trial.workdir / "meet").exists():  # the trials of two runs at a time wait for each other
        (trial.workdir / "here").touch()
        ends = time.monotonic() + 60
        while len(list(trial.workdir.parent.glob("*/here"))) < 2:
            assert time.monotonic() < ends, "the other run did not come"
            time.sleep(0.01)
    noise = trial.stream("tosses") % 100 / 1000
    return Outcome({"heads": trial.settings.bias + trial.settings.more + noise})
"""


@pytest.fixture(autouse=True)
def ctrl_c_raises():
    """As in a process that a person has started; the workers of pytest-xdist ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """`call(workdir, **options)`: a run of the coin, with one process for its trials."""
    folder = coin.write(tmp_path_factory.mktemp("calls") / "coin_calls", STUDY, TRIAL)

    def call(workdir, **options):
        return gan_mnist.run(folder, workdir=workdir, jobs=1, export_dir="", **options)

    with coin.forgotten():
        yield call


@pytest.fixture(scope="module")
def alone(call, tmp_path_factory):
    """Directory and summary of a run that nothing happened to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(scheduler.ENGINES, "local", LocalWorker)
        workdir = tmp_path_factory.mktemp("alone") / "run"
        return workdir, call(workdir)


def without_seconds(value):
    if isinstance(value, dict):
        return {
            k: without_seconds(v) for k, v in value.items() if k not in ("seconds", "memory_mib")
        }
    return [without_seconds(v) for v in value] if isinstance(value, list) else value


def left_in(workdir):
    return json.loads((workdir / "summary.json").read_text())


def mean(summary, arm):
    return summary["arms"][arm]["metrics"]["heads"]["mean"]


def records_in(workdir):
    """When the record of each trial was written."""
    found = workdir.glob("trials/*/*/record.json")
    return {path.parent.relative_to(workdir): path.stat().st_mtime_ns for path in found}


def test_it_returns_what_summary_json_holds(alone):
    workdir, told = alone
    assert told == left_in(workdir)
    assert len(records_in(workdir)) == 6
    assert (workdir / "report.html").is_file()


@pytest.mark.slow
def test_a_second_directory_in_the_same_process(alone, call, tmp_path):
    workdir, first = alone
    second = call(tmp_path / "second", settings={"more": 0.1})
    assert second == left_in(tmp_path / "second")
    for arm in ("fair", "bent"):
        assert mean(second, arm) == pytest.approx(mean(first, arm) + 0.1)
    assert first == left_in(workdir)


@pytest.mark.slow
def test_the_same_directory_again_runs_only_what_is_new(alone, call, capsys):
    workdir, first = alone
    before = records_in(workdir)
    assert call(workdir) == first
    assert "6 trials are done already" in capsys.readouterr().err
    assert records_in(workdir) == before
    more = call(workdir, seeds=4)
    assert more["arms"]["fair"]["n"] == 4
    after = records_in(workdir)
    assert {path: after[path] for path in before} == before
    assert len(after) == 8


@pytest.mark.slow
def test_two_threads_at_a_time(alone, call, tmp_path):
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        place.mkdir()
        (place / "meet").touch()
    with ThreadPoolExecutor(2) as threads:
        told = list(threads.map(lambda place: call(place, seeds=3), places))
    assert told == [left_in(place) for place in places]
    assert without_seconds(told[0]) == without_seconds(told[1]) == without_seconds(alone[1])


@pytest.mark.slow
def test_a_directory_in_use_by_another_thread_is_refused(call, tmp_path):
    place = tmp_path / "run"
    place.mkdir()
    (place / "meet").touch()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(call, place)
        while not (place / "here").exists():
            assert not first.done()
            time.sleep(0.01)
        with pytest.raises(InputError, match="in use by another run"):
            call(place)
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "here").touch()  # lets the first go on
        assert first.result() == left_in(place)


def interrupted(call, place):
    place.mkdir()
    (place / "interrupt").touch()
    with pytest.raises(KeyboardInterrupt):
        call(place, seeds=3)
    (place / "interrupt").unlink()


@pytest.mark.slow
def test_ctrl_c_leaves_what_is_finished_and_the_same_call_goes_on(alone, call, tmp_path, capsys):
    before = set(psutil.Process().children())
    handler = signal.getsignal(signal.SIGINT)
    interrupted(call, tmp_path / "run")
    kept = records_in(tmp_path / "run")
    assert len(kept) == 3
    started = set(psutil.Process().children()) - before
    assert [p for p in started if "resource_tracker" not in " ".join(p.cmdline())] == []
    assert signal.getsignal(signal.SIGINT) is handler
    capsys.readouterr()

    told = call(tmp_path / "run", seeds=3)
    assert re.search(rf"^{len(kept)} trials are done already$", capsys.readouterr().err, re.M)
    assert told == left_in(tmp_path / "run")
    assert without_seconds(told) == without_seconds(alone[1])
    assert kept.items() <= records_in(tmp_path / "run").items()


def test_an_impatient_second_ctrl_c_leaves_no_process_behind(call, tmp_path, monkeypatch):
    stopped = []

    def stop(worker):
        os.kill(os.getpid(), signal.SIGINT)
        stop_it(worker)
        stopped.append(worker)

    stop_it = LocalWorker.stop
    monkeypatch.setattr(LocalWorker, "stop", stop)
    interrupted(call, tmp_path / "run")
    assert len(stopped) == 1

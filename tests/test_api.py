"""`gan_mnist.run`: the command without flags, for notebooks and programs."""

import inspect
import json
import re
import threading

import numpy as np
import pytest

import gan_mnist
from gan_mnist import experiments, main
from gan_mnist.commands import running
from gan_mnist.errors import InputError
from gan_mnist.study import workers
from gan_mnist.study.assignments import parse_assignments

IMBALANCE = experiments.load("imbalance")
ARM = IMBALANCE.arms[1].name
SMOKE = {"preset": "smoke", "arms": [ARM], "jobs": 1, "export_dir": ""}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    return tmp_path_factory.mktemp("api") / "run"


@pytest.fixture(scope="module")
def first(workdir):
    """What the first of several runs in the directory returns; it trains, in a thread."""
    return in_a_thread(workdir)


def in_a_thread(workdir):
    told = []
    options = {"workdir": str(workdir), **SMOKE}
    call = threading.Thread(target=lambda: told.append(gan_mnist.run(IMBALANCE.name, **options)))
    call.start()
    call.join()
    (summary,) = told
    return summary


@pytest.fixture
def untouched(first, workdir):
    """Asserts that trials of the first run are not run again."""

    def written():
        return {path: path.stat().st_mtime_ns for path in workdir.glob("trials/*/*/*")}

    before = written()
    assert before
    yield
    assert written() == before


def test_it_returns_what_the_run_leaves(first, workdir):
    assert first == json.loads((workdir / "summary.json").read_text())
    assert list(first["arms"]) == [IMBALANCE.control, ARM]
    assert {arm["n"] for arm in first["arms"].values()} == {IMBALANCE.presets["smoke"].seeds}
    assert first["failed"] == []
    assert first["answer"] in (workdir / "report.md").read_text()


def test_the_call_is_kept(first, workdir):
    call = json.loads((workdir / "study.json").read_text())["command_line"]
    assert call.startswith(f"gan_mnist.run({IMBALANCE.name!r}, jobs=1, engine='local', preset=")
    assert f"arms=[{ARM!r}]" in call


@pytest.mark.usefixtures("untouched", "no_report")
def test_again_nothing_runs_and_the_same_is_told(first, workdir, capsys):
    assert gan_mnist.run(IMBALANCE.name, workdir=workdir, **SMOKE) == first
    assert "4 trials are done already" in capsys.readouterr().err


@pytest.mark.usefixtures("untouched", "no_report")
def test_what_was_trained_in_a_thread_is_finished_everywhere(first, workdir):
    assert gan_mnist.run(IMBALANCE.name, workdir=str(workdir), **SMOKE) == first
    assert in_a_thread(workdir) == first


@pytest.mark.usefixtures("untouched")
def test_other_settings_in_its_directory_are_refused(workdir):
    with pytest.raises(InputError, match=r"updates: 20 -> 30"):
        gan_mnist.run(IMBALANCE.name, workdir=workdir, settings={"updates": 30}, **SMOKE)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        *[({"seeds": bad}, f"--seeds: {bad!r}") for bad in (0, -1, 1001, 2.5, "3")],
        *[({"jobs": bad}, f"--jobs: {bad!r}") for bad in (0, -1, 1001, 1.5, "two")],
        ({"preset": "quik"}, "did you mean 'quick'"),
        ({"preset": None}, "--preset: None"),
        ({"arms": []}, "--arms: ''"),
        ({"arms": [3]}, "--arms: [3]"),
        ({"arms": 3}, "--arms: 3 is not accepted; accepted: a list of texts or None"),
        ({"arms": ARM}, f"--arms: {ARM!r} is not accepted"),
        ({"generated": "copy"}, "--generated: 'copy' is not accepted"),
        ({"data_dir": 3}, "--data_dir: 3 is not accepted; accepted: a text or a path"),
        ({"export_dir": None}, "--export_dir: None"),
        ({"workdir": 3}, "--workdir: 3"),
        ({"download": "yes"}, "--download: 'yes' is not accepted; accepted: True or False"),
        ({"skip_bad": 1}, "--skip_bad: 1"),
        ({"classifier": 3}, "--classifier: 3"),
        ({"test_dir": "a=b"}, "--test_dir: 'a=b' is not accepted; accepted: a dictionary or None"),
        ({"test_dir": {"a": 3}}, "--test_dir: {'a': 3}"),
        ({"settings": "updates=20"}, "--set: 'updates=20'"),
        ({"settings": {3: 4}}, "--set: {3: 4}"),
        ({"engine": "rai"}, "did you mean 'ray'"),
        ({"engine": None}, "--engine: None"),
        ({"dataset": None}, "--dataset: None"),
        ({"dataset": "folder"}, "--data_dir"),
        ({"precision": "float16"}, "'float16'"),
        ({"settings": {"updats": 20}}, "did you mean 'updates'"),
        ({"settings": {"updates": "20"}}, "updates='20' is not an integer"),
        ({"settings": {"updates": 20.0}}, "updates=20.0 is not an integer"),
        ({"settings": {"updates": True}}, "updates=True is not an integer"),
        ({"settings": {"updates": None}}, "updates=None is not an integer"),
        ({"settings": {"updates": 15}}, "multiples of 10"),
        ({"settings": {"zoom": "0.1"}}, "zoom='0.1' is not a number"),
        ({"settings": {"zoom": float("nan")}}, "zoom"),
        ({"settings": {"classes": "123"}}, "classes='123' is not a list or tuple"),
        ({"settings": {"classes": [1, 2, 3]}}, "classes=1 is not a text"),
        ({"settings": {"counts": [-1, 9, 9]}}, "counts: -1 is out of range"),
        ({"settings": {"generator": "copy"}}, "choose among them by --arms"),
        *[({"settings": {name: "x"}}, f"--{name}") for name in experiments.FLAG_SETTINGS],
    ],
    ids=str,
)
def test_bad_arguments_are_refused_and_leave_nothing(directory, options, told):
    with pytest.raises(InputError, match=re.escape(told)) as error:
        gan_mnist.run(IMBALANCE.name, **options)
    assert "\n" not in str(error.value)
    assert list(directory.iterdir()) == []


def test_what_is_no_experiment_is_refused(directory):
    with pytest.raises(InputError, match=r"^--experiment: 3 is not .* a text or a path$"):
        gan_mnist.run(3)
    assert list(directory.iterdir()) == []


def test_values_from_python_are_those_that_the_command_takes(directory):
    texts = ["counts=1,30,40", "zoom=0", "updates=50"]
    by_command = parse_assignments(IMBALANCE.settings, texts)
    given = {"counts": [1, 30, np.int64(40)], "zoom": 0, "updates": np.int32(50)}
    plans = [experiments.make_plan(IMBALANCE.name, settings=s) for s in (by_command, given)]
    fingerprints = [[trial.fingerprint for trial in plan.trials()] for plan in plans]
    assert fingerprints[0] == fingerprints[1]


def test_a_classifier_has_its_own_width_unless_preset_or_settings_say_otherwise():
    def planned(**options):
        found = experiments.make_plan("substitution", **options).settings
        return found.classifier, found.width

    assert planned() == planned(classifier="small_cnn") == ("small_cnn", 16)
    assert planned(classifier="deep_cnn") == ("deep_cnn", 32)
    assert planned(classifier="deep_cnn", settings={"width": 3}) == ("deep_cnn", 3)
    assert planned(classifier="deep_cnn", preset="smoke") == ("deep_cnn", 4)


def test_arguments_are_the_flags_with_their_defaults():
    arguments = dict(inspect.signature(gan_mnist.run).parameters)
    assert arguments.pop("experiment").default is inspect.Parameter.empty
    assert arguments.pop("settings").default is None  # `--set` by another name
    defaults = {name: argument.default for name, argument in arguments.items()}
    assert defaults == {name: main.FLAGS[name].default for name in defaults}
    of_the_command = {"debug", "help", "helpfull", "version", "list", "dry_run", "set"}
    of_the_command |= {"require", "export", "v"}
    of_the_command |= {"pilot", "effect"}  # of the plan that is printed
    assert {*defaults, "experiment"} == set(main.FLAGS) - of_the_command
    assert all(f"{name}: " in gan_mnist.run.__doc__ for name in arguments)


def test_engines_are_those_of_the_workers():
    assert set(running.ENGINES) == set(workers.ENGINES)

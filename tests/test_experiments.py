"""Experiments by name and by path, and what `gan_mnist.run` does with them."""

import importlib
import json
import os
import re
import sys
import threading
from pathlib import Path

import coin
import pytest

import gan_mnist
from gan_mnist import experiments
from gan_mnist.errors import InputError
from gan_mnist.study import continuation


@pytest.fixture(autouse=True)
def _forgotten(directory):
    """Experiments that a test announces are forgotten after it; it runs in an empty folder."""
    with coin.forgotten():
        yield


@pytest.fixture
def make(tmp_path):
    """`make(name, study, trial)`: the folder of an experiment, outside of this package."""
    return lambda name, *texts: coin.write(tmp_path / "elsewhere" / name, *texts)


def run(experiment, **options):
    return gan_mnist.run(str(experiment), export_dir="", jobs=2, **options)


@pytest.mark.parametrize("name", experiments.names())
def test_an_experiment_is_found_by_its_name(name):
    study = experiments.load(name)
    assert (study.name, study.package) == (name, f"gan_mnist.experiments.{name}")


@pytest.mark.slow
@pytest.mark.usefixtures("real_processes")  # which must find it, too
def test_an_experiment_outside_runs_by_its_path(make, directory):
    told = run(make("coin_of_mine"), preset="smoke")
    workdir = directory / "runs" / "coin_of_mine"
    assert told == json.loads((workdir / "summary.json").read_text())
    assert told["arms"]["bent"]["difference"] > 0.1
    assert told["experiment"] == "coin_of_mine"
    assert told["answer"] in (workdir / "report.md").read_text()
    assert "coin_of_mine" in experiments.names()


@pytest.mark.slow
@pytest.mark.usefixtures("no_report")
def test_what_is_finished_is_not_run_again_and_more_is(make, tmp_path):
    folder, workdir = make("coin_again"), tmp_path / "run"
    first = run(folder, preset="smoke", workdir=workdir)
    made = {path: path.stat().st_mtime_ns for path in workdir.rglob("record.json")}
    assert run(folder, preset="smoke", workdir=workdir) == first
    assert run(folder, preset="smoke", workdir=workdir, seeds=3)["arms"]["bent"]["n"] == 3
    assert {path: path.stat().st_mtime_ns for path in made} == made


@pytest.mark.slow
@pytest.mark.usefixtures("real_processes", "no_report")
def test_a_run_in_a_thread(make, tmp_path):
    folder, told = make("coin_in_a_thread"), []
    options = {"preset": "smoke", "workdir": tmp_path / "run", "arms": ["bent"]}
    thread = threading.Thread(target=lambda: told.append(run(folder, **options)))
    thread.start()
    thread.join()
    assert list(told[0]["arms"]) == ["fair", "bent"]


@pytest.mark.usefixtures("no_report")
def test_settings_and_arms_are_arguments(make, tmp_path):
    told = run(
        make("coin_set"), preset="smoke", workdir=tmp_path / "run", settings={"classes": ("1", "2")}
    )
    study = json.loads((tmp_path / "run" / "study.json").read_text())
    assert study["settings"]["classes"] == ["1", "2"]
    assert "gan_mnist.run('" in study["command_line"]
    assert told["seeds"] == [0, 1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"preset": "quik"}, "--preset: 'quik' is unknown"),
        ({"arms": ["bend"]}, "did you mean 'bent'"),
        ({"engine": "cloud"}, "--engine: 'cloud' is unknown"),
        ({"settings": {"bias": 0.1}}, "bias is what arms differ in"),
        ({"settings": {"precision": "float32"}}, "--precision"),
        ({"settings": {"tosses": 1}}, "--set: 'tosses' is unknown"),
        ({"dataset": "mnits"}, "did you mean 'mnist'"),
        ({"workdir": ""}, "--workdir"),
        ({"seeds": True}, "--seeds: True is not accepted"),
    ],
)
def test_bad_arguments_are_refused_and_leave_nothing(make, directory, options, told):
    folder = make("coin_refused")
    with pytest.raises(InputError, match=re.escape(told)):
        run(folder, **options)
    assert list(directory.iterdir()) == []


def test_a_folder_with_the_name_of_one_of_ours_is_the_folder_that_was_named(make):
    experiments.load("digit_cnn")
    with pytest.raises(InputError, match="is loaded already; accepted: a folder of another name"):
        experiments.load(str(make("digit_cnn")))


@pytest.mark.parametrize(
    ("study", "told"),
    [
        ("STUDY = (", "cannot be loaded: SyntaxError"),
        ("import nothing_of_that_name", "cannot be loaded: ModuleNotFoundError"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError"),
        ("", "cannot be loaded: AttributeError"),
        ("STUDY = 3", "is no Study"),
        (re.sub(r"question=.*", 'question=" ",', coin.STUDY), "has no question"),
        ("import sys; sys.exit('bye')", "cannot be loaded: SystemExit: bye"),
        (coin.STUDY.replace('control="fair"', 'control="foul"'), "'foul', is none of its arms"),
        (coin.STUDY.replace('Arm("bent"', 'Arm("fair"'), "two arms are called 'fair'"),
        (
            coin.STUDY.replace(
                'Arm("bent", ',
                'Arm("a", {}, "", ablates="bent"), Arm("b", {}, "", ablates="bent"), Arm("bent", ',
            ),
            "two arms are ablations of 'bent'",
        ),
        (coin.STUDY.replace('Arm("bent"', 'Arm("../bent"'), "'../bent' is no name of an arm"),
        (re.sub(r"metrics=.*", "metrics=(),", coin.STUDY), "it has no metric"),
    ],
)
def test_a_declaration_that_is_broken_is_one_line(make, study, told):
    folder = make("broken", study)
    with pytest.raises(InputError) as error:
        experiments.load(str(folder))
    assert told in str(error.value)
    assert str(folder / "study.py") in str(error.value)
    assert "\n" not in str(error.value)


def test_a_slip_in_a_declaration_is_refused_when_it_is_loaded(make):
    folder = make("slip", coin.STUDY.replace('control="fair",', 'control="fair", rival="bend",'))
    told = "slip: STUDY.rival: no arm is called 'bend'; did you mean 'bent'? accepted: fair, bent"
    with pytest.raises(InputError, match=f"^{re.escape(told)}$"):
        experiments.load(folder)


def test_that_none_is_named_is_said():
    with pytest.raises(InputError, match="--experiment: none is named; accepted: batching, "):
        experiments.load("")


@pytest.mark.parametrize("given", ["imbalence", "nowhere/at/all", "."])
def test_what_is_no_experiment_is_refused(given):
    with pytest.raises(InputError, match=r"^--experiment: .* is unknown; .*a folder with a study"):
        experiments.load(given)


def test_a_folder_whose_name_is_no_identifier_is_refused(make):
    with pytest.raises(InputError, match="'my-coin' is no name of a package"):
        experiments.load(str(make("my-coin")))


def test_processes_find_what_was_announced(make):
    folder = make("coin_announced")
    experiments.load(str(folder))
    assert os.environ[experiments.PATH_VARIABLE].split(os.pathsep)[0] == str(folder.parent)


def test_a_number_that_a_study_chose_is_lowered_to_the_data_and_a_persons_is_refused(make):
    study = coin.STUDY.replace("DataSettings", "SubsetSettings")
    folder = make("coin_of_many", study.replace("Settings()", "Settings(images_per_class=900)"))
    assert experiments.make_plan(folder).settings.images_per_class == 360
    with pytest.raises(InputError, match=r"images_per_class: 900 is out of range.* 1 to 360"):
        experiments.make_plan(folder, settings={"images_per_class": 900})


def test_settings_without_a_group_are_those_of_their_experiment(make):
    groups = experiments.load(make("coin_of_no_group")).settings.fields_by_group()
    assert [field.name for field in groups["coin_of_no_group"]] == ["bias"]
    assert next(iter(groups)) == "coin_of_no_group"


def test_a_preset_names_the_arms_that_run_unless_others_are_asked_for(tmp_path):
    def names(**options):
        plan = experiments.make_plan("imbalance", workdir=tmp_path, **options)
        return [arm.name for arm in plan.arms]

    declared = experiments.load("imbalance")
    few, every = declared.presets["quick"].arms, [arm.name for arm in declared.arms]
    assert {*names()} == {*few} < {*every}
    assert names(preset="smoke") == names(arms=["all"]) == every
    assert names(arms=["smote"]) == ["none", "smote"]
    made = names(generated=["dagan"])
    assert {*made} == {*few, "dagan", "dagan_classical"}
    # A run goes on with the arms that it has had.
    before = {"none": {}, "mixup": {}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(continuation, "description_in", lambda workdir: {"arms": before})
        assert continuation.arm_names(tmp_path, declared, "quick", None, ()) == [
            a for a in every if a in (*few, "mixup")
        ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("findings", "import nothing_of_that_name", "ModuleNotFoundError"),
        ("findings", "def findings(evidence): 1 / 0", "ZeroDivisionError"),
        ("findings", "def findings(evidence): return {'x': float('nan')}", "ValueError"),
        ("findings", "def findings(evidence): return {'gain': 0.1}", "Damaged"),
        ("findings", "def findings(evidence): return ['it helps']", "Damaged"),
        ("findings", "def findings(evidence): return {'lines': [1]}", "Damaged"),
        ("figures", "import nothing_of_that_name", "ModuleNotFoundError"),
    ],
)
def test_what_is_wrong_beside_a_declaration_is_one_line_and_costs_no_trial(
    make, directory, name, text, told
):
    folder = make(f"coin_with_{name}_{told.lower()}")
    (folder / f"{name}.py").write_text(text)
    with pytest.raises(InputError, match=f"{name}.py .* cannot be used: {told}") as error:
        run(folder, preset="smoke", workdir="run")
    assert "\n" not in str(error.value)
    records = sorted(Path("run").glob("trials/*/*/record.json"))
    assert len(records) == 4
    written = [record.stat().st_mtime_ns for record in records]
    (folder / f"{name}.py").write_text("def findings(evidence): return {'lines': []}")
    for module in [m for m in sys.modules if m.endswith(f"{folder.name}.{name}")]:
        del sys.modules[module]
    importlib.invalidate_caches()
    run(folder, preset="smoke", workdir="run")
    assert [record.stat().st_mtime_ns for record in records] == written
    assert Path("run/report.html").exists()


@pytest.mark.slow
def test_a_figure_that_cannot_be_drawn_is_told_and_the_others_are_there(make, directory, capsys):
    text = """
from gan_mnist.report.study_figures import Picture
PICTURES = (Picture("broken", lambda run: 1 / 0, "a", "b"),)
"""
    folder = make("coin_with_a_broken_figure")
    (folder / "figures.py").write_text(text)
    run(folder, preset="smoke", workdir="run")
    assert "the report shows no broken: ZeroDivisionError" in capsys.readouterr().err
    assert Path("run/figures/arms.png").exists()
    for name in ("run/report.md", "run/report.html"):
        assert "It could not be drawn: ZeroDivisionError" in Path(name).read_text()


def test_a_home_folder_may_be_meant(make, monkeypatch):
    folder = make("coin_at_home")
    monkeypatch.setenv("HOME", str(folder.parent))
    assert experiments.load(f"~/{folder.name}").name == folder.name


def test_trust_without_a_model_is_refused():
    with pytest.raises(InputError, match=r"^--trust_model: there is nothing to trust"):
        experiments.make_plan("usefulness", trust_model=True)

"""`--experiment=FOLDER`, as a person gives it: listed, planned, run, or refused in one line."""

import json
import subprocess
import sys

import coin
import pytest

from gan_mnist import experiments
from gan_mnist.main import main

MAIN = main
TAKEN = "imbalance"
FOREIGN = "raise RuntimeError('somebody else has this name')\n"


@pytest.fixture(autouse=True)
def _forgotten():
    with coin.forgotten():
        yield


@pytest.fixture
def outside(tmp_path):
    """A folder for experiments, beside that in which the test runs."""
    return tmp_path / "elsewhere"


@pytest.fixture
def foreign(directory, monkeypatch):
    """The test runs where an `experiments` of somebody else's can be imported."""
    folder = directory / "experiments"
    coin.write(folder / TAKEN, FOREIGN, FOREIGN)
    for place in (folder, folder / TAKEN):
        (place / "__init__.py").write_text(FOREIGN)
    monkeypatch.syspath_prepend(directory)
    return folder


def lines_of(text):
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize("given", ["{}", "{}/", "../elsewhere/toss", "./../elsewhere/toss/."])
def test_it_is_listed(command, outside, given):
    folder = coin.write(outside / "toss")
    status, out, err = command("--list", f"--experiment={given.format(folder)}")
    assert (status, err) == (0, "")
    study = experiments.load("toss")
    assert {f"{arm.name} {arm.about}" for arm in study.arms} <= set(lines_of(out))
    assert "bias chance of heads (default 0.5)" in lines_of(out)


def test_it_is_planned(command, outside, directory):
    folder = coin.write(outside / "toss")
    flags = ["--preset=smoke", "--seeds=4", "--set", "classes=1,7", "--dry_run"]
    status, out, err = command(f"--experiment={folder}", *flags)
    assert (status, err) == (0, "")
    assert "2 arms x 4 seeds = 8" in out
    assert "classes ['1', '7']" in lines_of(out)
    assert list(directory.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("real_processes")  # which must find it, too
def test_it_runs_where_others_have_experiments_too(command, foreign, outside, directory):
    folder = coin.write(outside / "toss")
    flags = ["--preset=smoke", "--jobs=2", "--export_dir="]
    status, out, err = command(f"--experiment={folder}", *flags)
    assert status == 0, err
    workdir = directory / "runs" / "toss"
    summary = json.loads((workdir / "summary.json").read_text())
    assert summary["answer"] in out
    assert {arm["n"] for arm in summary["arms"].values()} == {2}
    assert (workdir / "report.html").is_file()


def test_ours_are_found_where_others_have_experiments_too(command, foreign):
    status, out, err = command(f"--experiment={TAKEN}", "--preset=smoke", "--dry_run")
    assert (status, err) == (0, "")
    assert experiments.load(TAKEN).question in out


def test_a_name_is_one_of_ours_though_a_folder_here_has_it(command, directory):
    coin.write(directory / TAKEN, FOREIGN)
    assert command("--list", f"--experiment={TAKEN}")[0] == 0


@pytest.mark.parametrize("package", [True, False], ids=["package", "folder"])
@pytest.mark.parametrize("loaded", [True, False], ids=["loaded", "not loaded"])
def test_a_folder_with_a_name_of_ours_is_told_of_or_is_what_runs(command, outside, package, loaded):
    prefix = f"{experiments.__name__}.{TAKEN}"
    for name in [name for name in sys.modules if name.startswith(prefix)]:
        del sys.modules[name]  # which comes back after the test
    if loaded:
        experiments.load(TAKEN)
    folder = coin.write(outside / TAKEN)
    if package:
        (folder / "__init__.py").touch()
    status, out, err = command("--list", f"--experiment={folder}")
    if package and not loaded:
        assert (status, err) == (0, "")
        assert "bent bent" in lines_of(out)
        return
    assert (status, out) == (2, "")
    assert err.startswith(f"error: --experiment: {folder} has the name of ")
    assert err.endswith("accepted: a folder of another name\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize("package", [True, False], ids=["package", "folder"])
def test_what_lies_beside_it_does_not_hide_one_of_ours(outside, package):
    ours = experiments.load(TAKEN)
    (outside / TAKEN).mkdir(parents=True)
    if package:
        (outside / TAKEN / "__init__.py").touch()
    experiments.load(str(coin.write(outside / "toss")))
    assert experiments.load(TAKEN) is ours


@pytest.mark.slow
@pytest.mark.usefixtures("real_processes")
def test_a_folder_here_with_the_name_of_a_package_hides_it_from_nobody(directory):
    """Not from this process, nor from that of a trial; numpy and loky are for both."""
    folder = coin.write(directory / "numpy")
    for place in (folder, directory / "loky"):
        place.mkdir(exist_ok=True)
        (place / "__init__.py").touch()
    flags = ["--experiment=numpy", "--preset=smoke", "--seeds=1", "--workdir=run", "--jobs=1"]
    command = [sys.executable, "-m", "gan_mnist.main", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    arms = json.loads((directory / "run" / "summary.json").read_text())["arms"]
    assert {arm["n"] for arm in arms.values()} == {1}


@pytest.mark.parametrize(
    ("study", "told"),
    [
        ("STUDY = (", "SyntaxError"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("from nowhere import nothing", "ModuleNotFoundError"),
        ("from .nowhere import nothing", "ModuleNotFoundError"),
        ("", "has no attribute 'STUDY'"),
        ("STUDY = None", "STUDY in "),
        (coin.STUDY.replace('control="fair",', ""), "TypeError"),
        (coin.STUDY.replace("setting(0.5", "setting(1.5"), "bias: 1.5 is out of range"),
    ],
    ids=lambda value: value[-20:],
)
def test_a_broken_declaration_is_refused(refused, outside, study, told):
    folder = coin.write(outside / "broken", study)
    line = refused(f"--experiment={folder}")
    assert told in line
    assert str(folder / "study.py") in line


def test_a_broken_arm_is_refused(refused, outside):
    study = coin.STUDY.replace('{"bias": 0.8}', '{"bais": 0.8}')
    line = refused(f"--experiment={coin.write(outside / 'broken', study)}")
    assert "arm bent: 'bais' is unknown; did you mean 'bias'?" in line


@pytest.mark.parametrize(
    ("declared", "slip", "told"),
    [
        ('setting(0.5, "chance of heads", low=0, high=1)', "0.5", "bias: it has no help"),
        ("bias: float", "bias: float | None", "bias: float | None is no type of a setting"),
        ("settings=CoinSettings()", "settings=CoinSettings", "STUDY.settings: <class "),
        ("Preset(3, {})", "5", "STUDY.presets: 5 is not accepted"),
        ("Preset(3, {})", "Preset(3, 5)", "study.py cannot be loaded: TypeError"),
    ],
)
def test_a_slip_in_a_declaration_is_refused_in_one_line(refused, outside, declared, slip, told):
    study = coin.STUDY.replace(declared, slip)
    folder = coin.write(outside / "broken", study)
    assert told in refused(f"--experiment={folder}")
    assert told in refused(f"--experiment={folder}", "--list")


@pytest.mark.parametrize("place", ["toss/study.py", "toss/nowhere", "", "bare", "hollow"])
def test_what_is_no_folder_with_a_study_is_refused(refused, outside, place):
    coin.write(outside / "toss")
    (outside / "bare").mkdir()
    (outside / "hollow" / "study.py").mkdir(parents=True)
    line = refused(f"--experiment={outside / place}")
    assert "a folder with a study.py" in line
    assert all(name in line for name in experiments.names())


@pytest.mark.parametrize("name", ["my-coin", "1coin", "two words", "coin.of.mine"])
def test_a_folder_whose_name_cannot_be_a_package_is_refused(refused, outside, name):
    assert repr(name) in refused(f"--experiment={coin.write(outside / name)}")


@pytest.mark.parametrize("name", ["load", "names", "os"])
def test_a_folder_with_a_name_of_the_module_is_refused(refused, outside, name):
    assert f"{name!r} is taken in gan_mnist.experiments" in refused(
        f"--experiment={coin.write(outside / name)}"
    )

"""`python -m gan_mnist.trial`: a task of an array of jobs, as a person or a scheduler meets it."""

import importlib.util
import json
from pathlib import Path

import pytest

from gan_mnist import experiments
from gan_mnist.commands import trial
from gan_mnist.commands.trial import main, ranges

MAIN = main
STUDIES = Path(__file__).parents[1] / "study"


@pytest.fixture(autouse=True)
def fake_study(monkeypatch):
    """The only experiment is the fake one, and no report is drawn."""
    monkeypatch.syspath_prepend(STUDIES)
    import fake_study

    monkeypatch.setattr(experiments, "names", lambda: ["fake_study"])
    monkeypatch.setattr(experiments, "load", lambda name: fake_study.STUDY)
    monkeypatch.setattr(trial.running, "_write_report", lambda plan, workdir: None)
    return fake_study


FLAGS = "--experiment=fake_study", "--seeds=2", "--workdir=run", "--export_dir="


def test_an_array_ends_as_the_command_for_all(command, directory):
    status, out, _ = command(*FLAGS, "--count")
    assert (status, out) == (0, "8\n")
    for index in range(8):
        status, out, _ = command(*FLAGS, f"--index={index}")
        assert status == 0
    assert out.startswith("all seed 1: score 0.")
    status, out, _ = command(*FLAGS, "--summarise")
    assert status == 0
    summary = json.loads((directory / "run" / "summary.json").read_text())
    assert summary["answer"] in out
    assert str(directory / "run" / "report.html") in out
    assert {path.name for path in (directory / "run" / "tensorboard").iterdir()} == {
        "none", "small", "large", "all"
    }  # fmt: skip
    # What is told of how to make it again needs no array.
    told = json.loads((directory / "run" / "study.json").read_text())["command_line"]
    words = told.split()
    assert words[:3] == ["python", "-m", "gan_mnist.main"]
    assert sorted(words[3:]) == sorted(FLAGS)


def test_a_failure_is_recorded_and_told_and_run_again(command, directory, fake_study):
    fake_study.order(directory / "run", "large", 0, "raise")
    status, out, _ = command(*FLAGS, "--index=2")
    assert (status, out) == (1, "large seed 0: failed: RuntimeError: the first line\n")
    record = directory / "run" / "trials" / "large" / "seed-00" / "record.json"
    assert json.loads(record.read_text())["status"] == "failed"
    command(*FLAGS, "--index=0")
    status, out, _ = command(*FLAGS, "--summarise")
    assert status == 1
    assert out.endswith("to be run, or run again: 1-7\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--index: none of what this command does is asked for; accepted: one of"),
        (["--index=0", "--summarise"], "--index: more than one of what"),
        (["--index=8"], "--index: 8 is beyond the plan; accepted: 0 to 7"),
        (["--index=-1"], "--index: '-1' is not accepted"),
        (["--index=x"], "--index: 'x' is not accepted"),
        (["--index="], "--index: '' is not accepted"),
        (["--summarise"], "has no finished trial"),
        (["--until=decided", "--index=0"], "'--until' is unknown"),
        (["--arms=nonne", "--index=0"], "did you mean 'none'?"),
        (["--index=0", "--workdir=/proc/run"], "--workdir: cannot write /proc/run"),
        (["--index=0", "--workdir=nothing://bucket/run"], "--workdir: nothing://bucket/run: "),
        (["--index=0", "--workdir=memory:/bucket/run"], "'memory:/bucket/run' is not accepted"),
        (["--index=0", "--workdir=file:///proc/run"], "--workdir: file:///proc/run: "),
        (["--index=0", "--export_dir=s3://bucket"], "--export_dir: 's3://bucket' is an address"),
    ],
)
def test_bad_input_is_one_line(refused, arguments, told):
    assert told in refused(*FLAGS, *arguments)


def test_ranges_are_those_of_a_scheduler():
    assert [ranges(numbers) for numbers in ([], [4], [0, 1, 2], [0, 2, 3, 7])] == [
        "", "4", "0-2", "0,2-3,7",
    ]  # fmt: skip


def test_python_finds_it_as_a_module():
    found = importlib.util.find_spec("gan_mnist.trial")
    assert found is not None
    assert found.origin == trial.__file__

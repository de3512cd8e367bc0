"""A run that is read again, and what is no run, or not a whole one."""

import json

import pytest
from made_runs import write_run

from gan_mnist.errors import InputError
from gan_mnist.study.finished import read_run

VALUES = {"none": [0.5, 0.6], "cgan": [0.7, 0.8]}


def test_values_are_those_of_the_records_by_seed(tmp_path):
    run = read_run(write_run(tmp_path / "run", VALUES, first_seed=3))
    assert run.values("cgan") == {3: 0.7, 4: 0.8}
    assert run.metric == "score"
    assert run.sha256 == "a" * 64
    metric = run.measured(None)
    assert (metric.label, metric.higher_is_better, metric.margin) == ("score", True, 0.01)


def changed(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def append(path, text):
    path.write_text(path.read_text() + text)


def test_only_finished_trials_that_were_asked_for_count(tmp_path):
    directory = write_run(tmp_path / "run", VALUES)
    lines = (directory / "records.jsonl").read_text().splitlines()
    failed = json.loads(lines[3]) | {"status": "failed", "error": "no", "metrics": {}}
    stranger = json.loads(lines[0]) | {"arm": "smote"}
    late = json.loads(lines[0]) | {"seed": 9}
    lines = [*lines[:3], *map(json.dumps, (failed, stranger, late))]
    (directory / "records.jsonl").write_text("\n".join(lines))
    run = read_run(directory)
    assert run.values("none") == {0: 0.5, 1: 0.6}
    assert run.values("cgan") == {0: 0.7}
    assert run.records.keys() == {"none", "cgan"}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda d: (d / "study.json").unlink(), "is no run"),
        (lambda d: (d / "study.json").write_text("{"), "study.json is damaged"),
        (lambda d: (d / "study.json").write_text("[]"), "study.json is damaged"),
        (lambda d: (d / "study.json").write_bytes(b"\xff"), "study.json is damaged"),
        (lambda d: (d / "records.jsonl").unlink(), "is not finished: it has no records.jsonl"),
        (lambda d: (d / "summary.json").unlink(), "is not finished: it has no summary.json"),
        (lambda d: changed(d / "study.json", seeds=[0, 1, 2]), "summary is of another plan"),
        (lambda d: changed(d / "summary.json", arms={}), "summary is of another plan"),
        (lambda d: changed(d / "study.json", arms=7), "study.json is damaged"),
        (
            lambda d: changed(d / "study.json", dataset={"sha256": "0", "counts": [1, 2]}),
            "study.json is damaged: .*counts",
        ),
        (
            lambda d: changed(d / "summary.json", arms={"none": {"difference": "abc"}}),
            "summary.json is damaged: .*arms",
        ),
        (
            lambda d: changed(
                d / "summary.json",
                metrics=[{"name": "accuracy", "label": "", "higher_is_better": True, "margin": ""}],
            ),
            "summary.json is damaged: .*margin",
        ),
        (lambda d: (d / "records.jsonl").write_bytes(b"\xff"), "line 1 of"),
        (lambda d: (d / "records.jsonl").write_text('{"arm": "none"}\n'), "line 1 of"),
        (lambda d: append(d / "records.jsonl", '{"arm": '), "line 5 of"),
    ],
)
def test_what_is_no_whole_run_is_refused_in_a_line(tmp_path, spoil, told):
    directory = write_run(tmp_path / "run", VALUES)
    spoil(directory)
    with pytest.raises(InputError, match=told) as refused:
        read_run(directory)
    assert "\n" not in str(refused.value)
    assert str(directory) in str(refused.value)


@pytest.mark.parametrize("place", ["nowhere", "file"])
def test_what_is_no_directory_is_no_run(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is no run"):
        read_run(tmp_path / place)

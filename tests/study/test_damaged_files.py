"""A run's directory in which a file was damaged: nothing is believed, and nothing whole is lost."""

import json
import os

import pytest
from fake_study import calls, describe, make_plan, summary
from fake_worker import AtOnce

from gan_mnist.errors import InputError
from gan_mnist.study.records import open_workdir, records_of
from gan_mnist.study.run import run_study
from gan_mnist.study.scheduler import complete
from gan_mnist.study.workers import ENGINES

# What may stand in any file.
CONTENTS = {
    "nothing": b"",
    "blank": b" \n",
    "half of it": b'{"arm": "small", "seed": 0, "sta',
    "two of them": b"{}{}",
    "null": b"null",
    "a list": b"[]",
    "a list of it": b'[{"arm": "small", "seed": 0}]',
    "a number": b"7",
    "a text": b'"done"',
    "true": b"true",
    "no keys": b"{}",
    "NaN": b"NaN",
    "zeros": bytes(512),
    "binary": bytes(range(256)),
    "no UTF-8": b'{"arm": "\xff\xfe"}',
    "UTF-16": '{"arm": "small"}'.encode("utf-16"),
    "bottomless": b"[" * 100_000,
    "bottomless objects": b'{"a":' * 100_000,
    "HTML": b"<html>502</html>",
}
CORRECT = {"labels": "0a", "classes": [None], "sizes": [9], "weights": [1.0], "bits": [["gAA="]]}
# Values that a record does not hold, and a word of what is told.
RECORDS = [
    ({"arm": "large"}, "of arm 'large' and seed 0"),
    ({"arm": None}, "$.arm"),
    ({"arm": 3}, "$.arm"),
    ({"seed": "0"}, "$.seed"),
    ({"seed": False}, "$.seed"),
    ({"seed": 0.5}, "$.seed"),
    ({"seed": 7}, "seed 7"),
    ({"seed": 10**30}, "seed"),
    ({"status": "odd"}, "$.status"),
    ({"status": None}, "$.status"),
    ({"status": "failed"}, "failed with error None"),
    ({"error": "it failed"}, "done with error 'it failed'"),
    ({"error": 3}, "$.error"),
    ({"metrics": None}, "$.metrics"),
    ({"metrics": {}}, "no 'score'"),
    ({"metrics": [0.5]}, "$.metrics"),
    ({"metrics": {"loss": 0.5}}, "no 'score'"),
    ({"metrics": {"score": "0.5"}}, "$.metrics[...]"),
    ({"metrics": {"score": True}}, "`bool`"),
    ({"metrics": {"score": None}}, "`null`"),
    ({"metrics": {"score": [0.5]}}, "`array`"),
    ({"metrics": {"score": float("nan")}}, "malformed"),
    ({"metrics": {"score": float("inf")}}, "malformed"),
    ({"metrics": {"score": 7.0}}, "score is 7, which is not between -1 and 2"),
    ({"metrics": {"score": -1e300}}, "score is -1e+300"),
    ({"metrics": {"score": 0.5, "loss": False}}, "`bool`"),
    ({"settings": []}, "$.settings"),
    ({"settings": {}}, "its settings are not those of its fingerprint"),
    ({"settings": {"bonus": 7.0}}, "its settings are not those of its fingerprint"),
    ({"fingerprint": None}, "$.fingerprint"),
    ({"fingerprint": 12}, "$.fingerprint"),
    ({"seconds": None}, "$.seconds"),
    ({"seconds": {"training": None}}, "$.seconds[...]"),
    ({"seconds": {"training": -1.0}}, "not between 0 and 1e+12"),
    ({"seconds": {"training": 1e308}}, "not between 0 and 1e+12"),
    ({"updates": "many"}, "$.updates"),
    ({"updates": True}, "$.updates"),
    ({"updates": -1}, "not between 0 and 1e+12"),
    ({"updates": 10**400}, "updates"),
    ({"versions": "2.21"}, "$.versions"),
    ({"dataset": []}, "$.dataset"),
    ({"dataset": {"counts": [1]}}, "$.dataset.counts"),
    ({"dataset": {"counts": {"a": {"test": "1"}}}}, "$.dataset.counts"),
    ({"dataset": {"each_seed": {"n_test": 1, "n_train": 0}}}, "no images of their own"),
    ({"generators": 3}, "$.generators"),
    ({"generators": [3]}, "$.generators[0]"),
    ({"correct": [1]}, "$.correct"),
    ({"correct": CORRECT | {"bits": [["!"]]}}, "its sizes"),
    ({"correct": CORRECT | {"sizes": [90]}}, "its sizes"),
    ({"correct": CORRECT | {"sizes": [True]}}, "$.correct.sizes"),
    ({"correct": CORRECT | {"weights": [None]}}, "$.correct.weights"),
    ({"correct": {"labels": "0a", "classes": []}}, "$.correct"),
]
STUDIES = [
    {"experiment": None},
    {"settings": None},
    {"settings": [1]},
    {"dataset": None},
    {"dataset": {}},
    {"dataset": {"sha256": None}},
    {"dataset": {"sha256": 3}},
    {"arms": ["none"]},
    {"arms": {"none": None}},
    {"arms": {"none": {}}},
    {"arms": {"none": {"changes": [1]}}},
]


@pytest.fixture
def run(tmp_path):
    """A finished run, and what its records were."""
    plan = make_plan(tmp_path, seeds=1)
    open_workdir(plan, describe(plan))
    return plan, [complete(trial) for trial in plan.trials()]


def edit(path, changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def check_repaired(run, path):
    """The one damaged file is told of, kept, and made again; all others are as they were."""
    plan, before = run
    content = path.read_bytes()
    _, (line,) = open_workdir(plan, describe(plan))
    assert line.startswith(f"{path} is damaged: ")
    assert "\n" not in line
    assert path.with_name(f"{path.name}.damaged").read_bytes() == content
    ran = len(calls(plan.workdir))
    again = [complete(trial) for trial in plan.trials()]
    assert list(map(told_of, again)) == list(map(told_of, before))
    assert len(calls(plan.workdir)) == ran + (path.name == "record.json")
    assert open_workdir(plan, describe(plan))[1] == []
    assert list(records_of(plan)) == again
    return line


def told_of(record):
    """Without what the process took, which grows."""
    return {key: value for key, value in record.items() if key != "memory_mib"}


@pytest.mark.parametrize("name", ["trials/small/seed-00/record.json", "study.json"])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_file_of_another_content_is_kept_and_made_again(run, name, content):
    path = run[0].workdir / name
    path.write_bytes(content)
    check_repaired(run, path)


@pytest.mark.parametrize(("changes", "told"), RECORDS)
def test_a_record_of_another_form_is_kept_and_the_trial_is_run_again(run, changes, told):
    path = run[0].trials()[1].directory / "record.json"
    edit(path, changes)
    assert told in check_repaired(run, path)


@pytest.mark.parametrize("changes", STUDIES)
def test_a_study_file_of_another_form_is_kept_and_written_anew(run, changes):
    path = run[0].workdir / "study.json"
    edit(path, changes)
    check_repaired(run, path)
    assert json.loads(path.read_text()) == describe(run[0])


@pytest.mark.parametrize("name", ["trials/small/seed-00/record.json", "study.json"])
def test_a_folder_in_the_place_of_a_file_is_kept_too(run, name):
    plan, before = run
    path = plan.workdir / name
    path.unlink()
    path.mkdir()
    (path / "mine.txt").write_text("not yours")
    _, (line,) = open_workdir(plan, describe(plan))
    assert "it is a folder" in line
    assert (path.with_name(f"{path.name}.damaged") / "mine.txt").read_text() == "not yours"
    assert list(map(told_of, map(complete, plan.trials()))) == list(map(told_of, before))


@pytest.mark.parametrize("name", ["trials/small/seed-00/record.json", "study.json"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(run, name):
    plan, before = run
    path = plan.workdir / name
    path.unlink()
    os.mkfifo(path)
    _, (line,) = open_workdir(plan, describe(plan))
    assert "no file" in line
    assert path.with_name(f"{path.name}.damaged").is_fifo()
    assert list(map(told_of, map(complete, plan.trials()))) == list(map(told_of, before))


@pytest.mark.parametrize("name", ["trials/small/seed-00/record.json", "study.json"])
def test_what_cannot_be_read_is_refused_and_left_alone(run, name):
    """Its disk may be there again tomorrow: what cannot be read is not known to be damaged."""
    path = run[0].workdir / name
    path.unlink()
    path.symlink_to(path.name)  # A circle, which not even root can read.
    with pytest.raises(InputError, match="--workdir: cannot read") as error:
        open_workdir(run[0], describe(run[0]))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert os.path.islink(path)


def test_every_damage_is_kept_under_a_name_of_its_own(run):
    plan, before = run
    path = plan.trials()[1].directory / "record.json"
    for content in (b"1", b"2", b"3"):
        path.write_bytes(content)
        complete(plan.trials()[1])  # As a job array does it, which opens no directory.
    kept = [f"record.json.damaged{end}" for end in ("", "-2", "-3")]
    assert [(path.parent / name).read_bytes() for name in kept] == [b"1", b"2", b"3"]
    assert list(map(told_of, records_of(plan))) == list(map(told_of, before))


def test_a_refused_directory_is_left_as_it_is(run):
    plan, _ = run
    path = plan.trials()[1].directory / "record.json"
    path.write_bytes(b"{}")
    with pytest.raises(InputError, match="other settings"):
        open_workdir(make_plan(plan.workdir, seeds=1, scale=2.0), describe(plan))
    assert path.read_bytes() == b"{}"
    assert not path.with_name("record.json.damaged").exists()


def test_the_command_tells_what_was_damaged_and_ends_as_before(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(ENGINES, "at once", AtOnce)
    plan = make_plan(tmp_path)
    run_study(plan, 1, "at once", "as it was")
    before = summary(tmp_path)
    for name in ("trials/none/seed-00/record.json", "trials/all/seed-01/record.json", "study.json"):
        (tmp_path / name).write_bytes(b"{")
    capsys.readouterr()
    run_study(plan, 1, "at once", "as it was")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" is damaged: ")[0] for line in lines[:3]] == [
        str(tmp_path / "trials/none/seed-00/record.json"),
        str(tmp_path / "trials/all/seed-01/record.json"),
        str(tmp_path / "study.json"),
    ]
    assert "6 trials are done already" in lines
    assert summary(tmp_path) == before

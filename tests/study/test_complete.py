"""One trial: what `complete` leaves of it, whatever befalls it."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import fake_study
import numpy as np
import pytest
from fake_study import DATASET, calls, expected_metrics, make_plan, order

from gan_mnist.errors import StorageError
from gan_mnist.files import fingerprint
from gan_mnist.study.records import record_of
from gan_mnist.study.scheduler import complete
from gan_mnist.study.spec import Metric
from gan_mnist.study.trial import Outcome


def test_a_trial_leaves_a_whole_record(tmp_path):
    plan = make_plan(tmp_path, seeds=2, scale=2.0)
    trial = plan.trials()[5]
    record = complete(trial)
    assert record == json.loads((tmp_path / "trials/small/seed-01/record.json").read_text())
    assert record["metrics"] == expected_metrics(2.0, 0.1, seed=1)
    versions = record.pop("versions")
    assert 10 < record.pop("memory_mib") < 10_000
    assert versions["python"]
    assert record == {
        "experiment": "fake_study",
        "arm": "small",
        "seed": 1,
        "status": "done",
        "error": None,
        "metrics": record["metrics"],
        "settings": {**plan.settings.identity(), "bonus": 0.1, "family": "x"},
        "dataset": plan.dataset,
        "fingerprint": trial.fingerprint,
        "seconds": {"generator": 0.0, "training": 0.0, "evaluation": 0.0},
        "updates": 100,
        "device": "none",
        "generators": [],
    }


def test_a_finished_trial_is_only_read(tmp_path):
    trial = make_plan(tmp_path).trials()[0]
    first = complete(trial)
    assert complete(trial) == first
    assert len(calls(tmp_path)) == 1


@pytest.mark.parametrize(("scale", "is_kept"), [(1.0, True), (2.0, False)])
def test_what_was_begun_with_other_settings_is_not_gone_on_with(tmp_path, scale, is_kept):
    """A checkpoint does not say what it is of: a run would mix the two, under the new name."""
    order(tmp_path, "small", 0, "raise")
    (trial,) = (t for t in make_plan(tmp_path, seeds=1).trials() if t.arm == "small")
    assert complete(trial)["status"] == "failed"
    kept = trial.directory / "part" / "checkpoint"
    kept.mkdir(parents=True)
    (kept / "ckpt-3").write_text("weights")
    for damaged in ("record.json.damaged", "record.json"):
        (trial.directory / damaged).unlink(missing_ok=True)
    (trial.directory / "record.json.damaged").write_text("evidence")
    (again,) = (t for t in make_plan(tmp_path, seeds=1, scale=scale).trials() if t.arm == "small")
    complete(again)
    assert (kept / "ckpt-3").exists() is is_kept
    assert (trial.directory / "record.json.damaged").read_text() == "evidence"
    assert (trial.directory / "record.json").exists()


def test_what_is_emptied_by_half_is_emptied_again(tmp_path, monkeypatch):
    """And who holds the directory goes on to hold it."""
    order(tmp_path, "small", 0, "raise")
    (trial,) = (t for t in make_plan(tmp_path, seeds=1).trials() if t.arm == "small")
    complete(trial)
    trial.record_path.unlink()
    for name in ("a", "checkpoint", "z"):
        (trial.directory / name).mkdir()
    (trial.directory / ".running").write_text("mine")
    (again,) = (t for t in make_plan(tmp_path, seeds=1, scale=2.0).trials() if t.arm == "small")
    removed, rmtree = [], shutil.rmtree

    def killed(path):
        if removed:
            raise KeyboardInterrupt
        removed.append(path)
        rmtree(path)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            complete(again)
    order(tmp_path, "small", 0, None)
    complete(again)
    left = {path.name for path in trial.directory.iterdir()}
    assert left == {".running", "begun.json", "curves.csv", "record.json"}


@pytest.mark.parametrize("content", ["{", "[]", '{"fingerprint": 3}'])
def test_a_directory_whose_mark_is_damaged_is_begun_anew(tmp_path, content):
    trial = make_plan(tmp_path).trials()[0]
    trial.directory.mkdir(parents=True)
    (trial.directory / "begun.json").write_text(content)
    (trial.directory / "half").write_text("done")
    complete(trial)
    assert not (trial.directory / "half").exists()


def test_what_was_begun_before_a_setting_was_declared_is_gone_on_with(tmp_path):
    trial = make_plan(tmp_path).trials()[0]
    trial.directory.mkdir(parents=True)
    settings = trial.settings.identity()
    del settings["scale"]
    of_others = trial.experiment, trial.seed, trial.provenance["sha256"]
    begun = {"settings": settings, "fingerprint": fingerprint(settings, *of_others)}
    (trial.directory / "begun.json").write_text(json.dumps(begun))
    (trial.directory / "half").write_text("done")
    complete(trial)
    assert (trial.directory / "half").read_text() == "done"


def test_a_directory_from_before_they_were_named_is_gone_on_with(tmp_path):
    trial = make_plan(tmp_path).trials()[0]
    trial.directory.mkdir(parents=True)
    (trial.directory / "half").write_text("done")
    complete(trial)
    assert (trial.directory / "half").read_text() == "done"


def test_a_trial_that_does_not_find_the_primary_metric_has_failed(tmp_path):
    plan = make_plan(tmp_path)
    study = dataclasses.replace(plan.study, metrics=(Metric("scores", "a typing error"),))
    record = complete(dataclasses.replace(plan, study=study).trials()[0])
    assert record["status"] == "failed"
    assert record["error"] == "ValueError: it has no 'scores', the primary metric"


def test_a_trial_whose_metric_cannot_be_has_failed_and_stays_so(tmp_path):
    """A share in per cent, say: a record of it would be taken for a damaged one ever after."""
    plan = make_plan(tmp_path)
    study = dataclasses.replace(plan.study, metrics=(Metric("score", "score", bounds=(2, 3)),))
    trial = dataclasses.replace(plan, study=study).trials()[0]
    record = complete(trial)
    assert record["status"] == "failed"
    assert "score is " in record["error"] and "not between 2 and 3" in record["error"]
    assert record_of(trial) == record


@pytest.mark.parametrize(
    ("misdeed", "status", "error"),
    [
        ("raise", "failed", "RuntimeError: the first line"),
        ("not a number", "failed", "score"),
        ("infinite", "failed", "loss"),
        ("refuse", "failed", "--data_dir: 'x.png' is not an image"),
        ("foreign file", "failed", "file signature not found"),
        ("missing file", "failed", "/nowhere/at/all"),
        ("decline", "not_applicable", "too few images"),
    ],
)
def test_what_goes_wrong_in_a_trial_is_its_record(tmp_path, misdeed, status, error):
    order(tmp_path, "none", 0, misdeed)
    trial = make_plan(tmp_path).trials()[0]
    record = complete(trial)
    assert record == json.loads((trial.directory / "record.json").read_text())
    assert record["status"] == status
    assert error in record["error"]
    assert "\n" not in record["error"]
    assert record["metrics"] == {}
    assert record["fingerprint"] == trial.fingerprint


def test_a_traceback_is_kept_until_the_trial_succeeds(tmp_path):
    order(tmp_path, "none", 0, "raise")
    trial = make_plan(tmp_path).trials()[0]
    complete(trial)
    traceback = trial.directory / "traceback.txt"
    assert "the second line" in traceback.read_text()
    order(tmp_path, "none", 0, None)
    assert complete(trial)["status"] == "done"
    assert not traceback.exists()


@pytest.mark.parametrize("misdeed", ["decline", "refuse"])
def test_a_traceback_of_an_earlier_failure_is_not_kept_beside_another_record(tmp_path, misdeed):
    trial = make_plan(tmp_path).trials()[0]
    for what in ("raise", misdeed):
        order(tmp_path, "none", 0, what)
        complete(trial)
    assert not (trial.directory / "traceback.txt").exists()


def test_data_that_change_under_a_run_fail_the_trial(tmp_path, monkeypatch):
    def work(trial):
        assert trial.dataset.sha256 == DATASET["sha256"]
        return Outcome({"score": 1.0})

    monkeypatch.setattr(fake_study.trial, "run_trial", work)
    first, second = make_plan(tmp_path).trials()[:2]
    assert complete(first)["status"] == "done"
    changed = SimpleNamespace(sha256="f" * 64)
    monkeypatch.setattr(fake_study.FakeSettings, "load", lambda settings: changed)
    record = complete(second)
    assert record["status"] == "failed"
    assert "data set" in record["error"]


def test_numbers_may_be_those_of_numpy(tmp_path, monkeypatch):
    """As the mean of float32 predictions is."""
    outcome = Outcome(
        {"score": np.float32(0.1), "loss": np.float64(0.5)},
        seconds={"training": np.float32(2)},
        updates=np.int64(30),
    )
    monkeypatch.setattr(fake_study.trial, "run_trial", lambda trial: outcome)
    trial = make_plan(tmp_path).trials()[0]
    record = complete(trial)
    assert (record["status"], record["error"]) == ("done", None)
    assert record_of(trial) == record
    assert record_of(trial)["updates"] == 30


def test_a_full_disk_is_no_property_of_the_trial(tmp_path):
    order(tmp_path, "none", 0, "find the disk full")
    trial = make_plan(tmp_path).trials()[0]
    with pytest.raises(StorageError, match="No space left on device"):
        complete(trial)
    assert not (trial.directory / "record.json").exists()


def test_an_experiment_without_a_trial_is_told_of(tmp_path):
    plan = make_plan(tmp_path)
    study = dataclasses.replace(plan.study, package="json")
    record = complete(dataclasses.replace(plan.trials()[0], study=study))
    assert record["status"] == "failed"
    assert "experiment json: no trial.py with run_trial(trial)" in record["error"]

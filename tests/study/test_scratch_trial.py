"""What goes along with a trial to a machine of another disk, and what comes back."""

import json
import os
import re
import shutil
import threading

import pytest
from fake_study import calls, expected_metrics, make_plan, order
from fake_worker import AtOnce

from gan_mnist.files import read_json, write_json
from gan_mnist.study import scheduler, scratch_trial
from gan_mnist.study.run import run_study
from gan_mnist.study.scheduler import complete
from gan_mnist.study.scratch_trial import files_to_send, run_in_scratch, write_output
from gan_mnist.study.workers import ENGINES


def there_and_back(trial, work=complete):
    sent = files_to_send(trial)
    left = run_in_scratch(work, trial, trial.load(), sent)
    return sent, left, write_output(trial, sent, left)


def keep(folder, content="weights", **told):
    """Something kept as `train_or_load_weights` does it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "x.weights.h5").write_text(content)
    (folder / "x.json").write_text(json.dumps({"sha256": "0", "seconds": 1.0, **told}))


class Away(AtOnce):
    """Sends each trial to a directory of its own."""

    def submit(self, function, trial):
        def told_there(moved):
            shutil.copytree(trial.workdir / "orders", moved.workdir / "orders")
            return function(moved)

        return super().submit(lambda trial: there_and_back(trial, told_there)[2], trial)


def sharing(trial):
    """A trial that makes what its family shares, unless it is there, and leaves a checkpoint."""
    checkpoint = trial.directory / "checkpoint" / "part"
    if checkpoint.exists():
        checkpoint.unlink()
    else:
        checkpoint.parent.mkdir(parents=True)
        checkpoint.write_text("half")
    shared = trial.workdir / "generators" / f"{trial.settings.family}-{trial.seed}"
    (trial.directory / "shared.txt").write_text("found" if shared.exists() else "made")
    if not shared.exists():
        keep(shared, f"{trial.settings.family} {trial.seed}", seed=trial.seed, by=trial.arm)
    return complete(trial)


def left(workdir):
    """All files of a run but hidden ones and those that tell times and processes, by path."""
    return {
        str(path.relative_to(workdir)): _without_times(path)
        for path in workdir.rglob("*")
        if path.is_file() and path.name[0] != "." and path.name not in ("calls.txt", "study.json")
    }


def _without_times(path):
    text = path.read_text()
    if path.name == "traceback.txt":
        return text.splitlines()[-1]
    return re.sub(r'"(seconds|mean_seconds|memory_mib)": ({[^}]*}|[\d.e-]+)', "", text)


@pytest.mark.slow
def test_a_run_in_other_directories_ends_as_one_in_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(scheduler, "complete", sharing)
    for name, engine in (("here", AtOnce), ("away", Away)):
        monkeypatch.setitem(ENGINES, name, engine)
        plan = make_plan(tmp_path / name, seeds=3)
        for arm, seed, misdeed in (("small", 1, "raise"), ("all", 0, "decline")):
            order(plan.workdir, arm, seed, misdeed)
        run_study(plan, 2, name, "")
        # Again, to try what failed: one does so again, one is mended.
        order(plan.workdir, "small", 1, None)
        order(plan.workdir, "large", 2, "raise")
        (plan.workdir / "trials" / "large" / "seed-02" / "record.json").unlink()
        run_study(plan, 2, name, "")
    here, back = left(tmp_path / "here"), left(tmp_path / "away")
    assert back == here
    # That much was done, and shared: the oracle is no empty run.
    assert len([name for name in here if name.endswith("record.json")]) == 12
    assert "trials/large/seed-02/traceback.txt" in here
    assert "trials/small/seed-01/traceback.txt" not in here
    assert "generators/x-2/x.weights.h5" in here
    assert "trials/none/seed-00/checkpoint/part" in here
    assert "trials/large/seed-02/checkpoint/part" not in here


def test_a_trial_leaves_what_it_would_have_left_here(tmp_path):
    here, back = (make_plan(tmp_path / name, seeds=1).trials()[1] for name in ("here", "back"))
    there_and_back(back)
    complete(here)
    for trial in (here, back):
        record = json.loads((trial.directory / "record.json").read_text())
        assert record["metrics"] == expected_metrics(1.0, 0.1, 0)
    names = [
        {str(path.relative_to(trial.workdir)) for path in trial.workdir.rglob("*")}
        for trial in (here, back)
    ]
    assert names[0] == names[1]
    assert len(calls(back.workdir)) == 1


def test_nothing_stays_on_the_other_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch_trial.tempfile, "tempdir", str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    seen = []

    def work(trial):
        seen.append(trial.workdir)
        return complete(trial)

    there_and_back(make_plan(tmp_path / "run", seeds=1).trials()[0], work)
    assert tmp_path / "other" in seen[0].parents
    assert list((tmp_path / "other").iterdir()) == []


def test_a_failure_comes_back_and_its_traceback_goes_when_it_is_mended(tmp_path):
    trial = make_plan(tmp_path, seeds=1).trials()[0]

    def failing(moved):
        order(moved.workdir, trial.arm, 0, "raise")
        return complete(moved)

    _, _, record = there_and_back(trial, failing)
    assert record["status"] == "failed"
    assert "the second line" in (trial.directory / "traceback.txt").read_text()
    order(tmp_path, trial.arm, 0, None)
    assert there_and_back(trial)[2]["status"] == "done"
    assert not (trial.directory / "traceback.txt").exists()


def test_what_is_kept_for_the_seed_goes_along_and_no_other(tmp_path):
    keep(tmp_path / "generators" / "own", seed=1)
    keep(tmp_path / "judges" / "own", stream=["fake_study", 1, "judge"])
    keep(tmp_path / "judges" / "of_all", stream=["fake_study"])
    keep(tmp_path / "generators" / "other", seed=0)
    keep(tmp_path / "judges" / "other", stream=["fake_study", 0])
    keep(tmp_path / "generators" / "damaged")
    (tmp_path / "generators" / "damaged" / "x.json").write_text('{"seed": ')
    (tmp_path / "generators" / "own" / ".lock").touch()
    (tmp_path / "figures" / "x").mkdir(parents=True)
    (tmp_path / "figures" / "x" / "y.png").write_text("drawn")
    trial = next(trial for trial in make_plan(tmp_path, seeds=2).trials() if trial.seed == 1)
    trial.directory.mkdir(parents=True)
    (trial.directory / "part.csv").write_text("half")
    kept = ("generators/own", "generators/damaged", "judges/own", "judges/of_all")
    expected = {f"run/{folder}/{file}" for folder in kept for file in ("x.weights.h5", "x.json")}
    assert files_to_send(trial).keys() == expected | {"run/trials/none/seed-01/part.csv"}


def test_what_is_kept_is_looked_at_again_only_where_it_changed(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(
        scratch_trial, "read_json", lambda path: read.append(path) or read_json(path)
    )
    for name in ("one", "other"):
        keep(tmp_path / "generators" / name, seed=0)
        os.utime(tmp_path / "generators" / name, (0, 0))
    trials = make_plan(tmp_path, seeds=1).trials()
    assert all(len(files_to_send(trial)) == 4 for trial in trials)
    assert len(read) == 2
    write_json(tmp_path / "generators" / "one" / "x.json", {"seed": 1})
    assert all(len(files_to_send(trial)) == 2 for trial in trials)
    assert len(read) == 3


def test_of_two_that_trained_at_once_the_first_is_kept_whole(tmp_path):
    one, other = make_plan(tmp_path, seeds=1, arms=["small"]).trials()
    folder = tmp_path / "generators" / "key"

    def training(content):
        def work(trial):
            keep(trial.workdir / "generators" / "key", content, seed=0, by=content)
            return complete(trial)

        return work

    sent = files_to_send(other)
    there_and_back(one, training("first"))
    left = run_in_scratch(training("second"), other, other.load(), sent)
    write_output(other, sent, left)
    assert (folder / "x.weights.h5").read_text() == "first"
    assert json.loads((folder / "x.json").read_text())["by"] == "first"
    # What was sent, and found damaged, is replaced.
    there_and_back(other, training("third"))
    assert (folder / "x.weights.h5").read_text() == "third"


def test_exports_go_to_their_directory(tmp_path):
    plan = make_plan(tmp_path / "run", seeds=1, export_dir=str(tmp_path / "models"))

    def exporting(trial):
        keep(scratch_trial.Path(trial.settings.export_dir) / "none")
        return complete(trial)

    there_and_back(plan.trials()[0], exporting)
    assert (tmp_path / "models" / "none" / "x.weights.h5").read_text() == "weights"


def test_the_record_is_the_last_that_is_written(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(
        scratch_trial, "write_bytes", lambda path, content: written.append(path.name)
    )
    trial = make_plan(tmp_path, seeds=1).trials()[0]
    left = scratch_trial.TrialOutput(
        {}, {f"run/trials/none/seed-00/{n}": b"" for n in ("record.json", "a.json", "z.csv")}, ()
    )
    write_output(trial, {}, left)
    assert written == ["z.csv", "a.json", "record.json"]


def test_a_full_disk_at_home_is_told(tmp_path):
    trial = make_plan(tmp_path, seeds=1).trials()[0]
    sent = files_to_send(trial)
    left = run_in_scratch(complete, trial, trial.load(), sent)
    (tmp_path / "trials").write_text("a file where a folder must be")
    with pytest.raises(OSError, match="trials"):
        write_output(trial, sent, left)


def test_what_vanishes_while_it_is_walked_through_is_passed_by(tmp_path):
    """TensorFlow begins a checkpoint in a folder, and takes it away when it is whole."""
    (tmp_path / "kept.json").touch()
    (tmp_path / ".lock").touch()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "part").touch()
    ended = threading.Event()

    def come_and_go():
        while not ended.is_set():
            (tmp_path / "ckpt-1_temp" / "part").mkdir(parents=True)
            shutil.rmtree(tmp_path / "ckpt-1_temp")

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(3000):
            assert list(scratch_trial.files_in(tmp_path)) == [tmp_path / "kept.json"]
    finally:
        ended.set()
        thread.join()

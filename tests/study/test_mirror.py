"""A run at an address is that of a directory, whichever machines have part in it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest
from at_address import Killed, killed_after, plan_at, records, refused, run_all, stored
from fake_study import calls, expected_metrics, summary

from gan_mnist.files import CACHE_VARIABLE
from gan_mnist.files.claim import OWNER
from gan_mnist.files.remote import Remote
from gan_mnist.study.location import RUN, resolve_workdir, with_local_workdir
from gan_mnist.study.run import finish_study, run_one

HERE = Path(__file__).parent


def test_it_ends_as_a_run_in_a_directory(address, plain):
    mirror = run_all(address)
    assert summary(mirror) == summary(plain.workdir)
    names = {str(p.relative_to(plain.workdir)) for p in plain.workdir.rglob("*") if p.is_file()}
    names = {name for name in names if not name.startswith(".")}
    assert stored(address).keys() - {RUN} == names
    for name in ("summary.json", "study.json", "trials/all/seed-01/record.json"):
        assert stored(address)[name] == (mirror / name).read_bytes()


@pytest.mark.slow
def test_another_machine_goes_on_with_what_is_missing(address, plain, machine):
    with pytest.raises(Killed):
        run_all(address, killed_after(5))
    assert len(records(address)) == 5
    assert not any(OWNER in name for name in stored(address))
    machine("second")
    mirror = run_all(address)
    assert len(calls(mirror)) == 3
    assert summary(mirror) == summary(plain.workdir)
    machine("third")
    more = run_all(address, seeds=3)
    assert len(calls(more)) == 4
    assert len(records(address)) == 12
    # And on the first again, whose mirror has what it did itself.
    machine("first")
    again = run_all(address, seeds=3)
    assert len(calls(again)) == 5
    assert summary(again) == summary(more)


@pytest.mark.slow
def test_an_array_on_machines_of_their_own_is_the_run_of_one_command(address, plain, machine):
    for index in (5, 0, 7, 3, 6, 1, 4, 2):
        machine(f"task-{index}")
        plan = plan_at(address)
        record = run_one(plan, index, "")
        trial = plan.trials()[index]
        assert (record["arm"], record["seed"]) == (trial.arm, trial.seed)
        # It fetches nothing of others.
        mirrors = list(Path(os.environ[CACHE_VARIABLE]).glob("runs/*"))
        assert len(list(mirrors[0].glob("trials/*/*/record.json"))) == len(mirrors) == 1
    machine("last")
    plan = plan_at(address)
    finish_study(plan, "")
    assert summary(plan.workdir) == summary(plain.workdir)
    assert json.loads(stored(address)["summary.json"]) == json.loads(
        (plan.workdir / "summary.json").read_text()
    )
    assert calls(plan.workdir) == []


def test_what_is_refused_leaves_nothing(address, tmp_path):
    assert "beyond the plan" in refused(run_one, plan_at(address), 8, "")
    told = refused(finish_study, plan_at(address), "")
    assert told.startswith(f"--workdir: {address} has no finished trial")
    assert stored(address) == {}
    assert not (tmp_path / "machines").exists()


def test_a_finished_trial_is_only_read_by_a_task(address, machine):
    before = run_one(plan_at(address), 2, "")
    machine("second")
    plan = with_local_workdir(plan_at(address))
    assert run_one(plan, 2, "") == before
    assert calls(plan.workdir) == []


def test_of_two_plans_that_begin_at_once_the_later_is_refused_if_it_differs(address, machine):
    plans = []
    for name, changes in {"a": {}, "b": {"scale": 2.0}, "c": {"seeds": 3}}.items():
        machine(name)
        plans.append((name, plan_at(address, **changes)))
    for name, plan in plans:
        machine(name)
        if name == "b":
            assert "other settings (scale: 1.0 -> 2.0)" in refused(run_one, plan, 1, "")
        else:
            run_one(plan, 1 if name == "a" else 2, "")
    assert records(address) == ["large/seed-00", "small/seed-00"]
    assert json.loads(stored(address)["study.json"])["settings"]["scale"] == 1.0
    assert "other settings" in refused(run_all, address, scale=2.0)


def test_what_vouches_for_a_trial_goes_last(address, monkeypatch):
    write, seen = Remote.write, []

    def watched(remote, files):
        for name in files:
            if name.endswith("record.json"):
                seen.append(name)
                assert name.replace("record.json", "curves.csv") in remote.names()
        write(remote, files)

    monkeypatch.setattr(Remote, "write", watched)
    run_all(address, seeds=1)
    assert len(seen) == 4


@pytest.mark.parametrize("loser", ["store", "mirror"])
def test_a_file_that_store_or_mirror_lost_comes_back_from_the_other(address, plain, loser):
    mirror, name = run_all(address), "trials/small/seed-01/curves.csv"
    if loser == "store":
        Remote(address).remove([name])
    else:
        (mirror / name).unlink()
    run_all(address)
    content = (plain.workdir / name).read_bytes()
    assert (mirror / name).read_bytes() == stored(address)[name] == content
    assert len(calls(mirror)) == 8


def test_a_path_of_an_address_is_none():
    for text in ("s3:/bucket/run", "memory:/x"):
        assert f"{text!r} is not accepted" in refused(resolve_workdir, Path(text))
    assert resolve_workdir("c:/x") == (Path.cwd() / "c:" / "x", "")


def test_an_address_that_was_emptied_begins_anew(address):
    before = run_all(address, seeds=1)
    Remote(address).remove(stored(address))
    after = run_all(address, seeds=1, scale=2.0)
    assert after != before
    assert len(calls(after)) == 4
    score = json.loads(stored(address)["trials/all/seed-00/record.json"])["metrics"]["score"]
    assert score == expected_metrics(2.0, 0.3, 0)["score"]


def test_a_run_that_was_copied_to_an_address_is_gone_on_with(address, plain):
    files = (path for path in plain.workdir.rglob("*") if path.is_file())
    Remote(address).write({str(p.relative_to(plain.workdir)): p.read_bytes() for p in files})
    mirror = run_all(address, seeds=3)
    assert len(calls(mirror)) == 4
    assert "other settings" in refused(run_all, address, scale=2.0)


def test_what_else_lies_at_an_address_stays_there(address, machine):
    others = {"notes.txt": b"mine", "trials/notes.txt": b"mine", "a/b/c/d.txt": b"mine"}
    Remote(address).write(others)
    run_all(address, seeds=1)
    machine("second")
    mirror = run_all(address, seeds=1)
    assert others.items() <= stored(address).items()
    assert not any((mirror / name).exists() for name in others)


def test_no_object_is_fetched_to_another_place(tmp_path, machine):
    address = f"memory://{tmp_path}/run"
    mirror = run_all(address, seeds=1)
    store = fsspec.filesystem("memory").store
    record = store[f"{tmp_path}/run/trials/all/seed-00/record.json"]
    store[f"{tmp_path}/run/trials/../../../up/record.json"] = record
    store[f"{tmp_path}/run/trials/all/../x/record.json"] = record
    machine("second")
    mirror = run_all(address, seeds=1)
    assert calls(mirror) == []
    assert {path.name for path in mirror.parent.iterdir()} == {mirror.name}
    assert {path.name for path in mirror.parent.parent.iterdir()} == {"runs"}
    assert not (mirror / "trials" / "x").exists()


@pytest.mark.slow
def test_a_run_on_a_disk_needs_nothing_of_it(tmp_path):
    code = (
        "import sys, fake_command as f; status = f.main(['', '--experiment=fake_study', "
        "'--seeds=1', '--workdir=run', '--export_dir=']); "
        "ours = 'gan_mnist.files.remote', 'gan_mnist.study.mirror', 's3fs'; "
        "print([name for name in ours if name in sys.modules], status)"
    )
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": path},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[] 0"

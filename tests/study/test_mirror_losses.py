"""What is lost of a run at an address when a command or the connection is, and who is kept out."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from at_address import plan_at, records, refused, run_all, stored
from fake_study import calls, expected_metrics, order, summary
from interrupting import num_records

from gan_mnist.files import CACHE_VARIABLE
from gan_mnist.files.claim import OWNER
from gan_mnist.files.remote import Remote, RemoteClaim
from gan_mnist.study import scheduler
from gan_mnist.study.location import resolve_workdir, with_local_workdir
from gan_mnist.study.run import finish_study, run_one, run_study

HERE = Path(__file__).parent


@pytest.mark.slow
def test_a_killed_process_loses_no_trial_that_had_ended(tmp_path, plain):
    """Across processes, and killed so that nothing is cleaned up."""
    command = [
        *(sys.executable, str(HERE / "fake_command.py"), "--experiment=fake_study", "--jobs=1"),
        *("--seeds=2", "--export_dir=", "--set=nap_seconds=0.4", f"--workdir=file://{tmp_path}/run"),
    ]  # fmt: skip

    def start(name):
        environment = os.environ | {CACHE_VARIABLE: str(tmp_path / name)}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    first = start("first")
    end = time.monotonic() + 60
    while num_records(tmp_path / "run") < 3:
        assert time.monotonic() < end
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    done = num_records(tmp_path / "run")
    owner = tmp_path / "run" / OWNER
    silent = owner.stat().st_mtime - 200
    os.utime(owner, (silent, silent))
    second = start("second")
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert f"report: file://{tmp_path}/run/report.html, here {tmp_path}/second/" in out
    assert len((tmp_path / "run" / "calls.txt").read_text().splitlines()) == 8 - done
    assert summary(tmp_path / "run") == summary(plain.workdir)


@pytest.mark.slow
def test_a_failure_that_is_mended_elsewhere_leaves_no_trace(address, machine):
    plan = with_local_workdir(plan_at(address))
    order(plan.workdir, "small", 1, "raise")
    run_study(plan, 1, "local", "")
    assert b"the second line" in stored(address)["trials/small/seed-01/traceback.txt"]
    machine("second")
    assert len(calls(run_all(address))) == 1
    assert "trials/small/seed-01/traceback.txt" not in stored(address)
    assert json.loads(stored(address)["trials/small/seed-01/record.json"])["status"] == "done"
    # The first machine's failure does not come back.
    machine("first")
    again = run_all(address)
    assert len(calls(again)) == 8
    mended = again / "trials" / "small" / "seed-01"
    assert {path.name for path in mended.iterdir()} == {
        *("begun.json", "record.json", "curves.csv")
    }
    assert json.loads((mended / "record.json").read_text())["status"] == "done"


@pytest.fixture
def line(monkeypatch):
    """`line(is_cut)`: whether the store can be reached."""
    each, cut = Remote._each, []

    def reached(remote, function, arguments):
        def tried(argument):
            if cut:
                raise ConnectionError("no route to the store")
            return function(argument)

        return each(remote, tried, arguments)

    monkeypatch.setattr(Remote, "_each", reached)
    return lambda is_cut: cut.append(1) if is_cut else cut.clear()


def test_a_lost_connection_loses_nothing_that_has_ended(address, plain, line, capsys):
    def on_record(record):
        if record["arm"] == "large":
            line(True)

    told = refused(run_all, address, on_record)
    assert told == (
        f"--workdir: cannot write {address}: no route to the store; what is finished is kept, and "
        "the same command goes on"
    )
    assert capsys.readouterr().err.count("no route to the store; what ends meanwhile is kept") == 1
    line(False)
    assert len(records(address)) < 8
    mirror = run_all(address)
    assert len(calls(mirror)) == 8
    assert len(records(address)) == 8
    assert summary(mirror) == summary(plain.workdir)


def test_a_connection_that_comes_back_is_enough(address, plain, line):
    seen = []

    def on_record(record):
        seen.append(record)
        line(2 <= len(seen) < 6)
        if len(seen) == 7:
            line(False)
            assert len(records(address)) == 7

    mirror = run_all(address, on_record)
    assert len(records(address)) == 8
    assert summary(mirror) == summary(plain.workdir)


def test_a_task_whose_trial_could_not_be_put_there_need_not_run_it_again(address, line):
    def cut(trial):
        line(True)
        return complete(trial)

    complete = scheduler.complete
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scheduler, "complete", cut)
        assert "no route to the store" in refused(run_one, plan_at(address), 3, "")
    line(False)
    assert records(address) == []
    plan = with_local_workdir(plan_at(address))
    assert run_one(plan, 3, "")["metrics"] == expected_metrics(1.0, 0.3, 0)
    assert len(calls(plan.workdir)) == 1
    assert records(address) == ["all/seed-00"]


def test_a_store_that_is_not_reached_is_told_when_the_plan_is_made(address, line):
    line(True)
    assert refused(resolve_workdir, address) == f"--workdir: {address}: no route to the store"


def test_two_commands_and_tasks_keep_each_other_out(address, machine, monkeypatch):
    def others(record):
        machine("second")
        told = refused(run_all, address)
        assert re.match(
            f"--workdir: {address} is in use by another run .process {os.getpid()}", told
        )
        assert "in use" in refused(run_one, plan_at(address), 7, "")
        assert "in use" in refused(finish_study, plan_at(address), "")
        machine("first")

    run_all(address, others, seeds=1, arms=["none"])

    def beside(trial):
        machine("second")
        assert "in use" in refused(run_all, address)
        assert "in use" in refused(run_one, plan_at(address), 1, "")
        monkeypatch.setattr(scheduler, "complete", complete)
        run_one(plan_at(address), 2, "")
        machine("first")
        return complete(trial)

    complete = scheduler.complete
    monkeypatch.setattr(scheduler, "complete", beside)
    run_one(plan_at(address), 1, "")
    assert records(address) == ["large/seed-00", "none/seed-00", "small/seed-00"]


def test_a_run_that_is_taken_over_ends_and_writes_no_more(address, monkeypatch):
    def take_over(record):
        Remote(address).write({OWNER: b'{"host": "there", "pid": 7, "token": "two"}'})
        claims[0].is_lost = True  # as its next beat finds out

    claims, take = [], RemoteClaim.take
    monkeypatch.setattr(RemoteClaim, "take", lambda claim: (claims.append(claim), take(claim))[1])
    told = refused(run_all, address, take_over)
    assert told.startswith(f"--workdir: cannot write {address}: another run has taken it over")
    assert len(records(address)) == 1
    assert b"there" in stored(address)[OWNER]


def test_half_of_what_a_killed_command_put_there_counts_for_nothing(address, machine, plain):
    remote = Remote(address)
    run_all(address)
    remote.write({"trials/small/seed-00/old.txt": b"", "generators/half/gan.weights.h5": b"half"})
    remote.remove(["trials/small/seed-00/record.json"])
    machine("second")
    mirror = run_all(address)
    assert [call[:2] for call in calls(mirror)] == [["small", "0"]]
    assert not (mirror / "generators").exists()
    assert "trials/small/seed-00/old.txt" not in stored(address)
    assert summary(mirror) == summary(plain.workdir)


def test_a_damaged_record_is_kept_and_its_trial_run_again(address, machine, plain):
    run_all(address)
    Remote(address).write({"trials/small/seed-00/record.json": b"{", "study.json": b"no"})
    machine("second")
    mirror = run_all(address)
    assert [call[:2] for call in calls(mirror)] == [["small", "0"]]
    assert stored(address)["trials/small/seed-00/record.json.damaged"] == b"{"
    assert stored(address)["study.json.damaged"] == b"no"
    assert summary(mirror) == summary(plain.workdir)


def test_what_was_seen_while_the_store_was_away_is_not_forgotten(address, line):
    """A look, and arms that were judged: p values depend on them."""

    def on_record(record):
        line(record["arm"] == "small" and record["seed"] == 2)

    told = refused(run_all, address, on_record, seeds=3, arms=["none", "small"])
    assert "no route to the store" in told
    line(False)
    assert json.loads(stored(address)["study.json"])["looks"]["taken"] == []
    mirror = run_all(address, seeds=4, arms=["none", "large"])
    described = json.loads(stored(address)["study.json"])
    assert [look["seeds"] for look in described["looks"]["taken"]] == [3, 4]
    assert described["judged"] == ["none", "small", "large"]
    assert summary(mirror)["looks"] == {"announced": [], "taken": [3, 4]}


@pytest.mark.slow
def test_a_file_that_was_removed_before_the_line_was_cut_is_in_nobodys_way(
    address, machine, monkeypatch
):
    """That of the failure; the connection is lost before the record of the mended trial is put."""
    plan = with_local_workdir(plan_at(address))
    order(plan.workdir, "small", 1, "raise")
    run_study(plan, 1, "local", "")
    machine("second")
    write, cut = Remote.write, []

    def cut_once(remote, files):
        if not cut and "trials/small/seed-01/record.json" in files:
            cut.append(True)
            raise OSError(5, "connection reset", remote.address)
        write(remote, files)

    monkeypatch.setattr(Remote, "write", cut_once)
    run_all(address)
    assert cut
    assert json.loads(stored(address)["trials/small/seed-01/record.json"])["status"] == "done"

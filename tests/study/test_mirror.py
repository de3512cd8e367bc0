"""A run at an address is that of a directory, whichever machines have part in it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from fake_study import calls, expected_metrics, make_plan, order, summary
from fake_worker import AtOnce

from gan_mnist.errors import InputError
from gan_mnist.files import CACHE_VARIABLE
from gan_mnist.files import remote as stores
from gan_mnist.files.claim import OWNER
from gan_mnist.files.remote import Remote, RemoteClaim
from gan_mnist.study import runner, workers
from gan_mnist.study.place import RUN, place_of, settled
from gan_mnist.study.run import run_one, run_study, summarise_study

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setitem(workers.ENGINES, "local", AtOnce)
    monkeypatch.setattr(stores, "SETTLED_SECONDS", 0.0)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """`machine(name)`: from here on mirrors are those of another machine."""

    def machine(name):
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "machines" / name))

    machine("first")
    return machine


@pytest.fixture(params=["memory", "file"])
def address(request, tmp_path, machine):
    return f"{request.param}://{tmp_path}/store/run"


@pytest.fixture
def plain(tmp_path):
    """The plan of a run in a directory, of two seeds, which is finished."""
    plan = make_plan(tmp_path / "plain")
    run_study(plan, 1, "local", "")
    return plan


def plan_at(address, **changes):
    """As a command makes it on the present machine."""
    directory, remote = place_of(address)
    return replace(make_plan(directory, **changes), remote=remote)


def run_all(address, on_record=lambda record: None, **changes):
    """Runs what is missing; returns the mirror."""
    plan = settled(plan_at(address, **changes))
    run_study(plan, 1, "local", "", on_record=on_record)
    return plan.workdir


def stored(address):
    """The files of a run in its store, by name."""
    remote = Remote(address)
    return remote.read(remote.names())


def records(address):
    return sorted(
        name.removeprefix("trials/").removesuffix("/record.json")
        for name in stored(address)
        if name.endswith("/record.json")
    )


def refused(function, *arguments, **options):
    with pytest.raises(InputError) as error:
        function(*arguments, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


class Killed(BaseException):
    """As Ctrl-C: nothing of the package catches it."""


def killed_after(number):
    """Ends the command once so many trials have ended."""
    seen = []

    def on_record(record):
        seen.append(record)
        if len(seen) == number:
            raise Killed

    return on_record


def test_it_ends_as_a_run_in_a_directory(address, plain):
    mirror = run_all(address)
    assert summary(mirror) == summary(plain.workdir)
    names = {str(p.relative_to(plain.workdir)) for p in plain.workdir.rglob("*") if p.is_file()}
    names = {name for name in names if not name.startswith(".")}
    assert stored(address).keys() - {RUN} == names
    for name in ("summary.json", "study.json", "trials/all/seed-01/record.json"):
        assert stored(address)[name] == (mirror / name).read_bytes()


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
    while len(list(tmp_path.glob("run/trials/*/*/record.json"))) < 3:
        assert time.monotonic() < end
        time.sleep(0.02)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    done = len(list(tmp_path.glob("run/trials/*/*/record.json")))
    owner = tmp_path / "run" / OWNER
    silent = owner.stat().st_mtime - 200
    os.utime(owner, (silent, silent))
    second = start("second")
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert f"report: file://{tmp_path}/run/report.html, here {tmp_path}/second/" in out
    assert len((tmp_path / "run" / "calls.txt").read_text().splitlines()) == 8 - done
    assert summary(tmp_path / "run") == summary(plain.workdir)


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
    summarise_study(plan, "")
    assert summary(plan.workdir) == summary(plain.workdir)
    assert json.loads(stored(address)["summary.json"]) == json.loads(
        (plan.workdir / "summary.json").read_text()
    )
    assert calls(plan.workdir) == []


def test_what_is_refused_leaves_nothing(address, tmp_path):
    assert "beyond the plan" in refused(run_one, plan_at(address), 8, "")
    told = refused(summarise_study, plan_at(address), "")
    assert told.startswith(f"--workdir: {address} has no finished trial")
    assert stored(address) == {}
    assert not (tmp_path / "machines").exists()


def test_a_finished_trial_is_only_read_by_a_task(address, machine):
    before = run_one(plan_at(address), 2, "")
    machine("second")
    plan = settled(plan_at(address))
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


def test_a_failure_that_is_mended_elsewhere_leaves_no_trace(address, machine):
    plan = settled(plan_at(address))
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
    assert {path.name for path in mended.iterdir()} == {"record.json", "curves.csv"}
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

    complete = runner.complete
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "complete", cut)
        assert "no route to the store" in refused(run_one, plan_at(address), 3, "")
    line(False)
    assert records(address) == []
    plan = settled(plan_at(address))
    assert run_one(plan, 3, "")["metrics"] == expected_metrics(1.0, 0.3, 0)
    assert len(calls(plan.workdir)) == 1
    assert records(address) == ["all/seed-00"]


def test_a_store_that_is_not_reached_is_told_when_the_plan_is_made(address, line):
    line(True)
    assert refused(place_of, address) == f"--workdir: {address}: no route to the store"


def test_a_path_of_an_address_is_none():
    for text in ("s3:/bucket/run", "memory:/x"):
        assert f"{text!r} is not accepted" in refused(place_of, Path(text))
    assert place_of("c:/x") == (Path.cwd() / "c:" / "x", "")


def test_two_commands_and_tasks_keep_each_other_out(address, machine, monkeypatch):
    def others(record):
        machine("second")
        told = refused(run_all, address)
        assert re.match(
            f"--workdir: {address} is in use by another run .process {os.getpid()}", told
        )
        assert "in use" in refused(run_one, plan_at(address), 7, "")
        assert "in use" in refused(summarise_study, plan_at(address), "")
        machine("first")

    run_all(address, others, seeds=1, arms=["none"])

    def beside(trial):
        machine("second")
        assert "in use" in refused(run_all, address)
        assert "in use" in refused(run_one, plan_at(address), 1, "")
        monkeypatch.setattr(runner, "complete", complete)
        run_one(plan_at(address), 2, "")
        machine("first")
        return complete(trial)

    complete = runner.complete
    monkeypatch.setattr(runner, "complete", beside)
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


def keep(folder, content, **told):
    """Something kept as `trained_once` does it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gan.weights.h5").write_text(content)
    (folder / "generator.json").write_text(json.dumps({"sha256": "0", "seconds": 1.0, **told}))


@pytest.fixture
def sharing(monkeypatch):
    """Trials of a family share something; who finds it, and who makes it, is told."""
    complete, told = runner.complete, {}

    def shared(trial):
        found = trial.workdir / "generators" / f"{trial.settings.family or 'own'}-{trial.seed}"
        told[trial.arm, trial.seed] = "found" if found.exists() else "made"
        if not found.exists():
            keep(found, f"by {trial.arm}", seed=trial.seed, by=trial.arm)
        return complete(trial)

    monkeypatch.setattr(runner, "complete", shared)
    return told


def test_a_generator_is_fetched_where_a_trial_may_use_it(address, machine, sharing):
    for index in (1, 5, 2):
        machine(f"task-{index}")
        run_one(plan_at(address), index, "")
    assert sharing == {("small", 0): "made", ("small", 1): "made", ("large", 0): "found"}
    generators = settled(plan_at(address)).workdir / "generators"
    assert [path.name for path in generators.iterdir()] == ["x-0"]
    assert (generators / "x-0" / "gan.weights.h5").read_text() == "by small"
    machine("another")
    mirror = run_all(address)
    assert sharing["large", 1] == "found"
    assert stored(address)["generators/x-1/gan.weights.h5"] == b"by small"
    assert {path.name for path in (mirror / "generators").iterdir()} == {
        "x-0", "x-1", "own-0", "own-1",
    }  # fmt: skip


def test_of_two_that_trained_at_once_the_first_stays_and_both_trials_count(
    address, machine, sharing, monkeypatch
):
    shared = runner.complete

    def second_meanwhile(trial):
        monkeypatch.setattr(runner, "complete", shared)
        machine("second")
        run_one(plan_at(address), 2, "")
        machine("first")
        return shared(trial)

    monkeypatch.setattr(runner, "complete", second_meanwhile)
    run_one(plan_at(address), 1, "")
    assert sharing == {("small", 0): "made", ("large", 0): "made"}
    assert records(address) == ["large/seed-00", "small/seed-00"]
    files = stored(address)
    assert files["generators/x-0/gan.weights.h5"] == b"by large"
    assert json.loads(files["generators/x-0/generator.json"])["by"] == "large"


def test_one_of_the_two_stays_when_the_other_machine_begins_again(address, machine, sharing):
    run_one(plan_at(address), 1, "")
    machine("second")
    plan = settled(plan_at(address))
    keep(plan.workdir / "generators" / "x-0", "of the second", seed=0, by="second")
    run_one(plan, 2, "")
    assert sharing["large", 0] == "found"
    assert stored(address)["generators/x-0/gan.weights.h5"] == b"by small"


def test_a_damaged_generator_that_was_trained_again_replaces_it(address, machine, sharing):
    run_one(plan_at(address), 1, "")
    Remote(address).write({"generators/x-0/gan.weights.h5": b"damaged"})
    machine("second")
    complete = runner.complete

    def trained_again(trial):
        found = trial.workdir / "generators" / "x-0"
        assert (found / "gan.weights.h5").read_text() == "damaged"
        keep(found, "anew", seed=0, by="large")
        return complete(trial)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "complete", trained_again)
        run_one(plan_at(address), 2, "")
    assert stored(address)["generators/x-0/gan.weights.h5"] == b"anew"


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

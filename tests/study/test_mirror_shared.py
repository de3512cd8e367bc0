"""What trials of a run at an address share is trained once where one follows the other."""

import json
import shutil
from pathlib import Path

import pytest
from at_address import plan_at, records, run_all, stored

from gan_mnist.files import write_text
from gan_mnist.files.remote import Remote
from gan_mnist.study import scheduler
from gan_mnist.study.location import with_local_workdir
from gan_mnist.study.run import run_one, run_study

HERE = Path(__file__).parent


def keep(folder, content, **told):
    """Something kept as `train_or_load_weights` does it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gan.weights.h5").write_text(content)
    (folder / "generator.json").write_text(json.dumps({"sha256": "0", "seconds": 1.0, **told}))


@pytest.fixture
def sharing(monkeypatch):
    """Trials of a family share something; who finds it, and who makes it, is told."""
    complete, told = scheduler.complete, {}

    def shared(trial):
        found = trial.workdir / "generators" / f"{trial.settings.family or 'own'}-{trial.seed}"
        told[trial.arm, trial.seed] = "found" if found.exists() else "made"
        if not found.exists():
            keep(found, f"by {trial.arm}", seed=trial.seed, by=trial.arm)
        return complete(trial)

    monkeypatch.setattr(scheduler, "complete", shared)
    return told


def test_a_generator_is_fetched_where_a_trial_may_use_it(address, machine, sharing):
    for index in (1, 5, 2):
        machine(f"task-{index}")
        run_one(plan_at(address), index, "")
    assert sharing == {("small", 0): "made", ("small", 1): "made", ("large", 0): "found"}
    generators = with_local_workdir(plan_at(address)).workdir / "generators"
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
    shared = scheduler.complete

    def second_meanwhile(trial):
        monkeypatch.setattr(scheduler, "complete", shared)
        machine("second")
        run_one(plan_at(address), 2, "")
        machine("first")
        return shared(trial)

    monkeypatch.setattr(scheduler, "complete", second_meanwhile)
    run_one(plan_at(address), 1, "")
    assert sharing == {("small", 0): "made", ("large", 0): "made"}
    assert records(address) == ["large/seed-00", "small/seed-00"]
    files = stored(address)
    assert files["generators/x-0/gan.weights.h5"] == b"by large"
    assert json.loads(files["generators/x-0/generator.json"])["by"] == "large"


def test_one_of_the_two_stays_when_the_other_machine_begins_again(address, machine, sharing):
    run_one(plan_at(address), 1, "")
    machine("second")
    plan = with_local_workdir(plan_at(address))
    keep(plan.workdir / "generators" / "x-0", "of the second", seed=0, by="second")
    run_one(plan, 2, "")
    assert sharing["large", 0] == "found"
    assert stored(address)["generators/x-0/gan.weights.h5"] == b"by small"


def test_a_damaged_generator_that_was_trained_again_replaces_it(address, machine, sharing):
    run_one(plan_at(address), 1, "")
    Remote(address).write({"generators/x-0/gan.weights.h5": b"damaged"})
    machine("second")
    complete = scheduler.complete

    def trained_again(trial):
        found = trial.workdir / "generators" / "x-0"
        assert (found / "gan.weights.h5").read_text() == "damaged"
        keep(found, "anew", seed=0, by="large")
        return complete(trial)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scheduler, "complete", trained_again)
        run_one(plan_at(address), 2, "")
    assert stored(address)["generators/x-0/gan.weights.h5"] == b"anew"


@pytest.mark.parametrize("loser", ["store", "mirror"])
def test_weights_that_store_or_mirror_lost_come_back_from_the_other(address, machine, loser):
    weights = with_local_workdir(plan_at(address)).workdir / "generators/x-0/gan.weights.h5"
    keep(weights.parent, "of small", seed=0, by="small")
    run_all(address)
    if loser == "store":
        Remote(address).remove(["generators/x-0/gan.weights.h5"])
    else:
        weights.unlink()
    run_all(address)
    assert stored(address)["generators/x-0/gan.weights.h5"] == weights.read_bytes() == b"of small"


@pytest.mark.slow
def test_what_a_command_makes_anew_replaces_what_the_store_has_of_it(address, machine):
    """Files of TensorBoard have names of their own; those of arms that are not here stay."""
    others = {"tensorboard/large/events.0": b"", "figures/notes/mine.txt": b"", "notes.txt": b""}
    plan = with_local_workdir(plan_at(address, seeds=1))
    Remote(plan.remote).write(others)
    for number in range(3):
        machine(f"machine {number % 2}")
        plan = with_local_workdir(plan_at(address, seeds=1))
        boards = plan.workdir / "tensorboard" / "none"

        def write_report(workdir, boards=boards, number=number):
            shutil.rmtree(boards, ignore_errors=True)
            write_text(boards / f"events.{number}", "")
            (workdir / "figures" / f"{number - 1}.png").unlink(missing_ok=True)
            write_text(workdir / "figures" / "arms.png", "")

        run_study(plan, 1, "local", "", write_report=write_report)
        names = {name for name in stored(address) if name.startswith(("tensorboard", "figures"))}
        assert names - others.keys() == {f"tensorboard/none/events.{number}", "figures/arms.png"}
        assert others.keys() <= stored(address).keys()

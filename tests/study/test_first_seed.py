"""A run on other seeds than 0 and on: draws that no result was seen of."""

import json

import coin
import pytest

import gan_mnist
from gan_mnist import experiments
from gan_mnist.errors import InputError
from gan_mnist.main import FLAGS, main

pytestmark = pytest.mark.usefixtures("at_once", "no_report")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with coin.forgotten():
        yield coin.write(tmp_path / "elsewhere" / "coin_of_later_seeds")


def run(folder, workdir, **options):
    return gan_mnist.run(folder, export_dir="", jobs=1, workdir=workdir, **options)


def of_seeds(workdir):
    """Metrics by arm and seed."""
    lines = (workdir / "records.jsonl").read_text().splitlines()
    return {(r["arm"], r["seed"]): r["metrics"] for r in map(json.loads, lines)}


@pytest.mark.slow
def test_its_trials_are_those_that_a_longer_run_has_of_these_seeds(folder, tmp_path):
    told = run(folder, "later", seeds=2, first_seed=3)
    assert told["seeds"] == [3, 4]
    run(folder, "whole", seeds=5)
    whole = of_seeds(tmp_path / "whole")
    later = of_seeds(tmp_path / "later")
    assert {seed for _, seed in later} == {3, 4}
    assert later == {key: value for key, value in whole.items() if key[1] >= 3}


def test_it_goes_on_from_where_it_began(folder, tmp_path):
    run(folder, "later", seeds=1, first_seed=3)
    told = run(folder, "later", seeds=2)
    assert told["seeds"] == [3, 4]
    assert json.loads((tmp_path / "later" / "study.json").read_text())["seeds"] == [3, 4]


@pytest.mark.parametrize(("begun", "asked"), [(3, 0), (0, 3)])
def test_another_beginning_is_refused_in_the_same_directory(folder, begun, asked):
    run(folder, "later", seeds=1, first_seed=begun)
    with pytest.raises(InputError, match=f"begun with seed {begun}; accepted: {begun}, or a new"):
        run(folder, "later", seeds=1, first_seed=asked)


@pytest.mark.parametrize("first", [-1, 1001])
def test_what_is_no_seed_is_refused(folder, first):
    with pytest.raises(InputError, match=r"--first_seed: .* an integer in the range \[0, 1000\]"):
        run(folder, "later", first_seed=first)


@pytest.mark.slow
def test_looks_count_the_seeds_of_the_run(folder):
    told = run(folder, "later", first_seed=10, until="decided", primary=["bent > fair"])
    assert told["seeds"] == [10, 11, 12, 13, 14]


def test_the_plan_says_which_seeds(folder, capsys):
    assert main(["gan_mnist", f"--experiment={folder}", "--first_seed=10", "--seeds=20",
                 "--dry_run"]) == 0  # fmt: skip
    assert "x 20 seeds = 40, seeds 10 to 29\n" in capsys.readouterr().out


def test_its_trials_know_which_seed_is_the_first(folder):
    plan = experiments.make_plan(folder, first_seed=10, seeds=3, workdir="later")
    assert {(trial.seed, trial.first_seed) for trial in plan.trials()} == {
        (10, 10), (11, 10), (12, 10)
    }  # fmt: skip


def test_the_help_says_where_a_run_goes_on():
    assert "(default: that of the run, 0 if it is new)" in FLAGS["first_seed"].help

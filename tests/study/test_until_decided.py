"""A run that ends at the announced look at which its primary comparisons are decided."""

import json
from dataclasses import replace

import coin
import fake_study
import numpy as np
import pytest
from scipy import stats

import gan_mnist
from gan_mnist.errors import InputError
from gan_mnist.main import main
from gan_mnist.study.comparison import Pair
from gan_mnist.study.run import run_study
from gan_mnist.study.statistics import looks, small_samples

pytestmark = pytest.mark.usefixtures("at_once", "no_report")

# A coin that is hardly bent is never decided, one that is well bent at once.
DECLARING = (
    coin.STUDY.replace('control="fair",', 'control="fair", primary=(Pair("bent", "fair"),),')
    .replace(
        "from gan_mnist.study.spec",
        "from gan_mnist.study.comparison import Pair\nfrom gan_mnist.study.spec",
    )
    .replace('Arm("bent"', 'Arm("hardly", {"bias": 0.51}, "hardly bent"), Arm("bent"')
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with coin.forgotten():
        yield coin.write(tmp_path / "elsewhere" / "coin_looked_at", DECLARING)


def run(folder, **options):
    return gan_mnist.run(folder, export_dir="", jobs=1, workdir="run", **options)


def study(tmp_path):
    return json.loads((tmp_path / "run" / "study.json").read_text())


def seeds_run(tmp_path, arm="fair"):
    return len(list((tmp_path / "run" / "trials" / arm).glob("seed-*/record.json")))


def test_it_ends_where_all_is_decided_and_records_the_look(folder, tmp_path, capsys):
    told = run(folder, until="decided")
    assert told["seeds"] == [0, 1, 2, 3, 4]
    assert [one["verdict"] for one in told["primary"]] == ["helps"]
    assert seeds_run(tmp_path) == 5
    described = study(tmp_path)
    assert described["seeds"] == told["seeds"]
    assert described["looks"]["announced"] == [5, 7, 10, 15, 20]
    (taken,) = described["looks"]["taken"]
    assert (taken["seeds"], taken["alpha_spent"]) == (5, looks.spent_level((5, 7, 10, 15, 20), 5))
    assert "look at 5 seeds: decided" in capsys.readouterr().err
    # The same command has nothing to do, and tells the same.
    assert run(folder, until="decided") == told
    assert seeds_run(tmp_path) == 5
    assert study(tmp_path)["looks"] == described["looks"]
    assert "announced" not in told["in_full"]


def test_p_values_and_intervals_are_those_of_the_looks(folder):
    told = run(folder, until="decided")
    (one,) = told["primary"]
    assert (
        one["p_holm"] == looks.adjusted_p(one["p_value"], (5, 7, 10, 15, 20)) > 1.5 * one["p_value"]
    )
    differences = np.subtract(*(list(told["arms"][a]["values"].values()) for a in ("bent", "fair")))
    level = looks.look_level((5, 7, 10, 15, 20))
    assert one["ci95"] == pytest.approx(small_samples.intervals(differences, level=level))
    assert one["p_value"] == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)


def test_it_goes_on_to_the_last_look_and_where_it_was_stopped(folder, tmp_path, capsys):
    options = {"until": "decided", "max_seeds": 8, "primary": ["hardly > fair"]}
    told = run(folder, **options)
    assert told["seeds"] == list(range(8))
    assert [one["verdict"] for one in told["primary"]] == ["cannot tell"]
    assert told["looks"] == {"announced": [5, 7, 8], "taken": [5, 7, 8]}
    described = study(tmp_path)
    spent = [look["alpha_spent"] for look in described["looks"]["taken"]]
    assert spent == sorted(spent) and spent[-1] == pytest.approx(0.05, abs=1e-4)

    # As if it had been stopped after the second look, some trials into the third.
    described["looks"]["taken"].pop()
    (tmp_path / "run" / "study.json").write_text(json.dumps(described))
    (tmp_path / "run" / "trials" / "bent" / "seed-07" / "record.json").unlink()
    capsys.readouterr()
    assert run(folder, **options) == told
    said = capsys.readouterr().err
    assert "look at 5 seeds" not in said
    assert "look at 7 seeds: not decided yet" in said
    assert "look at 8 seeds: not decided yet" in said
    assert [look["seeds"] for look in study(tmp_path)["looks"]["taken"]] == [5, 7, 8]


def test_looks_are_announced_at_the_beginning_or_never(folder):
    run(folder, seeds=2)
    with pytest.raises(InputError, match="begun without announced looks; accepted: a new"):
        run(folder, until="decided")


def test_announced_looks_are_kept(folder):
    run(folder, until="decided", max_seeds=6)
    accepted = "accepted: gan_mnist.main with --until=decided --max_seeds=6, or a new --workdir"
    for others in ({"seeds": 10}, {}, {"until": "decided"}):
        with pytest.raises(InputError, match=f"begun with looks at 5, 6 seeds; {accepted}"):
            run(folder, **others)


@pytest.mark.slow
def test_seeds_that_were_added_after_a_look_are_told(folder, tmp_path):
    assert "announced" not in run(folder, seeds=5)["in_full"]
    assert "announced" not in run(folder, seeds=5)["in_full"]
    told = run(folder, seeds=10)
    assert told["looks"] == {"announced": [], "taken": [5, 10]}
    assert told["in_full"].endswith(
        "; it was looked at with 5, 10 seeds, which had not been announced: so 9 % of comparisons "
        "without an effect are called, each for itself, in place of 5 %."
    )
    assert [look["alpha_spent"] for look in study(tmp_path)["looks"]["taken"]] == [None, None]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--until=decided", "--seeds=5"], "--seeds: it does not go with --until=decided"),
        (["--until=tired"], "--until: 'tired' is unknown; accepted: decided"),
        (["--max_seeds=10"], "--max_seeds: 10 goes with --until=decided"),
        (["--until=decided", "--max_seeds=5"], "--max_seeds: 5 is not accepted; accepted: from 6"),
        (["--until=decided", "--arms=hardly"], "--until: nothing is to be decided"),
    ],
)
def test_what_does_not_go_together_is_refused(folder, flags, told, capsys, tmp_path):
    assert main(["main.py", f"--experiment={folder}", "--workdir=run", *flags]) == 2
    assert capsys.readouterr().err.startswith(f"error: {told}")
    assert not (tmp_path / "run").exists()


def test_the_plan_tells_when_it_may_end(folder, capsys):
    assert main(["main.py", f"--experiment={folder}", "--until=decided", "--dry_run"]) == 0
    told = capsys.readouterr().out
    assert "looks       at 5, 7, 10, 15, 20 seeds; it ends where " in told
    assert "p below 0.014 counts as 0.05" in told


def test_a_leak_that_trials_find_ends_it_at_the_first_look(folder):
    leaking = '["bent"] if evidence.done else []'
    (folder / "findings.py").write_text(
        "def findings(evidence):\n"
        f"    leaks = {leaking}\n"
        '    return {"lines": [], "leaks": leaks, "warnings": ["bent leaks"] * len(leaks)}\n'
    )
    summary = run(folder, until="decided", arms=["bent"])
    assert len(summary["seeds"]) == 5
    assert "primary" not in summary
    assert summary["answer"].startswith("Careful, a leak. ")


def fake_plan(workdir, *primary):
    plan = fake_study.make_plan(workdir, seeds=7, arms=["none", "small", "large"])
    counts = {name: {"train": 3, "test": 10} for name in "ab"}  # enough for a verdict
    study, data = replace(plan.study, primary=primary), {**plan.dataset, "counts": counts}
    return replace(plan, looks=(5, 6, 7), study=study, dataset=data)


@pytest.mark.slow
def test_a_trial_that_fails_is_tried_once_by_a_command(tmp_path):
    """Not at every look; the next command tries again."""
    plan = fake_plan(tmp_path, Pair("small", "none"))
    for seed in range(7):
        fake_study.order(tmp_path, "small", seed, "raise")
    for command in (1, 2):
        told = run_study(plan, 1, "local", "")
        assert told["seeds"] == list(range(7))
        tried = [call[:2] for call in fake_study.calls(tmp_path) if call[0] == "small"]
        assert sorted(tried) == sorted([["small", str(seed)] for seed in range(7)] * command)


@pytest.mark.slow
def test_an_arm_that_does_not_apply_keeps_no_run_going(tmp_path, capsys):
    plan = fake_plan(tmp_path, Pair("small", "none"), Pair("large", "none"))
    for seed in range(7):
        fake_study.order(tmp_path, "small", seed, "decline")
    told = run_study(plan, 1, "local", "")
    assert list(told["not_applicable"]) == ["small"]
    verdicts = {one["arm"]: one["verdict"] for one in told["primary"]}
    assert verdicts == {"small": "cannot tell", "large": "helps"}
    assert told["seeds"] == list(range(5))
    assert "look at 5 seeds: decided" in capsys.readouterr().err

"""What trackers are sent: arms, seeds, numbers; and when they are refused."""

import json
from types import SimpleNamespace

import coin
import pytest
from made_runs import write_run

from gan_mnist.commands import tracking
from gan_mnist.errors import InputError
from gan_mnist.main import main
from gan_mnist.study.finished import read_run

MAIN = main
VALUES = {"none": [0.5, 0.6, 0.7], "cgan": [0.7, 0.8, 0.9]}
ENTRY = {
    "about": "a conditional GAN",
    "n": 3,
    "seconds": 9.5,
    "mean": 0.8,
    "ci95": [0.7, 0.9],
    "metrics": {
        "score": {"mean": 0.8, "ci95": [0.7, 0.9]},
        "recall_$": {"mean": 0.5, "ci95": None},
        "recall_%": {"mean": 0.25, "ci95": None},
    },
    "difference": 0.2,
    "difference_ci95": [0.1, 0.3],
    "p_holm": 0.01,
    "verdict": "helps",
    "versus_rival": {"difference": -0.1, "ci95": [-0.2, 0.0], "verdict": "cannot tell"},
}


def describe(directory, **changes):
    """Puts the entry of `cgan` into the summary of a run."""
    summary = json.loads((directory / "summary.json").read_text())
    summary["arms"]["cgan"] = ENTRY
    summary["failed"] = [{"arm": "cgan", "seed": 3, "error": "no"}]
    (directory / "summary.json").write_text(json.dumps(summary | changes))
    return read_run(directory)


@pytest.fixture
def run(tmp_path):
    return describe(write_run(tmp_path / "run", VALUES))


def test_an_arm_has_its_means_intervals_and_settings(run):
    none, cgan = tracking.tracked_runs(run)
    assert (none.name, cgan.name) == ("none", "cgan")
    assert cgan.params == {"updates": 100, "arm_is": "cgan"}
    assert cgan.metrics == {
        "score": 0.8,
        "score.ci95_low": 0.7,
        "score.ci95_high": 0.9,
        "recall__": 0.5,
        "recall___": 0.25,
        "difference": 0.2,
        "difference.ci95_low": 0.1,
        "difference.ci95_high": 0.3,
        "difference.p_holm": 0.01,
        "versus_rival": -0.1,
        "versus_rival.ci95_low": -0.2,
        "versus_rival.ci95_high": 0.0,
        "n": 3,
        "seconds": 9.5,
    }
    assert (cgan.tags["verdict"], cgan.tags["failed_seeds"]) == ("helps", "3")
    assert none.tags["failed_seeds"] == ""


def test_primary_comparisons_with_another_arm_are_sent_too(tmp_path):
    told = {"n": 3, "difference": -0.1, "ci95": [-0.2, 0.05], "p_holm": 0.4, "verdict": "hurts"}
    primary = [
        {"arm": "cgan", "reference": "none"} | told,
        {"arm": "cgan", "reference": "tuned"} | told,
        {"arm": "other", "reference": "cgan"} | told,
    ]
    run = describe(write_run(tmp_path / "run", VALUES), primary=primary)
    none, cgan = tracking.tracked_runs(run)
    assert cgan.metrics["versus_tuned"] == -0.1
    assert cgan.metrics["versus_tuned.ci95_low"] == -0.2
    assert cgan.metrics["versus_tuned.ci95_high"] == 0.05
    assert cgan.metrics["versus_tuned.p_holm"] == 0.4
    # With the control it is `difference`.
    assert not {"versus_none", "versus_cgan"} & {*cgan.metrics, *none.metrics}


def test_an_interval_over_test_images_is_sent_beside_that_over_seeds(tmp_path, monkeypatch):
    monkeypatch.setitem(ENTRY, "difference_ci95_images", [0.05, 0.35])
    _, cgan = tracking.tracked_runs(describe(write_run(tmp_path / "run", VALUES)))
    assert cgan.metrics["difference.ci95_low"] == 0.1
    assert cgan.metrics["difference_over_images.ci95_low"] == 0.05
    assert cgan.metrics["difference_over_images.ci95_high"] == 0.35


def test_a_seed_is_below_its_arm(run):
    _, cgan = tracking.tracked_runs(run)
    assert [seed.name for seed in cgan.seed_runs] == ["cgan seed 0", "cgan seed 1", "cgan seed 2"]
    second = cgan.seed_runs[1]
    assert second.params == {"updates": 100, "arm_is": "cgan", "seed": 1}
    assert second.metrics == {"score": 0.8, "seconds.training": 1.0}
    assert second.tags["version.numpy"] == "2.0"


def keys(run):
    return [one.key for arm in tracking.tracked_runs(run) for one in (arm, *arm.seed_runs)]


def test_keys_are_those_of_settings_and_data_and_not_of_a_place(run, tmp_path):
    assert len(set(keys(run))) == 8
    elsewhere = describe(write_run(tmp_path / "elsewhere", VALUES))
    assert keys(elsewhere) == keys(run)
    longer = {arm: [*values, 0.1] for arm, values in VALUES.items()}
    assert set(keys(run)) < set(keys(describe(write_run(tmp_path / "longer", longer))))
    other = describe(write_run(tmp_path / "other", VALUES, settings={"updates": 9}))
    arms = [[arm.key for arm in tracking.tracked_runs(one)] for one in (run, other)]
    assert not set(arms[0]) & set(arms[1])


def test_a_run_on_fresh_seeds_is_another_than_the_first(run, tmp_path):
    fresh = write_run(tmp_path / "fresh", VALUES, first_seed=3)
    assert not set(keys(run)) & set(keys(describe(fresh)))
    longer = {arm: [*values, 0.1] for arm, values in VALUES.items()}
    longer_fresh = write_run(tmp_path / "longer_fresh", longer, first_seed=3)
    assert set(keys(describe(fresh))) < set(keys(describe(longer_fresh)))


def test_report_and_figures_are_kept_with_an_arm(run):
    (run.directory / "figures").mkdir()
    for name in ("report.html", "figures/arms.png"):
        (run.directory / name).write_text(name)
    for arm in tracking.tracked_runs(run):
        assert arm.files == {
            name: run.directory / name for name in ("report.html", "figures/arms.png")
        }


def test_a_tracker_that_fails_is_told_in_a_line(run, monkeypatch):
    def send(project, arms):
        raise RuntimeError("no\nserver")

    monkeypatch.setattr("importlib.import_module", lambda name: SimpleNamespace(send=send))
    with pytest.raises(InputError) as refused:
        tracking.export("mlflow", run)
    assert "--export: mlflow failed (RuntimeError: no server); what was run is kept" in str(
        refused.value
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mlfow", "did you mean 'mlflow'?"),
        ("", "accepted: mlflow, wandb"),
        ("wandb", "wandb is not installed; pip install 'gan_mnist[wandb]'"),
    ],
)
def test_a_tracker_that_is_none_is_refused_at_once(refused, monkeypatch, name, told):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert told in refused("--experiment=imbalance", f"--export={name}")


@pytest.mark.slow
def test_a_run_is_sent_when_it_is_over(command, tmp_path, monkeypatch):
    sent = []

    def export(name, run):
        sent.append((name, [arm.name for arm in tracking.tracked_runs(run)]))
        return "there"

    monkeypatch.setattr(tracking, "check_tracker", lambda name: None)
    monkeypatch.setattr(tracking, "export", export)
    with coin.forgotten():
        folder = coin.write(tmp_path / "elsewhere" / "toss")
        flags = ("--preset=smoke", "--workdir=run", "--export_dir=", "--export=wandb")
        status, out, _ = command(f"--experiment={folder}", *flags)
    assert (status, out.splitlines()[-1]) == (0, "exported: there")
    assert sent == [("wandb", ["fair", "bent"])]

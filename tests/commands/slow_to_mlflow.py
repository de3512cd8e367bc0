"""Runs in MLflow, held against its own store."""

import json

import mlflow
import pytest
from made_runs import write_run

from gan_mnist.commands.tracking import export
from gan_mnist.study.finished import read_run

# Of the libraries that it is made of.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
VALUES = {"none": [0.5, 0.6], "cgan": [0.7, 0.8]}
KEY = "gan_mnist.key"


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'store.db'}")
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(before)


def runs_of(client):
    found = client.get_experiment_by_name("gan_mnist-made_up")
    return {run.info.run_name: run for run in client.search_runs([found.experiment_id])}


def with_report(directory, text="a report"):
    (directory / "figures").mkdir(exist_ok=True)
    (directory / "report.html").write_text(text)
    (directory / "figures" / "arms.png").write_bytes(b"png")
    return read_run(directory)


def test_arms_are_runs_and_seeds_are_nested_below_them(client, tmp_path):
    run = with_report(write_run(tmp_path / "run", VALUES))
    assert "MLflow experiment 'gan_mnist-made_up' in sqlite:///" in export("mlflow", run)
    found = runs_of(client)
    assert found.keys() == {
        *("none", "none seed 0", "none seed 1"),
        *("cgan", "cgan seed 0", "cgan seed 1"),
    }
    arm, seed = found["cgan"], found["cgan seed 1"]
    assert seed.data.tags["mlflow.parentRunId"] == arm.info.run_id
    assert "mlflow.parentRunId" not in arm.data.tags
    assert seed.data.metrics == {"score": 0.8, "seconds.training": 1.0}
    assert seed.data.params == {"updates": "100", "arm_is": "cgan", "seed": "1"}
    assert arm.data.metrics["difference"] == 0.25
    assert arm.data.metrics["difference.ci95_low"] == 0.125
    assert arm.data.tags["verdict"] == "helps"
    assert {one.info.status for one in found.values()} == {"FINISHED"}
    listed = [file.path for file in client.list_artifacts(arm.info.run_id)]
    assert sorted(listed) == ["figures", "report.html"]


def test_what_is_sent_again_is_renewed(client, tmp_path):
    directory = write_run(tmp_path / "run", VALUES)
    summary = json.loads((directory / "summary.json").read_text())
    summary["failed"] = [{"arm": "cgan", "seed": 3, "error": "loss is NaN"}]
    (directory / "summary.json").write_text(json.dumps(summary))
    export("mlflow", with_report(directory))
    before = runs_of(client)
    summary["arms"]["cgan"]["difference"] = 0.5
    summary["failed"] = []
    (directory / "summary.json").write_text(json.dumps(summary))
    export("mlflow", with_report(directory, "a new report"))
    after = runs_of(client)
    assert {n: run.info.run_id for n, run in after.items()} == {
        n: run.info.run_id for n, run in before.items()
    }
    arm = after["cgan"].info.run_id
    assert before["cgan"].data.tags["failed_seeds"] == "3"
    assert not after["cgan"].data.tags["failed_seeds"]
    assert "failed_seeds" not in after["none"].data.tags
    assert [m.value for m in client.get_metric_history(arm, "difference")] == [0.25, 0.5]
    assert [m.value for m in client.get_metric_history(arm, "difference.ci95_low")] == [0.125]
    kept = client.download_artifacts(arm, "report.html", str(tmp_path))
    with open(kept) as file:
        assert file.read() == "a new report"


def test_more_seeds_join_their_arm(client, tmp_path):
    export("mlflow", read_run(write_run(tmp_path / "run", VALUES)))
    more = {arm: [*values, 0.1] for arm, values in VALUES.items()}
    export("mlflow", read_run(write_run(tmp_path / "more", more)))
    found = runs_of(client)
    assert len(found) == 8
    above = found["cgan seed 2"].data.tags["mlflow.parentRunId"]
    assert above == found["cgan"].info.run_id == found["cgan seed 0"].data.tags[
        "mlflow.parentRunId"
    ]  # fmt: skip


def test_any_number_of_settings_and_any_name_of_a_class_is_taken(client, tmp_path):
    settings = {f"setting_{number}": [number, "x" * 300, ""] for number in range(250)} | {"no": ""}
    directory = write_run(tmp_path / "run", {"none": [0.5]}, settings=settings)
    summary = json.loads((directory / "summary.json").read_text())
    names = ["recall_a/b", "recall_고양이", "recall_$", "recall_%", "recall_two words"]
    rows = {name: {"mean": 0.5, "ci95": [0.0, 1.0]} for name in names}
    summary["arms"]["none"]["metrics"] = rows | {
        f"recall_{number}": {"mean": number, "ci95": None} for number in range(300)
    }
    (directory / "summary.json").write_text(json.dumps(summary))
    export("mlflow", read_run(directory))
    (arm,) = [run for name, run in runs_of(client).items() if name == "none"]
    assert len(arm.data.params) == 252
    assert len([name for name in arm.data.metrics if name.startswith("recall_")]) == 300 + 15
    assert arm.data.metrics["recall_299"] == 299

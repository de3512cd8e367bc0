"""The batching study: a whole run of all arms, which takes eight seconds."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from gan_mnist.experiments.batching.study import STUDY

from gan_mnist.main import main
from gan_mnist.study.settings import with_changes

MAIN = main
ARMS = {arm.name: arm for arm in STUDY.arms}


def test_a_run_of_all_arms(command, tmp_path, monkeypatch):
    flags = ["--experiment=batching", "--preset=smoke", "--seeds=1", "--jobs=2", "--export_dir="]
    flags += ["--set", "images_per_class=12", f"--workdir={tmp_path}"]
    status, _, err = command(*flags)
    assert status == 0, err
    records = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert [record["arm"] for record in records] == list(ARMS)
    by_arm = {record["arm"]: record["metrics"] for record in records}
    settings = replace(STUDY.settings, epochs=10, intervals=5)
    for record in records:
        changed = with_changes(settings, ARMS[record["arm"]].changes, "test")
        assert record["updates"] == changed.schedule(120)[0]
    assert by_arm["online"]["images_seen"] == 1200
    measured = ("images_per_second", "peak_memory_mb")
    results = {
        arm: {name: value for name, value in metrics.items() if name not in measured}
        for arm, metrics in by_arm.items()
    }
    # 120 images: here three of the arms are one, and must agree to the last digit.
    assert results["mini_batch"] == results["full_batch"] == results["mini_batch_1000"]
    assert results["online"] != results["full_batch"]
    for record in records:
        assert record["status"] == "done"
        assert record["metrics"]["images_seen"] == 1200
        directory = tmp_path / "trials" / record["arm"] / "seed-00"
        with (directory / "predictions.csv").open(newline="") as file:
            table = list(csv.DictReader(file))
        right = np.mean([row["label"] == row["prediction"] for row in table])
        assert record["metrics"]["accuracy"] == pytest.approx(right)
        # Of right predictions the loss is known from the table; of wrong ones, a bound.
        least = [-np.log(float(row["probability"])) for row in table]
        assert record["metrics"]["loss"] >= np.mean(least) - 1e-3
        with (directory / "curves.csv").open(newline="") as file:
            curve = list(csv.DictReader(file))
        parts = np.arange(1, 6) * record["updates"] // 5
        assert [int(row["update"]) for row in curve] == parts.tolist()
    figures = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert {"accuracy_cost", "loss_cost"} <= figures

    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    assert f"{len(ARMS)} trials are done already" in command(*flags)[2]

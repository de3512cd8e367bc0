"""The digit study: a whole run of all arms, which takes ten seconds."""

import csv
import json

import numpy as np
import pytest
from gan_mnist.experiments.digit_cnn.study import STUDY

from gan_mnist.main import main

MAIN = main
ARMS = {arm.name: arm for arm in STUDY.arms}


def test_a_run_of_all_arms(command, tmp_path, monkeypatch):
    flags = ["--experiment=digit_cnn", "--preset=smoke", "--seeds=1", "--jobs=1", "--export_dir="]
    flags += [f"--workdir={tmp_path}"]
    status, _, err = command(*flags)
    assert status == 0, err
    records = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert [record["arm"] for record in records] == list(ARMS)
    for record in records:
        assert (record["status"], record["updates"]) == ("done", 40)
        directory = tmp_path / "trials" / record["arm"] / "seed-00"
        with (directory / "predictions.csv").open(newline="") as file:
            table = list(csv.DictReader(file))
        assert len(table) == 1000
        right = np.mean([row["label"] == row["prediction"] for row in table])
        assert record["metrics"]["accuracy"] == pytest.approx(right)
        with (directory / "curves.csv").open(newline="") as file:
            curve = list(csv.DictReader(file))
        assert [int(row["update"]) for row in curve] == [10, 20, 30, 40]
        # The last point is judged on the same images by the same network.
        assert float(curve[-1]["test_accuracy"]) == pytest.approx(right)
    assert {"shown", "curves"} <= {path.stem for path in (tmp_path / "figures").iterdir()}

    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    assert f"{len(ARMS)} trials are done already" in command(*flags)[2]

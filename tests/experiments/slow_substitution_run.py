"""The substitution study from end to end: its files, and its resumption."""

import csv
import json
from collections import defaultdict

import numpy as np
import pytest
from gan_mnist.experiments.substitution.study import STUDY

from gan_mnist.data.subsets import read_test_subset
from gan_mnist.main import main

# Of all ways of use the arm in which they are together.
RUN = ["real_only", "generated_only", "vae_flow_together", "vae_flow_and_real_lighter", "copies",
       "shuffled_labels"]  # fmt: skip


def test_a_whole_study_its_files_and_its_resumption(tmp_path, dataset, monkeypatch):
    command = ["gan_mnist", "--experiment=substitution", "--preset=smoke", "--jobs=1", "--seeds=1"]
    command += [f"--workdir={tmp_path}", "--export_dir=", "--set", "updates=40"]
    command += [f"--arms={','.join(RUN)}"]
    assert main(command) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert list(summary["arms"]) == [arm.name for arm in STUDY.arms if arm.name in RUN]
    test = read_test_subset(dataset, dataset.class_names)
    records = {}
    for name in RUN:
        directory = tmp_path / "trials" / name / "seed-00"
        records[name] = json.loads((directory / "record.json").read_text())
        with (directory / "predictions.csv").open() as file:
            rows = list(csv.DictReader(file))
        right = np.mean([row["label"] == row["prediction"] for row in rows])
        assert len(rows) == len(test)
        assert records[name]["metrics"]["accuracy"] == pytest.approx(right)
        curves = defaultdict(list)
        with (directory / "roc.csv").open() as file:
            for row in csv.DictReader(file):
                point = row["false_positive_rate"], row["true_positive_rate"]
                curves[row["class"]].append(tuple(map(float, point)))
        metrics = records[name]["metrics"]
        assert list(curves) == list(dataset.class_names)
        areas = []
        for label, points in curves.items():
            x, y = np.array(points).T
            areas.append(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))
            assert metrics[f"auc_{label}"] == pytest.approx(areas[-1], abs=2e-3)
        exact = np.mean([metrics[f"auc_{label}"] for label in curves])
        assert metrics["macro_auc"] == pytest.approx(exact)
    # What is told of checkpoints is what the curves say.
    with (tmp_path / "trials/vae_flow_together/seed-00/curves.csv").open() as file:
        curves = [
            (float(r["val_accuracy"]), float(r["test_accuracy"])) for r in csv.DictReader(file)
        ]
    told = records["vae_flow_together"]["metrics"]
    assert told["accuracy"] == pytest.approx(curves[-1][1])
    assert told["val_accuracy"] == curves[-1][0]
    assert told["val_accuracy_at_best"] == max(curves)[0]
    assert told["habit_accuracy_at_best_test"] == max(test for _, test in curves)
    assert len(records["vae_flow_together"]["generators"]) == 3
    # A copier is trained on the same images: not nearly, exactly the same.
    assert records["copies"]["metrics"] == records["real_only"]["metrics"]
    assert records["generated_only"]["metrics"] != records["real_only"]["metrics"]
    assert (tmp_path / "figures" / "roc_curves.png").exists()
    keys = {path.parent.name for path in tmp_path.glob("generators/*/generator.json")}
    assert keys == {key for record in records.values() for key in record["generators"]}
    assert records["generated_only"]["generators"] == records["shuffled_labels"]["generators"]

    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("trials/*/*/*")}
    monkeypatch.setattr("gan_mnist.study.scheduler.run_trials", lambda todo, *_: todo and 1 / 0)
    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    assert main(command) == 0
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.glob("trials/*/*/*")}

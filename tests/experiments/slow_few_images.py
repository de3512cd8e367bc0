"""Two classes of five images are enough for every arm of every experiment."""

import json
from collections import Counter

import pytest

from gan_mnist import experiments
from gan_mnist.data import stored
from gan_mnist.main import main

MAIN = main


@pytest.mark.parametrize("name", experiments.names())
def test_no_arm_fails_in_the_smallest_preset(name, command, few_images, tmp_path, monkeypatch):
    # As of 50,000 images, which stay in their file.
    monkeypatch.setattr(stored, "LARGE_BYTES", 0)
    status, _, err = command(
        *(f"--experiment={name}", "--preset=smoke", "--seeds=1", "--jobs=1", "--export_dir="),
        *("--dataset=folder", f"--data_dir={few_images}", f"--workdir={tmp_path / 'run'}"),
        *("--set", "image_size=16"),
    )
    assert status == 0, err
    lines = (tmp_path / "run" / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    study = experiments.load(name)
    assert {record["arm"] for record in records} >= {arm.name for arm in study.arms}
    counted = Counter(record["status"] for record in records)
    assert set(counted) <= {"done", "not_applicable"}, counted
    # What does not apply says why, and is not most of it.
    absent = [record for record in records if record["status"] == "not_applicable"]
    assert all(record["error"] for record in absent)
    assert counted["done"] > counted["not_applicable"]
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["failed"] == []
    assert list(summary["not_applicable"]) == sorted(
        {record["arm"] for record in absent}, key=list(summary["arms"]).index
    )

"""The scaling study from end to end: its files, and its resumption."""

import csv
import json

import numpy as np
import pytest
from gan_mnist.experiments.data_scaling.study import STUDY
from PIL import Image

from gan_mnist.main import main


def test_a_whole_study_on_a_colour_folder(tmp_path, monkeypatch):
    """Four arms on three made-up classes at 16 pixels; what the files say, counted again."""
    rng = np.random.default_rng(0)
    for index, name in enumerate(("01", "NA", "c, d")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(30):
            pixels = rng.integers(0, 150, (18, 20, 3), np.uint8)
            pixels[..., index] += 60
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    run = tmp_path / "run"
    command = ["gan_mnist", "--experiment=data_scaling", "--preset=smoke", "--jobs=1"]
    command += ["--dataset=folder", f"--data_dir={tmp_path / 'images'}", f"--workdir={run}"]
    command += ["--export_dir=", "--set", "image_size=16", "--set", "channels=3"]
    command += ["--set", "smallest=8", "--set", "largest=32"]
    assert main(command) == 0
    summary = json.loads((run / "summary.json").read_text())
    assert list(summary["arms"]) == [arm.name for arm in STUDY.arms]
    records = {}
    for name in summary["arms"]:
        for seed in range(2):
            directory = run / "trials" / name / f"seed-0{seed}"
            records[name, seed] = json.loads((directory / "record.json").read_text())
            metrics = records[name, seed]["metrics"]
            by_size = [metrics[f"accuracy_at_{size}"] for size in (8, 16, 32)]
            assert len(metrics) == 4
            assert metrics["accuracy"] == pytest.approx(np.mean(by_size))
            with (directory / "predictions.csv").open() as file:
                answers = list(csv.DictReader(file))
            right = np.mean([row["label"] == row["prediction"] for row in answers])
            assert metrics["accuracy_at_32"] == pytest.approx(right)
            for size in (8, 16, 32):
                curve = (directory / f"size-{size}" / "curves.csv").read_text().splitlines()
                assert len(curve) == 3
            with np.load(directory / "gallery.npz") as gallery:
                assert gallery["images"].shape == (12, 16, 16, 3)
    keys = [set(record["generators"]) for record in records.values()]
    assert {path.parent.name for path in run.glob("generators/*/generator.json")} == set().union(
        *keys
    )
    for seed in range(2):
        generated = records["generated", seed]["generators"]
        assert generated == records["classical_and_generated", seed]["generators"]
        assert len(set(generated)) == 3
    told = summary["findings"]
    assert list(told["arms"]) == [arm.name for arm in STUDY.arms]
    gain = told["gains"]["generated"]["8"]
    values = {at: record["metrics"]["accuracy_at_8"] for at, record in records.items()}
    differences = [values["generated", seed] - values["alone", seed] for seed in range(2)]
    assert gain["difference"] == pytest.approx(np.mean(differences))
    assert (run / "figures" / "scaling.png").exists()
    assert told["lines"][0].replace("`alone`", "") in (run / "report.md").read_text().replace(
        "`alone`", ""
    )

    before = {path: path.stat().st_mtime_ns for path in run.glob("trials/*/*/*/*")}
    monkeypatch.setattr("gan_mnist.study.scheduler.run_trials", lambda todo, *_: todo and 1 / 0)
    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    assert main(command) == 0
    assert before == {path: path.stat().st_mtime_ns for path in run.glob("trials/*/*/*/*")}

"""A whole run of every experiment, on anyone's images, that resumes exactly: what takes minutes."""

import html
import json
from pathlib import Path

import pytest

from gan_mnist import experiments
from gan_mnist.main import main
from gan_mnist.settings.network import NetworkSettings
from gan_mnist.study.spec import Study

BUILDER = "own_network:build"


def busiest_arm(study: Study) -> str:
    """Of the arms besides the control the one that does the most: generated, if there is one."""
    others = [arm for arm in study.arms if arm.name != study.control]
    return max(others, key=lambda arm: (arm.kind == "generated", len(arm.changes))).name


def without_seconds(record):
    """A record's results: seconds, and what is measured of memory and speed, differ every time."""
    measured = ("seconds", "memory", "per_second")
    metrics = {
        key: value
        for key, value in record["metrics"].items()
        if not any(part in key for part in measured)
    }
    return {**record, "seconds": None, "memory_mib": None, "metrics": metrics}


@pytest.mark.parametrize("name", experiments.names())
def test_it_runs_on_a_folder_of_few_images_and_resumes_exactly(
    name, few_images, tmp_path, capsys, monkeypatch
):
    study: Study = experiments.load(name)
    arm = busiest_arm(study)
    flags = [
        *(f"--experiment={name}", "--preset=smoke", "--seeds=1", "--jobs=1", "--export_dir="),
        *("--dataset=folder", f"--data_dir={few_images}", f"--workdir={tmp_path / 'run'}"),
        *("--set", "image_size=16", f"--arms={arm}"),
    ]
    judges_classifiers = isinstance(study.settings, NetworkSettings)
    if judges_classifiers:
        # One's own, and what stands in for other photographs.
        monkeypatch.syspath_prepend(Path(__file__).parent)
        flags += [f"--classifier={BUILDER}"]
        flags += [f"--test_dir={place}={few_images}" for place in ("here", "there")]

    path = tmp_path / "run" / "trials" / arm / "seed-00" / "record.json"

    def run():
        status = main(["main.py", *flags])
        told = capsys.readouterr()
        assert status == 0, told.err
        return told, json.loads(path.read_text())

    told, first = run()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert set(summary["arms"]) == {study.control, arm}
    assert summary["failed"] == []
    assert "the report shows no" not in told.err
    assert study.metrics[0].name in first["metrics"]
    # What wants 20 test images, or 10, is not made of two.
    assert not {"kid", "copy_rate", "feature_distance"} & set(first["metrics"])
    for place in ("here", "there"):
        assert (f"{place}_accuracy" in first["metrics"]) == judges_classifiers
    assert first["settings"].get("classifier") == (BUILDER if judges_classifiers else None)
    assert summary["answer"] in told.out
    report = (tmp_path / "run" / "report.html").read_text()
    assert study.question in html.unescape(report)
    # Time left counts on it.
    plan = experiments.make_plan(
        name,
        preset="smoke",
        dataset="folder",
        data_dir=few_images,
        arms=[arm],
        workdir=tmp_path / "p",
    )
    parts = list(path.parent.rglob("result.json"))
    assert max(1, len(parts)) == plan.trials()[0].settings.num_parts

    # As after a kill just before the record was written: what the trial kept is there.
    path.unlink()
    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    again, second = run()
    assert "1 trial is done already" in again.err
    assert without_seconds(second) == without_seconds(first)

"""What holds for every experiment: anyone's images, exact resume, and a clean stop on bad input."""

import html
import itertools
import json
from pathlib import Path

import pytest

from gan_mnist import experiments
from gan_mnist.errors import InputError
from gan_mnist.main import main
from gan_mnist.settings.network import NetworkSettings
from gan_mnist.study.spec import Study


def busiest_arm(study: Study) -> str:
    """Of the arms besides the control the one that does the most: generated, if there is one."""
    others = [arm for arm in study.arms if arm.name != study.control]
    return max(others, key=lambda arm: (arm.kind == "generated", len(arm.changes))).name


BUILDER = "own_network:build"
every_experiment = pytest.mark.parametrize("name", experiments.names())


def without_seconds(record):
    """A record's results: seconds, and what is measured of memory and speed, differ every time."""
    measured = ("seconds", "memory", "per_second")
    metrics = {
        key: value
        for key, value in record["metrics"].items()
        if not any(part in key for part in measured)
    }
    return {**record, "seconds": None, "metrics": metrics}


@every_experiment
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
    assert study.metrics[0].name in first["metrics"]
    # What wants 20 test images, or 10, is not made of two.
    assert not {"kid", "copy_rate", "feature_distance"} & set(first["metrics"])
    for place in ("here", "there"):
        assert (f"{place}_accuracy" in first["metrics"]) == judges_classifiers
    assert first["settings"].get("classifier") == (BUILDER if judges_classifiers else None)
    assert summary["answer"] in told.out
    report = (tmp_path / "run" / "report.html").read_text()
    assert study.question in html.unescape(report)

    # As after a kill just before the record was written: what the trial kept is there.
    path.unlink()
    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    again, second = run()
    assert "1 trial is done already" in again.err
    assert without_seconds(second) == without_seconds(first)


@every_experiment
def test_every_preset_can_be_planned_of_few_images_and_of_many(
    name, few_images, image_folder, tmp_path
):
    """What is asked for is fitted to what there is; all presets, as large ones cannot be run."""
    photos = few_images, image_folder
    for preset, folder in itertools.product(experiments.load(name).presets, photos):
        asked = {"preset": preset, "dataset": "folder", "data_dir": folder}
        asked["workdir"] = tmp_path / "run"
        if name == "imbalance" and preset in ("quick", "paper"):
            # Nothing in balanced data says which class is rare; that is what is told.
            with pytest.raises(InputError, match=r"no class is rare.*--set 'starve="):
                experiments.make_plan(name, **asked)
            asked["settings"] = {"starve": ["1"]}
        plan = experiments.make_plan(name, **asked)
        assert plan.trials()


@every_experiment
@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--preset=huge"], "--preset"),
        (["--arms=nonsense"], "--arms"),
        (["--set", "nonsense=1"], "--set"),
        (["--set", "updates"], "--set"),
        (["--set", "image_size=tall"], "image_size"),
        (["--set", "image_size=4"], "image_size"),
        (["--set", "classes=1"], "classes"),
        (["--set", "classes=1,heron"], "classes"),
        (["--set", "classes=1,1"], "classes"),
        (["--set", "validation_per_class=100000"], "validation_per_class"),
        (["--dataset=nonsense"], "--dataset"),
        (["--dataset=folder", "--data_dir=/nowhere"], "--data_dir"),
        (["--dataset=mnist"], "mnist"),
        (["--precision=float8"], "precision"),
        (["--seeds=0"], "--seeds"),
        (["--engine=cloud"], "--engine"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_nothing_is_written(
    name, flags, named, tmp_path, capsys, monkeypatch
):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    workdir = tmp_path / "run"
    status = main(["main.py", f"--experiment={name}", f"--workdir={workdir}", *flags])
    told = capsys.readouterr()
    assert status == 2
    assert told.err.count("\n") == 1
    assert told.err.startswith("error: ")
    assert named in told.err
    assert not workdir.exists()

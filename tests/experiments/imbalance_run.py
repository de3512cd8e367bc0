"""The imbalance study from end to end: one smoke run, and every file that it leaves."""

import csv
import json
import re
from collections import Counter

import numpy as np
import pytest
from gan_mnist.experiments.imbalance.study import STUDY

from gan_mnist.data.datasets import load_dataset
from gan_mnist.generators.names import GENERATORS

CHANGES = {arm.name: {"generator": "none", **arm.changes} for arm in STUDY.arms}
GENERATOR_OF = {name: changes["generator"] for name, changes in CHANGES.items()}
# One image of a class has no neighbour.
NOT_APPLICABLE = [name for name, generator in GENERATOR_OF.items() if generator == "smote"]
NETWORKS = [
    name
    for name in CHANGES
    if GENERATOR_OF[name] in GENERATORS and GENERATORS[GENERATOR_OF[name]].trains
]
REGISTERING = [
    name for name, changes in CHANGES.items() if changes.get("deformation_pairs_per_class")
]
TRAIN_A_GAN = [name for name in NETWORKS if not CHANGES[name].get("untrained")]


def load(path):
    def refuse(constant):
        raise AssertionError(f"{path} is not strict JSON: {constant}")

    return json.loads(path.read_text(), parse_constant=refuse)


def check_smoke_run(command, workdir, monkeypatch, arms):
    """A run of these arms, in the order of the study, all its files, and the same run again."""
    flags = ["--experiment=imbalance", "--preset=smoke", "--seeds=1", "--jobs=1", "--export_dir="]
    flags += ["--set", "generated_per_class=40", f"--workdir={workdir}"]
    if arms != list(CHANGES):
        flags += [f"--arms={','.join(arms)}"]
    status, out, err = command(*flags)
    assert status == 0, err
    check_output(out, err, workdir, arms)
    dataset = load_dataset("mnist_sample")
    check_records(workdir, dataset, arms)
    check_predictions(workdir, dataset, arms)
    check_curves_and_galleries(workdir)
    check_generators(workdir, arms)
    check_summary_and_report(workdir, arms)
    check_tensorboard(workdir, arms)

    before = {path: path.read_bytes() for path in workdir.rglob("*.json")}
    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    assert f"{len(arms)} trials are done already" in command(*flags)[2]
    after = {path: path.read_bytes() for path in workdir.rglob("*.json")}
    study = workdir / "study.json"
    assert {**after, study: b""} == {**before, study: b""}


def within(names, arms):
    return [name for name in arms if name in names]


def done(arms):
    return [name for name in arms if name not in NOT_APPLICABLE]


def check_output(out, err, workdir, arms):
    lines = err.splitlines()
    assert any("mnist_sample" in line and "sha256" in line for line in lines[:3])
    assert sum(" seed 0: minority_recall 0." in line for line in lines) == len(done(arms))
    refused = [line for line in lines if " seed 0: not applicable: " in line]
    assert len(refused) == len(within(NOT_APPLICABLE, arms))
    assert load(workdir / "summary.json")["answer"] in out
    assert str(workdir / "report.html") in out


def check_records(workdir, dataset, arms):
    records = [json.loads(line) for line in (workdir / "records.jsonl").read_text().splitlines()]
    assert [record["arm"] for record in records] == arms
    registered = {}
    for record in records:
        assert load(workdir / "trials" / record["arm"] / "seed-00" / "record.json") == record
        assert (record["experiment"], record["seed"]) == ("imbalance", 0)
        assert record["dataset"] == dataset.provenance
        assert record["settings"]["counts"] == [1, 300, 300]
        assert record["settings"]["classes"] == ["1", "2", "3"]
        assert set(record["seconds"]) == {"generator", "training", "evaluation"}
        if record["arm"] in NOT_APPLICABLE:
            assert record["status"] == "not_applicable"
            assert "2 images" in record["error"]
            continue
        assert (record["status"], record["error"], record["updates"]) == ("done", None, 20)
        assert record["seconds"]["training"] > 0
        if record["arm"] in REGISTERING:
            registered[record["generators"][0]] = record["seconds"]["generator"]
        elif record["arm"] in TRAIN_A_GAN:
            assert record["seconds"]["generator"] > 0.1
        elif record["arm"] not in NETWORKS:
            # Without a network, filling the class is next to nothing.
            assert record["seconds"]["generator"] < 0.5
    # One of their generators has registered, whichever came first; the others read what it found.
    *others, longest = sorted(registered.values()) or [1.0]
    assert longest > 0.1
    assert all(0 < seconds < 2 for seconds in others)


def check_predictions(workdir, dataset, arms):
    """The metrics of every record follow from the predictions beside it."""
    tables = sorted(workdir.glob("trials/*/*/predictions.csv"))
    assert len(tables) == len(done(arms))
    for path in tables:
        with path.open(newline="") as file:
            table = list(csv.DictReader(file))
        assert list(table[0]) == ["image", "label", "prediction", "probability"]
        assert len({row["image"] for row in table} & set(dataset.test.filenames)) == len(table)
        assert Counter(row["label"] for row in table) == {"1": 100, "2": 100, "3": 100}
        assert all(1 / 3 <= float(row["probability"]) <= 1 for row in table)
        metrics = load(path.with_name("record.json"))["metrics"]
        right = Counter(row["label"] for row in table if row["prediction"] == row["label"])
        for name in "123":
            assert metrics[f"recall_{name}"] == pytest.approx(right[name] / 100)
        assert metrics["minority_recall"] == pytest.approx(right["1"] / 100)
        assert metrics["accuracy"] == pytest.approx(right.total() / 300)
        assert metrics["balanced_accuracy"] == pytest.approx(right.total() / 300)
        assert 0 <= metrics["macro_auc"] <= 1


def check_curves_and_galleries(workdir):
    for path in workdir.glob("trials/*/*/curves.csv"):
        with path.open(newline="") as file:
            curves = list(csv.DictReader(file))
        assert [int(row["update"]) for row in curves] == list(range(2, 21, 2))
        assert {"seconds", "loss", "accuracy", "val_loss", "val_accuracy"} <= set(curves[0])
        with np.load(path.with_name("gallery.npz")) as gallery:
            assert gallery["images"].shape[1:] == (28, 28, 1)
            assert gallery["images"].dtype == np.uint8
        with np.load(path.with_name("shown.npz")) as shown:
            assert shown["images"].shape == (30, 28, 28, 1)
            assert shown["label"].tolist() == ["1", "2", "3"] * 10
        assert not list(path.parent.glob("checkpoint/*"))


def check_generators(workdir, arms):
    records = [load(path) for path in workdir.glob("trials/*/*/record.json")]
    used = {name: record["generators"] for record in records for name in [record["arm"]]}
    assert {name for name, keys in used.items() if keys} == set(within(NETWORKS, arms))
    # Arms that differ in what is done with the images share one.
    assert used["cgan"] == used["cgan_classical"] != used["cgan_diffaugment"]
    assert used["warp_gan"] == used["warp_gan_classical"] != used["random_warp_classical"]
    assert used["deformations_classical"] == used["deformations_alone"]
    directories = {path.name: path for path in (workdir / "generators").iterdir()}
    named = {key for keys in used.values() for key in keys}
    assert named <= set(directories)
    # The 2s and the 3s, each registered by themselves and shared by all arms that want it.
    of_classes = [directories[name] for name in set(directories) - named]
    assert len(of_classes) == 2
    for directory in of_classes:
        assert load(directory / "generator.json")["kind"] == "DeformationRecipe"
        with np.load(directory / "samples.npz") as samples:
            assert samples["images"].shape == (10, 28, 28, 1)
    for directory in map(directories.get, named):
        about = load(directory / "generator.json")
        assert (directory / "gan.weights.h5").stat().st_size > 0
        with np.load(directory / "samples.npz") as samples:
            assert samples["images"].shape == (30, 28, 28, 1)
            assert samples["labels"].tolist() == np.repeat(range(3), 10).tolist()
        if about["settings"]["updates"] and not about["settings"].get("each"):
            header = (directory / "curves.csv").read_text().partition("\n")[0].split(",")
            told = {"d_loss", "g_loss", "real_accuracy", "fake_accuracy"}
            if about["kind"] == "DeformationRecipe":
                told = {"registration_loss"}
            if about["kind"] == "BAGANRecipe":
                told |= {"pixel_loss"}
            assert set(header) == {"update", "seconds"} | told


def check_summary_and_report(workdir, arms):
    summary = load(workdir / "summary.json")
    assert summary["experiment"] == "imbalance"
    assert (summary["control"], summary["primary_metric"]) == ("none", "minority_recall")
    assert summary["seeds"] == [0]
    assert list(summary["arms"]) == arms
    assert summary["failed"] == []
    assert list(summary["not_applicable"]) == within(NOT_APPLICABLE, arms)
    for name, arm in summary["arms"].items():
        if name in NOT_APPLICABLE:
            assert (arm["n"], arm["mean"]) == (0, None)
            continue
        record = load(workdir / "trials" / name / "seed-00" / "record.json")
        assert (arm["n"], arm["mean"]) == (1, record["metrics"]["minority_recall"])
        assert arm["seconds"] == pytest.approx(sum(record["seconds"].values()))
    for name in arms:
        assert name in (workdir / "report.html").read_text()
        assert name in (workdir / "report.md").read_text()
    assert {path.name for path in (workdir / "figures").iterdir()} >= {"arms.png", "curves.png"}


def check_tensorboard(workdir, arms):
    def runs(folder):
        return {
            str(path.parent.relative_to(workdir / folder))
            for path in workdir.glob(f"{folder}/**/events*")
        }

    assert runs("tensorboard") <= set(arms)
    assert len(runs("tensorboard")) <= 12
    logged = runs("tensorboard_seeds")
    assert {f"{name}/seed-00" for name in done(arms)} <= logged
    trained = {
        path.parent.name
        for path in workdir.glob("generators/*/generator.json")
        if (told := load(path)["settings"])["updates"] and not told.get("each")
    }
    names = {name for name in logged if name.startswith("generators/")}
    assert len(names) == len(trained)
    assert all(re.fullmatch(r"generators/\w+ seed \d+( class \d+)?", name) for name in names)
    assert all(name.count("/") == 1 for name in logged)

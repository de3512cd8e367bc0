"""A whole study of conditional GANs: its files, its exports, its figures, and its resumption."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from gan_mnist.experiments.conditional_gan import figures, trial
from gan_mnist.experiments.conditional_gan.study import STUDY
from small_trial import make_trial

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.subsets import read_test_subset
from gan_mnist.generators.names import GENERATORS
from gan_mnist.main import main
from gan_mnist.report.run_files import Run
from gan_mnist.study.settings import with_changes

# Of every kind some: in the smallest preset slow_few_images runs all.
SOME = {"mlp", "dcgan", "vae_flow", "warp_gan", "deformations", "smote", "real", "shuffled_labels"}
ARMS = [arm.name for arm in STUDY.arms if arm.name in SOME]
GANS = [n for n in ARMS if GENERATORS[STUDY.select([n])[-1].changes["generator"]].trains]
CHECKS = ["shuffled_labels"]
SMALL = {"width": 2, "updates": 20, "intervals": 2, "generated_images": 300, "gan_epochs": 1}
SMALL |= {"gan_epoch_updates": 10, "gan_width": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A whole study, and the command that ran it."""
    workdir = tmp_path_factory.mktemp("run")
    command = ["gan_mnist", "--experiment=conditional_gan", "--preset=smoke", "--seeds=1"]
    command += ["--jobs=1", f"--workdir={workdir}", f"--export_dir={workdir / 'saved'}"]
    command += ["--set", "updates=60", "--set", "images_per_class=60", f"--arms={','.join(ARMS)}"]
    assert main(command) == 0
    return workdir, command


def test_the_files_of_a_whole_study(run):
    workdir, _ = run
    dataset = load_dataset("mnist_sample")
    summary = json.loads((workdir / "summary.json").read_text())
    assert list(summary["arms"]) == ARMS
    test = read_test_subset(dataset, dataset.class_names)
    records, known = {}, set()
    for name in ARMS:
        directory = workdir / "trials" / name / "seed-00"
        record = json.loads((directory / "record.json").read_text())
        records[name] = record["metrics"]
        with (directory / "predictions.csv").open() as file:
            rows = list(csv.DictReader(file))
        right = np.array([row["label"] == row["prediction"] for row in rows])
        assert len(rows) == len(test)
        assert records[name]["gan_train_accuracy"] == pytest.approx(right.mean())
        for label in dataset.class_names:
            of_class = right[[row["label"] == label for row in rows]].mean()
            assert records[name][f"gan_train_recall_{label}"] == pytest.approx(of_class)
        # An arm that found its GAN trained has no sheets of the training.
        first = record["generators"] and record["generators"][0] not in known
        assert (directory / "sheets").exists() == bool(first)
        known |= {*record["generators"]}
        exported = workdir / "saved" / "conditional_gan" / name / "generator"
        assert exported.exists() == (name in GANS)
    assert known == {path.name for path in workdir.glob("generators/*")}
    assert not list(workdir.glob("saved/*/*/classifier"))
    # Only real images are among those that are copied, and their labels change nothing of that.
    assert (records["real"]["copy_rate"], records["mlp"]["copy_rate"]) == (1, 0)
    assert records["shuffled_labels"]["copy_rate"] == 1
    assert records["real"]["kid"] < 0.1 * records["mlp"]["kid"]
    assert records["real"]["coverage"] > 0.5 > records["mlp"]["coverage"]
    assert records["real"]["gan_train_accuracy"] > records["shuffled_labels"]["gan_train_accuracy"]
    assert len(list(workdir.glob("judges/*/judge.json"))) == 1
    for name in ("sheets", "classes", "nearest", "generators", "gallery"):
        assert (workdir / "figures" / f"{name}.png").exists()


def test_an_exported_generator_gives_images_by_tensorflow_alone(run):
    workdir, _ = run
    for name in GANS:
        directory = workdir / "saved" / "conditional_gan" / name
        about = json.loads((directory / "about.json").read_text())
        assert (about["arm"], about["seed"]) == (name, 0)
        changes = next(arm.changes for arm in STUDY.arms if arm.name == name)
        assert about["settings"]["gan_architecture"] == changes["gan_architecture"]
        model = tf.saved_model.load(str(directory / "generator"))
        generate = model.signatures["generate_seeded"]
        images = generate(labels=tf.constant([3, 1], tf.int32), seed=tf.constant(5))["images"]
        assert images.shape == (2, 28, 28, 1)
        assert 0 <= images.numpy().min() < images.numpy().max() <= 1


def test_cells_are_means_and_pairs_have_their_distances(run, tmp_path):
    workdir, _ = run
    read = Run.read(workdir)
    order = read.best_first()
    panels = figures.classes(read).axes
    for axes, stem in zip(panels, ("gan_train_recall_", "gan_test_recall_"), strict=True):
        (cells,) = axes.collections
        shares = np.asarray(cells.get_array())
        for name, of_arm in zip(order, shares, strict=True):
            (one,) = read.trials_of(name)
            values = [one.record["metrics"][f"{stem}{label}"] for label in range(10)]
            assert of_arm.tolist() == pytest.approx(values)
        told = [text.get_text() for text in axes.texts]
        assert told == [f"{100 * share:.0f}" for share in shares.ravel()]
        assert [label.get_text() for label in panels[0].get_yticklabels()] == order
    figure = figures.nearest_pairs(read)
    drawn = [axes.get_title(loc="left").split(":")[0] for axes in figure.axes]
    assert drawn == [name for name in order if name not in CHECKS for _ in range(2)]
    axes = figure.axes[drawn.index("mlp")]
    with np.load(workdir / "trials" / "mlp" / "seed-00" / "nearest.npz") as archive:
        expected = [f"{distance:.1f}" for distance in archive["distances"][0]]
    assert [text.get_text() for text in axes.texts] == expected
    assert len([axes for axes in figures.sheets(read).axes if axes.images]) == len(ARMS)
    empty = replace(read, trials=())
    assert figures.classes(empty) is figures.sheets(empty) is figures.nearest_pairs(empty) is None


def test_the_same_command_trains_nothing(run, monkeypatch):
    workdir, command = run
    before = {path: path.stat().st_mtime_ns for path in workdir.glob("trials/*/*/*")}
    monkeypatch.setattr("gan_mnist.study.scheduler.run_trials", lambda todo, *_: todo and 1 / 0)
    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    assert main(command) == 0
    assert before == {path: path.stat().st_mtime_ns for path in workdir.glob("trials/*/*/*")}


@pytest.mark.parametrize("arm", ["mlp", "shuffled_labels"])
def test_colour_images_of_a_folder(image_folder, class_names, tmp_path, arm):
    place = {"dataset": "folder", "data_dir": str(image_folder), "image_size": 16, "channels": 3}
    folder = load_dataset("folder", place["data_dir"], image_size=16, channels=3)
    changes = SMALL | place | {"export_dir": str(tmp_path / "saved")}
    base = with_changes(STUDY.settings, changes, "test").resolve(folder)
    (row,) = [each.changes for each in STUDY.arms if each.name == arm]
    settings = with_changes(with_changes(base, row, arm), SMALL, "test")
    asked = make_trial(STUDY, arm, 0, settings, tmp_path / "run", folder)
    metrics, directory = trial.run_trial(asked).metrics, asked.directory
    for stem in ("gan_train_recall_", "gan_test_recall_"):
        recalls = [metrics[stem + name] for name in class_names]
        accuracy = metrics[stem.replace("recall_", "accuracy")]
        # Classes are of equal sizes, but where wrong labels are drawn.
        if not (stem.startswith("gan_test") and settings.shuffled_labels):
            assert np.mean(recalls) == pytest.approx(accuracy)
    assert all(np.isfinite(value) for value in metrics.values())
    assert (tmp_path / "saved" / "conditional_gan" / arm / "about.json").exists() == (arm == "mlp")
    with np.load(directory / "gallery.npz") as gallery:
        assert gallery["images"].shape == (12, 16, 16, 3)
    with np.load(directory / "nearest.npz") as nearest:
        assert nearest["classes"].tolist() == list(class_names)

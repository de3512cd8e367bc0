"""A network of keras.applications from the command to the export, as any other classifier."""

import csv
import json

import keras
import numpy as np
import pytest

from gan_mnist.data.images import as_float
from gan_mnist.main import main

MAIN = main
ARM = "classical"


@pytest.fixture
def run(command, few_images, tmp_path):
    """`run(*flags)`: the smoke preset of the photographs' study; its record, and what was said."""

    def run(*flags):
        status, _, err = command(
            *("--experiment=cats_vs_dogs", "--preset=smoke", "--seeds=1", "--jobs=1"),
            *("--dataset=folder", f"--data_dir={few_images}", f"--arms={ARM}"),
            *("--set", "image_size=16", "--set", "batch_size=4", "--set", "updates=10"),
            *("--set", "intervals=2", f"--workdir={tmp_path / 'run'}"),
            *(f"--export_dir={tmp_path / 'saved'}", "--classifier=applications:MobileNet", *flags),
        )
        assert status == 0, err
        path = tmp_path / "run" / "trials" / ARM / "seed-00" / "record.json"
        return json.loads(path.read_text()), err

    return run


def test_it_is_drawn_by_the_seed_trained_resumed_and_exported(run, tmp_path, monkeypatch):
    first, _ = run()
    assert (first["status"], first["error"]) == ("done", None)
    settings = first["settings"]
    told = [settings[name] for name in ("classifier", "classifier_sha256", "pixels")]
    assert told == ["applications:MobileNet", "none", "-1..1"]

    # As after a kill just before the record was written.
    trial = tmp_path / "run" / "trials" / ARM / "seed-00"
    (trial / "record.json").unlink()
    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    second, err = run()
    assert "1 trial is done already" in err
    assert second["metrics"] == first["metrics"]

    with (trial / "predictions.csv").open(newline="") as file:
        called = [(row["prediction"], float(row["probability"])) for row in csv.DictReader(file)]
    saved = tmp_path / "saved" / "cats_vs_dogs" / ARM
    model = keras.saving.load_model(saved / "classifier.keras")
    names = json.loads((saved / "classes.json").read_text())
    with np.load(trial / "shown.npz") as shown:
        images = shown["images"]
    assert len(images) == len(called) == 2
    probabilities = keras.ops.softmax(model(as_float(images))).numpy()
    for row, (name, probability) in zip(probabilities, called, strict=True):
        assert names[row.argmax()] == name
        assert row.max() == pytest.approx(probability, abs=1e-5)


@pytest.mark.parametrize("with_its_head", [True, False])
def test_weights_of_a_file_are_those_that_all_but_the_head_keeps(run, tmp_path, with_its_head):
    keras.utils.set_random_seed(3)
    theirs = keras.applications.MobileNet(
        include_top=with_its_head, weights=None, **({} if with_its_head else {"pooling": "avg"})
    )
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    record, _ = run("--set", f"weights={tmp_path / 'theirs.weights.h5'}", "--set", "frozen=-1")
    assert record["settings"]["classifier_sha256"] != "none"
    saved = tmp_path / "saved" / "cats_vs_dogs" / ARM / "classifier.keras"
    model = keras.saving.load_model(saved)
    (body,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    assert body.input_shape == (None, 32, 32, 3)
    kernels = [weight for weight in body.get_weights() if weight.ndim == 4]
    expected = [weight for weight in theirs.get_weights() if weight.ndim == 4]
    assert len(kernels) == 27
    # Its last kernel is the head's, where it has one.
    for ours, weight in zip(kernels, expected[:27], strict=True):
        np.testing.assert_array_equal(ours, weight)

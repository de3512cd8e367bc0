"""A classifier from rows to predictions."""

import csv

import numpy as np

from gan_mnist.classifiers import ClassifierRecipe, predict, save_predictions, train_classifier
from gan_mnist.data.subsets import Subset
from gan_mnist.models.classifiers import build_small_cnn

RECIPE = ClassifierRecipe(build_small_cnn, (12, 12, 1), 2, 20, 8, 1e-2, minority=1)


def two_kinds(seed: int, number: int = 40) -> Subset:
    """Class 0 is dark above and bright below, class 1 the other way round."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number, dtype=np.int32) % 2
    images = rng.random((number, 12, 12, 1), dtype=np.float32) * 0.2
    images[labels == 0, 6:] += 0.7
    images[labels == 1, :6] += 0.7
    names = tuple(f"{i}.png" for i in range(number))
    return Subset(images, labels, ("below", "above"), names)


def train(directory, stream, subset):
    columns = (subset.images, subset.labels, np.ones(len(subset.labels), np.float32))
    model, seconds = train_classifier(RECIPE, columns, None, subset, stream, directory, None)
    assert seconds > 0
    return predict(model, two_kinds(9).images)


def test_it_learns_and_depends_on_its_stream_alone(tmp_path):
    first = train(tmp_path / "a", ("study", 0), two_kinds(1))
    other = train(tmp_path / "b", ("study", 1), two_kinds(1))
    again = train(tmp_path / "c", ("study", 0), two_kinds(1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_allclose(first.sum(axis=1), 1, rtol=1e-5)
    assert (first.argmax(axis=1) == two_kinds(9).labels).mean() > 0.9


def test_curves_hold_the_watched_recall(tmp_path):
    train(tmp_path, ("study", 0), two_kinds(1))
    with (tmp_path / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["update"]) for row in rows] == list(range(2, 21, 2))
    assert {"accuracy", "loss", "minority_recall", "val_minority_recall"} <= set(rows[0])


def test_predictions_name_file_truth_guess_and_probability(tmp_path):
    subset = two_kinds(0, number=2)
    save_predictions(subset, np.array([[0.25, 0.75], [0.1, 0.9]]), tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text().splitlines() == [
        "image,label,prediction,probability",
        "0.png,below,above,0.750000",
        "1.png,above,above,0.900000",
    ]

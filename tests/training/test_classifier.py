"""A classifier from rows to predictions."""

import functools
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.data.pipelines import training_batches
from gan_mnist.data.subsets import Subset
from gan_mnist.files import read_rows
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.training import classifier
from gan_mnist.training.classifier import (
    LOSSES,
    ClassifierRecipe,
    predict,
    save_predictions,
    train_classifier,
)

RECIPE = ClassifierRecipe(build_small_cnn, (12, 12, 1), 2, 16, 20, 1e-2, minority=(1,))


def two_kinds(seed: int, number: int = 40) -> Subset:
    """Class 0 is dark above and bright below, class 1 the other way round."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number, dtype=np.int32) % 2
    images = rng.integers(0, 51, (number, 12, 12, 1), dtype=np.uint8)
    images[labels == 0, 6:] += 178
    images[labels == 1, :6] += 178
    names = tuple(f"{i}.png" for i in range(number))
    return Subset(images, labels, ("below", "above"), names)


def noise(seed: int, number: int) -> Subset:
    """Images that cannot be told apart."""
    subset = two_kinds(seed, number)
    images = np.random.default_rng(seed).integers(0, 256, subset.images.shape, dtype=np.uint8)
    return replace(subset, images=images)


def fit_to(subset, directory, stream=("study", 0), recipe=RECIPE, validation=None, **options):
    columns = (subset.images, subset.labels, np.ones(len(subset), np.float32))

    def batches(seed, first_update):
        return training_batches(columns, 8, None, seed, first_update)

    model, seconds = train_classifier(
        recipe, batches, validation or subset, stream, directory, **options
    )
    assert seconds > 0
    return model


@pytest.fixture
def untrained(monkeypatch):
    """What is trained stays as it was: to trace a network takes most of a test's time."""
    monkeypatch.setattr(classifier, "fit", lambda *arguments: 1.0)


def curve(directory, column):
    return [float(row[column]) for row in read_rows(directory / "curves.csv")]


def test_it_learns_and_depends_on_its_stream_alone(tmp_path):
    def probabilities(directory, stream):
        return predict(fit_to(two_kinds(1), tmp_path / directory, stream), two_kinds(9).images)

    first = probabilities("a", ("study", 0))
    other = probabilities("b", ("study", 1))
    again = probabilities("c", ("study", 0))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_allclose(first.sum(axis=1), 1, rtol=1e-5)
    assert (first.argmax(axis=1) == two_kinds(9).labels).mean() > 0.9


def test_batches_go_on_from_an_update_in_the_order_of_the_stream(tmp_path, monkeypatch):
    monkeypatch.setattr(classifier, "fit", lambda model, batches, *others: batches(7))

    def order(stream, recipe=RECIPE):
        _, (seed, first_update) = train_classifier(
            recipe, lambda *arguments: arguments, two_kinds(1), stream, tmp_path
        )
        assert first_update == 7
        return seed

    streams = ("study", 0), ("study", 1), ("other", 0)
    seeds = [order(stream) for stream in streams]
    assert len(set(seeds)) == 3
    assert [order(stream, replace(RECIPE, width=2)) for stream in streams] == seeds


def test_curves_hold_the_watched_recall(tmp_path):
    fit_to(two_kinds(1), tmp_path)
    rows = read_rows(tmp_path / "curves.csv")
    assert [int(row["update"]) for row in rows] == list(range(2, 21, 2))
    assert {"accuracy", "loss", "minority_recall", "val_minority_recall"} <= set(rows[0])


@pytest.mark.slow
@pytest.mark.parametrize("rows", [None, (2, 5)])
def test_watched_images_get_the_accuracy_that_they_would_have_as_validation(rows, tmp_path):
    """Keras' own metric of the same images is the oracle, at every row."""
    recipe = replace(RECIPE, intervals=5, learning_rate=2e-3, minority=())
    watched = noise(5, number=601)
    options = {"recipe": recipe, "validation": watched, "rows": rows}
    model = fit_to(two_kinds(1), tmp_path / "a", watched=("strange", watched), **options)
    found = curve(tmp_path / "a", "strange_accuracy")
    assert found == pytest.approx(curve(tmp_path / "a", "val_accuracy"), abs=1e-6)
    assert [u / 4 for u in curve(tmp_path / "a", "update")] == list(rows or range(1, 6))
    logits = model(tf.constant(watched.images / 255, tf.float32), training=False).numpy()
    assert found[-1] == pytest.approx(np.mean(logits.argmax(axis=1) == watched.labels))
    assert not (tmp_path / "a" / classifier.RIGHT).exists()

    # Watching is no part of the training.
    fit_to(two_kinds(1), tmp_path / "b", **options)
    assert curve(tmp_path / "b", "loss") == curve(tmp_path / "a", "loss")
    assert curve(tmp_path / "b", "val_loss") == curve(tmp_path / "a", "val_loss")
    assert "strange_accuracy" not in read_rows(tmp_path / "b" / "curves.csv")[0]


def test_which_watched_images_were_right_is_known_after_a_training_that_went_on(tmp_path):
    watched, path = noise(5, number=61), tmp_path / classifier.RIGHT
    whole = {}
    model = fit_to(two_kinds(1), tmp_path, watched=("test", watched), rows=(2, 10), right=whole)
    assert sorted(whole) == [2, 10]
    shares = [float(np.mean(right)) for right in whole.values()]
    assert shares == pytest.approx(curve(tmp_path, "test_accuracy"))

    for interval in (2, 10):  # as of two processes
        watch = classifier._Watch(("test", watched), (2, 10), path)
        watch.set_model(model)
        watch.on_epoch_end(interval - 1, {})
    assert sorted(watch.right) == [2, 10]
    np.testing.assert_array_equal(watch.right[10], whole[10])
    path.write_bytes(b"no archive")
    assert classifier._Watch(("test", watched), (2, 10), path).right == {}


def learning_rates(model, updates):
    """The optimizer's at the given numbers of updates done."""
    found = []
    for update in updates:
        model.optimizer.iterations.assign(update)
        found.append(float(model.optimizer.learning_rate))
    return found


def test_decay_takes_the_learning_rate_to_zero_along_a_half_cosine(tmp_path, untrained):
    model = fit_to(two_kinds(1), tmp_path, recipe=replace(RECIPE, decay=True))
    updates = np.arange(21)
    expected = 1e-2 * (1 + np.cos(np.pi * updates / 20)) / 2
    np.testing.assert_allclose(learning_rates(model, updates), expected, rtol=1e-5, atol=1e-9)


def test_without_decay_the_learning_rate_stays(tmp_path):
    model = fit_to(two_kinds(1), tmp_path)
    assert int(model.optimizer.iterations) == 20
    np.testing.assert_allclose(learning_rates(model, [0, 10, 20]), 1e-2, rtol=1e-6)


def test_sigmoid_is_the_mean_cross_entropy_of_every_class_against_the_rest():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (6, 4))
    labels = rng.integers(0, 4, 6)
    weights = rng.uniform(0.5, 2, 6).astype(np.float32)
    of_image = []
    for row, label in zip(logits, labels, strict=True):
        right = 1 / (1 + np.exp(-row[label]))
        wrong = 1 / (1 + np.exp(-np.delete(row, label)))
        of_image.append(-(np.log(right) + np.log(1 - wrong).sum()) / 4)
    loss, shown = LOSSES["sigmoid"](), tf.constant(logits, tf.float32)
    for given in (labels, labels[:, None], labels.astype(np.float32)):
        assert float(loss(given, shown)) == pytest.approx(np.mean(of_image), rel=1e-5)
    weighted = float(loss(labels, shown, sample_weight=weights))
    assert weighted == pytest.approx(np.mean(weights * of_image), rel=1e-5)
    huge = tf.constant([[1e4, -1e4]])
    assert float(loss(np.array([0]), huge)) == 0
    assert float(loss(np.array([1]), huge)) == pytest.approx(1e4)


@pytest.mark.slow
def test_a_classifier_trained_with_sigmoids_learns_and_predicts_shares(tmp_path):
    recipe = replace(RECIPE, loss="sigmoid")
    model = fit_to(two_kinds(1), tmp_path, recipe=recipe)
    probabilities = predict(model, two_kinds(9).images)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == two_kinds(9).labels).mean() > 0.9
    subset = two_kinds(1)
    logits = model(tf.constant(subset.images / 255, tf.float32), training=False).numpy()
    signs = np.where(np.eye(2)[subset.labels], 1, -1)
    expected = np.log1p(np.exp(-signs * logits.astype(np.float64))).mean()
    assert curve(tmp_path, "val_loss")[-1] == pytest.approx(expected, rel=1e-4)


def test_the_width_is_that_of_the_network(tmp_path, untrained):
    model = fit_to(two_kinds(1), tmp_path, recipe=replace(RECIPE, width=3))
    assert model.layers[0].filters == 3


@pytest.mark.slow
def test_a_model_may_be_prepared_before_its_training(tmp_path):
    seen = []

    def prepare(model):
        model.run_eagerly = True
        seen.append(int(model.optimizer.iterations))
        model.layers[0].set_weights([np.zeros_like(w) for w in model.layers[0].get_weights()])
        model.layers[0].trainable = False

    network = functools.partial(build_small_cnn)  # A recipe, and so a model, of this test's own.
    model = fit_to(two_kinds(1), tmp_path, recipe=replace(RECIPE, network=network), prepare=prepare)
    assert seen == [0]
    assert not any(weight.any() for weight in model.layers[0].get_weights())


def test_predict_takes_bytes_and_floats_alike_in_any_number(tmp_path):
    model, images = fit_to(two_kinds(1), tmp_path), noise(3, number=503).images
    probabilities = predict(model, images)
    floats = (images / 255).astype(np.float32)
    np.testing.assert_array_equal(predict(model, floats), probabilities)
    logits = model(floats, training=False).numpy().astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-4)
    assert probabilities.dtype == np.float32


def test_predictions_name_file_truth_guess_and_probability(tmp_path):
    subset = two_kinds(0, number=2)
    save_predictions(subset, np.array([[0.25, 0.75], [0.1, 0.9]]), tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text().splitlines() == [
        "image,label,prediction,probability",
        "0.png,below,above,0.750000",
        "1.png,above,above,0.900000",
    ]


@pytest.mark.slow
def test_validation_images_that_stay_bytes_give_the_same_curves(tmp_path, monkeypatch):
    fit_to(two_kinds(1), tmp_path / "floats", validation=noise(2, 300))
    monkeypatch.setattr(classifier, "MOST_BYTES_AS_FLOATS", 0)
    fit_to(two_kinds(1), tmp_path / "bytes", validation=noise(2, 300))
    for column in ("val_accuracy", "val_loss"):
        assert curve(tmp_path / "bytes", column) == curve(tmp_path / "floats", column)


def test_without_validation_images_the_curves_lack_their_columns(tmp_path):
    columns = (two_kinds(1).images, two_kinds(1).labels, np.ones(40, np.float32))
    batches = functools.partial(training_batches, columns, 8, None)
    train_classifier(RECIPE, batches, two_kinds(1, number=0), ("study", 0), tmp_path)
    assert not [name for name in read_rows(tmp_path / "curves.csv")[0] if "val_" in name]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_compiled_classifier_is_loaded_as_it_was_saved(loss, tmp_path):
    shown = two_kinds(0)
    # An update a call: without a graph, which would take longer to trace.
    recipe = replace(RECIPE, loss=loss, width=2, intervals=20)
    model = recipe.build()
    recipe.compile(model)
    model.run_eagerly = True
    images = shown.images / np.float32(255)
    model.train_on_batch(images, shown.labels)
    model.save(tmp_path / "classifier.keras")
    loaded = keras.models.load_model(tmp_path / "classifier.keras")
    loaded.run_eagerly = True
    model.reset_metrics()
    expected, found = (one.test_on_batch(images, shown.labels) for one in (model, loaded))
    assert len(found) == 3
    np.testing.assert_allclose(found, expected, rtol=1e-5)

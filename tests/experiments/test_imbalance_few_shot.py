"""Rivals of few-shot learning: prototypes by scipy, donors without what they may not see."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from gan_mnist.experiments.imbalance import trial
from gan_mnist.experiments.imbalance.few_shot import classify_by_prototypes
from gan_mnist.experiments.imbalance.study import STUDY  # noqa: F401 (for the fixtures)
from imbalance_images import made, rows
from scipy.spatial.distance import cdist

from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import Subset, allot
from gan_mnist.errors import NotApplicable
from gan_mnist.models.classifiers import build_small_cnn
from gan_mnist.training.classifier import predict
from gan_mnist.trials import steps as trials

NAMES = ("ape", "bee", "cat", "dog")
DATA = made((20,) * 4, (8,) * 4, NAMES)
SMALL = {"image_size": 8, "width": 2, "updates": 10, "export_dir": "",
         "counts": (12,), "starve": ("ape:2",)}  # fmt: skip


@pytest.fixture
def trained(monkeypatch):
    """The trainings, and the weights that each began and ended with."""
    seen = []

    def train_classifier(recipe, batches, validation, stream, directory, *rest, **options):
        ((columns, _),), augmentation = batches.args
        fresh = SimpleNamespace(begun="as drawn")
        fresh.set_weights = lambda weights: setattr(fresh, "begun", weights)
        if prepare := options.get("prepare"):
            prepare(fresh)
        begun, ended = fresh.begun, f"weights {len(seen)}"
        told = {"begun": begun, "images": as_float(columns[0][:]), "labels": columns[1][:]}
        seen.append(
            SimpleNamespace(recipe=recipe, stream=stream, augmentation=augmentation, **told)
        )
        fresh.get_weights = lambda: ended
        fresh.predict_on_batch = lambda asked: np.eye(4, dtype=np.float32)[
            np.arange(len(asked)) % 4
        ]
        return fresh, 1.0

    monkeypatch.setattr(trials, "train_classifier", train_classifier)
    return seen


def test_the_network_learns_donors_before_it_learns_all(make, trained):
    outcome = trial.run_trial(make("fine_tuned", of=DATA))
    first, second = trained
    assert outcome.updates == 2 * SMALL["updates"]
    assert (first.begun, second.begun) == ("as drawn", "weights 0")
    assert set(first.labels) == {1, 2, 3}
    assert np.bincount(second.labels).tolist() == [12] * 4
    own = {label: allot(DATA, NAMES, (12,) * 4, 0, 4).train.of_class(label) for label in range(4)}
    expected = {image for label in (1, 2, 3) for image in rows(as_float(own[label]))}
    assert set(rows(first.images)) == expected
    assert set(rows(second.images)) == expected | set(rows(as_float(own[0][:2])))
    assert first.recipe == second.recipe
    assert first.augmentation == second.augmentation
    assert first.stream == second.stream
    assert outcome.seconds["training"] == 2


def test_each_turn_has_donors_of_its_own(make, trained):
    trial.run_trial(make("fine_tuned", of=DATA, starve=("each:1",)))
    assert len(trained) == 8
    for label, (first, second) in enumerate(zip(trained[::2], trained[1::2], strict=True)):
        assert set(first.labels) == {0, 1, 2, 3} - {label}
        assert (first.begun, set(second.labels)) == ("as drawn", {0, 1, 2, 3})
    assert [second.begun for second in trained[1::2]] == [f"weights {n}" for n in range(0, 8, 2)]
    assert len({one.stream for one in trained}) == 4


def test_without_donors_there_is_nothing_to_learn_first(make, trained):
    starve = tuple(f"{name}:{2 + (name == 'bee')}" for name in NAMES)
    with pytest.raises(NotApplicable, match="every class is rare"):
        trial.run_trial(make("fine_tuned", of=DATA, counts=(12,), starve=starve))
    assert not trained


def test_prototypes_call_as_the_nearest_means_do():
    keras.utils.set_random_seed(0)
    network = build_small_cnn((8, 8, 1), 4, 8)
    train = allot(DATA, NAMES, (1, 5, 9, 12), 0, 4).train
    penultimate = keras.Model(network.inputs[0], network.layers[-1].input)
    images = as_float(np.concatenate([train.images, DATA.test.images]))
    features = penultimate(images).numpy()
    means = [features[: len(train)][train.labels == label].mean(axis=0) for label in range(4)]
    before = predict(network, images)
    classify_by_prototypes(network, train)
    called = predict(network, images)
    np.testing.assert_array_equal(called.argmax(axis=1), cdist(features, means).argmin(axis=1))
    assert (called.argmax(axis=1) != before.argmax(axis=1)).any()
    # A prototype of a single image is that image.
    assert called[train.labels.tolist().index(0)].argmax() == 0


def test_prototypes_of_many_images_are_right_in_bfloat16():
    """A mean of hundreds that is taken in bfloat16 stalls, at about half of what it is."""
    class_names, number = ("few", "many"), 1500
    images = np.random.default_rng(0).integers(100, 256, (number + 2, 4, 4, 1), np.uint8)
    labels = np.int32([0, 0] + [1] * number)
    train = Subset(images, labels, class_names, ("",) * len(labels))
    policy = keras.DTypePolicy("mixed_bfloat16")
    network = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(dtype=policy),
            keras.layers.Dense(2, dtype=policy),
        ]
    )
    classify_by_prototypes(network, train)
    means = [as_float(images[train.labels == label]).mean(axis=(0, 3)).ravel() for label in (0, 1)]
    weights, biases = network.layers[-1].get_weights()
    np.testing.assert_allclose(weights.T / 2, means, rtol=0.01)
    np.testing.assert_allclose(biases, [-(mean**2).sum() for mean in means], rtol=0.01)


@pytest.mark.parametrize(
    "last",
    [
        keras.layers.Flatten(),
        keras.layers.Dense(4, use_bias=False),
        keras.layers.Dense(4, activation="tanh"),
    ],
    ids=["flat", "no bias", "tanh"],
)
def test_a_network_that_ends_otherwise_has_no_prototypes(last):
    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), last])
    with pytest.raises(NotApplicable, match="last layer is dense"):
        classify_by_prototypes(network, allot(DATA, NAMES, (1, 5, 9, 12), 0, 4).train)


@pytest.mark.slow
def test_prototypes_are_what_is_judged(make, monkeypatch):
    called = []

    def spied(model, train):
        called.append(np.bincount(train.labels).tolist())
        model.layers[-1].set_weights([np.zeros((8, 4)), np.eye(4)[2]])

    monkeypatch.setattr(trial, "classify_by_prototypes", spied)
    outcome = trial.run_trial(make("prototypes", of=DATA))
    assert called == [[2, 12, 12, 12]]
    assert [outcome.metrics[f"recall_{name}"] for name in NAMES] == [0, 0, 1, 0]

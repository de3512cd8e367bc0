"""The study of few labels: which images have one, what arms show, and that nothing hidden leaks."""

import dataclasses
import json
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from gan_mnist import experiments
from gan_mnist.data.images import as_float
from gan_mnist.data.subsets import Subset, allot
from gan_mnist.errors import InputError, NotApplicable
from gan_mnist.experiments import make_plan
from gan_mnist.study.statistics.test_images import shares_right
from gan_mnist.trials import ClassifierSteps

STUDY = experiments.load("few_labels")
TRIAL = STUDY.part("trial")
PSEUDO = STUDY.part("settings").PSEUDO
RESULTS = Path(__file__).parents[2] / "experiments/few_labels/results"
PUBLISHED = sorted(RESULTS.glob("*/records.jsonl"))
CLASSES = ("3", "7", "8")
# Ranges of zero, so that images can be told after they were augmented.
STILL = {"rotation_degrees": 0.0, "shift": 0.0, "zoom": 0.0, "shear": 0.0, "elastic_shift": 0.0}
SMALL = {
    "classes": CLASSES,
    "validation_per_class": 350,
    "labels_per_class": (2, 10),
    "updates": 10,
    "intervals": 1,
    "width": 2,
    "batch_size": 20,
    "rounds": 2,
    "threshold": 0.0,
    "generated_per_class": 7,
    "deformation_pairs": 20,
    "deformation_updates": 10,
}


def keys(images):
    """Of each image something that is its own, whatever the rounding."""
    return [tuple(np.round(image * 255).astype(int).ravel()) for image in as_float(images)]


@pytest.fixture
def drawn(dataset):
    """All training images of seed 0, by class in the order of the seed."""
    return allot(dataset, CLASSES, None, 0, 350).train


def test_the_first_images_of_each_class_have_a_label_and_all_others_none(make, drawn):
    steps = ClassifierSteps(make("pseudo_labels"))
    own = {label: keys(drawn.of_class(label)) for label in range(3)}
    for number in (2, 10):
        known = TRIAL.labelling_of(steps, number)
        for label in range(3):
            assert keys(known.labelled.of_class(label)) == own[label][:number]
        rest = [key for label in range(3) for key in own[label][number:]]
        assert sorted(keys(known.unlabelled.images)) == sorted(rest)
        assert [field.name for field in dataclasses.fields(known.unlabelled)] == ["images"]
        # Of 50 images a class, in turns that tell nothing.
        labels = [next(c for c in own if key in own[c]) for key in keys(known.unlabelled.images)]
        assert 0.5 < np.mean(np.diff(labels) != 0) < 0.8


def test_the_oracle_alone_has_all_labels(make, drawn):
    known = TRIAL.labelling_of(ClassifierSteps(make("oracle")), 2)
    assert len(known.unlabelled) == 0
    assert dict(zip(keys(known.labelled.images), known.labelled.labels, strict=True)) == dict(
        zip(keys(drawn.images), drawn.labels, strict=True)
    )


def shuffle_hidden(monkeypatch, number):
    """From now on trials are lied to about all images but the first `number` of each class."""
    true = ClassifierSteps.allot

    def allot(self, counts, *others):
        found = true(self, counts, *others)
        if counts is not None:
            return found
        own = found.train
        places = np.concatenate([np.flatnonzero(own.labels == label) for label in range(3)])
        ranks = np.concatenate([np.arange((own.labels == label).sum()) for label in range(3)])
        hidden = places[ranks >= number]
        labels = own.labels.copy()
        labels[hidden] = np.random.default_rng(0).permutation(labels[hidden])
        told = Subset(own.images, labels, own.class_names, own.filenames)
        in_order = told.take(np.argsort(labels, kind="stable"))
        return dataclasses.replace(found, train=in_order)

    monkeypatch.setattr(ClassifierSteps, "allot", allot)


@pytest.mark.parametrize("arm", [
    "pseudo_labels",
    *(pytest.param(arm, marks=pytest.mark.slow)
      for arm in ("fixmatch", "generated_deformations", "oracle")),
])  # fmt: skip
def test_hidden_labels_change_nothing_but_the_oracle(arm, make, tmp_path, monkeypatch):
    # So short a training is sure of nothing: let every image count.
    monkeypatch.setattr("gan_mnist.models.fixmatch.THRESHOLD", 0.0)
    outcomes, called = [], []
    for place in ("told", "lied_to"):
        trial = make(arm, workdir=tmp_path / place, labels_per_class=(10,), updates=50)
        outcomes.append(TRIAL.run_trial(trial).metrics)
        called.append((trial.directory / "predictions.csv").read_text())
        shuffle_hidden(monkeypatch, 10)
    assert (outcomes[0] == outcomes[1]) == (called[0] == called[1]) == (arm != "oracle")


def pretend(monkeypatch, number=5):
    """The first step is sure of the first few unlabelled images, and calls all of them 1."""

    def pseudo_labelled(steps, known):
        rows = np.arange(number)
        return known.unlabelled.with_labels(rows, np.ones(number, int), known.labelled.class_names)

    monkeypatch.setattr(TRIAL, "pseudo_labelled", pseudo_labelled)


@pytest.mark.parametrize(
    ("arm", "labelled", "others"),
    [("labels", 20, 0), ("classical", 20, 0), ("elastic", 20, 0), ("copy", 20, 0),
     ("pseudo_labels", 10, 10), ("fixmatch", 10, 20)],
)  # fmt: skip
def test_an_arm_shows_so_many_images_a_batch(arm, labelled, others, begun, drawn, monkeypatch):
    pretend(monkeypatch)
    changes = STILL | {"labels_per_class": (10,), "erased": 0.01}
    images, labels = next(begun(arm, **changes).batches(0).as_numpy_iterator())[:2]
    own = {key: label for c in range(3) for key in keys(drawn.of_class(c)[:10]) for label in [c]}
    told = [own.get(key) for key in keys(images)]
    assert sum(label is not None for label in told) == labelled
    assert len(images) == labelled + others
    for label, true in zip(labels, told, strict=True):
        guessed = -1 if arm == "fixmatch" else 1
        assert label == (guessed if true is None else true)


def test_wrong_labels_are_those_of_copies_alone(begun, drawn, monkeypatch):
    pretend(monkeypatch, 40)
    changes = STILL | {"labels_per_class": (10,)}
    images, labels = next(begun("shuffled_labels", **changes).batches(0).as_numpy_iterator())[:2]
    own = {key: c for c in range(3) for key in keys(drawn.of_class(c)[:10])}
    told = [own.get(key) for key in keys(images)]
    assert None not in told[:10]
    assert None in told[10:]
    right = [(1 if c is None else c) == label for c, label in zip(told, labels, strict=True)]
    assert right == 10 * [True] + 10 * [False]


@pytest.mark.parametrize(
    ("arm", "seen"), [("generated_deformations", 35), ("generated_only_labels", 30)]
)
def test_a_generator_learns_from_labels_and_pseudo_labels(
    arm, seen, begun, drawn, fake_gan, monkeypatch
):
    pretend(monkeypatch)
    requests = []

    def sample(labels, seed):
        return np.ones((len(labels), 28, 28, 1), np.float32) * (labels[:, None, None, None] / 2)

    def grey(request):
        requests.append(request.images)
        return SimpleNamespace(sample=sample, supply=None, seconds=0.0, key="", keys=("",))

    fake_gan(grey)
    batches = begun(arm, labels_per_class=(10,), **STILL).batches(0)
    (images,) = requests
    own = {key: c for c in range(3) for key in keys(drawn.of_class(c)[:10])}
    told = [own.get(key, 1) for key in keys(images.train.images)]
    assert list(images.train.labels) == told
    assert len(told) == seen
    assert len(images.held_back) == 0
    shown, labels = next(batches.as_numpy_iterator())[:2]
    assert {key in own for key in keys(shown[:10])} == {True}
    # 7 of each of three classes, of which a batch has 10.
    np.testing.assert_allclose(shown[10:, 14, 14, 0], labels[10:] / 2, atol=0.01)
    assert max(np.bincount(labels[10:])) <= 7


def test_what_was_made_elsewhere_has_no_first_step(begun, drawn, tmp_path, monkeypatch):
    for name in drawn.class_names:
        (tmp_path / "made" / name).mkdir(parents=True)
        Image.new("L", (28, 28), 99).save(tmp_path / "made" / name / "1.png")
    monkeypatch.setattr(TRIAL, "pseudo_labelled", None)
    changes = {"unlabelled": "pseudo_labels", "generator": "given", "given": str(tmp_path / "made")}
    batches = begun("labels", labels_per_class=(10,), **changes, **STILL).batches(0)
    shown, _ = next(batches.as_numpy_iterator())[:2]
    assert {key in keys(shown[:10]) for key in keys(shown[10:])} == {False}
    np.testing.assert_allclose(shown[10:], 99 / 255, atol=0.01)


@pytest.mark.slow
def test_the_first_step_is_done_once_for_a_seed_and_a_number(make, monkeypatch):
    first = experiments.load("few_labels").part("first")
    trained, true = [], first.train_classifier

    def train_classifier(*args):
        trained.append(args[4].name)
        return true(*args)

    monkeypatch.setattr(first, "train_classifier", train_classifier)
    one = TRIAL.run_trial(make("pseudo_labels"))
    assert trained == 2 * ["round-0", "round-1"]
    again = TRIAL.run_trial(make("generated_deformations"))
    assert len(trained) == 4
    assert one.metrics["sure_at_2"] == again.metrics["sure_at_2"] == 1
    TRIAL.run_trial(make("pseudo_labels", threshold=0.99))
    assert len(trained) == 8


def test_the_first_step_is_the_same_for_arms_of_any_augmentation(make, tmp_path, monkeypatch):
    """Else an arm's images would be of better pseudo-labels, and not better images."""
    first = import_module(f"{STUDY.package}.first")
    asked = []
    monkeypatch.setattr(first, "confident_predictions", lambda *_: None)
    monkeypatch.setattr(
        first, "train_or_load_weights", lambda network, weights, *_: asked.append(weights) or 0.0
    )
    arms = [arm.name for arm in STUDY.arms if arm.changes.get("unlabelled") == PSEUDO]
    for arm in arms:
        steps = ClassifierSteps(make(arm))
        first.pseudo_labelled(steps, TRIAL.labelling_of(steps, 2))
    assert len(asked) == len(arms) > 5
    assert len(set(asked)) == 1


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_published_arms_of_a_seed_share_the_first_step(path):
    """It is sure of as many images in each arm that asks it."""
    sure = defaultdict(set)
    for record in map(json.loads, path.read_text().splitlines()):
        for name, share in record["metrics"].items():
            if name.startswith("sure_at_"):
                sure[record["seed"], name].add(share)
    assert {len(shares) for shares in sure.values()} == {1}


@pytest.mark.slow
def test_a_trial_that_was_stopped_ends_the_same(make, monkeypatch):
    trial = make("pseudo_labels", rounds=1)
    whole = TRIAL.run_trial(trial)
    (trial.directory / "labels-10" / "result.json").unlink()
    resumed = TRIAL.run_trial(make("pseudo_labels", rounds=1))
    assert resumed.metrics == whole.metrics
    assert resumed.correct == whole.correct
    for number in (2, 10):
        of_number = {**whole.correct, "bits": whole.correct["at"][f"accuracy_at_{number}"]}
        (right,) = shares_right(of_number)
        assert right.mean() == pytest.approx(whole.metrics[f"accuracy_at_{number}"])
    right = whole.metrics["accuracy"] * 300
    assert right == pytest.approx(round(right))
    assert whole.metrics["accuracy"] == whole.metrics["accuracy_at_10"]


@pytest.mark.slow
def test_an_arm_has_no_accuracy_where_it_has_no_meaning(make, monkeypatch):
    # Of 250 images each look at a generator would take most of the time.
    monkeypatch.setattr("gan_mnist.generators.trained.CHUNK", 30)
    found = TRIAL.run_trial(make("generated_only_labels", labels_per_class=(1, 10))).metrics
    assert "accuracy_at_1" not in found
    assert found["accuracy"] == found["accuracy_at_10"]
    with pytest.raises(NotApplicable):
        TRIAL.run_trial(make("generated_only_labels", labels_per_class=(1, 4)))


@pytest.mark.slow
def test_without_ten_labels_the_mean_over_the_numbers_counts(make):
    trial = make("oracle", labels_per_class=(2, 4))
    found = TRIAL.run_trial(trial).metrics
    assert found["accuracy"] == found["accuracy_at_2"] == found["accuracy_at_4"]
    found = TRIAL.run_trial(make("labels", labels_per_class=(2, 4), updates=30)).metrics
    mean = (found["accuracy_at_2"] + found["accuracy_at_4"]) / 2
    assert found["accuracy"] == pytest.approx(mean)


def test_the_numbers_of_labels_fit_the_data(few_images):
    assert make_plan("few_labels", preset="paper").settings.labels_per_class == (1, 4, 10, 40, 100)
    assert make_plan("few_labels", preset="smoke").settings.labels_per_class == (2, 10)
    # Of five images a class one tests and one validates; one more is to have no label.
    for preset, fitting in (("smoke", (2,)), ("paper", (1,))):
        small = make_plan("few_labels", preset=preset, dataset="folder", data_dir=str(few_images))
        assert small.settings.labels_per_class == fitting
    given = make_plan("few_labels", settings={"labels_per_class": (40, 3)}).settings
    assert given.labels_per_class == (3, 40)


@pytest.mark.parametrize("numbers", [(400,), (3, 3)])
def test_numbers_that_there_are_not_are_refused(numbers):
    with pytest.raises(InputError, match="labels_per_class"):
        make_plan("few_labels", settings={"labels_per_class": numbers})

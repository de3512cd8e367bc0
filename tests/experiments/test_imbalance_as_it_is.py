"""The imbalance study of data that are unequal by themselves: taken as they are, or starved."""

import csv
import re
import shlex
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from gan_mnist.experiments.imbalance import trial
from gan_mnist.experiments.imbalance.study import STUDY
from imbalance_images import assert_shows, made, of_class, rows, shown_by
from PIL import Image

from gan_mnist.data.images import as_float
from gan_mnist.errors import InputError, NotApplicable
from gan_mnist.study.assignments import parse_assignments
from gan_mnist.study.statistics.test_images import shares_right

SMALL = {"image_size": 8, "width": 2}
NAMES = ("few", "one", "rich", "some")
TRAIN, TEST = (4, 1, 30, 9), (3, 1, 5, 2)


UNEQUAL = made(TRAIN, TEST, NAMES)
BALANCED = made((20, 18), (3, 3), ("ape", "bee"))


@pytest.fixture
def shown(begun):
    """`shown(arm, **changes)`: what the trial hands to the training of its classifier."""
    return lambda arm, of=UNEQUAL, **changes: shown_by(begun(arm, of=of, **changes))


def names_of_rare(settings):
    return [settings.classes[label] for label in settings.rare]


def test_every_class_is_taken_with_all_its_images(settings, shown):
    asked = settings("none", UNEQUAL)
    assert (asked.classes, asked.counts, asked.validation_per_class) == (NAMES, TRAIN, 0)
    assert settings("none", UNEQUAL, counts=(0,)) == asked
    arm = shown("none")
    assert_shows(arm, as_float(UNEQUAL.train.images), UNEQUAL.train.labels)


def test_validation_takes_its_share_where_the_smallest_class_has_some(settings):
    asked = settings("none", made((10, 40), (2, 2), ("few", "many")))
    assert (asked.validation_per_class, asked.counts) == (2, (8, 38))


@pytest.mark.parametrize("asked", ["2,1,all,all", "2,1,0,0"])
def test_a_count_may_be_all_of_its_class(settings, asked):
    counts = parse_assignments(STUDY.settings, [f"counts={asked}"])["counts"]
    assert settings("none", UNEQUAL, counts=counts).counts == (2, 1, 30, 9)
    assert parse_assignments(STUDY.settings, ["counts=all"]) == {"counts": (0,)}


@pytest.mark.parametrize(
    ("changes", "rare"),
    [
        ({}, ["few", "one", "some"]),
        ({"rare_below": 0.3}, ["few", "one"]),
        ({"rare_below": 0.1}, ["one"]),
        # Exactly half of the largest is not less than it.
        ({"counts": (4, 1, 18, 9)}, ["few", "one"]),
        # A starved class is rare whatever its size.
        ({"starve": ("rich:15",)}, ["few", "one", "rich"]),
        ({"classes": ("few", "rich"), "starve": ("rich:5",)}, ["rich"]),
        # None is as small as that: the smallest.
        ({"classes": ("few", "rich"), "counts": (4, 6)}, ["few"]),
    ],
)
def test_rare_classes_are_found_by_size(settings, changes, rare):
    assert names_of_rare(settings("none", UNEQUAL, **changes)) == rare


@pytest.mark.parametrize("name", ["duplicate", "classical", "copy"])
def test_every_class_is_filled_up_to_the_largest(shown, name):
    arm = shown(name)
    assert np.bincount(arm.labels).tolist() == [30] * 4
    for label in range(4):
        images = as_float(UNEQUAL.train.images[UNEQUAL.train.labels == label])
        assert set(rows(of_class(arm, label))) == set(rows(images))


def test_the_loss_weighs_every_class_alike(shown):
    arm = shown("class_weight")
    np.testing.assert_allclose(np.bincount(arm.labels, weights=arm.weights), [11] * 4, rtol=1e-5)


def test_smote_applies_where_no_class_has_a_single_image(shown, make):
    with pytest.raises(NotApplicable, match="SMOTE needs 2 images a class; class one has 1"):
        trial.run_trial(make("smote", of=UNEQUAL))
    assert np.bincount(shown("smote", classes=("few", "rich", "some")).labels).tolist() == [30] * 3


def test_without_images_held_back_there_is_no_oracle(make):
    with pytest.raises(NotApplicable, match="no real images are held back; --set starve="):
        trial.run_trial(make("oracle", of=UNEQUAL))


@pytest.mark.parametrize("starve", ["one:1", "each:1"])
def test_a_class_of_a_single_image_cannot_be_starved(settings, starve):
    with pytest.raises(InputError, match=r"--set starve: 1 images .* accepted: none, as one"):
        settings("none", UNEQUAL, starve=(starve,))


def test_the_oracle_is_given_what_was_taken_from_a_starved_class(settings, shown):
    asked = settings("none", UNEQUAL, starve=("rich:2",))
    assert asked.counts == (4, 1, 2, 9)
    assert names_of_rare(asked) == ["few", "one", "rich"]
    without = shown("none", starve=("rich:2",))
    assert np.bincount(without.labels).tolist() == [4, 1, 2, 9]
    # All of it, though other classes are smaller; those are repeated, so that none is drowned.
    oracle, everything = shown("oracle", starve=("rich:2",)), shown("duplicate")
    assert_shows(oracle, everything.images, everything.labels)
    assert set(rows(of_class(without, 2))) < set(rows(of_class(shown("none"), 2)))


def test_images_from_elsewhere_may_be_of_the_rare_classes_alone(shown, make, tmp_path):
    for name in ("few", "one"):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), 7).save(tmp_path / name / "made.png")
    given = {"generator": "given", "given": str(tmp_path)}
    arm = shown("none", rare_below=0.3, **given)
    assert np.bincount(arm.labels).tolist() == [30, 30, 30, 9]
    sevens = Counter(arm.labels[(arm.images == np.float32(7 / 255)).all(axis=(1, 2, 3))].tolist())
    assert sevens == {0: 26, 1: 29}
    # "some" is rare by the usual share, and there is nothing of it.
    with pytest.raises(NotApplicable, match="0 given images of class some"):
        trial.run_trial(make("none", of=UNEQUAL, **given))


def test_digits_are_as_the_source_had_them(settings, dataset):
    usual = settings("none", dataset, image_size=28)
    assert (usual.classes, usual.counts, usual.rare) == (("1", "2", "3"), (1, 300, 300), (0,))
    # What only a data set that is balanced by itself is given.
    assert settings("none", dataset, image_size=28, starve=("1",)) == usual
    starved = settings("none", dataset, image_size=28, starve=("7:5",))
    assert (starved.classes, names_of_rare(starved)) == (dataset.class_names, ["7"])
    assert starved.counts == (350,) * 7 + (5,) + (350,) * 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ["--set counts", "no class is rare, of 15 to 17 training", "0.5", "'starve=ape:1'"]),
        ({"counts": (5, 5)}, ["--set counts", "(5, 5) is balanced"]),
        ({"starve": ("be:3",)}, ["--set starve", "'be'", "did you mean 'bee'?"]),
        ({"starve": ("bee:18",)}, ["--set starve", "18", "'bee'", "1 to 14"]),
        ({"starve": ("bee:0",)}, ["--set starve", "'bee:0'", "CLASS:COUNT"]),
        ({"starve": ("bee",)}, ["--set starve", "'bee'", "CLASS:COUNT"]),
        ({"starve": ("bee:3", "bee:4")}, ["--set starve", "'bee:4'", "once"]),
        ({"starve": ("bee:3",), "counts": (9, 4)}, ["--set starve", "3", "counts"]),
        # Of the number that all classes have, some must be taken away.
        ({"starve": ("bee:10",), "counts": (9,)}, ["--set starve", "10", "'bee'", "1 to 8"]),
        ({"starve": ("bee:9",), "counts": (9,)}, ["--set starve", "9", "'bee'", "1 to 8"]),
    ],
)
def test_what_cannot_be_met_is_refused(settings, changes, told):
    with pytest.raises(InputError) as refused:
        settings("none", BALANCED, **changes)
    assert all(part in str(refused.value) for part in told), refused.value


@pytest.mark.parametrize("names", [("ape", "bee"), ("bars, upright", "a ring")])
def test_what_a_balanced_data_set_is_refused_with_may_be_copied(settings, names):
    balanced = made((20, 30), (3, 3), names)
    with pytest.raises(InputError) as refused:
        settings("none", balanced)
    (example,) = re.findall(r"--set ('.*') or", str(refused.value))
    asked = settings("none", balanced, **parse_assignments(STUDY.settings, shlex.split(example)))
    assert (asked.counts, names_of_rare(asked)) == ((16, 1), [names[1]])


def test_of_single_images_no_class_can_be_made_rare(settings):
    with pytest.raises(InputError, match="of the largest; accepted: unequal counts, or"):
        settings("none", made((1, 1), (1, 1), ("ape", "bee")))


def test_a_balanced_data_set_is_starved_in_its_first_class_by_a_count_alone(settings):
    asked = settings("none", BALANCED, starve=("1",))
    assert (asked.counts, asked.starve) == ((1, 15), ("ape:1",))
    assert settings("none", UNEQUAL, starve=("1",)) == settings("none", UNEQUAL)


def test_images_are_generated_for_every_class_beside_all_real_ones(settings):
    assert settings("none", UNEQUAL, generated_per_class=10).generated_per_class == 30
    assert settings("none", UNEQUAL, generated_per_class=40).generated_per_class == 40


def test_metrics_name_rare_classes_and_numbers_of_test_images(settings):
    asked = settings("none", UNEQUAL)
    study = STUDY.with_metrics(asked, UNEQUAL)
    labels = {metric.name: metric.label for metric in study.metrics}
    assert study.metrics[0].name == "minority_recall"
    assert labels["minority_recall"] == (
        "mean recall of the rare classes few (3 test images), one (1 test image) and some "
        "(2 test images)"
    )
    assert labels["recall_rich"] == "recall of rich (5 test images)"
    assert labels["precision_one"] == "precision of one (1 test image)"
    few = STUDY.with_metrics(replace(asked, rare_below=0.1), UNEQUAL).metrics[0].label
    assert few == "recall of the rare class one (1 test image)"


def test_of_many_rare_classes_some_are_named(settings):
    names = tuple("abcdefghi")
    many = made((2,) * 8 + (20,), (1,) * 9, names)
    label = STUDY.with_metrics(settings("none", many), many).metrics[0].label
    assert label.endswith("e (1 test image), f (1 test image) and 2 more")


@pytest.mark.slow
def test_metrics_follow_from_the_predictions(make):
    begun = make("duplicate", of=UNEQUAL, updates=40, learning_rate=0.01, export_dir="")
    outcome = trial.run_trial(begun)
    metrics = outcome.metrics
    with (begun.directory / "predictions.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert Counter(row["label"] for row in table) == dict(zip(NAMES, TEST, strict=True))
    f1 = []
    for name, present in zip(NAMES, TEST, strict=True):
        right = sum(row["label"] == row["prediction"] == name for row in table)
        called = sum(row["prediction"] == name for row in table)
        assert metrics[f"recall_{name}"] == pytest.approx(right / present)
        assert metrics[f"precision_{name}"] == pytest.approx(right / max(1, called))
        f1.append(2 * right / (present + called))
    assert metrics["macro_f1"] == pytest.approx(np.mean(f1))
    rare = [metrics[f"recall_{name}"] for name in ("few", "one", "some")]
    assert metrics["minority_recall"] == pytest.approx(np.mean(rare))
    # What intervals over test images are made of, each rare class with its own.
    assert (outcome.correct["classes"], outcome.correct["sizes"]) == (
        ["few", "one", "some"],
        [3, 1, 2],
    )
    assert np.mean([share.mean() for share in shares_right(outcome.correct)]) == pytest.approx(
        metrics["minority_recall"]
    )

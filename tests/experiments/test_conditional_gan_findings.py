"""What is told of generators, from records where the truth is known."""

import json

import numpy as np
import pytest
from found import findings_of
from gan_mnist.experiments.conditional_gan.study import FEWEST_TEST_IMAGES
from scipy.stats import t

from gan_mnist.errors import InputError
from gan_mnist.evaluation.generation import generation_metrics
from gan_mnist.study.statistics.test_images import pack

findings = findings_of("conditional_gan")

RNG = np.random.default_rng(0)


GENERATORS = {"mlp": "cgan", "dcgan": "cgan", "smote": "smote", "real": "held_back"}


def records_of(arm, accuracies, worst=0.9):
    worst = np.broadcast_to(worst, len(accuracies))
    return [
        {
            "arm": arm,
            "seed": seed,
            "settings": {"generator": GENERATORS.get(arm, "given")},
            "metrics": {
                "gan_train_accuracy": float(accuracy),
                "gan_train_recall_0": 0.95,
                "gan_train_recall_1": float(low),
                # Of a classifier that learnt from real images: it says nothing of a collapse.
                "gan_test_recall_0": 0.1,
            },
        }
        for seed, (accuracy, low) in enumerate(zip(accuracies, worst, strict=True))
    ]


def test_a_training_has_collapsed_where_a_class_is_lost():
    told = findings(
        [
            *records_of("mlp", [0.9, 0.5, 0.4], worst=[0.85, 0.49, 0.5]),
            *records_of("dcgan", [0.97] * 3),
            *records_of("shuffled_labels", [0.0] * 3, worst=0.0),
        ]
    )
    assert told["collapses"] == {
        "mlp": {"trainings": 3, "collapsed": 1},
        "dcgan": {"trainings": 3, "collapsed": 0},
    }
    assert "1 of 3 of `mlp`; none of `dcgan`." in told["lines"][0]


def test_what_real_images_do_not_teach_is_no_collapse():
    told = findings(
        [
            *records_of("dcgan", [0.9] * 3, worst=[0.4, 0.4, 0.4]),
            *records_of("real", [0.9] * 3, worst=[0.4, 0.5, 0.9]),
        ]
    )
    assert told["collapses"] == {"dcgan": {"trainings": 3, "collapsed": 2}}


def test_what_is_not_trained_does_not_collapse():
    told = findings([*records_of("smote", [0.3] * 3, worst=0.1), *records_of("mine", [0.9] * 3)])
    assert told["collapses"] == {}


def with_images(records, wrong):
    """The same, with 1,000 test images, of which those in `wrong` are not called right."""
    right = np.ones(1000, bool)
    right[wrong] = False
    correct = {"labels": "x", "classes": [None], "sizes": [1000], "weights": [1.0]}
    told = correct | {"bits": pack([right], [np.arange(1000)])}
    return [record | {"correct": told} for record in records]


def test_as_good_is_shown_over_test_images_too():
    real = with_images(records_of("real", [0.976] * 10), np.arange(24))
    for wrong, as_good in ((np.arange(24), True), (np.arange(24, 48), False)):
        near = with_images(records_of("dcgan", [0.976] * 10), wrong)
        found = findings([*real, *near])
        low, high = found["nearest"]["ci95"]
        assert found["nearest"]["difference"] == 0
        assert found["nearest"]["as_good"] == as_good
        assert (high - low < 0.01) == as_good
        assert not found["nearest"]["over_seeds_alone"]
        assert "other test images" not in found["lines"][-1]


def test_few_test_images_show_nothing():
    few = {"labels": "x", "classes": [None], "sizes": [2], "weights": [1.0]}
    records = [*records_of("real", [1.0] * 10), *records_of("dcgan", [1.0] * 10)]
    found = findings([record | {"correct": few} for record in records])
    assert not found["nearest"]["as_good"]
    assert found["lines"][-1].endswith("is not shown, with 2 test images.")


def test_none_has_collapsed():
    told = findings([*records_of("dcgan", [0.97] * 4), *records_of("mine", [0.9] * 4)])
    assert told["lines"][0].startswith("No training collapsed")


@pytest.mark.parametrize(("gap", "as_good"), [(0.001, True), (0.02, False)])
def test_the_nearest_is_held_against_real_images_with_its_choice_allowed_for(gap, as_good):
    real = 0.98 + RNG.normal(0, 0.003, 10)
    near, far = real - gap + RNG.normal(0, 0.001, 10), real - 0.1
    found = findings(
        [*records_of("real", real), *records_of("dcgan", near), *records_of("mine", far)]
    )
    nearest = found["nearest"]
    assert (nearest["arm"], nearest["n"], nearest["as_good"]) == ("dcgan", 10, as_good)
    assert nearest["difference"] == pytest.approx(np.mean(near - real))
    # Two arms could have been the nearest: at least as wide as Student's interval for half of 5 %.
    half = t.ppf(1 - 0.025 / 2, 9) * np.std(near - real, ddof=1) / 10**0.5
    low, high = nearest["ci95"]
    assert low <= np.mean(near - real) - half * 0.999
    assert high >= np.mean(near - real) + half * 0.999
    assert high - low < 4 * half
    assert ("is shown" in found["lines"][-1]) == as_good
    assert "the choice among 2" in found["lines"][-1]
    json.dumps(found, allow_nan=False)


def test_little_tells_little():
    assert findings([]) == {"lines": [], "collapses": {}, "nearest": None}
    assert findings(records_of("dcgan", [0.9, 0.9]))["nearest"] is None
    one = findings([*records_of("dcgan", [0.9]), *records_of("real", [0.9])])
    assert one["nearest"] is None
    assert len(one["lines"]) == 1


def test_images_are_measured_from_so_many_test_images_on_as_the_measures_take():
    def measured(number):
        real, fake, train = np.random.default_rng(0).normal(size=(3, number, 4))
        return generation_metrics(real, fake, train, real, 0)

    assert np.isfinite(list(measured(FEWEST_TEST_IMAGES).values())).all()
    with pytest.raises(InputError):
        measured(FEWEST_TEST_IMAGES - 1)


def test_a_source_that_leaks_is_not_the_nearest():
    records = [*records_of("real", [0.98, 0.97]), *records_of("dcgan", [0.96, 0.94])]
    records += records_of("mine", [0.98, 0.97])
    assert findings(records)["nearest"]["arm"] == "mine"
    found = findings(records, leaks=["mine"])
    assert found["nearest"]["arm"] == "dcgan"
    assert found["collapses"].keys() == {"dcgan"}


def test_two_seeds_that_agree_do_not_show_that_images_are_as_good():
    for seeds, as_good in ((2, False), (10, True)):
        found = findings([*records_of("real", [0.9] * seeds), *records_of("dcgan", [0.9] * seeds)])
        assert found["nearest"]["as_good"] == as_good


def test_the_nearest_is_one_of_enough_seeds():
    """Two trainings that did not fail tell less than ten."""
    rows = [*records_of("real", [0.98] * 10), *records_of("dcgan", [0.96, 0.97] * 5)]
    rows += records_of("mlp", [0.97, 0.98])
    nearest = findings(rows)["nearest"]
    assert (nearest["arm"], nearest["n"]) == ("dcgan", 10)
    assert findings([row for row in rows if row["seed"] < 2])["nearest"]["arm"] == "mlp"

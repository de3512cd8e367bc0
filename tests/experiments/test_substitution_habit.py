"""What is told of choosing by test images, and of the gap that ways of use close."""

import numpy as np
import pytest
from found import findings_of
from gan_mnist.experiments.substitution.study import STUDY, WAYS
from gan_mnist.experiments.substitution.trial import checkpoints

findings = findings_of("substitution")

SEEDS, INTERVALS = 6, 10


def accuracies(rng, level):
    """Curves of validation and test accuracy with noise of their own around a level."""
    return level + rng.normal(0, 0.01, (2, INTERVALS))


@pytest.fixture(scope="module")
def curves():
    """By way and seed; the ways do not differ, so that every gain by choosing is noise."""
    rng = np.random.default_rng(0)
    return {(way, seed): accuracies(rng, 0.9) for way in WAYS for seed in range(SEEDS)}


def record(arm, seed, curve):
    rows = [
        {"update": str(10 * number), "val_accuracy": str(val), "test_accuracy": str(test)}
        for number, (val, test) in enumerate(curve.T, 1)
    ]
    metrics = checkpoints(rows) | {"accuracy": curve[1, -1], "macro_auc": 0.99}
    return {"arm": arm, "seed": seed, "metrics": metrics, "settings": {"intervals": INTERVALS}}


@pytest.fixture(scope="module")
def records(curves):
    return [record(*key, curve) for key, curve in curves.items()]


def test_each_habit_is_what_is_chosen_by_test_minus_what_is_chosen_by_validation(curves, records):
    expected = {"checkpoints": [], "ways": [], "both": []}
    for seed in range(SEEDS):
        val, test = np.stack([curves[way, seed] for way in WAYS], axis=1)
        for name, part in (("checkpoints", slice(0, 1)), ("both", slice(None))):
            v, t = val[part].ravel(), test[part].ravel()
            expected[name].append(t.max() - t[v.argmax()])
        expected["ways"].append(test[:, -1].max() - test[val[:, -1].argmax(), -1])
    told = findings(records)["chosen_on_test"]
    for name, gains in expected.items():
        assert told[name]["difference"] == pytest.approx(np.mean(gains))
        assert told[name]["on_test"] - told[name]["on_validation"] == pytest.approx(np.mean(gains))
        low, high = told[name]["ci95"]
        assert low < np.mean(gains) < high
        assert told[name]["n"] == SEEDS
    assert [told[name]["candidates"] for name in told] == [10, 7, 70]
    # Of equal ways the habit finds something for nothing, and the more the more it looks at.
    assert told["both"]["difference"] > told["ways"]["difference"] > 0


def test_the_line_calls_it_a_habit_and_tells_the_points(records):
    (line,) = [line for line in findings(records)["lines"] if "habit" in line]
    assert line.startswith("A habit under study, not a result:")
    for part in ("of 10 checkpoints of `vae_flow_only`", "of 7 ways of use", "of 70 checkpoints",
                 "(6 seeds)"):  # fmt: skip
        assert part in line


def test_a_seed_that_lacks_a_way_counts_for_checkpoints_alone(records):
    fewer = [r for r in records if (r["arm"], r["seed"]) != (WAYS[3], 0)]
    told = findings(fewer)["chosen_on_test"]
    assert {name: one["n"] for name, one in told.items()} == {
        "checkpoints": SEEDS, "ways": SEEDS - 1, "both": SEEDS - 1,
    }  # fmt: skip
    without = findings([r for r in records if r["arm"] != WAYS[3]])["chosen_on_test"]
    assert list(without) == ["checkpoints"]


def test_without_validation_images_nothing_is_chosen():
    assert checkpoints([{"update": "10", "test_accuracy": "0.5"}]) == {}


def test_no_arm_is_made_of_the_habit():
    """It is computed of records: no trial chooses by test images, and no answer can name it."""
    assert not [arm for arm in STUDY.arms if "test" in f"{arm.name} {arm.about}"]
    names = [metric.name for metric in STUDY.metrics]
    assert not [name for name in names if "test" in name]
    told = "habit_accuracy_at_best_test"
    (label,) = [m.label for m in STUDY.metrics if told.startswith(m.name.removesuffix("*"))]
    assert "a habit under study, no result" in label


def test_of_the_gap_each_arm_with_generated_images_alone_closes_its_share():
    rng = np.random.default_rng(1)
    levels = {
        "real_only": 0.97,
        "generated_only": 0.93,
        "vae_flow_only": 0.95,
        "vae_flow_together": 0.96,
        "vae_flow_and_real": 0.99,
        "shuffled_labels": 0.0,
    }
    records = []
    for seed in range(5):
        ease = rng.normal(0, 1e-3)
        for arm, level in levels.items():
            metrics = {"accuracy": level + ease + rng.normal(0, 1e-4), "macro_auc": 0.99}
            records.append({"arm": arm, "seed": seed, "metrics": metrics})
    found = findings(records)
    shares = {arm: told["share"] for arm, told in found["gap_closed"].items()}
    assert shares == {
        "vae_flow_only": pytest.approx(0.5, abs=0.02),
        "vae_flow_together": pytest.approx(0.75, abs=0.02),
    }
    for arm, told in found["gap_closed"].items():
        low, high = told["share_ci95"]
        assert low < shares[arm] < high
    (line,) = [line for line in found["lines"] if line.startswith("Of the gap")]
    assert line.index("`vae_flow_together` 7") < line.index("`vae_flow_only` ")


def test_the_ends_of_the_gap_are_of_the_seeds_that_both_have():
    levels = {"real_only": 0.97, "generated_only": 0.93, "vae_flow_only": 0.95}
    # The gap differs a little between seeds, or five of them were no certainty.
    records = [
        {"arm": arm, "seed": seed, "metrics": {"accuracy": level * (1 + seed * 1e-3) - hard}}
        for seed, hard in enumerate((0, 0, 0, 0, 0, 0.5))
        for arm, level in levels.items()
        if arm != "generated_only" or not hard
    ]
    (line,) = [line for line in findings(records)["lines"] if line.startswith("Of the gap")]
    assert "from `generated_only` (0.9319) to `real_only` (0.9719) images" in line

"""What the scaling study finds, where the truth is known."""

import json

import numpy as np
import pytest
from found import findings_of
from gan_mnist.experiments.data_scaling.findings import fit_line

findings = findings_of("data_scaling")

X = np.arange(4.0, 12.0)


def test_a_straight_line_is_found_and_its_intervals_hold_the_truth():
    """Of many studies without a bend about one in twenty sees one, as the interval says."""
    rng = np.random.default_rng(0)
    seen, covered = 0, 0
    for _ in range(200):
        values = 0.3 + 0.05 * X + rng.normal(0, 0.01, (5, 1)) + rng.normal(0, 0.01, (5, 8))
        found = fit_line(X, values)
        low, high = found["slope"]["ci95"]
        covered += low < 0.05 < high
        seen += found["bent"]
        if not found["bent"]:
            assert "bend_at" not in found
    assert covered >= 180
    assert 1 <= seen <= 20
    assert found["intercept"] == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("bend", [32, 64, 256, 1024])
def test_a_bend_is_found_where_it_is(bend):
    rng = np.random.default_rng(bend)
    place = np.log2(bend)
    truth = 0.5 + 0.08 * np.minimum(X - place, 0) + 0.01 * np.maximum(X - place, 0)
    values = truth + rng.normal(0, 0.005, (5, 8))
    found = fit_line(X, values)
    assert found["bent"]
    assert found["bend_at"] == bend
    assert found["curvature"]["mean"] < 0
    for part, slope in (("before", 0.08), ("after", 0.01)):
        low, high = found[part]["ci95"]
        assert low - 0.003 < slope < high + 0.003
        assert found[part]["mean"] == pytest.approx(slope, abs=0.01)
    assert len(found["bends_of_seeds"]) == 5


def test_too_few_sizes_bend_nothing():
    found = fit_line(X[:3], np.array([[0.0, 0.5, 0.6], [0.0, 0.5, 0.61]]))
    assert found["bent"] is found["curvature"] is None


def study_of(alone, gain, seeds=5, arms=("alone", "generated")):
    """Records whose accuracy is `alone(x, seed)`, and `gain(x)` more with generated images."""
    records = []
    for arm in arms:
        for seed in range(seeds):
            at = {round(2**x): float(alone(x, seed) + gain(x) * (arm != "alone")) for x in X}
            metrics = {"accuracy": 0.0} | {f"accuracy_at_{n}": value for n, value in at.items()}
            records.append({"arm": arm, "seed": seed, "metrics": metrics})
    return records


def test_a_power_law_of_the_error_is_told_and_no_logarithm_of_accuracy():
    rng = np.random.default_rng(0)
    noise = {(x, seed): rng.normal(0, 0.01) for x in X for seed in range(5)}
    found = findings(
        study_of(lambda x, seed: 1 - 2 ** (1 - 0.6 * x + noise[x, seed]), lambda x: 0.0)
    )
    error = found["arms"]["alone"]["error"]
    assert error["slope"]["mean"] == pytest.approx(-0.6, abs=0.01)
    assert error["intercept"] == pytest.approx(1, abs=0.05)
    assert not error["bent"]
    assert found["arms"]["alone"]["accuracy"]["bent"]
    assert found["lines"][0].startswith("No, accuracy does not go with the logarithm")
    assert "-0.6" in found["lines"][1]
    assert "no bend can be told" in found["lines"][1]
    assert "at no size can a difference be told" in found["lines"][2]


def test_a_gain_is_told_at_the_sizes_where_it_is():
    rng = np.random.default_rng(0)
    noise = {(x, seed): rng.normal(0, 0.02) for x in X for seed in range(5)}
    jitter = iter(rng.normal(0, 1e-3, 1000))
    found = findings(
        study_of(
            lambda x, seed: 0.2 + 0.05 * x + noise[x, seed] + next(jitter),
            lambda x: 0.05 if x < 6 else -0.04 if x > 10 else 0.0,
        )
    )
    gains = found["gains"]["generated"]
    verdicts = {int(size): gain["verdict"] for size, gain in gains.items()}
    assert {size for size, word in verdicts.items() if word == "helps"} == {16, 32}
    assert {size for size, word in verdicts.items() if word == "hurts"} == {2048}
    assert gains["16"]["difference"] == pytest.approx(0.05, abs=2e-3)
    assert found["lines"][0].startswith("Nothing here speaks against")
    assert "it helps at 16, 32 images; it hurts at 2,048 images" in found["lines"][2]


def test_what_is_missing_is_left_out():
    records = study_of(lambda x, seed: 0.5 + 0.01 * x + 0.001 * seed, lambda x: 0.01)
    assert findings([]) == {"lines": [], "arms": {}, "gains": {}}
    assert findings(records[:1])["lines"] == []
    generated = [record for record in records if record["arm"] == "generated"]
    assert findings(generated)["gains"] == {}
    # A seed without an error at some size has no power law there.
    records[0]["metrics"]["accuracy_at_2048"] = 1.0
    error = findings(records)["arms"]["alone"]["error"]
    assert np.isfinite([error["intercept"], error["slope"]["mean"]]).all()
    json.dumps(findings(records), allow_nan=False)


def test_with_too_few_test_images_no_gain_is_told():
    jitter = iter(np.random.default_rng(0).normal(0, 1e-3, 1000))
    records = study_of(lambda x, seed: 0.2 + 0.05 * x + next(jitter), lambda x: 0.1)
    told = findings(records)["gains"]["generated"]
    assert {gain["verdict"] for gain in told.values()} == {"helps"}
    correct = {"sizes": [2, 500], "classes": ["a", "b"]}
    told = findings([record | {"correct": correct} for record in records])["gains"]["generated"]
    assert {gain["verdict"] for gain in told.values()} == {"cannot tell"}

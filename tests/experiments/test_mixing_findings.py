"""What the mixing study finds and reads off curves, where the truth is known."""

import numpy as np
import pytest
from found import findings_of
from gan_mnist.experiments.mixing import trial
from gan_mnist.experiments.mixing.findings import ROUNDED, images_seen, latents_drawn
from gan_mnist.experiments.mixing.study import STUDY
from scipy import stats

findings = findings_of("mixing")

SHOWN = {"share": 0.5, "batch_size": 100, "pool_limit": 60_000}


def test_slopes_are_found_where_they_are_known():
    rng = np.random.default_rng(0)
    sizes = {"pool_1k": 1_000, "pool_10k": 10_000, "pool_60k": 60_000}
    sizes["cnn_add_generated_data_v1"] = 100_000
    records = [
        {
            "arm": arm,
            "seed": seed,
            "settings": SHOWN | {"updates": 2_000, "pool_images": size},
            "metrics": {
                "accuracy_last_tenth": 0.9 + 0.01 * np.log10(size) + rng.normal(0, 1e-5),
                "accuracy_swing": 0.001,
            },
        }
        for arm, size in sizes.items()
        for seed in range(6)
    ]
    found = findings(records)
    slope = found["slopes"]["accuracy_last_tenth_by_seen"]
    assert (slope["n"], slope["rises"]) == (6, True)
    assert slope["mean"] == pytest.approx(0.01, abs=1e-4)
    assert "test accuracy rises" in found["lines"][0]
    assert "its swing cannot be told to change" in found["lines"][1]
    assert found["slopes"]["accuracy_last_tenth_by_possible"]["n"] == 0
    assert len(found["lines"]) == 2


def test_an_end_of_an_interval_shows_its_side_of_zero():
    spread = np.array([-1, -0.5, -0.1, 0.1, 0.5, 1])
    slopes = -0.00042 + 0.0004 * spread * 6**0.5 / stats.t.isf(0.025, 5) / spread.std(ddof=1)
    sizes = {"pool_1k": 1_000, "pool_10k": 10_000, "cnn_add_generated_data_v1": 100_000}
    records = [
        {
            "arm": arm,
            "seed": seed,
            "settings": SHOWN | {"updates": 2_000, "pool_images": size},
            "metrics": {"accuracy_last_tenth": 0.9, "accuracy_swing": slope * np.log10(size)},
        }
        for arm, size in sizes.items()
        for seed, slope in enumerate(slopes)
    ]
    line = findings(records)["lines"][1]
    assert "its swing cannot be told to change: -0.0004" in line
    assert "95 % CI -0.0008" in line
    assert " to -0.00002 (6 seeds" in line


def test_latents_are_counted_by_the_settings():
    drawn = dict.fromkeys(ROUNDED, STUDY.settings.gan_latent_dim)
    active = {arm.name: arm.changes.get("active") for arm in STUDY.arms if arm.name in ROUNDED}
    drawn |= {name: number for name, number in active.items() if number}
    assert sorted(drawn.values()) == [5, 10, 15, 20, 25, 100]
    metrics = {"accuracy_last_tenth": 0.5, "accuracy_swing": 0.0}
    records = [
        {
            "arm": arm.name,
            "seed": seed,
            "settings": SHOWN
            | {"updates": 20, "pool_images": 10_000, "gan_latent_dim": 40}
            | {"active": arm.changes.get("active", 0)},
            "metrics": metrics | {"accuracy_last_tenth": 0.5 + seed / 10 * len(arm.about)},
        }
        for arm in STUDY.arms
        if arm.name in ROUNDED
        for seed in range(3)
    ]
    by_arm = {record["arm"]: {record["seed"]: record} for record in records}
    assert latents_drawn(by_arm) == drawn | {"cnn_add_generated_data_v3": 40}
    lines = findings(records)["lines"]
    assert [line for line in lines if "Holm over 2 slopes" in line] == lines
    assert len(lines) == 2


def test_pools_that_are_all_larger_than_what_is_shown_have_no_slope():
    settings = SHOWN | {"updates": 20, "pool_images": 60_000}
    metrics = {"accuracy_last_tenth": 0.5, "accuracy_swing": 0.0}
    arms = ("pool_1k", "pool_10k", "pool_60k", "cnn_add_generated_data_v1")
    records = [
        {"arm": arm, "seed": seed, "settings": settings, "metrics": metrics}
        for arm in arms
        for seed in range(2)
    ]
    assert findings(records)["lines"] == []


def test_a_pool_larger_than_what_is_shown_is_no_pool():
    settings = SHOWN | {"updates": 1_000}
    records = {
        arm: {0: {"settings": settings | {"pool_images": size}}}
        for arm, size in (("pool_10k", 10_000), ("pool_60k", 60_000))
    }
    records["cnn_add_generated_data_v1"] = {0: {"settings": settings | {"pool_images": 10_000}}}
    seen = {"pool_10k": 10_000, "pool_60k": 50_000, "cnn_add_generated_data_v1": 50_000}
    assert images_seen(records) == seen


def test_no_pool_holds_more_than_the_limit():
    settings = SHOWN | {"updates": 1_000, "pool_images": 10_000, "pool_limit": 400}
    assert images_seen({"pool_10k": {0: {"settings": settings}}}) == {"pool_10k": 400}


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [(10, [*range(1, 11)]), (20, [*range(2, 20, 2), 19, 20]), (100, None)],
)
def test_the_last_tenth_is_judged_all_through(intervals, expected):
    judged = trial.judged_intervals(intervals)
    assert judged == (expected or [*range(10, 91, 10), *range(91, 101)])


def test_what_is_read_off_a_curve():
    rows = [
        {"update": 10 * (i + 1), "test_accuracy": accuracy, "val_accuracy": validation}
        for i, (accuracy, validation) in enumerate([(0.2, 0.9), *[(0.5, 0.1)] * 8, (0.7, 0.2)])
    ]
    texts = [{key: str(value) for key, value in row.items()} for row in rows]
    assert trial.curve_metrics(texts) == {
        "accuracy_last_tenth": pytest.approx(0.7),
        "accuracy_swing": pytest.approx(0.0),
        "accuracy_since_half": pytest.approx(0.2),
        "accuracy_at_best_validation": pytest.approx(0.2),
    }


def test_an_arm_that_failed_leaves_no_slope_to_the_others():
    metrics = {"accuracy_last_tenth": 0.5, "accuracy_swing": 0.0}
    records = [
        {
            "arm": arm,
            "seed": seed,
            "status": "done",
            "settings": SHOWN | {"updates": 20, "gan_latent_dim": 40, "active": 5 * place},
            "metrics": metrics | {"accuracy_last_tenth": 0.5 + 0.1 * seed * place},
        }
        for place, arm in enumerate(ROUNDED, 1)
        for seed in range(5)
    ]
    assert findings(records)["slopes"]["accuracy_last_tenth_by_possible"]["n"] == 5
    for record in records[:5]:
        record["status"] = "failed"
    assert findings(records)["slopes"]["accuracy_last_tenth_by_possible"]["n"] == 0

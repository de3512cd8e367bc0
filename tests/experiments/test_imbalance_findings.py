"""What the imbalance study finds of generated images against every plain rival."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from found import findings_of
from gan_mnist.experiments.imbalance.figures import images_left
from gan_mnist.experiments.imbalance.study import STUDY

from gan_mnist.study.statistics.paired import by_arm, compare, values_of
from gan_mnist.study.statistics.test_images import pack

findings = findings_of("imbalance")

GAINS = {"none": -0.5, "classical": 0.0, "elastic": 0.1, "oracle": 0.4, "copy": 0.3}
KINDS = {arm.name: arm.kind for arm in STUDY.arms}


def study_of(gains, seeds=10, noise=0.01, numbers=()):
    """Records whose recall is 0.5 and the arm's gain, the same by each number of images left."""
    rng = np.random.default_rng(0)
    records = []
    for seed in range(seeds):
        for arm, gain in (GAINS | gains).items():
            recall = 0.5 + gain + rng.normal(0, noise)
            metrics = {"minority_recall": recall}
            metrics |= {f"minority_recall_at_{n}": recall + n / 1000 for n in numbers}
            records.append({"arm": arm, "seed": seed, "status": "done", "metrics": metrics})
    return records


def test_an_arm_above_every_rival_is_told_with_the_difference_to_the_best():
    found = findings(study_of({"cgan": 0.15, "warp_gan": 0.05}))
    assert {name: told["verdict"] for name, told in found["above_rivals"].items()} == {
        "cgan": "helps",
        # Above classical, and below elastic, the best.
        "warp_gan": "hurts",
    }
    assert found["above_rivals"]["cgan"]["rival"] == "elastic"
    assert found["above_rivals"]["cgan"]["difference"] == pytest.approx(0.05, abs=0.02)
    (line,) = found["lines"]
    assert line.startswith("In recall, above both plain rivals, Holm's correction passed: ")
    assert "`cgan`" in line
    assert "warp_gan" not in line
    json.dumps(found, allow_nan=False)


def test_balanced_accuracy_of_few_test_images_of_a_class_says_nothing():
    """Every class weighs as much as any other, the rare one of two images, too."""
    for number, verdict in ((2, "cannot tell"), (60, "helps")):
        records = study_of({"cgan": 0.2})
        for record in records:
            record["metrics"]["balanced_accuracy"] = record["metrics"]["minority_recall"]
            record["settings"] = {"classes": ["cat", "fox"]}
            counts = {"cat": {"train": 9, "test": 60}, "fox": {"train": 1, "test": number}}
            record["dataset"] = {"counts": counts}
        told = findings(records)["above_in_balanced_accuracy"]
        assert told["cgan"]["verdict"] == verdict


def test_balanced_accuracy_has_a_best_rival_of_its_own():
    """An arm that finds more of a class may lose the others to it."""
    records = study_of({"cgan": 0.2, "warp_gan": 0.05})
    rng = np.random.default_rng(1)
    means = {"classical": 0.8, "elastic": 0.7, "cgan": 0.75, "warp_gan": 0.85}
    for record in records:
        accuracy = means.get(record["arm"], 0.6) + rng.normal(0, 0.01)
        record["metrics"]["balanced_accuracy"] = accuracy
    found = findings(records)
    told = found["above_in_balanced_accuracy"]
    assert {name: (one["rival"], one["verdict"]) for name, one in told.items()} == {
        "cgan": ("classical", "hurts"),
        "warp_gan": ("classical", "helps"),
    }
    assert told["warp_gan"]["difference"] == pytest.approx(0.05, abs=0.02)
    recall, balanced = found["lines"]
    assert "`cgan`" in recall
    assert balanced.startswith(
        "In balanced accuracy, over seeds alone, above both plain rivals, Holm's correction over "
        "both measures passed: `warp_gan`"
    )


def test_where_a_lead_may_be_in_either_measure_p_counts_twice():
    """And intervals that hold for all arms together hold for both measures."""
    records = study_of({"cgan": 0.11, "warp_gan": 0.05}, noise=0.02)
    one, two = (findings(of_measures(records, both)) for both in (False, True))
    for arm in ("cgan", "warp_gan"):
        p, twice = (found["above_rivals"][arm]["p_holm"] for found in (one, two))
        assert 0 < p < twice == pytest.approx(min(1, 2 * p))
    high = [
        float(found["lines"][0].split("by more than ")[1].split(": ")[0]) for found in (one, two)
    ]
    assert 0 < high[0] < high[1]


def of_measures(records, both):
    """The same, and where `both` are asked for with a balanced accuracy of each arm."""
    more = {"balanced_accuracy": 0.5} if both else {}
    return [r | {"metrics": r["metrics"] | more} for r in records]


def test_the_nearest_is_one_of_enough_seeds():
    """Two trainings that did not fail tell less than ten."""
    records = study_of({"cgan": 0.08, "warp_gan": 0.12}, noise=0.02)
    records = [row for row in records if row["arm"] != "warp_gan" or row["seed"] < 2]
    assert "the nearest was `cgan`, minus `elastic`" in findings(records)["lines"][0]


def test_where_none_is_above_the_nearest_and_the_bound_are_told():
    found = findings(study_of({"cgan": 0.1, "warp_gan": -0.2}, noise=0.02))
    (line,) = found["lines"]
    records = study_of({"cgan": 0.1, "warp_gan": -0.2}, noise=0.02)
    of_arm = {arm: values_of(own, "minority_recall") for arm, own in by_arm(records).items()}
    # For two arms, each against two rivals.
    _, high = compare(of_arm["cgan"], of_arm["elastic"], (0, 1), level=0.05 / 4).ci95
    assert 0 < high < 0.1
    assert high > found["above_rivals"]["cgan"]["ci95"][1]
    assert "the nearest was `cgan`, minus `elastic`" in line
    assert f"by more than {high:.3f}" in line


def test_the_hardest_rival_decides_the_p_value():
    """Above the best rival by little and above another by much: p is that of the first."""
    alone = findings([r for r in study_of({"cgan": 0.11}, noise=0.02) if r["arm"] != "classical"])
    both = findings(study_of({"cgan": 0.11}, noise=0.02))
    assert both["above_rivals"]["cgan"]["p_holm"] == alone["above_rivals"]["cgan"]["p_holm"]


def test_holm_counts_the_generated_arms():
    records = study_of({"cgan": 0.13, "warp_gan": 0.1, "cgan_classical": -0.3}, noise=0.02)
    alone = [r for r in records if r["arm"] not in ("warp_gan", "cgan_classical")]
    # Its p is larger than that of the arm that is far below, and smaller than that of the other.
    one = findings(alone)["above_rivals"]["cgan"]["p_holm"]
    three = findings(records)["above_rivals"]["cgan"]["p_holm"]
    assert 0 < one < 0.05
    assert three == pytest.approx(2 * one)


def by_number(gains):
    """Records whose recall at a number is 0.5 and the arm's gain at it."""
    rng = np.random.default_rng(2)
    records = []
    for seed in range(10):
        for arm, of_number in gains.items():
            metrics = {f"minority_recall_at_{n}": 0.5 + gain + rng.normal(0, 0.005)
                       for n, gain in of_number.items()}  # fmt: skip
            metrics = {"minority_recall": np.mean(list(metrics.values())), **metrics}
            records.append({"arm": arm, "seed": seed, "status": "done", "metrics": metrics})
    return records


def test_at_every_number_an_arm_is_held_against_the_best_rival_there():
    gains = {
        "classical": {1: 0.0, 20: 0.1, 100: 0.3},
        "elastic": {1: 0.1, 20: 0.0, 100: 0.3},
        "cgan": {1: 0.2, 20: 0.05, 100: 0.3},
    }
    found = findings(by_number(gains))
    told = found["by_images_left"]["cgan"]
    assert {number: (one["rival"], one["verdict"]) for number, one in told.items()} == {
        "1": ("elastic", "helps"),
        "20": ("classical", "hurts"),
        "100": (told["100"]["rival"], "the same"),
    }
    for number, gain in (("1", 0.1), ("20", -0.05)):
        assert told[number]["difference"] == pytest.approx(gain, abs=0.01)
        assert told[number]["ci95"][0] < told[number]["difference"] < told[number]["ci95"][1]
    line = found["lines"][1]
    assert line.startswith("`cgan` minus the best of 2 plain rivals, in recall by images left")
    assert "correction over 3): 1: +0.1" in line
    for part in ("above; 20: -0.0", "below; 100: ", "the same within ±0.03."):
        assert part in line
    json.dumps(found, allow_nan=False)


def test_holm_counts_arms_and_numbers_together():
    numbers = (1, 2, 5)
    gains = {"classical": dict.fromkeys(numbers, 0.0), "cgan": {1: 0.012, 2: 0.0, 5: 0.0},
             "warp_gan": dict.fromkeys(numbers, 0.0)}  # fmt: skip
    records = by_number(gains)
    alone = [
        {**record, "metrics": {name: value for name, value in record["metrics"].items()
                               if not name.endswith(("_2", "_5"))}}
        for record in records if record["arm"] != "warp_gan"
    ]  # fmt: skip
    one, six = (findings(of)["by_images_left"]["cgan"]["1"]["p_holm"] for of in (alone, records))
    assert six == pytest.approx(6 * one)
    assert six < 0.05


def test_at_a_number_luck_with_test_images_is_no_effect():
    records = by_number({"classical": {1: 0.0, 5: 0.0}, "cgan": {1: 0.1, 5: 0.1}})
    # Of 20 test images two are won in every seed, and no other differs.
    for record in records:
        right = np.arange(20) < (12 if record["arm"] == "cgan" else 10)
        bits = pack([right], [np.arange(20)])
        at = {name: bits for name in record["metrics"] if "_at_" in name}
        record["correct"] = {"labels": "x", "classes": ["a"], "sizes": [20], "weights": [1.0],
                             "bits": bits, "at": at}  # fmt: skip
    over_seeds = [record | {"correct": None} for record in records]
    for of, verdict in ((over_seeds, "helps"), (records, "cannot tell")):
        told = findings(of)["by_images_left"]["cgan"]
        assert [told[number]["verdict"] for number in ("1", "5")] == 2 * [verdict]


def test_a_source_that_leaks_is_no_answer():
    records = study_of({"mine": 0.3})
    assert "mine" in findings(records)["above_rivals"]
    assert not findings(records, leaks=["mine"])["above_rivals"]


def test_nothing_is_above_a_rival_that_failed():
    records = study_of({"cgan": 0.15})
    found = findings(records, failed=["elastic_thickness"])
    told = found["above_rivals"]["cgan"]
    assert (told["verdict"], told["not_compared"]) == ("cannot tell", ["elastic_thickness"])
    assert found["lines"][0] == (
        "In recall, nothing can be called above all plain rivals: `elastic_thickness` could not be "
        "compared."
    )


def test_findings_allow_for_announced_looks():
    records = study_of({"cgan": 0.15}, numbers=(1, 5))
    one, several = findings(records), findings(records, looks=(5, 7, 10))
    for told in ("above_rivals", "above_in_balanced_accuracy"):
        for arm, of_arm in one[told].items():
            assert np.ptp(several[told][arm]["ci95"]) > np.ptp(of_arm["ci95"])
    for number in ("1", "5"):
        narrow, wide = (f["by_images_left"]["cgan"][number] for f in (one, several))
        assert np.ptp(wide["ci95"]) > np.ptp(narrow["ci95"])
        assert wide["p_holm"] > narrow["p_holm"]


@pytest.mark.parametrize("left_out", [("cgan",), ("classical", "elastic")])
def test_without_arms_to_compare_nothing_is_found(left_out):
    records = [r for r in study_of({"cgan": 0.1}) if r["arm"] not in left_out]
    assert findings(records)["lines"] == []
    assert findings([])["lines"] == []
    assert findings(study_of({"cgan": 0.1}, seeds=1))["lines"] == []


def run_of(numbers):
    metrics = [{"name": f"minority_recall_at_{n}"} for n in numbers]
    value = {"mean": 0.5, "ci95": [0.4, 0.6]}
    arms = {name: {"n": 2, "metrics": {m["name"]: value for m in metrics}} for name in GAINS}
    arms["smote"] = {"n": 0, "metrics": {}}
    kinds = {name: {"kind": KINDS[name]} for name in arms}
    return SimpleNamespace(summary={"metrics": metrics, "arms": arms}, study={"arms": kinds})


def test_the_figure_has_a_line_an_arm_over_the_numbers():
    (axes,) = images_left(run_of((1, 5, 20))).axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == 3]
    assert len(lines) == len(GAINS)
    assert list(lines[0].get_xdata()) == [1, 5, 20]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(GAINS)
    assert images_left(run_of((1,))) is None


def test_each_arm_is_told_beside_its_own_best_rival():
    """One trial of an arm failed, in the only seed in which `classical` did well."""
    records = study_of({"cgan": 0.3, "warp_gan": 0.3}, noise=0.001)
    for record in records:
        if record["arm"] == "classical":
            record["metrics"]["minority_recall"] = 0.55 + (record["seed"] == 0)
    records = [r for r in records if (r["arm"], r["seed"]) != ("cgan", 0)]
    found = findings(records)
    rivals = {name: told["rival"] for name, told in found["above_rivals"].items()}
    assert rivals == {"cgan": "elastic", "warp_gan": "classical"}


def test_an_arm_that_could_not_be_compared_silences_no_other():
    records = study_of({"cgan": 0.15, "warp_gan": 0.2})
    mine = [r for r in records if r["arm"] != "cgan" or r["seed"] < 2]
    mine = [r for r in mine if r["arm"] != "elastic" or r["seed"] > 0]
    line, doubt = findings(mine)["lines"]
    assert doubt == "Too few seeds to rely on: `cgan` (2)."
    assert "above both plain rivals, Holm's correction passed: `warp_gan` (" in line
    assert line.endswith(
        "`cgan` cannot be called above all of them: `elastic` could not be compared."
    )

"""What a plan says that it can find, against other code and simulation."""

import dataclasses
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from fake_records import BASE, VALUES, make_plan, make_records
from scipy import stats
from statsmodels.stats.power import TTestPower

from gan_mnist.errors import InputError
from gan_mnist.study.comparison import Pair
from gan_mnist.study.pilot import power_in_words
from gan_mnist.study.settings import Settings, setting
from gan_mnist.study.statistics import power
from gan_mnist.study.statistics.small_samples import intervals


@pytest.mark.parametrize(("n", "tests"), [(50, 1), (50, 11), (200, 3)])
def test_many_seeds_have_the_power_of_the_t_test(n, tests):
    effect = power.detectable_effect(n, tests)
    found = TTestPower().power(effect, n, 0.05 / tests, alternative="two-sided")
    assert found == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(("n", "tests"), [(2, 1), (3, 11), (5, 1), (5, 3), (10, 11), (40, 1)])
def test_of_an_effect_that_is_found_four_in_five_studies_have_a_verdict(n, tests):
    effect = power.detectable_effect(n, tests)
    rng = np.random.default_rng(8)
    differences = rng.normal(effect, 1.0, (20_000, n))
    p = stats.ttest_1samp(differences, 0.0, axis=-1).pvalue
    called = (p < 0.05 / tests) & (intervals(differences)[0] > 0)
    assert called.mean() == pytest.approx(0.8, abs=0.015)
    # The t test alone finds a little less, and claims more.
    alone = power.detectable_errors(n, tests) / math.sqrt(n)
    assert alone <= effect * 1.01


def test_simulation_and_t_test_meet_where_one_takes_over():
    for tests in (1, 11):
        assert power.detectable_effect(41, tests) == pytest.approx(
            power.detectable_effect(40, tests), rel=0.03
        )


def test_the_page_on_verdicts_tells_these_effects():
    page = Path(__file__).parents[2] / "docs" / "verdicts.md"
    rows = [line for line in page.read_text().splitlines() if line.endswith("`test_power.py` |")]
    told = [[float(number) for number in re.findall(r"\d\.\d", row)] for row in rows]
    # Twelve arms against a control; then one, two and three primary comparisons.
    tests = (11, 1, 2, 3)
    assert told == [[round(power.detectable_effect(n, k), 1) for k in tests] for n in (5, 10)]


def test_the_fewest_seeds_find_the_effect_and_one_fewer_does_not():
    for effect, tests in ((1.0, 3), (0.4, 1), (0.2, 11)):
        n = power.seeds_needed(effect, tests)
        assert power.detectable_effect(n, tests) <= effect < power.detectable_effect(n - 1, tests)
    assert power.seeds_needed(50.0, 1) == 5  # fewer are not relied on
    assert power.seeds_needed(0.01, 1) is None


def test_seeds_with_images_in_common_find_less():
    assert power.detectable_effect(10, 1, 0.25) == pytest.approx(
        math.sqrt(3.5) * power.detectable_effect(10, 1)
    )
    assert power.seeds_needed(0.5, 1, overlap=0.25) is None


@pytest.mark.slow
def test_the_largest_spread_is_too_small_in_one_of_five_pilots():
    spreads = np.random.default_rng(5).normal(size=(20_000, 5)).std(-1, ddof=1)
    share = np.mean([power.largest_spread(spread, 5) < 1 for spread in spreads])
    assert share == pytest.approx(0.2, abs=0.01)


def planned(tmp_path, primary=(), seeds=5):
    plan = make_plan()
    study = dataclasses.replace(plan.study, primary=primary)
    return dataclasses.replace(plan, study=study, seeds=tuple(range(seeds)), workdir=tmp_path)


def test_a_plan_says_what_its_seeds_can_find(tmp_path):
    (line,) = power_in_words(planned(tmp_path))
    least = power.detectable_effect(5, 5)
    assert line == (
        f"5 seeds find, in 4 of 5 runs, differences from {least:.2g} sd on (sd: of paired "
        "differences)"
    )
    (line,) = power_in_words(planned(tmp_path, (Pair("cgan", "none"),)))
    first, others = power.detectable_effect(5, 1), power.detectable_effect(5, 4)
    assert (
        f"primary differences from {first:.2g} sd on, other differences from {others:.2g}" in line
    )
    assert "careful" not in line


def test_too_few_seeds_are_warned_of(tmp_path):
    (line,) = power_in_words(planned(tmp_path, seeds=3))
    enough = power.seeds_needed(3.0, 5)
    assert line.endswith(f"careful, many treatments do less: {enough} seeds would find 3 sd")
    (line,) = power_in_words(planned(tmp_path, seeds=1))
    assert line == "none: a comparison needs two arms and two seeds"


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({"cat": 10, "dog": 12}, None),
        ({"cat": 9, "dog": 10}, "few of cat: 9: "),
        ({"cat": 5, "dog": 1, "bird": 40}, "few of dog: 1, cat: 5: "),
        ({f"c{n}": n for n in range(1, 9)}, "c5: 5 and 3 more: "),
    ],
    ids=["ten_are_enough", "one_class", "fewest_first", "many_classes"],
)
def test_classes_without_a_verdict_are_warned_of(tmp_path, sizes, told):
    counts = {name: {"train": 50, "test": size} for name, size in sizes.items()}
    plan = planned(tmp_path)
    _, *warnings = power_in_words(
        dataclasses.replace(plan, dataset=plan.dataset | {"counts": counts})
    )
    assert [told in line for line in warnings] == ([True] if told else [])


def test_classes_that_the_study_leaves_out_are_not_warned_of(tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Chosen(Settings):
        classes: tuple[str, ...] = setting((), "classes")

    counts = {name: {"train": 50, "test": size} for name, size in (("a", 40), ("b", 3), ("c", 4))}
    plan = planned(tmp_path)
    dataset = plan.dataset | {"counts": counts}
    plan = dataclasses.replace(plan, dataset=dataset, settings=Chosen(classes=("a", "c")))
    assert [line for line in power_in_words(plan) if "few of c: 4: " in line]
    plan = dataclasses.replace(plan, settings=Chosen(classes=("a",)))
    assert not [line for line in power_in_words(plan) if "few of" in line]


@pytest.fixture
def pilot(tmp_path):
    """The directory of a published run of five seeds."""
    directory = tmp_path / "earlier"
    directory.mkdir()
    records = [record | {"experiment": "fake_study"} for record in make_records()]
    lines = (json.dumps(record) + "\n" for record in records)
    (directory / "records.jsonl").write_text("".join(lines))
    return directory


def test_with_a_pilot_it_is_told_in_the_unit_of_the_metric(tmp_path, pilot):
    plan = planned(tmp_path / "new", (Pair("cgan", "none"), Pair("cgan", "classical")), seeds=10)
    _, first, second, others = power_in_words(plan, f"{pilot}")
    spread = np.std(VALUES["cgan"] - BASE, ddof=1)
    least = spread * power.detectable_effect(10, 2)
    assert first == (f"cgan > none: from {least:.2g} on (sd {spread:.2g}, 5 seeds of earlier)")
    assert second.startswith("cgan > classical: from ")
    assert others.startswith("other differences, in the median: from ")


def test_differences_that_are_all_equal_have_no_spread(tmp_path, pilot):
    records = make_records({"none": BASE, "cgan": BASE + 0.02, "copy": BASE})
    lines = [json.dumps(record | {"experiment": "fake_study"}) + "\n" for record in records]
    (pilot / "records.jsonl").write_text("".join(lines))
    plan = planned(tmp_path / "new", (Pair("cgan", "none"), Pair("copy", "none")))
    assert len(power_in_words(plan, f"{pilot}")) == 1
    with pytest.raises(InputError, match="wants the spread of two seeds or more"):
        power_in_words(plan, f"{pilot}", "0.01")


def test_a_pilot_tells_how_many_seeds_an_effect_takes(tmp_path, pilot):
    plan = planned(tmp_path / "new", (Pair("cgan", "none"),))
    line = power_in_words(plan, f"{pilot}", "0.05")[1]
    spread = np.std(VALUES["cgan"] - BASE, ddof=1)
    usual = power.seeds_needed(0.05 / spread, 1)
    careful = power.seeds_needed(0.05 / (spread * 1.5577), 1)  # sqrt(4 / 1.6488)
    assert line.endswith(
        f"0.05 takes {usual} seeds, or {careful} should the sd be as large as it may be"
    )


def test_of_one_seed_a_pilot_tells_only_how_many_an_effect_takes(tmp_path, pilot):
    plan = planned(tmp_path / "new", (Pair("cgan", "none"),), seeds=1)
    assert power_in_words(plan, f"{pilot}") == ["none: a comparison needs two arms and two seeds"]
    line = power_in_words(plan, f"{pilot}", "0.05")[1]
    assert line.startswith("cgan > none: 0.05 takes ")
    assert line.endswith("5 seeds of earlier)")


def test_what_lies_in_the_work_directory_is_a_pilot(tmp_path, pilot):
    (tmp_path / "records.jsonl").write_text((pilot / "records.jsonl").read_text())
    assert len(power_in_words(planned(tmp_path))) == 2


@pytest.mark.parametrize(
    ("name", "effect", "told"),
    [
        ("nowhere", None, "--pilot: "),
        ("earlier", "none", "--effect: 'none' is not accepted"),
        ("earlier", "-1", "--effect: '-1' is not accepted"),
        ("earlier", "nan", "--effect: 'nan' is not accepted"),
        (None, "0.02", "--effect: 0.02 wants the spread of two seeds or more"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path, pilot, name, effect, told):
    directory = None if name is None else f"{tmp_path / name}"
    with pytest.raises(InputError) as refused:
        power_in_words(planned(tmp_path / "new"), directory, effect)
    assert f"{refused.value}".startswith(told)


def test_a_pilot_of_another_experiment_is_refused(tmp_path, pilot):
    plan = planned(tmp_path / "new")
    other = dataclasses.replace(plan, study=dataclasses.replace(plan.study, package="x.other"))
    with pytest.raises(InputError, match="another experiment; accepted: a run of other"):
        power_in_words(other, f"{pilot}")


def test_a_directory_that_cannot_be_is_no_pilot(tmp_path):
    assert len(power_in_words(planned(tmp_path / ("a" * 300)))) == 1

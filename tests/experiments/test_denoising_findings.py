"""What is told of the findings on denoising, from records where the truth is known."""

import json

import numpy as np
import pytest
from found import findings_of
from gan_mnist.experiments.denoising.findings import ALIKE_DB, CLAIMS
from gan_mnist.experiments.denoising.study import STUDY
from scipy import stats
from statsmodels.stats.multitest import multipletests

findings = findings_of("denoising")

CONTROL = "v1_dcnn"
LEAKS = {"v2_dcgans", "v3_dcgans", "v5_dcgans", "v6_dcgans"}
COMPARED = {claim.arm: claim.reference for claim in CLAIMS if claim.arm not in LEAKS}
BASE = (20.0, 20.3, 19.7, 20.1, 19.9)
# dB that seeds differ by, beside what the arms do.
CLOSE, WIDE = (0.02, -0.03, 0.01, -0.02, 0.02), (1.9, -2.1, 1.6, -1.8, 0.4)
WORDS = {True: "Holds: ", False: "Does not hold: ", None: "Cannot be told: "}


def records(arm, values, metric="psnr_db"):
    own = {"psnr_db": 10.0, "ref_leak": 0.0}
    prefix = "resConvNet_" if arm.startswith("v") and arm[1].isdigit() else ""
    return [
        {"arm": prefix + arm, "seed": seed, "metrics": own | {metric: value}}
        for seed, value in enumerate(values)
    ]


def shifted(by, spread=CLOSE, seeds=5):
    return [b + by + s for b, s in list(zip(BASE, spread, strict=True))[:seeds]]


def told_of(arm, by, spread=CLOSE, seeds=5):
    """What is told of an arm that is `by` dB from its reference, and no other claim."""
    given = records(COMPARED[arm], BASE) + records(arm, shifted(by, spread, seeds))
    found = findings(given)
    (line,) = (line for line in found["lines"] if f"`resConvNet_{arm}`" in line.split(",")[0])
    return found["claims"][arm], line


def test_every_arm_of_the_source_but_the_control_is_told_of():
    source = {arm.name for arm in STUDY.arms if arm.name.startswith("resConvNet_")}
    assert {f"resConvNet_{claim.arm}" for claim in CLAIMS} | {STUDY.control} == source
    assert len(CLAIMS) == len(source) - 1 == 15
    relations = {claim.arm: claim.relation for claim in CLAIMS}
    assert {arm for arm, relation in relations.items() if relation == "leaks"} == LEAKS
    assert {arm for arm in relations if relations[arm] == "like"} == {"v2_dcnn"}
    assert {arm for arm in relations if relations[arm] == "not above"} == {"v7_dcgans"}
    assert {arm for arm in relations if relations[arm] == "above"} == {"v3_conditional_dcgans"}
    others = {"v3_dcnn": "v2_dcnn", "v3_conditional_dcgans": "v1_conditional_dcgans"}
    others |= {"v4_conditional_dcgans": "v3_conditional_dcgans"}
    assert dict.fromkeys(COMPARED, CONTROL) | others == COMPARED


@pytest.mark.parametrize(
    ("arm", "by", "spread", "holds"),
    [
        ("v3_dcnn", -2, CLOSE, True),  # below
        ("v3_dcnn", +2, CLOSE, False),
        ("v3_dcnn", -0.5, WIDE, None),
        ("v4_conditional_dcgans", -2, CLOSE, True),
        ("v3_conditional_dcgans", +2, CLOSE, True),  # above
        ("v3_conditional_dcgans", -2, CLOSE, False),
        ("v3_conditional_dcgans", +0.5, WIDE, None),
        ("v2_dcnn", 0, CLOSE, True),  # like
        ("v2_dcnn", -ALIKE_DB / 2, CLOSE, True),
        ("v2_dcnn", +2, CLOSE, False),
        ("v2_dcnn", -2, CLOSE, False),
        ("v2_dcnn", 0, WIDE, None),
        ("v2_dcnn", ALIKE_DB, CLOSE, None),
        ("v7_dcgans", 0, CLOSE, True),  # not above
        ("v7_dcgans", ALIKE_DB / 2, CLOSE, True),
        ("v7_dcgans", ALIKE_DB, CLOSE, None),
        ("v7_dcgans", -2, CLOSE, True),
        ("v7_dcgans", +2, CLOSE, False),
        ("v7_dcgans", 0, WIDE, None),
    ],
)
def test_a_finding_holds_fails_or_cannot_be_told(arm, by, spread, holds):
    told, line = told_of(arm, by, spread)
    assert told["holds"] is holds
    assert told["n"] == 5
    expected = by + np.mean(spread)
    assert told["difference"] == pytest.approx(expected)
    low, high = told["ci95"]
    assert low < expected < high
    assert f"that of `resConvNet_{COMPARED[arm]}`? {WORDS[holds]}{expected:+.2f} dB" in line
    assert f"95 % CI {low:.2f} to {high:.2f} dB, 5 seeds" in line
    assert "too few" not in line


@pytest.mark.parametrize("arm", ["v3_dcnn", "v2_dcnn", "v7_dcgans", "v3_conditional_dcgans"])
def test_one_seed_tells_nothing_and_few_are_called_few(arm):
    told, line = told_of(arm, -2, seeds=1)
    assert (told["n"], told["ci95"], told["p_holm"], told["holds"]) == (1, None, None, None)
    assert told["difference"] == pytest.approx(-2 + CLOSE[0])
    assert "CI" not in line
    assert line.endswith("too few seeds to rely on.")
    told, line = told_of(arm, -2, seeds=4)
    assert told["n"] == 4
    assert line.endswith("too few seeds to rely on.")


@pytest.mark.parametrize(
    ("shares", "holds"),
    [
        ((0.9, 0.6), True),
        ((1.0, 1.0, 1.0), True),
        ((0.0, 0.0, 0.0), False),
        ((0.2, 0.49), False),
        ((0.9, 0.2), None),
        ((0.9,), None),
        ((0.1,), None),
    ],
)
@pytest.mark.parametrize("arm", sorted(LEAKS))
def test_most_outputs_leak_where_all_seeds_agree(arm, shares, holds):
    found = findings(records(arm, shares, "ref_leak"))
    assert set(found["claims"]) == {arm}
    told = found["claims"][arm]
    assert (told["n"], told["shares"], told["holds"]) == (len(shares), list(shares), holds)
    (line,) = found["lines"]
    assert f"`resConvNet_{arm}`" in line
    assert f"{WORDS[holds]}{np.mean(shares):.1%} of them" in line
    ends = f"(lowest seed {min(shares):.1%}, highest {max(shares):.1%}, {len(shares)} seed"
    assert ends in line
    assert "); too few" in line


@pytest.mark.slow
def test_p_values_are_adjusted_over_the_claims_that_are_compared():
    rng = np.random.default_rng(0)
    values = {CONTROL: np.array(BASE)}
    for index, arm in enumerate(COMPARED):
        values[arm] = np.array(BASE) - 0.05 * index + rng.normal(0, 0.1, 5)
    given = [record for arm in values for record in records(arm, values[arm])]
    # Leaks are told without a test, and so are no reason to be stricter.
    given += [record for arm in LEAKS for record in records(arm, BASE)]
    found = findings(given)["claims"]
    assert set(found) == set(COMPARED) | LEAKS
    plain = [
        stats.ttest_rel(values[arm], values[reference]).pvalue
        for arm, reference in COMPARED.items()
    ]
    expected = multipletests(plain, method="holm")[1]
    assert [found[arm]["p_holm"] for arm in COMPARED] == pytest.approx(list(expected))
    assert not np.allclose(plain, expected)


def test_what_one_claim_alone_would_show_many_do_not():
    spread = (0.3, -0.3, 0.15, -0.15, 0.0)
    below = [c.arm for c in CLAIMS if c.relation == "below" and c.reference == CONTROL]
    shift = -0.4
    p = stats.ttest_1samp(np.array(spread) + shift, 0).pvalue
    assert 0.05 / len(below) < p < 0.05
    assert told_of(below[0], shift, spread)[0]["holds"] is True
    given = records(CONTROL, BASE)
    given += [r for arm in below for r in records(arm, shifted(shift, spread))]
    found = findings(given)["claims"]
    assert {arm: found[arm]["holds"] for arm in below} == dict.fromkeys(below)


def test_only_seeds_that_both_have_are_compared():
    given = records(CONTROL, (20.0, 30.0, 40.0)) + records("v4_dcgans", (19.0, 28.0))
    found = findings(given)["claims"]["v4_dcgans"]
    assert (found["n"], found["difference"]) == (2, pytest.approx(-1.5))
    apart = [record | {"seed": 7} for record in records("v4_dcgans", (19.0,))]
    assert findings(records(CONTROL, BASE) + apart)["claims"] == {}


def test_psnr_by_weight_goes_from_plain_l1_to_an_adversary_of_equal_weight():
    arms = {"vanilla": {"0": CONTROL, "0.001": "v4_dcgans", "0.01": "vanilla_hundredth"}}
    arms["vanilla"] |= {"0.1": "vanilla_tenth", "1": "v6_dcgans"}
    conditional = {"0": CONTROL, "0.001": "v2_conditional_dcgans", "0.01": "conditional_hundredth"}
    arms["conditional"] = conditional | {"0.1": "conditional_tenth", "1": "v1_conditional_dcgans"}
    names = sorted({arm for of_weight in arms.values() for arm in of_weight.values()})
    values = {arm: (10.0 + i, 11.5 + i) for i, arm in enumerate(names)}
    found = findings([record for arm in names for record in records(arm, values[arm])])
    for adversary, of_weight in arms.items():
        means = found["psnr_by_weight"][adversary]
        assert list(means) == ["0", "0.001", "0.01", "0.1", "1"]
        assert means == {w: pytest.approx(np.mean(values[a])) for w, a in of_weight.items()}
        (line,) = (x for x in found["lines"] if f"weight of the {adversary} adversary" in x)
        assert ", ".join(f"{w}: {mean:.2f} dB" for w, mean in means.items()) in line
        for weight, arm in of_weight.items():
            settings = {a.name.removeprefix("resConvNet_"): a.changes for a in STUDY.arms}[arm]
            assert settings.get("adversary", "none") == ("none" if weight == "0" else adversary)
            assert settings.get("adversarial_weights", (0.0,)) == (float(weight),)

    # A seed that an arm lacks is left out of the whole row.
    given = [r for arm in names for r in records(arm, values[arm])]
    given.remove(next(r for r in given if r["arm"] == "vanilla_tenth" and r["seed"] == 1))
    means = findings(given)["psnr_by_weight"]
    assert list(means["vanilla"].values()) == [values[a][0] for a in arms["vanilla"].values()]
    assert means["conditional"] == found["psnr_by_weight"]["conditional"]

    # A row with a gap is no row.
    given = [r for arm in names if arm != "vanilla_tenth" for r in records(arm, values[arm])]
    partly = findings(given)
    assert list(partly["psnr_by_weight"]) == ["conditional"]
    assert not [line for line in partly["lines"] if "weight of the vanilla" in line]
    assert [line for line in partly["lines"] if "weight of the conditional" in line]


def test_without_records_there_is_nothing_to_tell():
    found = findings([])
    assert (found["lines"], found["claims"]) == ([], {})
    assert not any(found["psnr_by_weight"].values())


@pytest.mark.parametrize("seeds", [0, 1, 2, 5])
def test_what_is_told_is_strict_json_with_a_line_a_claim(seeds):
    arms = [arm.name.removeprefix("resConvNet_") for arm in STUDY.arms]
    given = [record for arm in arms for record in records(arm, BASE[:seeds])]
    found = findings(given)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found["claims"]) == ({claim.arm for claim in CLAIMS} if seeds else set())
    assert len(found["lines"]) == (len(CLAIMS) + 3 if seeds else 0)
    for claim in CLAIMS if seeds else ():
        assert found["claims"][claim.arm]["reported"] == claim.reported
        assert [line for line in found["lines"] if f"reported: {claim.reported}; asked: " in line]


def test_the_last_skip_is_told_of_where_both_arms_were_measured():
    with_skip = records("v1_dcnn", (1.0, 0.9), "untrained_ref_leak")
    without = records("no_input_skip", (0.2, 0.3), "untrained_ref_leak")
    found = findings(with_skip + without)
    assert found["leak_by_skip"] == {"before any training": pytest.approx([0.95, 0.25])}
    line = found["lines"][-1]
    assert "before any training, 95%" in line and "with it and 25% without it" in line
    trained = records("v6_dcgans", (1.0,), "ref_leak")
    assert "after training" not in str(findings(trained)["lines"])
    trained += records("no_input_skip_vanilla", (0.5,), "ref_leak")
    assert "100% of the outputs" in findings(trained)["lines"][-1]
    assert findings(without)["leak_by_skip"] == {}

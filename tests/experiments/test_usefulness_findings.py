"""What the study of usefulness finds of a source at each number of real images."""

import numpy as np
from found import findings_of

findings = findings_of("usefulness")


def record(arm, seed, **metrics):
    named = {f"balanced_accuracy_{key}": value for key, value in metrics.items()}
    return {"arm": arm, "seed": seed, "metrics": named}


def test_findings_tell_at_which_numbers_a_source_helps():
    rng = np.random.default_rng(0)
    gains = {"real": (0, 0), "classical": (0.1, 0), "good": (0.1, 0), "bad": (-0.2, 0)}
    records = [
        record(arm, seed, at_5=0.6 + first + noise, at_20=0.8 + second + noise / 2)
        for arm, (first, second) in gains.items()
        for seed in range(10)
        for noise in [rng.normal(0, 0.01)]
    ]
    found = findings(records)
    verdicts = {arm: {size: gain["verdict"] for size, gain in of_arm.items()}
                for arm, of_arm in found["gains"]["real"].items()}  # fmt: skip
    assert verdicts == {
        "classical": {"5": "helps", "20": "cannot tell"},
        "good": {"5": "helps", "20": "cannot tell"},
        "bad": {"5": "hurts", "20": "cannot tell"},
    }
    assert set(found["gains"]["classical"]) == {"good", "bad"}
    (line,) = [line for line in found["lines"] if line.startswith("`good`")]
    assert "it helps at 5. Against `classical` no difference can be told at any number." in line
    # Of three arms, and of two, at two numbers of images.
    holm = "Holm's correction is over 6 comparisons with `real`, and over 4 with `classical`."
    assert line.endswith(holm)


def test_where_there_is_one_number_findings_do_not_speak_of_several():
    noise = np.random.default_rng(0).normal(0, 0.1, 8)
    records = [record("real", seed, at_5=0.5) for seed in range(8)]
    records += [record("good", seed, at_5=0.5 + noise[seed]) for seed in range(8)]
    (line,) = findings(records)["lines"]
    assert "; no difference can be told. " in line


def test_there_are_findings_of_nothing():
    assert findings([])["lines"] == []


def test_a_source_that_leaks_is_told_to_leak_and_not_to_help():
    rng = np.random.default_rng(0)
    records = [
        record(arm, seed, at_5=0.6 + gain + rng.normal(0, 0.01))
        for seed in range(8)
        for arm, gain in {"real": 0, "good": 0.1, "mine": 0.3}.items()
    ]
    assert findings(records)["gains"]["real"].keys() == {"good", "mine"}
    found = findings(records, leaks=["mine"])
    assert found["gains"]["real"].keys() == {"good"}
    assert not any("mine" in line for line in found["lines"])

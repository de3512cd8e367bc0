"""A slip in a declaration is refused in one line that says where it is, and what was meant."""

import dataclasses

import pytest
from fake_study import STUDY

from gan_mnist.errors import InputError
from gan_mnist.study.comparison import Pair
from gan_mnist.study.declared import check_declared
from gan_mnist.study.spec import Arm, Expectation, Preset

ARMS = "accepted: none, small, large, all"


def with_arm(**fields):
    return (*STUDY.arms, Arm("other", {}, "", **fields))


def quick(*arms, **changes):
    return {**STUDY.presets, "quick": Preset(3, changes, arms)}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rival": "larg"}, "rival: no arm is called 'larg'; did you mean 'large'? " + ARMS),
        ({"rival": "plain"}, "rival: no arm is called 'plain'; " + ARMS),
        ({"oracle": "al"}, "oracle: no arm is called 'al'; did you mean 'all'? " + ARMS),
        (
            {"arms": with_arm(kind="ablation", ablates="smal")},
            f"arms, ablates of other: no arm is called 'smal'; did you mean 'small'? {ARMS}, other",
        ),
        (
            {"expectations": (Expectation("smal", "below", "all"),)},
            "expectations: no arm is called 'smal'; did you mean 'small'? " + ARMS,
        ),
        (
            {"expectations": (Expectation("all", "above", "nine"),)},
            "expectations: no arm is called 'nine'; did you mean 'none'? " + ARMS,
        ),
        (
            {"expectations": (Expectation("all", "equals", "none"),)},  # type: ignore[arg-type]
            "expectations: 'equals' is unknown; did you mean 'equal to'? "
            "accepted: below, equal to, above",
        ),
        (
            {"primary": (Pair("small", "none"), Pair("large", "non"))},
            "primary: no arm is called 'non'; did you mean 'none'? " + ARMS,
        ),
        (
            {"primary_of_source": (Pair("{source}", "non"),)},
            "primary_of_source: no arm is called 'non'; did you mean 'none'? " + ARMS,
        ),
        (
            {"primary_of_source": (Pair("{sorce}", "none"),)},
            "primary_of_source: no arm is called '{sorce}'; " + ARMS,
        ),
        (
            {"arms": with_arm(kind="generatd")},
            "arms, kind of other: 'generatd' is unknown; did you mean 'generated'? "
            "accepted: control, rival, generated, ablation, oracle, check",
        ),
        (
            {"presets": quick("none", "lrage")},
            "presets, arms of quick: no arm is called 'lrage'; did you mean 'large'? " + ARMS,
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.split(" accepted")[0],
)
def test_a_slip_is_told_with_what_was_meant(changes, told):
    with pytest.raises(InputError) as error:
        check_declared(dataclasses.replace(STUDY, **changes))
    assert str(error.value) == f"fake_study: STUDY.{told}"


def test_a_setting_that_is_none_is_told_with_its_preset():
    with pytest.raises(InputError) as error:
        check_declared(dataclasses.replace(STUDY, presets=quick(updaets=10)))
    assert str(error.value).startswith(
        "fake_study: STUDY.presets, changes of quick: 'updaets' is unknown; did you mean "
        "'updates'? accepted: dataset, "
    )


def test_a_setting_that_an_arm_changes_is_told_with_the_arm():
    arms = (*STUDY.arms, Arm("other", {"bonsu": 0.5}, ""))
    with pytest.raises(InputError) as error:
        check_declared(dataclasses.replace(STUDY, arms=arms))
    assert str(error.value).startswith(
        "fake_study: STUDY.arms, arm other: 'bonsu' is unknown; did you mean 'bonus'? accepted: "
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"oracle": None, "rival": "small", "primary": (Pair("large", "none"),)},
        {"primary_of_source": (Pair("{source}", "none"), Pair("{source}_large", "large"))},
        {"presets": quick("none", "large", bonus=0.1)},
        {"arms": with_arm(ablates="small")},
        # Arms that the sources of the declaration have unless others are named.
        {
            "sources": ("made",),
            "of_source": lambda settings, name: (Arm(name, {}, ""),),
            "primary": (Pair("made", "none"),),
        },
    ],
)
def test_what_is_right_is_accepted(changes):
    check_declared(dataclasses.replace(STUDY, **changes))

"""A slip in a declaration is refused in one line that says where it is, and what was meant."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import pytest
from fake_study import STUDY, FakeSettings

from gan_mnist.errors import InputError
from gan_mnist.study.comparison import Pair
from gan_mnist.study.declared import check_declared
from gan_mnist.study.settings import setting
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
    ("changes", "told"),
    [
        ({"settings": FakeSettings}, "settings: <class 'fake_study.study.FakeSettings'> is not "),
        (
            {"primary": (("small", "none"),)},
            "primary: ('small', 'none') is not accepted; accepted: Pair(...)",
        ),
        (
            {"primary": Pair("small", "none")},
            "primary: 'small' is not accepted; accepted: Pair(...)",
        ),
        (
            {"primary_of_source": (("{source}", "none"),)},
            "primary_of_source: ('{source}', 'none') is not ",
        ),
        (
            {"expectations": (("all", "above", "none"),)},
            "expectations: ('all', 'above', 'none') is not ",
        ),
        ({"presets": {"quick": 5}}, "presets: 5 is not accepted; accepted: Preset(...)"),
        ({"presets": {"quick": Preset(0, {})}}, "presets, seeds of quick: 0 is not accepted; "),
        ({"presets": {"quick": Preset(True, {})}}, "presets, seeds of quick: True is not "),
        ({"presets": {"quick": Preset("2", {})}}, "presets, seeds of quick: '2' is not "),  # type: ignore[arg-type]
        ({"presets": quick(updates="10")}, "presets, changes of quick: updates='10' is not an int"),
        ({"presets": quick(counts=[1, 2])}, "presets, changes of quick: counts=[1, 2] is a list; "),
        ({"arms": (*STUDY.arms, Arm("b", {"bonus": "4"}, ""))}, "arms, arm b: bonus='4' is not a "),
        ({"settings": FakeSettings(classes="ab")}, "settings: classes='ab' is not a list or tuple"),  # type: ignore[arg-type]
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:40],
)
def test_what_is_of_another_type_is_told_of_with_its_place(changes, told):
    with pytest.raises(InputError) as error:
        check_declared(dataclasses.replace(STUDY, **changes))
    assert str(error.value).startswith(f"fake_study: STUDY.{told}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [int | None, Literal["a"], Path, dict[str, int], tuple[int, str]])
def test_a_setting_whose_values_cannot_be_given_is_refused(kind):
    field: Any = ("extra", kind, setting(None, "a slip"))
    slip = dataclasses.make_dataclass("Slip", [field], bases=(FakeSettings,), frozen=True)
    with pytest.raises(InputError, match=r"^fake_study: STUDY.settings, extra: .* is no type of a"):
        check_declared(dataclasses.replace(STUDY, settings=slip()))


@pytest.mark.parametrize("default", [0.0, 0, False, "", ()])
def test_a_setting_without_help_is_refused(default):
    field: Any = ("extra", type(default), dataclasses.field(default=default))
    slip = dataclasses.make_dataclass("Slip", [field], bases=(FakeSettings,), frozen=True)
    told = r"^fake_study: STUDY.settings, extra: it has no help; accepted: extra: TYPE = setting\("
    with pytest.raises(InputError, match=told):
        check_declared(dataclasses.replace(STUDY, settings=slip()))


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

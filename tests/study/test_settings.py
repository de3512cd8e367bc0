"""Settings accept what they say they accept, and refuse the rest in one line that says so."""

import dataclasses

import pytest
from fake_study import FakeSettings

from gan_mnist.errors import InputError
from gan_mnist.study.assignments import (
    DERIVED_SETTINGS,
    FLAG_SETTINGS,
    parse_assignments,
    typed,
)
from gan_mnist.study.settings import Settings, setting, with_changes


def refused(action):
    with pytest.raises(InputError) as error:
        action()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("scale=2.5", 2.5),
        ("scale=2", 2.0),
        ("updates=20", 20),
        ("counts=1, 20,3", (1, 20, 3)),
        ("counts=7", (7,)),
        ("classes=a=b,c d", ("a=b", "c d")),
        ("classes=", ()),
        ('classes="bars, upright", flat bars', ("bars, upright", "flat bars")),
        ('classes="cat ",100 %,"a ""b"""', ("cat ", "100 %", 'a "b"')),
        ("classes=고양이,😀", ("고양이", "😀")),
        ("classes=a,", ("a", "")),
        ("family=x", "x"),
        ("family=", ""),
        ("data_dir=/a=b", "/a=b"),
    ],
)
def test_texts_become_typed_values(text, value):
    parsed = parse_assignments(FakeSettings(), [text])
    assert parsed == {text.partition("=")[0]: value}
    assert type(next(iter(parsed.values()))) is type(value)


@dataclasses.dataclass(frozen=True)
class _Switches(Settings):
    on: bool = setting(False, "a switch")


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("True", True), ("1", True), ("false", False), ("FALSE", False), ("0", False)],
)
def test_switches(text, value):
    assert parse_assignments(_Switches(), [f"on={text}"]) == {"on": value}


def test_the_last_of_several_values_counts():
    assert parse_assignments(FakeSettings(), ["updates=20", "updates=30"]) == {"updates": 30}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("updates", ["--set", "'updates'", "name=value"]),
        ("", ["--set", "''", "name=value"]),
        ("updats=20", ["--set", "'updats'", "did you mean 'updates'?", "scale"]),
        ("=20", ["--set", "''", "scale"]),
        ("identity=20", ["--set", "'identity'"]),
        ("updates=", ["updates=''", "an integer"]),
        ("updates=2e1", ["updates='2e1'", "an integer"]),
        ("updates=20.0", ["updates='20.0'", "an integer"]),
        ("scale=much", ["scale='much'", "a number"]),
        ("counts=1,two", ["counts='two'", "an integer"]),
        ("counts=1,,3", ["counts=''", "an integer"]),
    ],
)
def test_texts_that_are_no_value_are_refused(text, told):
    message = refused(lambda: parse_assignments(FakeSettings(), [text]))
    assert all(part in message for part in told), message


def test_names_that_are_offered_are_those_that_can_be_set():
    """What has a flag of its own, or is found in files, is not."""
    for act in (lambda: parse_assignments(FakeSettings(), ["nonsense=1"]),
                lambda: typed(FakeSettings(), {"nonsense": 1})):  # fmt: skip
        told = refused(act)
        offered = told.partition("accepted: ")[2].split(", ")
        assert {"image_size", "scale", "updates"} <= {*offered}
        assert not {*FLAG_SETTINGS, *DERIVED_SETTINGS} & {*offered}


@pytest.mark.parametrize("number", [10**400, -(10**400), 10**5000], ids=["400", "-400", "5000"])
@pytest.mark.parametrize("name", ["scale", "updates"])
def test_a_number_that_is_too_large_for_any_is_refused(name, number):
    message = refused(lambda: typed(FakeSettings(), {name: number}))
    assert message == f"--set: {name} is too large; accepted: less than 1e+300"


def test_a_switch_that_is_neither_on_nor_off_is_refused():
    message = refused(lambda: parse_assignments(_Switches(), ["on=maybe"]))
    assert "on='maybe'" in message
    assert "true or false" in message


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"scale": -0.1}, ["scale", "-0.1", "between 0 and 10"]),
        ({"scale": 10.5}, ["scale", "10.5", "between 0 and 10"]),
        ({"scale": float("nan")}, ["scale", "nan", "finite"]),
        ({"scale": float("inf")}, ["scale", "inf", "finite"]),
        ({"updates": 15}, ["updates", "15", "multiples of 10"]),
        ({"updates": 0}, ["updates", "0", "between 10 and 1000"]),
        ({"counts": (3, 0)}, ["counts", "0", "at least 1"]),
        ({"family": "z"}, ["family", "'z'", "x, y"]),
        ({"precision": "float31"}, ["precision", "'float31'", "did you mean 'float32'?"]),
        ({"image_size": 513}, ["image_size", "513", "between 0 and 512"]),
        ({"channels": 4}, ["channels", "4"]),
        ({"scael": 1.0}, ["by hand", "'scael'", "did you mean 'scale'?"]),
    ],
)
def test_values_out_of_range_are_refused(changes, told):
    message = refused(lambda: with_changes(FakeSettings(), changes, "by hand"))
    assert all(part in message for part in told), message


@pytest.mark.parametrize("changes", [{"scale": 0.0}, {"scale": 10.0}, {"updates": 1000}])
def test_bounds_are_accepted(changes):
    assert dataclasses.asdict(with_changes(FakeSettings(), changes, "x")).items() >= changes.items()


def test_changes_leave_the_original_alone():
    before = FakeSettings()
    after = with_changes(before, {"scale": 3.0, "counts": (9,)}, "x")
    assert (before.scale, after.scale, after.counts, after.updates) == (1.0, 3.0, (9,), 100)


CHANGED = {
    "dataset": "folder",
    "image_size": 32,
    "channels": 3,
    "precision": "mixed_bfloat16",
    "strategy": "mirrored",
    "scale": 2.0,
    "updates": 200,
    "classes": ("a",),
    "counts": (3, 2),
    "bonus": 0.5,
    "family": "y",
}
LOCATIONS = {"data_dir": "/elsewhere", "export_dir": "/elsewhere", "nap_seconds": 1.0}


def test_every_setting_is_in_one_of_the_two_tables():
    assert {field.name for field in dataclasses.fields(FakeSettings)} == {*CHANGED, *LOCATIONS}


@pytest.mark.parametrize("name", CHANGED)
def test_a_setting_changes_the_identity(name):
    changed = with_changes(FakeSettings(), {name: CHANGED[name]}, "x")
    assert changed.identity()[name] != FakeSettings().identity()[name]


@pytest.mark.parametrize("name", LOCATIONS)
def test_a_location_does_not(name):
    changed = with_changes(FakeSettings(), {name: LOCATIONS[name]}, "x")
    assert changed.identity() == FakeSettings().identity()
    assert name not in changed.identity()

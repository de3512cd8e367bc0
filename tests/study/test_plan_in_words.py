"""What is told of a plan."""

import pytest
from fake_study import make_plan

from gan_mnist.study.display.plan_in_words import (
    describe,
    duplicates_in_words,
    further_in_words,
)
from gan_mnist.study.display.printing import duration


def test_a_plan_is_described_whole(tmp_path):
    plan = make_plan(tmp_path, seeds=3, arms=["small", "all"], scale=2.5, data_dir="/data")
    text = describe(plan, with_settings=True)
    for told in (
        "Does a bonus help?",
        "fake from nowhere, sha256 0123456789ab",
        "a: 2+1, b: 3+1",
        str(tmp_path),
        "3 arms x 3 seeds = 9",
        "small a little added",
        "scale 2.5",
    ):
        assert told in " ".join(text.split()), told
    assert "more added" not in text


def test_settings_are_told_only_where_they_are_wanted(tmp_path):
    plan = make_plan(tmp_path, scale=2.5)
    told = describe(plan).splitlines()
    assert told[-1] == f"settings    {len(plan.settings.identity())}, in study.json; -v shows them"
    assert not any("scale" in line for line in told)
    assert told[:-1] == describe(plan, with_settings=True).splitlines()[: len(told) - 1]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.4, "0 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (3599, "59 min 59 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_seconds_are_told_in_words(seconds, told):
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("numbers", "each_seed", "expected"),
    [
        ((1, 1, 1), False, "1 training image is like 1 test image, 1 of them equal"),
        ((2, 1, 0), False, "2 training images are like 1 test image, 0 of them equal"),
        (
            (1, 1, 1),
            True,
            "1 image is like 1 other, of which a seed may test one and train on the other, "
            "1 of them equal",
        ),
        (
            (2000, 30, 4),
            True,
            "2,000 images are like 30 others, of which a seed may test one and train on the "
            "other, 4 of them equal",
        ),
    ],
)
def test_images_that_are_alike_are_counted_in_words(numbers, each_seed, expected):
    told = dict(zip(("images", "of", "equal"), numbers, strict=True))
    dataset = {"duplicates": {"test": told}} | ({"each_seed": {}} if each_seed else {})
    assert duplicates_in_words(dataset) == [expected]


def test_each_line_of_a_further_test_set_names_it():
    files = {"read": 3, "passed_over": {"hidden": 1}, "noted": {"not square, resize=pad": 2}}
    files["left_out"] = ["cat/3.png (an empty file)"]
    told = {"files": files, "copies": {"train": 0, "test": 1}}
    sets = {name: told | {"told": f"{name}: 3 images, cat: 3"} for name in ("dusk", "night")}
    assert further_in_words(sets) == [
        line
        for name in ("dusk", "night")
        for line in (
            f"{name}: 3 images, cat: 3",
            f"{name}: 3 images read, 1 passed over: 1 hidden",
            f"{name}: left out: cat/3.png (an empty file)",
            f"{name}: of the images: 2 not square, resize=pad",
            f"{name}: copies of real images: 0 of train, 1 of test",
        )
    ]

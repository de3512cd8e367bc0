"""Numbers in sentences."""

import re

import pytest

from gan_mnist.study import words


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 trials"), (1, "1 trial"), (2000, "2,000 trials")]
)
def test_a_noun_has_the_number_of_what_it_counts(number, expected):
    assert words.counted(number, "trial") == expected


def test_irregular_nouns_are_told():
    assert words.counted(2, "trial is", "trials are") == "2 trials are"
    assert words.counted(1, "trial is", "trials are") == "1 trial is"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-0.004, "0.00"), (0.004, "0.00"), (-0.0, "0.00"), (0.006, "+0.01"), (-0.006, "-0.01")],
)
def test_what_rounds_to_nothing_has_no_sign(value, expected):
    assert words.signed(value, 2) == expected
    assert words.fixed(value, 2) == expected.removeprefix("+")


@pytest.mark.parametrize(
    ("ci95", "expected"),
    [
        ((-0.03, 0.05), 2),
        ((-0.025, -0.003), 3),  # with two the upper end would be nothing
        ((0.0003, 0.02), 4),
        ((-0.03, 0.0), 2),
        ((0.00001, 0.5), 4),  # never more
        ((0.1, 0.1), 2),
        (None, 2),
        ((-2.2e-5, -1.9e-5), 6),  # but where all of it lies so near 0
        ((-2e-5, 3e-5), 5),
        ((0.1, 0.100001), 4),
    ],
)
def test_an_interval_beside_zero_does_not_seem_to_end_there(ci95, expected):
    assert words.interval_decimals(ci95) == expected


def test_what_is_the_same_is_so_within_a_margin():
    assert words.verdict_in_words("the same", 0.01) == "the same within ±0.01"
    assert words.verdict_in_words("helps", 0.01) == "helps"
    assert words.verdict_in_words("the same", None) == "the same"


def test_differences_with_their_intervals():
    assert words.with_interval(-0.009, (-0.025, -0.003)) == "-0.009, 95 % CI -0.025 to -0.003"
    assert words.with_interval(0.3, None) == "no interval"
    gain = {"difference": 0.0002, "ci95": [-0.0001, 0.02]}
    assert words.in_brackets(gain) == "0.000 (0.000 to +0.020)"


@pytest.mark.parametrize("scale", [1e-6, 1e-5, 1e-4, 1e-3, 0.1, 10.0])
@pytest.mark.parametrize("ends", [(0.1, 2.0), (0.9, 1.1), (0.94, 0.96)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_difference_whose_interval_leaves_out_zero_is_never_told_as_zero(scale, ends, sign):
    low, high = sorted(sign * scale * end for end in ends)
    difference = sign * scale * 0.95
    for told in (
        words.with_interval(difference, (low, high)),
        words.in_brackets({"difference": difference, "ci95": [low, high]}),
        words.signed_beside(difference, (low, high), 2),
    ):
        numbers = [float(number) for number in re.findall(r"[-+]?\d+\.\d+", told)]
        assert numbers
        assert all(number * sign > 0 for number in numbers)
        assert numbers[0] == pytest.approx(difference, rel=0.3)


def test_what_may_be_nothing_is_told_as_such():
    assert words.with_interval(2e-5, (-0.01, 0.01)) == "0.00, 95 % CI -0.01 to 0.01"
    assert words.with_interval(-2e-5, (-2.2e-5, -1.9e-5)) == (
        "-0.000020, 95 % CI -0.000022 to -0.000019"
    )


def test_names_that_hold_commas_are_quoted_where_several_stand():
    told = {"cat": 20, "dog, black": "12+3", 'a "b"': 1, "%": 0}
    assert words.by_name(told) == 'cat: 20, "dog, black": 12+3, "a ""b""": 1, %: 0'
    assert words.by_name({}) == ""


def test_rough_numbers_have_two_digits_that_count_and_no_exponent():
    assert [words.rough(x) for x in (0.01234, 3.46, 12.0, 347.2)] == ["0.012", "3.5", "12", "350"]

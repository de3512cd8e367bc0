"""Numbers in sentences: counts with their nouns, differences, intervals."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gan_mnist.errors import quoted

MOST_DIGITS = 4
_MOST_DECIMALS = 8


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with what is counted: "1 trial", "2,000 trials".

    Args:
        number: How many.
        one: The words for one of them.
        many: Those for none and for several; `one` with an s if None.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def first_told(texts: Iterable[str]) -> str:
    """The first text that is not empty; "" if there is none."""
    return next(filter(None, texts), "")


def by_name(told: Mapping[str, Any]) -> str:
    """Names with their values, such as counts of classes: cat: 20, "dog, black": 12."""
    return ", ".join(f"{quoted(name)}: {value}" for name, value in told.items())


def fixed(value: float, digits: int) -> str:
    """A number with so many decimals; what rounds to nothing has no sign."""
    return f"{value:z.{digits}f}"


def sided(value: float, digits: int) -> str:
    """An end of an interval, with more decimals if they are needed to show its side of 0."""
    candidates = (fixed(value, decimals) for decimals in range(digits, _MOST_DECIMALS))
    return next((text for text in candidates if float(text) or not value), fixed(value, digits))


def rough(value: float) -> str:
    """A number to two digits that count: "0.012", "3.5", "350"."""
    return f"{float(f'{value:.2g}'):g}"


def signed(value: float, digits: int) -> str:
    """A difference with its sign; what rounds to nothing has none."""
    text = f"{value:+.{digits}f}"
    return text if float(text) else text[1:]


def signed_beside(value: float, ci95: Sequence[float] | None, digits: int) -> str:
    """As `signed`; with more decimals if they are needed where the interval leaves out 0.

    Args:
        value: A difference, or an end of its interval.
        ci95: The interval.
        digits: Decimals that it has at least.
    """
    if ci95 is None or ci95[0] <= 0 <= ci95[1]:
        return signed(value, digits)
    return f"{'+' * (value > 0)}{sided(value, digits)}"


def interval_decimals(ci95: Sequence[float] | None) -> int:
    """Decimals, 2 to 4, that show an interval's half-width and round no end to 0.

    More of them, up to 8, only where both ends are so near 0 that else nothing would be seen.
    """
    half_width = (ci95[1] - ci95[0]) / 2 if ci95 else 0.0
    if ci95 is None or half_width <= 0:
        return 2
    # Two digits of the end that is farther from 0.
    enough = math.ceil(-math.log10(max(map(abs, ci95)))) + 1
    most = min(max(enough, MOST_DIGITS), _MOST_DECIMALS)
    decimals = min(max(math.ceil(-math.log10(half_width)), 2), most)
    while decimals < most and any(end and not float(fixed(end, decimals)) for end in ci95):
        decimals += 1
    return decimals


def verdict_in_words(verdict: str, margin: float | None) -> str:
    """A verdict, with the margin that makes it "the same"."""
    has_margin = verdict == "the same" and margin is not None
    return f"{verdict} within ±{margin:g}" if has_margin else verdict


def with_interval(difference: float | None, ci95: Sequence[float] | None) -> str:
    """A difference and its 95 % interval."""
    if difference is None or ci95 is None:
        return "no interval"
    decimals = interval_decimals(ci95)
    low, high = (sided(end, decimals) for end in ci95)
    return f"{signed_beside(difference, ci95, decimals)}, 95 % CI {low} to {high}"


def choice_in_words(num_chosen_from: int) -> str:
    """States that an interval allows for the choice of an arm from so many; "" for one."""
    return f", allowing for the choice among {num_chosen_from}" if num_chosen_from > 1 else ""


def in_brackets(gain: Mapping[str, Any]) -> str:
    """The `difference` of `gain` and its `ci95` in brackets, with three decimals if these do."""
    ci95 = gain["ci95"]
    difference, low, high = (signed_beside(end, ci95, 3) for end in (gain["difference"], *ci95))
    return f"{difference} ({low} to {high})"

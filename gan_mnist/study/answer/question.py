"""Which way the question of a study asks, by its words, and the words for an answer either way."""

import re
from typing import NamedTuple

from gan_mnist.study.spec import Metric

_OPEN_QUESTIONS = ("How", "What", "When", "Where", "Which", "Who", "Why")
# Beginnings of words that say which way a question asks: for better, worse, more or less.
_WAYS = {
    "better": ("help", "improv", "repair", "better", "best", "benefi", "worth", "useful", "gain"),
    "worse": ("hurt", "harm", "damag", "wors", "spoil", "lose", "lost"),
    "more": ("more", "rais", "increas", "higher"),
    "less": ("less", "fewer", "lower", "reduc", "decreas"),
}


class Wording(NamedTuple):
    """What is said of an arm that did better than the control, or worse.

    Attributes:
        verdict: The verdict on it.
        verb: What it does: "help".
        past: What it did: "helped".
        comparative: How it did: "better".
        superlative: How it did beside all others: "best".
    """

    verdict: str
    verb: str
    past: str
    comparative: str
    superlative: str


BETTER = Wording("helps", "help", "helped", "better", "best")
WORSE = Wording("hurts", "hurt", "hurt", "worse", "worst")


def direction(question: str, metric: Metric) -> int:
    """1 where a question asks for better, -1 for worse, 0 where its words do not say."""
    signs = {"better": 1, "worse": -1, "more": metric.sign, "less": -metric.sign}
    words = re.findall(r"\w+", question.lower())
    directions = {
        signs[way] for way, stems in _WAYS.items() if any(word.startswith(stems) for word in words)
    }
    return directions.pop() if len(directions) == 1 else 0


def is_open(question: str) -> bool:
    """Whether a yes or a no would be no answer to it."""
    return question.split(maxsplit=1)[0] in _OPEN_QUESTIONS

"""Which way the question of a study asks, by its words."""

import re

from gan_mnist.study.spec import Metric

_OPEN_QUESTIONS = ("How", "What", "When", "Where", "Which", "Who", "Why")
# Beginnings of words that say which way a question asks: for better, worse, more or less.
_WAYS = {
    "better": ("help", "improv", "repair", "better", "best", "benefi", "worth", "useful", "gain"),
    "worse": ("hurt", "harm", "damag", "wors", "spoil", "lose", "lost"),
    "more": ("more", "rais", "increas", "higher"),
    "less": ("less", "fewer", "lower", "reduc", "decreas"),
}


def direction(question: str, metric: Metric) -> int:
    """1 where a question asks for better, -1 for worse, 0 where its words do not say."""
    sign = 1 if metric.higher_is_better else -1
    signs = {"better": 1, "worse": -1, "more": sign, "less": -sign}
    words = re.findall(r"\w+", question.lower())
    directions = {
        signs[way] for way, stems in _WAYS.items() if any(word.startswith(stems) for word in words)
    }
    return directions.pop() if len(directions) == 1 else 0


def is_open(question: str) -> bool:
    """Whether a yes or a no would be no answer to it."""
    return question.split(maxsplit=1)[0] in _OPEN_QUESTIONS

"""Which two arms are compared, in the words of the command line: "cgan > classical"."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from gan_mnist.errors import InputError, unknown


class Pair(NamedTuple):
    """An arm, and the reference that it is measured against: "is it better than that?"."""

    arm: str
    reference: str

    def of(self, source: str) -> "Pair":
        """This pair with the name of a source of images in the place of `{source}`."""
        return Pair(*(name.replace("{source}", source) for name in self))

    def __str__(self) -> str:
        return f"{self.arm} > {self.reference}"


def parse_pair(flag: str, text: str, arms: Collection[str]) -> Pair:
    """The pair that "ARM > REFERENCE" names; > is "better than", whichever way the metric goes.

    Args:
        flag: The flag that `text` was given to, for the error message: "--primary".
        text: With or without spaces around the sign.
        arms: Names that are accepted.

    Raises:
        InputError: If the text is of another form, or names an arm that is not among `arms`, or
            one arm twice.
    """
    names = [name.strip() for name in text.split(">")]
    if len(names) != 2 or not all(names):
        raise InputError(f'{flag}: {text!r} is not accepted; accepted: "ARM > REFERENCE"')
    for name in names:
        if name not in arms:
            raise unknown(flag, name, arms)
    if names[0] == names[1]:
        raise InputError(f"{flag}: {text!r} is not accepted; accepted: two different arms")
    return Pair(*names)


def in_words(pairs: Iterable[Pair]) -> str:
    """The primary comparisons of a run, as they are told."""
    return ", ".join(map(str, pairs)) or "no primary comparisons"

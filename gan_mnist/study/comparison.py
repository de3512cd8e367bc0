"""Which two arms are compared, in the words of the command line: "cgan > classical"."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from gan_mnist.errors import InputError, unknown

MOST_PRIMARY = 3


class Pair(NamedTuple):
    """An arm, and the reference that it is measured against: "is it better than that?"."""

    arm: str
    reference: str

    def of(self, source: str) -> "Pair":
        """This pair with the name of a source of images in the place of `{source}`."""
        return Pair(*(name.replace("{source}", source) for name in self))

    def __str__(self) -> str:
        return f"{self.arm} > {self.reference}"


def parse_pair(flag: str, text: str, arms: Collection[str], sign: str = ">") -> Pair:
    """The pair that "ARM > REFERENCE" names; > is "better than", whichever way the metric goes.

    Args:
        flag: The flag that `text` was given to, for the error message: "--primary".
        text: With or without spaces around the sign.
        arms: Names that are accepted.
        sign: What stands between the two names.

    Raises:
        InputError: If the text is of another form, or names an arm that is not among `arms`, or
            one arm twice.
    """
    names = [name.strip() for name in text.split(sign)]
    if len(names) != 2 or not all(names):
        raise InputError(f'{flag}: {text!r} is not accepted; accepted: "ARM {sign} REFERENCE"')
    for name in names:
        if name not in arms:
            raise unknown(flag, name, arms)
    if names[0] == names[1]:
        raise InputError(f"{flag}: {text!r} is not accepted; accepted: two different arms")
    return Pair(*names)


def parse_primary(texts: Sequence[str], arms: Collection[str], control: str) -> tuple[Pair, ...]:
    """The primary comparisons that texts such as "ARM > REFERENCE" name, each once.

    Args:
        texts: As given to `--primary`.
        arms: Names that are accepted.
        control: The arm that may only be a reference.

    Raises:
        InputError: If a text is no comparison of `arms`, or has the control for its arm, or there
            are too many.
    """
    pairs = tuple(dict.fromkeys(parse_pair("--primary", text, arms) for text in texts))
    for pair in pairs:
        if pair.arm == control:
            raise InputError(
                f'--primary: "{pair}" is not accepted; accepted: the control as reference, '
                f'"{pair.reference} > {pair.arm}"'
            )
    if len(pairs) > MOST_PRIMARY:
        raise InputError(
            f"--primary: {len(pairs)} comparisons are not accepted; accepted: at most "
            f"{MOST_PRIMARY}, since each makes the others harder to find"
        )
    return pairs


def in_words(pairs: Iterable[Pair]) -> str:
    """The primary comparisons of a run, as they are told."""
    return ", ".join(map(str, pairs)) or "no primary comparisons"

"""Two arms in the words of the command line."""

import pytest

from gan_mnist.errors import InputError
from gan_mnist.study.comparison import Pair, parse_pair

ARMS = ("none", "classical", "cgan-2.0")


@pytest.mark.parametrize("text", ["cgan-2.0 > none", "cgan-2.0>none", "  cgan-2.0  >none "])
def test_a_pair_is_written_with_or_without_spaces(text):
    assert parse_pair("--primary", text, ARMS) == Pair("cgan-2.0", "none")


def test_a_pair_is_told_as_it_is_written():
    pair = parse_pair("--primary", "classical > none", ARMS)
    assert f"{pair}" == "classical > none"
    assert parse_pair("--primary", f"{pair}", ARMS) == pair


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("classical", '"ARM > REFERENCE"'),
        ("classical < none", '"ARM > REFERENCE"'),
        ("classical > none > cgan-2.0", '"ARM > REFERENCE"'),
        ("> none", '"ARM > REFERENCE"'),
        ("", '"ARM > REFERENCE"'),
        ("clasical > none", "'clasical' is unknown; did you mean 'classical'?"),
        ("classical > no", "'no' is unknown"),
        ("none > none", "two different arms"),
    ],
)
def test_what_is_no_pair_is_refused_in_a_line_that_names_the_flag(text, told):
    with pytest.raises(InputError) as refused:
        parse_pair("--require", text, ARMS)
    message = f"{refused.value}"
    assert message.startswith("--require: ")
    assert told in message
    assert "\n" not in message

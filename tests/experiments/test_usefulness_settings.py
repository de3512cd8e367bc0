"""The study of usefulness: what its settings must not be."""

import re

import pytest

from gan_mnist.errors import InputError
from gan_mnist.experiments import make_plan


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ((), "nothing is not accepted"),
        ((1.0, 1.0), "1 is there twice"),
        # As arms would be named after them.
        ((0.5, 1.0, 1.0000001), "1 is there twice"),
    ],
)
def test_shares_that_cannot_name_arms_are_refused(shares, told):
    with pytest.raises(InputError, match=f"^setting shares: {told}"):
        make_plan("usefulness", settings={"shares": shares})


def test_a_misspelt_generator_is_no_folder_that_is_missing():
    told = "--generated: 'warpgan' is unknown; did you mean 'warp_gan'?"
    with pytest.raises(InputError, match=re.escape(told)):
        make_plan("usefulness", generated=("warpgan",))

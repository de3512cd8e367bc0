"""Which kinds of a table `make test` tries, and which `make test-all` alone."""

import pytest

# Kinds of generators and GANs of which every test traces a network for some seconds. They do what
# the quick ones do, and have tests of their own for what they alone do; a new kind is quick until
# it is named here.
SLOW_TO_TRACE = {"bagan", "dagan", "r3gan", "vae_flow", "warp", "warp_gan"}


def kinds_of(table):
    """The values of a table of kinds by name, as parameters; some are marked as slow."""
    return [
        pytest.param(value, id=name, marks=pytest.mark.slow if name in SLOW_TO_TRACE else ())
        for name, value in table.items()
    ]

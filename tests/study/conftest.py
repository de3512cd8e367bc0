"""Here processes are what is tested: a trial has one of its own."""

import pytest

pytest.register_assert_rewrite("interrupting")


@pytest.fixture(scope="module", autouse=True)
def trials_in_this_process():
    """Not in this folder."""

"""Kills at further moments, and the other ways in which a run is interrupted."""

import signal

import pytest
from interrupting import check_interrupted, check_killed, images, start, undisturbed, whole

__all__ = ["images", "start", "undisturbed", "whole"]  # fixtures


@pytest.mark.parametrize("draw", range(1, 5))
def test_killed_at_any_moment_it_ends_as_if_undisturbed(start, tmp_path, undisturbed, draw):
    check_killed(start, tmp_path, undisturbed, draw)


# As another process does, and as a scheduler does.
@pytest.mark.parametrize(
    ("number", "to_group"), [(signal.SIGINT, False), (signal.SIGTERM, True)], ids=["one", "group"]
)
def test_an_interrupted_run_ends_at_once_and_goes_on(
    start, tmp_path, undisturbed, number, to_group
):
    check_interrupted(start, tmp_path, undisturbed, number, to_group)

"""The figure over shares: a line for each source and way of use, through the means of its arms."""

from types import SimpleNamespace

import pytest

from gan_mnist import experiments

FIGURES = experiments.load("usefulness").part("figures")
SHARES = (0.25, 1.0, 4.0)
SIZE = "balanced_accuracy_at_20"


def run_of(means):
    """A run of arms with (mean, share), as far as the figure reads it."""
    arms = {
        name: {"n": 5, "metrics": {SIZE: {"mean": mean, "ci95": [mean - 0.01, mean + 0.01]}}}
        for name, (mean, _) in means.items()
    }
    changes = {name: {"share": share} if share else {} for name, (_, share) in means.items()}
    return SimpleNamespace(
        summary={"arms": arms, "control": "real", "metrics": [{"name": SIZE}]},
        study={"arms": {name: {"changes": of} for name, of in changes.items()}},
    )


def test_a_line_goes_through_the_means_of_a_source_by_share():
    means = {"real": (0.6, None), "classical": (0.7, None), "one_x4": (0.9, 4.0)}
    means |= {
        f"{stem}_x{share:g}": (0.6 + add + share / 100, share)
        for stem, add in (("new", 0.0), ("new_classical", 0.1))
        for share in SHARES[::-1]
    }
    (axes,) = FIGURES.shares(run_of(means)).axes
    through = [line for line in axes.lines if line.get_marker() == "o"]
    # What has one share alone has no line.
    assert len(through) == 2
    for line, add in zip(through, (0.0, 0.1), strict=True):
        assert line.get_ydata() == pytest.approx([0.6 + add + share / 100 for share in SHARES])
        assert line.get_xdata() == pytest.approx(SHARES, rel=0.05)
    dashed = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert dashed == [0.6, 0.7]


def test_of_one_share_there_is_no_figure():
    assert FIGURES.shares(run_of({"real": (0.6, None), "new": (0.7, 1.0)})) is None

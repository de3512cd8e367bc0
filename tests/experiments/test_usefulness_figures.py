"""The figure over shares: a line for each source and way of use, through the means of its arms."""

from types import SimpleNamespace

import numpy as np
import pytest

from gan_mnist import experiments
from gan_mnist.files import write_arrays

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


def drawn_copies(folder, arms):
    """The rows' names in the figure of copies, where each arm has one copy of a training image."""
    image, none = np.zeros((1, 8, 8, 1), np.uint8), np.zeros((0, 8, 8, 1), np.uint8)
    for arm in arms:
        (folder / arm).mkdir()
        pairs = {"train": np.stack([image, image]), "test": np.stack([none, none])}
        write_arrays(folder / arm / "copies.npz", **pairs)
    run = SimpleNamespace(
        summary={"arms": dict.fromkeys(arms), "oracle": "oracle" if "oracle" in arms else None},
        trials_of=lambda arm: [SimpleNamespace(directory=folder / arm)],
    )
    figure = FIGURES.copies(run)
    return figure and [text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text"))]


def test_that_an_oracle_shows_real_images_is_not_told_as_copying(tmp_path):
    names = drawn_copies(tmp_path, ["made", "oracle"])
    assert "made" in names
    assert not [name for name in names if "oracle" in name]


def test_of_an_oracle_alone_there_is_no_figure_of_copies(tmp_path):
    assert drawn_copies(tmp_path, ["oracle"]) is None

"""What seeds of published arms differ by, to draw studies without an effect from."""

import json
from pathlib import Path

import numpy as np
from scipy import stats

RESULTS = Path(__file__).parents[2] / "experiments"
DRAWS = 4000


def residuals():
    """By run, of arms of ten seeds what these differ by, (10,) each; the control first."""
    for path in sorted(RESULTS.glob("*/results/*/summary.json")):
        arms = json.loads(path.read_text())["arms"]
        values = [list(arm["values"].values()) for arm in arms.values()]
        found = [np.array(of_arm) - np.mean(of_arm) for of_arm in values if len(of_arm) == 10]
        if len(found) > 1:
            yield f"{path.parents[2].name}/{path.parent.name}", found


RUNS = dict(residuals())


def drawn(arm, rng, n):
    """`DRAWS` draws of `n` of its seeds, and in which of them all that failed are."""
    rows = rng.integers(10, size=(DRAWS, n))
    apart = abs(arm - np.median(arm))
    failed = np.flatnonzero(apart > 5 * stats.median_abs_deviation(arm, scale="normal"))
    return arm[rows], (rows[:, :, None] == failed).any(1).all(1)


def null_studies(run, n):
    """Each other arm of the run against the control: differences (DRAWS, n), and that of both."""
    rng = np.random.default_rng(23)
    (first, first_seen), *others = (drawn(arm, rng, n) for arm in RUNS[run])
    return [(other - first, seen & first_seen) for other, seen in others]

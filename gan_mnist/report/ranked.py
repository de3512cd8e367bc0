"""The critical-difference figure: mean ranks of arms on a line, those that do not differ joined.

It is drawn by scikit-posthocs, which the extra `compare` installs.
"""

import importlib.util
import warnings

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from gan_mnist.report.style import BLUE, INK, MUTED, WIDTH_INCHES, styled
from gan_mnist.study.statistics.ranks import Ranking

# Where the critical difference is drawn, in rows above the axis.
_ABOVE = 1.4


def is_installed() -> bool:
    """Whether the figure can be drawn."""
    return importlib.util.find_spec("scikit_posthocs") is not None


@styled
def critical_difference(ranking: Ranking) -> Figure:
    """Mean ranks, the best on the left; a bar joins arms that are not shown to differ.

    Source: Demšar, J. Mach. Learn. Res. 7 (2006), figure 1.
    """
    with warnings.catch_warnings():  # Of the library's own imports.
        warnings.simplefilter("ignore")
        from scikit_posthocs import critical_difference_diagram

    names, ranks = list(ranking.mean), np.array(list(ranking.mean.values()))
    # Nemenyi's p values: those at which the critical difference is 0.05's.
    unit = ranking.critical_difference / stats.studentized_range.isf(0.05, len(names), np.inf)
    distances = np.abs(ranks[:, None] - ranks[None]) / unit
    p_values = stats.studentized_range.sf(distances, len(names), np.inf)
    figure = Figure(figsize=(WIDTH_INCHES, 1.3 + 0.22 * len(names)), layout="constrained")
    axes = figure.subplots()
    critical_difference_diagram(
        dict(ranking.mean),
        pd.DataFrame(p_values, names, names),
        ax=axes,
        label_fmt_left="{label}  {rank:.2f}",
        label_fmt_right="{rank:.2f}  {label}",
        label_props={"size": 9},
        elbow_props={"color": INK, "linewidth": 0.8},
        crossbar_props={"color": INK, "linewidth": 3},
        text_h_margin=0.1,
    )
    # The library's own bar lies on the numbers of the axis.
    bar_end = 1 + ranking.critical_difference
    axes.plot([1, bar_end], [_ABOVE, _ABOVE], color=BLUE, linewidth=3, solid_capstyle="butt")
    axes.text(bar_end, _ABOVE, f"  critical difference {ranking.critical_difference:.2f}",
              color=BLUE, va="center", size=8.5)  # fmt: skip
    axes.set_xlim(0.9, max(len(names), bar_end) + 0.1)
    axes.set_xticks(range(1, len(names) + 1))
    axes.spines["top"].set_visible(True)
    axes.set_title(f"mean rank on {ranking.num_data_sets} data sets, 1 is the best; "
                   "a bar joins arms that are not shown to differ", color=MUTED, pad=8)  # fmt: skip
    return figure

"""Positions in the charts that the page draws itself as SVG: no markup, only numbers.

Positions along an axis are per cent of its length, so that a chart is as wide as its reader's
screen while its letters and marks keep their size.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_high, median_low
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from gan_mnist.study.answer.reasons import deciding_interval

_MOST_TICKS = 5
# Of a line; more cannot be told apart in a panel.
_MOST_POINTS = 100
# Ticks within a power of ten, by what the ratio of the axis's end to its beginning is below.
_LOG_FACTORS = {30: (1, 2, 5), 300: (1, 3)}
# A letter beside a square of cells, as a share of its width; and what is too little to be seen.
_LETTER, _LEAST_SHARE = 0.055, 0.005
# Of the span of the points in a forest: what intervals may need beyond them at an end, and what
# stays free behind all.
_ROOM, _PADDING = 0.6, 0.04
Limits = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """An axis of a chart.

    Attributes:
        low: Its lower end.
        high: Its upper end, above `low`.
        is_log: Whether equal steps are equal factors; `low` is positive then.
    """

    low: float
    high: float
    is_log: bool = False

    def position(self, value: float) -> float:
        """The place of a value, in per cent; that of the nearest end for one beyond."""
        numbers = (self.low, self.high, min(max(value, self.low), self.high))
        low, high, value = map(math.log, numbers) if self.is_log else numbers
        return round(100 * (value - low) / (high - low), 2)

    @property
    def ticks(self) -> list[dict[str, Any]]:
        """Round numbers with their places."""
        if self.is_log:
            factors = log_factors(self.low, self.high)
            exponents = range(
                math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1
            )
            values = [factor * 10.0**exponent for exponent in exponents for factor in factors]
        else:
            values = list(MaxNLocator(_MOST_TICKS).tick_values(self.low, self.high))
        visible = [value for value in values if self.low <= value <= self.high]
        return [
            {"at": self.position(value), "value": value, "text": _short(value)} for value in visible
        ]


def log_factors(low: float, high: float) -> tuple[int, ...]:
    """Which multiples of a power of ten are ticks of a logarithmic axis, as there is room."""
    # An axis of matplotlib may begin at 0, which no ratio is below.
    fitting = (factors for span, factors in _LOG_FACTORS.items() if high < span * low)
    return next(fitting, (1,))


def _short(value: float) -> str:
    return f"{value:,.6g}".replace("-", "\N{MINUS SIGN}")


def forest_limits(summary: Mapping[str, Any]) -> tuple[Limits, Limits]:
    """The ends of the axes of means and of differences.

    An arm that is there to fail does not set them.
    """
    failing_names = {check["arm"] for check in summary["controls"] if check["relation"] == "below"}
    finished_arms = {name: arm for name, arm in summary["arms"].items() if arm["n"]}
    limiting_arms = [arm for name, arm in finished_arms.items() if name not in failing_names]
    limiting_arms = limiting_arms or list(finished_arms.values())
    points = [value for arm in limiting_arms for value in (*arm["values"].values(), arm["mean"])]
    differences = [arm["difference"] for arm in limiting_arms if arm["difference"] is not None]
    return (
        _limits(points, [arm["ci95"] for arm in limiting_arms]),
        _limits([0.0, *differences], [deciding_interval(arm) for arm in limiting_arms]),
    )


def _limits(points: Sequence[float], intervals: Iterable[Any]) -> Limits:
    """Around all points, and around intervals unless a few would flatten the points.

    Args:
        points: Never beyond an end.
        intervals: Pairs of ends; None where there is none.

    Returns:
        The low and the high end, each with a little room beyond what is seen there.
    """
    low_point, high_point = min(points), max(points)
    span = (high_point - low_point) or abs(high_point) or 1.0
    bounds = [interval for interval in intervals if interval] or [(low_point, high_point)]
    lows, highs = zip(*bounds, strict=True)
    # At each end by itself, intervals get some room beyond the points, more if fewer than half of
    # them would be seen whole there, and never more than the longest needs.
    low_room = min(low_point - _ROOM * span, median_high(lows))
    high_room = max(high_point + _ROOM * span, median_low(highs))
    low = min(low_point, max(min(lows), low_room))
    high = max(high_point, min(max(highs), high_room))
    return float(low - _PADDING * span), float(high + _PADDING * span)


def forest(summary: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any] | None:
    """Every arm's seeds and mean with its interval, and the paired difference to the control.

    Args:
        summary: As in `summary.json`.
        order: Names of arms, top row first.

    Returns:
        The two axes, `means` and `differences`, with their `lines` (place and role of the control
        and the oracle), and `rows` by name; None where no arm has a value. A row has `seeds`, and
        `mean` and `difference`, which may be None, as `_interval` gives them.
    """
    arms = summary["arms"]
    if not any(arm["n"] for arm in arms.values()):
        return None
    mean_axis, difference_axis = (Axis(*limits) for limits in forest_limits(summary))
    roles = {"control": summary["control"], "oracle": summary["oracle"]}
    mean_lines = [
        {"at": mean_axis.position(arms[name]["mean"]), "role": role, "name": name}
        for role, name in roles.items()
        if name in arms and arms[name]["n"]
    ]
    rows = {}
    for name in order:
        arm = arms[name]
        rows[name] = {
            "seeds": [
                {"at": mean_axis.position(value), "seed": seed, "value": value}
                for seed, value in arm["values"].items()
                if mean_axis.low <= value <= mean_axis.high
            ],
            "mean": _interval(mean_axis, arm["mean"], arm["ci95"]),
            "difference": _interval(difference_axis, arm["difference"], deciding_interval(arm)),
        }
    difference_lines = [
        {"at": difference_axis.position(0.0), "role": "control", "name": summary["control"]}
    ]
    return {
        "means": {"ticks": mean_axis.ticks, "lines": mean_lines},
        "differences": {"ticks": difference_axis.ticks, "lines": difference_lines},
        "rows": rows,
    }


def _interval(axis: Axis, value: float | None, ci95: Any) -> dict[str, Any] | None:
    """Places of the mean (`at`, None if it is `beyond` an end) and of `low` and `high`.

    `cut` names the ends, "low" and "high", beyond which the interval or the mean goes on.
    """
    if value is None:
        return None
    is_within = axis.low <= value <= axis.high
    low, high = ci95 or (value, value)
    cut = {"low": min(low, value) < axis.low, "high": max(high, value) > axis.high}
    return {
        "at": axis.position(value) if is_within else None,
        "beyond": None if is_within else "low" if value < axis.low else "high",
        "value": value,
        "low": axis.position(low),
        "high": axis.position(high),
        "cut": [end for end, is_cut in cut.items() if is_cut],
    }


def lines(
    series: Mapping[str, pd.DataFrame],
    x: str = "update",
    is_log: bool = False,
    x_limits: Limits | None = None,
    y_limits: Limits | None = None,
) -> dict[str, Any]:
    """Lines in one panel.

    Args:
        series: By name, frames with the columns `x` and `value`; with `low` and `high`, a band.
        x: The column along the axis.
        is_log: Whether that axis is logarithmic.
        x_limits: Its ends; by default what the lines need.
        y_limits: The ends of the y axis; by default what the lines need.

    Returns:
        The axes' `x` and `y` ticks, and `series` by name: `points` and `band` in thousandths of
        the panel from its upper left corner, and what they stand for, `x` and `y`, in words.
    """
    frames = {name: _thinned(frame) for name, frame in series.items()}
    x_axis = Axis(
        *(x_limits or padded_limits((frame[x] for frame in frames.values()), 0.0)), is_log
    )
    y_axis = Axis(*(y_limits or padded_limits(frame["value"] for frame in frames.values())))
    drawn_series = {}
    for name, frame in frames.items():
        x_positions = [10 * x_axis.position(value) for value in frame[x]]
        band = ""
        if {"low", "high"} <= {*frame}:
            lower, upper = (
                list(zip(x_positions, frame[bound], strict=True)) for bound in ("low", "high")
            )
            band = _points([*lower, *reversed(upper)], y_axis)
        drawn_series[name] = {
            "points": _points(zip(x_positions, frame["value"], strict=True), y_axis),
            "band": band,
            "x": " ".join(f"{value:.6g}" for value in frame[x]),
            "y": " ".join(f"{value:.4g}" for value in frame["value"]),
            "last": float(frame["value"].iloc[-1]),
        }
    y_ticks = [tick | {"at": round(100 - tick["at"], 2)} for tick in y_axis.ticks]
    return {"x": x_axis.ticks, "y": y_ticks, "series": drawn_series}


def heatmap(matrix: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """A square of cells, row: truth, column: prediction, in units of a cell.

    Args:
        matrix: (k, k) shares in [0, 1].
        names: Of the classes, short.

    Returns:
        `size`, k; `font`, the size of letters; `left` and `below`, the room that names need;
        `upright`, whether those below stand so; `cells` that are seen: `row`, `column`, `share`.
    """
    max_length = max(map(len, names))
    label_share = _LETTER * (0.6 * max_length + 0.8)  # of the whole picture
    total_size = len(names) / (1 - label_share)
    is_upright = max_length <= 2
    cells = [
        {"row": row, "column": column, "share": float(share)}
        for (row, column), share in np.ndenumerate(matrix)
        if share >= _LEAST_SHARE
    ]
    return {
        "size": len(names),
        "font": round(_LETTER * total_size, 3),
        "left": round(label_share * total_size, 3),
        "below": round(1.5 * _LETTER * total_size if is_upright else label_share * total_size, 3),
        "upright": is_upright,
        "cells": cells,
    }


def padded_limits(columns: Iterable[Sequence[float]], margin: float = 0.06) -> Limits:
    """The ends of an axis that has room for all that is in `columns`, and a margin."""
    values = np.concatenate([np.asarray(column, float) for column in columns])
    low, high = float(values.min()), float(values.max())
    span = (high - low) or abs(high) or 1.0
    return low - margin * span, high + max(margin, 1e-9) * span


def _thinned(frame: pd.DataFrame) -> pd.DataFrame:
    step = -(-len(frame) // _MOST_POINTS)
    return frame.iloc[(len(frame) - 1) % step :: step]


def _points(pairs: Iterable[tuple[float, float]], y_axis: Axis) -> str:
    return " ".join(f"{x:.0f},{1000 - 10 * y_axis.position(y):.0f}" for x, y in pairs)

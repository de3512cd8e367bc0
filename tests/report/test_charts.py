"""What the page draws itself stands where its numbers are."""

import json

import numpy as np
import pandas as pd
import pytest
from fake_run import make_run

from gan_mnist.report.charts import Axis, forest, heatmap, lines


@pytest.fixture
def summary(tmp_path):
    make_run(tmp_path, arms=("none", "cgan", "oracle"), seeds=4)
    return json.loads((tmp_path / "summary.json").read_text())


def test_places_are_per_cent_of_the_axis():
    axis = Axis(2, 6)
    assert [axis.position(value) for value in (2, 3, 6, 1, 9)] == [0, 25, 100, 0, 100]
    log = Axis(1, 10_000, is_log=True)
    assert [log.position(value) for value in (1, 10, 1000, 0, 10**6)] == [0, 25, 75, 0, 100]


@pytest.mark.parametrize(
    ("axis", "texts"),
    [
        (Axis(-0.031, 0.021), ["\N{MINUS SIGN}0.03", "\N{MINUS SIGN}0.015", "0", "0.015"]),
        (Axis(0.9, 11, is_log=True), ["1", "2", "5", "10"]),
        (Axis(9, 1100, is_log=True), ["10", "30", "100", "300", "1,000"]),
        (Axis(1, 20_000, is_log=True), ["1", "10", "100", "1,000", "10,000"]),
    ],
)
def test_ticks_are_few_round_numbers(axis, texts):
    ticks = axis.ticks
    assert [tick["text"] for tick in ticks][: len(texts)] == texts
    assert 2 <= len(ticks) <= 6
    assert all(tick["at"] == axis.position(tick["value"]) for tick in ticks)


def test_a_row_has_its_seeds_its_mean_and_its_interval(summary):
    chart = forest(summary, ["oracle", "cgan", "none", "smote"])
    arm, row, ticks = summary["arms"]["cgan"], chart["rows"]["cgan"], chart["means"]["ticks"]
    # From two ticks, which tell numbers and places, the axis can be read as a reader does.
    (x0, v0), (x1, v1) = ((tick["at"], tick["value"]) for tick in (ticks[0], ticks[-1]))

    def read(place):
        return v0 + (place - x0) / (x1 - x0) * (v1 - v0)

    assert {seed["seed"]: pytest.approx(read(seed["at"]), abs=1e-3) for seed in row["seeds"]} == (
        arm["values"]
    )
    assert read(row["mean"]["at"]) == pytest.approx(arm["mean"], abs=1e-3)
    ends = [read(row["mean"][end]) for end in ("low", "high")]
    assert ends == pytest.approx(arm["ci95"], abs=1e-3)
    roles = {line["role"]: read(line["at"]) for line in chart["means"]["lines"]}
    means = {name: summary["arms"][name]["mean"] for name in ("none", "oracle")}
    assert roles == pytest.approx({"control": means["none"], "oracle": means["oracle"]}, abs=1e-3)
    assert chart["rows"]["none"]["difference"] is None
    assert chart["rows"]["smote"]["mean"] is None


def test_what_lies_beyond_is_cut_and_told(summary):
    summary["controls"] = [{"arm": "cgan", "relation": "below"}]
    summary["arms"]["cgan"] |= {"mean": -50.0, "ci95": [-60.0, -40.0], "values": {"0": -50.0}}
    row = forest(summary, ["cgan", "none", "oracle"])["rows"]["cgan"]
    assert (row["seeds"], row["mean"]["at"]) == ([], None)
    assert (row["mean"]["beyond"], row["mean"]["cut"]) == ("low", ["low"])
    summary["arms"]["oracle"]["ci95"] = [-70.0, 70.0]
    mean = forest(summary, ["cgan", "none", "oracle"])["rows"]["oracle"]["mean"]
    assert (mean["low"], mean["high"], mean["cut"]) == (0, 100, ["low", "high"])


def test_without_a_value_there_is_no_forest(summary):
    nothing = summary["arms"]["smote"]
    assert forest(summary | {"arms": dict.fromkeys(summary["arms"], nothing)}, ["cgan"]) is None


def test_a_line_goes_through_its_points_and_says_them():
    frame = pd.DataFrame({"update": [0, 50, 100], "value": [0.0, 1.0, 0.5]})
    frame = frame.assign(low=frame["value"] - 0.5, high=frame["value"] + 0.5)
    chart = lines({"a": frame}, x_limits=(0, 100), y_limits=(-1, 3))
    line = chart["series"]["a"]
    assert line["points"] == "0,750 500,500 1000,625"
    assert line["band"] == "0,875 500,625 1000,750 1000,500 500,375 0,625"
    assert (line["x"], line["y"], line["last"]) == ("0 50 100", "0 1 0.5", 0.5)
    places = {tick["text"]: tick["at"] for tick in chart["y"]}
    assert (places["0"], places["1.6"]) == (75, 35)  # From above.


def test_a_long_line_is_thinned_and_keeps_its_end():
    frame = pd.DataFrame({"update": range(5001), "value": np.linspace(0, 1, 5001)})
    line = lines({"a": frame})["series"]["a"]
    assert len(line["points"].split()) == len(line["x"].split()) <= 100
    assert line["x"].split()[-1] == "5000"


def test_cells_are_those_that_are_seen_and_names_have_room():
    chart = heatmap(np.array([[0.9, 0.1], [0.001, 0.999]]), ["cat", "dogs"])
    assert [(c["row"], c["column"], c["share"]) for c in chart["cells"]] == [
        (0, 0, 0.9),
        (0, 1, 0.1),
        (1, 1, 0.999),
    ]
    assert not chart["upright"]
    assert chart["left"] > 4 * 0.55 * chart["font"]
    digits = heatmap(np.eye(10), list("0123456789"))
    assert digits["upright"]
    assert digits["left"] < 1.5

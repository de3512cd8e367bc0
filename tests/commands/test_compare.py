"""`python -m gan_mnist.compare`: side by side, as ranks, and what cannot be compared."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from made_runs import ARMS, draws, write_run
from PIL import Image

from gan_mnist.commands import compare

MAIN = compare.main
ROOT = Path(__file__).parents[2]
ONE = draws(0, dict.fromkeys(ARMS, 0.5))
BETTER = {arm: [v + 0.1 + 0.001 * s for s, v in enumerate(ONE[arm])] for arm in ARMS}
MEANS = {"none": 0.5, "classical": 0.8, "cgan": 0.65}


@pytest.fixture
def two(tmp_path):
    return write_run(tmp_path / "one", ONE), write_run(tmp_path / "other", BETTER)


@pytest.fixture
def three(tmp_path):
    """Runs on three data sets, the arms always in one order."""
    return [
        write_run(tmp_path / name, draws(place, MEANS), sha256=name[0] * 64)
        for place, name in enumerate(("digits", "clothes", "signs"))
    ]


def cells(out, heading):
    """The rows of the table below a heading, by their first cell."""
    lines = out.partition(f"{heading}\n")[2].partition("\n\n")[0].splitlines()
    rows = [[cell for cell in line.strip().split("  ") if cell] for line in lines]
    return {row[0]: [cell.strip() for cell in row[1:]] for row in rows if len(row) > 2}


def test_two_runs_stand_side_by_side(command, two):
    status, out, err = command(*two)
    assert (status, err) == (0, "")
    assert "what differs, one -> other\n  nothing: settings, data and versions are equal" in out
    table = cells(out, "other against one")
    assert table.keys() == {"arm", *ARMS}
    mean = sum(ONE["cgan"]) / 6
    first, second, difference, p_value, verdict, seeds = table["cgan"]
    assert (first, second) == (f"{mean:.4g} (n=6)", f"{mean + 0.1025:.4g} (n=6)")
    assert difference.startswith("+0.10")
    assert float(p_value) < 0.001
    assert (verdict, seeds) == ("better", "paired, 6")
    assert cells(out, "difference to none in each run")["cgan"] == 2 * ["+0.25 [0.12, 0.50] helps"]


def test_what_a_run_found_has_the_interval_that_decides(command, two):
    path = two[1] / "summary.json"
    summary = json.loads(path.read_text())
    over = {"difference_ci95_images": [-0.25, 0.375], "verdict": "cannot tell"}
    summary["arms"]["cgan"] |= over
    path.write_text(json.dumps(summary))
    row = cells(command(*two)[1], "difference to none in each run")["cgan"]
    assert row == ["+0.25 [0.12, 0.50] helps", "+0.25 [-0.25, 0.50] cannot tell"]


def test_what_is_not_paired_is_told_first(command, tmp_path):
    one = write_run(tmp_path / "one", ONE)
    other = write_run(tmp_path / "other", BETTER, settings={"updates": 7})
    out = command(one, other, "--arms=cgan,none")[1]
    assert out.index("setting updates: 100 -> 7") < out.index("other against one")
    assert (
        "Every arm is compared without pairs (Welch): the settings differ (updates: 100 -> 7)."
        in out
    )
    table = cells(out, "other against one")
    assert table.keys() == {"arm", "none", "cgan"}
    assert table["cgan"][-1] == "unpaired"
    assert "not compared\n  one: classical\n  other: classical" in out


def test_too_few_test_images_for_a_verdict_are_told(command, tmp_path):
    one, other = (
        write_run(tmp_path / name, values, num_test=3)
        for name, values in (("one", ONE), ("other", BETTER))
    )
    out = command(one, other)[1]
    assert cells(out, "other against one")["cgan"][4] == "cannot tell"
    assert "Every arm gets no verdict, whatever the interval, from only 3 test images" in out


def test_the_table_of_a_file_has_all_numbers(command, two, directory):
    out = command(*two, "--output=table.csv")[1]
    with open("table.csv", newline="") as file:
        rows = {row["arm"]: row for row in csv.DictReader(file)}
    assert rows.keys() == set(ARMS)
    row = rows["classical"]
    assert float(row["difference"]) == pytest.approx(0.1025)
    assert float(row["mean_first"]) == pytest.approx(sum(ONE["classical"]) / 6)
    assert float(row["ci95_low"]) < 0.1025 < float(row["ci95_high"])
    assert (row["run"], row["seeds"], row["verdict"]) == ("other", "6", "better")
    assert row["unpaired"] == ""
    assert "written: " in out


def test_three_data_sets_are_ranked(command, three):
    status, out, err = command(*three)
    assert (status, err) == (0, "")
    table = cells(out, "ranks, 1 is the best")
    assert [table[arm][0] for arm in ("classical", "cgan", "none")] == ["1.00", "2.00", "3.00"]
    assert table["arm"] == ["mean rank", "digits", "clothes", "signs"]
    assert "Friedman's test over 3 data sets: chi2 = 6.00, p = 0.0498" in out
    assert "against digits" not in out


def test_an_arm_that_failed_on_hard_seeds_gains_no_rank_by_it(command, tmp_path):
    """All arms do worse on the last two seeds, where the second best has failed."""
    runs = []
    for place, name in enumerate(("digits", "clothes", "signs")):
        values = {
            arm: [value - 0.5 * (seed > 3) for seed, value in enumerate(arm_values)]
            for arm, arm_values in draws(place, MEANS).items()
        }
        values["cgan"] = values["cgan"][:4]
        runs.append(write_run(tmp_path / name, values, sha256=name[0] * 64))
    table = cells(command(*runs)[1], "ranks, 1 is the best")
    assert [table[arm][0] for arm in ("classical", "cgan", "none")] == ["1.00", "2.00", "3.00"]


def test_ranks_want_a_seed_that_all_arms_have(refused, three, tmp_path):
    path = three[1] / "records.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [row for row in rows if (row["arm"] == "cgan") == (row["seed"] < 3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in kept))
    assert "clothes no seed has all arms" in refused(*three, "--figure=a.png")


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_ranks_become_a_page_with_a_figure(command, three, directory, suffix):
    status, _, err = command(*three, "--output=page.md", f"--figure=ranks{suffix}")
    assert (status, err) == (0, "")
    page = Path("page.md").read_text()
    assert "| classical | 1.00 |" in page
    assert f"](<ranks{suffix}>)" in page
    figure = Path(f"ranks{suffix}")
    if suffix == ".png":
        with Image.open(figure) as image:
            assert image.size[0] > 1000
    else:
        assert "<svg" in figure.read_text()


def test_a_figure_that_cannot_be_drawn_says_what_to_install(refused, three, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'gan_mnist[compare]'" in refused(*three, "--figure=ranks.png")


def test_ranks_want_a_run_of_each_data_set(refused, three, tmp_path):
    again = write_run(tmp_path / "again", draws(9, MEANS), sha256="d" * 64)
    assert "two of these runs are of one data set" in refused(*three, again, "--figure=a.png")
    assert "2 data sets" in refused(*three[:2], "--figure=a.png")
    assert "share 2 arms" in refused(*three, "--arms=none,cgan", "--figure=a.png")


def test_further_runs_are_compared_with_the_first(command, two, tmp_path):
    third = write_run(tmp_path / "third", ONE)
    out = command(*two, third)[1]
    assert cells(out, "other against one")["cgan"][4] == "better"
    assert cells(out, "third against one")["cgan"][4] == "the same within ±0.01"


def test_runs_of_one_name_are_told_apart(command, tmp_path):
    runs = [write_run(tmp_path / place / "run", ONE) for place in "ab"]
    assert "b/run against a/run" in command(*runs)[1]


def test_published_results_are_runs(command):
    published = ROOT / "experiments" / "imbalance" / "results"
    out = command(published / "mnist", published / "mnist_sample", "--arms=none,cgan")[1]
    assert "data set: mnist, sha256 f9f06a0dd76b -> mnist_sample, sha256 129579ead1c3" in out
    assert "records do not say which test images were right" in out
    assert cells(out, "mnist_sample against mnist")["cgan"][4] == "cannot tell"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "RUN: 0 runs are given; accepted: the directories of two or more"),
        (["{}/one"], "RUN: 1 run is given"),
        (["{}/one", "{}/one/."], "is given twice"),
        (["{}/one", "{}/link"], "is given twice"),
        (["{}/one", "{}/nowhere"], "is no run"),
        (["{}/one", "{}"], "is no run"),
        (["{}/one", "{}/half"], "is not finished: it has no summary.json; the same command goes"),
        (["{}/one", "{}/strange"], "is of experiment another, '"),
        (["{}/one", "{}/turned"], "is of control classical, '"),
        (["{}/one", "{}/apart"], "no arm has a finished trial in every run"),
        (["{}/one", "{}/other", "--arms=smot"], "--arms: 'smot' is unknown"),
        (["{}/one", "{}/other", "--arms="], "--arms: '' is unknown"),
        (["{}/one", "{}/other", "--output=table.txt"], "ends in .md or .csv"),
        (["{}/one", "{}/other", "--output="], "--output: '' is no path"),
        (["{}/one", "{}/other", "--figure=ranks.pdf"], "ends in .png or .svg"),
        (["{}/one", "{}/other", "--output={}/file/table.md"], "--output: cannot write"),
        (["{}/one", "{}/other", "--runs=3"], "--runs"),
    ],
)
def test_what_cannot_be_compared_is_refused(refused, two, tmp_path, arguments, told):
    (tmp_path / "link").symlink_to(two[0])
    shutil.copytree(two[0], tmp_path / "half")
    (tmp_path / "half" / "summary.json").unlink()
    write_run(tmp_path / "strange", ONE, experiment="another")
    write_run(tmp_path / "turned", {arm: ONE[arm] for arm in ("classical", "none")})
    write_run(tmp_path / "apart", {"none": []} | {"new": [1.0]})
    (tmp_path / "file").write_text("")
    assert told in refused(*(argument.format(tmp_path) for argument in arguments))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("summary.json", {"metrics": []}),
        ("summary.json", {"arms": {"none": []}}),
        ("summary.json", {"primary_metric": 3}),
        ("study.json", {"dataset": {}}),
        ("study.json", {"settings": None}),
        ("study.json", {"arms": {"none": None}}),
        ("study.json", {"seeds": 4}),
    ],
)
def test_a_damaged_run_is_refused(refused, two, name, changes):
    path = two[1] / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    assert f"{name} is damaged: " in refused(*two)


def test_a_run_may_be_called_as_a_column_is(command, directory, tmp_path):
    for place, name in enumerate(("arm", "mean_rank", "signs")):
        write_run(tmp_path / "runs" / name, draws(place, MEANS), sha256=name[0] * 64)
    command(*sorted((tmp_path / "runs").iterdir()), "--output=table.csv")
    with open("table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["arm"] for row in rows} == set(MEANS)
    assert {row["mean_rank"] for row in rows} == {"1.0", "2.0", "3.0"}
    assert {"runs/arm", "runs/mean_rank", "runs/signs"} < rows[0].keys()

"""Reports of runs that are small, unfinished, damaged or hostile."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_run import change, make_run, record
from parsed_page import SECTIONS, Page, report

from gan_mnist.errors import InputError
from gan_mnist.report import learning
from gan_mnist.report.page import write_report
from gan_mnist.report.pairs import duplicate_rows
from gan_mnist.report.run_files import Run


@pytest.fixture
def small_run(tmp_path: Path) -> Path:
    return make_run(tmp_path, arms=("none", "cgan"), seeds=2)


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_a_wrong_control_is_a_warning_on_the_first_screen(small_run: Path) -> None:
    check = {
        "arm": "cgan",
        "relation": "below",
        "reference": "none",
        "ok": False,
        "difference": 0.25,
        "difference_ci95": [0.2, 0.3],
    }
    change(small_run, "summary.json", controls_ok=False, controls=[check])
    write_report(small_run)
    html = (small_run / "report.html").read_text(encoding="utf-8")
    header = html[html.index("<header>") : html.index("</header>")]
    assert 'class="box warning"' in header
    told = "cgan must be below none : difference +0.2500 [0.2000, 0.3000], wrong"
    assert told in Page(header).text
    markdown = (small_run / "report.md").read_text(encoding="utf-8")
    assert markdown.index("**Warning: do not trust") < markdown.index("![")


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
@pytest.mark.parametrize(
    ("relation", "interval", "told"),
    [
        ("below", [0.0, 0.3], "its interval holds 0, difference +0.2000 [0.0000, 0.3000]"),
        (
            "equal to",
            [0.0, 0.3],
            "shown neither equal nor different, difference +0.2000 [0.0000, 0.3000]",
        ),
        ("below", None, "too few seeds"),
    ],
)
def test_a_control_that_shows_nothing_is_no_warning(
    relation: str, interval: list[float] | None, told: str, small_run: Path
) -> None:
    check = {"arm": "cgan", "relation": relation, "reference": "none", "ok": None}
    check |= {"difference": 0.2, "difference_ci95": interval}
    change(small_run, "summary.json", controls_ok=None, controls=[check])
    write_report(small_run)
    html = (small_run / "report.html").read_text(encoding="utf-8")
    assert f"none : cannot be told: {told}" in Page(html).text
    markdown = (small_run / "report.md").read_text(encoding="utf-8")
    assert f"`none`: cannot be told: {told}" in markdown
    assert "do not trust" not in f"{html}{markdown}".lower()


@pytest.mark.slow
def test_missing_files_leave_a_sentence(small_run: Path) -> None:
    for path in [*small_run.rglob("*.csv"), *small_run.rglob("*.npz")]:
        path.unlink()
    page = report(small_run)
    assert [name for name in page.ids if name in SECTIONS] == list(SECTIONS)
    assert page.tags.count("figure") == 1  # What it cost.
    assert "forest" in page.classes
    for sentence in (
        "saved no images",
        "saved no learning curves",
        "No generator left",
        "saved no predictions",
        "No seed has predictions of both",
    ):
        assert sentence in page.text


@pytest.mark.slow
def test_a_cut_off_generator_curve_is_drawn_as_far_as_it_goes(small_run: Path) -> None:
    def drawn() -> list[int]:
        """Of each curve of the first panel, how many points it has."""
        figure = learning.generator_curves(Run.read(small_run).generator_curves())
        return [int(np.isfinite(line.get_ydata()).sum()) for line in figure.axes[0].get_lines()]

    points = drawn()
    assert len(points) == 4
    first, second, *_ = sorted(small_run.glob("generators/*/curves.csv"))
    first.write_text("")
    *whole, last = second.read_text().splitlines(keepends=True)
    second.write_text("".join(whole) + last[:3])
    assert drawn() == [points[1] - 1, *points[2:]]
    assert "No generator left" not in report(small_run).text


@pytest.mark.slow
def test_a_single_seed_without_intervals(tmp_path: Path) -> None:
    page = report(make_run(tmp_path, arms=("none", "classical"), seeds=1))
    assert page.tags.count("figure") == 2  # Generators and cost.
    assert {"forest", "panels", "legend", "heat"} <= {*page.classes}
    assert "None" not in [cell.strip() for row in page.rows for cell in row]


@pytest.mark.slow
def test_a_run_in_which_nothing_finished(small_run: Path) -> None:
    summary = json.loads((small_run / "summary.json").read_text(encoding="utf-8"))
    nothing = summary["arms"]["smote"]
    for path in small_run.glob("trials/*/*/record.json"):
        path.write_text(json.dumps(record(path.parts[-3], int(path.parts[-2][-2:]), "failed")))
    change(
        small_run,
        "summary.json",
        arms=dict.fromkeys(summary["arms"], nothing),
        controls_ok=None,
        controls=[],
        answer="Nothing finished.",
    )
    page = report(small_run)
    assert "No trial has finished yet" in page.text
    assert page.tags.count("figure") == 1  # What the generators left.


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_trials_outside_the_summary_are_left_alone(small_run: Path) -> None:
    change(small_run, "summary.json", seeds=[1])
    assert "both seed 1." in report(small_run).text


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_rival_table_appears_when_the_summary_names_one(small_run: Path) -> None:
    summary = json.loads((small_run / "summary.json").read_text(encoding="utf-8"))
    versus = {
        "difference": 0.0264,
        "ci95": [-0.0111, 0.0639],
        "p_holm": 0.31,
        "verdict": "cannot tell",
    }
    summary["arms"]["cgan"]["versus_rival"] = versus
    change(small_run, "summary.json", rival="none", arms=summary["arms"])
    write_report(small_run)
    html = (small_run / "report.html").read_text(encoding="utf-8")
    table = html[html.index('id="rival-table"') :]
    rows = Page(table[: table.index("</table>")]).rows
    assert len(rows) == 2
    assert " ".join(rows[1][2].split()) == "+0.0264 [\N{MINUS SIGN}0.0111, 0.0639]"
    assert rows[1][3].strip() == "0.310"


@pytest.mark.parametrize("name", ["study.json", "summary.json"])
def test_without_the_two_files_it_needs_it_says_which(small_run: Path, name: str) -> None:
    (small_run / name).unlink()
    with pytest.raises(InputError, match=re.escape(f"no {name} in {small_run}")):
        write_report(small_run)


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("study.json", {"arms": ["none"]}, "$.arms"),
        ("study.json", {"arms": {"none": {}}}, "`kind`"),
        ("study.json", {"dataset": {"name": "digits"}}, "$.dataset"),
        ("study.json", {"curve": "loss"}, "$.curve"),
        ("study.json", {"examples": "yes"}, "$.examples"),
        ("summary.json", {"metrics": []}, "$.metrics"),
        ("summary.json", {"metrics": ["recall"]}, "$.metrics[0]"),
        ("summary.json", {"arms": {"none": {"n": "2"}}}, "$.arms[...]"),
        ("summary.json", {"seeds": "two"}, "$.seeds"),
        ("summary.json", {"answer": None}, "$.answer"),
        ("summary.json", {"controls": [{"arm": "none"}]}, "$.controls[0]"),
        ("summary.json", {"failed": {"cgan": 1}}, "$.failed"),
    ],
)
def test_a_file_of_another_form_is_told_in_one_line(
    small_run: Path, name: str, changes: dict[str, object], told: str
) -> None:
    change(small_run, name, **changes)
    with pytest.raises(InputError, match=r"report: .* is damaged: ") as error:
        write_report(small_run)
    assert str(small_run / name) in str(error.value)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"kind": 3, "settings": {}}', b"null"])
def test_generators_of_which_nothing_can_be_told_are_drawn(small_run: Path, content: bytes) -> None:
    for path in small_run.glob("generators/*/"):
        (path / "generator.json").write_bytes(content)
    assert set(Run.read(small_run).generator_curves()["kind"]) == {"unknown"}


def test_a_damaged_record_is_no_trial_of_the_report(small_run: Path) -> None:
    path = small_run / "trials" / "cgan" / "seed-01" / "record.json"
    path.write_text('{"metrics": NaN}')
    assert [trial.seed for trial in Run.read(small_run).trials_of("cgan")] == [0]


@pytest.mark.slow
def test_one_damaged_file_bars_no_report(small_run: Path) -> None:
    galleries = sorted(small_run.glob("trials/*/*/curves.csv"))
    galleries = [path.with_name("gallery.npz") for path in galleries]
    np.savez(galleries[0], images=np.zeros((3, 8, 8, 1), np.uint8))
    content = bytearray(galleries[0].read_bytes())
    content[len(content) // 2] ^= 0xFF
    galleries[0].write_bytes(content)
    np.savez(galleries[1], images=np.zeros((3, 4), np.uint8))
    curves = sorted(small_run.glob("trials/*/*/curves.csv"))
    lines = curves[0].read_text().splitlines()
    curves[0].write_text("\n".join([*lines, lines[-1].replace(lines[-1].split(",")[0], "x", 1)]))
    curves[1].unlink()
    curves[1].mkdir()
    page = report(small_run)
    assert [name for name in page.ids if name in SECTIONS] == list(SECTIONS)


IMAGES = np.zeros((6, 8, 8, 1), np.uint8)


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
@pytest.mark.parametrize(
    "shown",
    [
        {"images": IMAGES, "label": np.array(["0", "1"])},
        {"images": IMAGES / 255.0, "label": np.array(["0"] * 6)},
        {"images": IMAGES[..., 0], "label": np.array(["0"] * 6)},
        {"images": IMAGES, "label": np.array([["0"]] * 6)},
    ],
)
def test_test_images_of_another_form_are_left_out(small_run: Path, shown: dict) -> None:
    for path in small_run.glob("trials/*/*/record.json"):
        np.savez(path.with_name("shown.npz"), **shown)
    page = report(small_run)
    assert [name for name in page.ids if name in SECTIONS] == list(SECTIONS)


@pytest.mark.slow
def test_a_gallery_of_another_size_than_the_first_is_left_out(small_run: Path) -> None:
    for arm, side in (("none", 8), ("cgan", 9)):
        images = np.zeros((3, side, side, 1), np.uint8)
        np.savez(small_run / "trials" / arm / "seed-00" / "gallery.npz", images=images)
    assert list(Run.read(small_run).galleries) == ["none"]
    write_report(small_run)


@pytest.mark.parametrize("rows", [np.zeros((1, 3, 8, 8, 1), np.uint8), np.zeros((2, 3, 8, 8))])
def test_pairs_of_another_form_are_left_out(small_run: Path, rows: np.ndarray) -> None:
    study = json.loads((small_run / "study.json").read_text())
    dataset = study["dataset"] | {"duplicates": {"test": {}}}
    change(small_run, "study.json", dataset=dataset)
    change(small_run, "summary.json", dataset=dataset)
    np.savez(small_run / "duplicates.npz", test=rows)
    assert duplicate_rows(Run.read(small_run)) is None
    np.savez(small_run / "duplicates.npz", test=np.zeros((2, 3, 8, 8, 1), np.uint8))
    assert duplicate_rows(Run.read(small_run)) is not None


@pytest.mark.slow
def test_a_cell_that_is_no_number_spoils_no_curve_of_a_generator(small_run: Path) -> None:
    first, *others = sorted(small_run.glob("generators/*/curves.csv"))
    table = pd.read_csv(first, dtype=str)
    table.loc[1, "d_loss"] = "0.5x"
    table.loc[2, "update"] = "no"
    table.to_csv(first, index=False)
    for path in others:
        pd.read_csv(path).drop(columns="update").to_csv(path, index=False)
    curves = Run.read(small_run).generator_curves()
    assert set(curves["generator"]) == {first.parent.name}
    assert len(curves) == len(table) - 1
    assert curves["d_loss"].isna().sum() == 1
    assert all(curves[column].dtype.kind in "if" for column in ("update", "d_loss"))
    write_report(small_run)


@pytest.mark.usefixtures("blank")
def test_a_command_stands_in_the_report_as_it_was_given(small_run: Path) -> None:
    given = "python -m gan_mnist.main --set 'groups=^[ab](1|2)_<`*`>'"
    change(small_run, "study.json", command_line=given)
    write_report(small_run)
    assert f"- Command: `` {given} ``" in (small_run / "report.md").read_text(encoding="utf-8")

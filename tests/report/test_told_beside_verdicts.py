"""Beside every verdict: the interval that decides, why it seems to disagree, how much it counts."""

import json
import re

import numpy as np
import pytest
from blank_figures import draw_blank
from fake_run import ARMS, PRIMARY, change, make_run
from matplotlib.figure import Figure
from parsed_page import Page

from gan_mnist.report import charts, figures
from gan_mnist.report.page import write_report
from gan_mnist.report.run_files import Run
from gan_mnist.report.study_figures import Picture

WIDE, NARROW = [-0.4321, 0.8765], [0.0123, 0.2345]
SHOWN = "[\N{MINUS SIGN}0.4321, 0.8765]"


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A run of which one arm's interval over test images is wider than that over seeds."""
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28, 1), dtype=np.uint8)
    path = make_run(tmp_path_factory.mktemp("run"), images=images)
    arms = json.loads((path / "summary.json").read_text())["arms"]
    over = {"verdict_over": "seeds and test images", "difference_ci95_images": WIDE}
    arms["warp_gan"] |= {"difference_ci95": NARROW, "verdict": "cannot tell", "p_holm": 0.2} | over
    versus = {"rival": "classical", "rivals": ["classical"], "difference": 0.1, "p_holm": 0.2}
    arms["warp_gan"]["versus_rivals"] = versus | {"ci95": [0.05, 0.15], "verdict": "cannot tell"}
    arms["duplicate"] |= {"verdict": "the same", "more_seeds_needed": True}
    change(path, "summary.json", arms=arms)
    pictures = [
        Picture("own", lambda _: Figure(figsize=(1, 1)), "Always there", "Dots."),
        Picture("absent", lambda _: None, "Should be there", "Dots."),
        Picture("sometimes", lambda _: None, "Of some runs", "Dots.", always=False),
        Picture("now", lambda _: Figure(figsize=(1, 1)), "Of this run", "Dots.", always=False),
    ]
    with pytest.MonkeyPatch.context() as patch:
        draw_blank(patch)
        write_report(path, pictures)
    return path


@pytest.fixture(scope="module")
def html(workdir):
    return (workdir / "report.html").read_text()


@pytest.fixture(scope="module")
def markdown(workdir):
    return (workdir / "report.md").read_text()


def part(html, start, end):
    return html[html.index(start) :].split(end)[0]


def opened(html, name):
    found = re.findall(r'<details class="arm".*?</details>', html, re.DOTALL)
    return next(one for one in found if Page(one).text.startswith(f"{name} "))


def test_one_comparison_has_one_interval_wherever_its_verdict_stands(workdir, html, markdown):
    row = part(html, '<tr data-arm="warp_gan"', "</tr>")
    assert SHOWN in row
    assert SHOWN in part(html, 'data-arm="warp_gan"', "</a>")
    assert SHOWN in next(line for line in markdown.splitlines() if line.startswith("| warp_gan |"))
    run = Run.read(workdir)
    arms = run.summary["arms"]
    widened = {"difference_ci95": WIDE, "difference_ci95_images": None}
    alike = {**run.summary, "arms": arms | {"warp_gan": arms["warp_gan"] | widened}}
    order = run.best_first()
    assert charts.forest(run.summary, order) == charts.forest(alike, order)
    # The other is told once, where the arm is opened, and named.
    assert html.count("[0.0123, 0.2345]") == 1
    told = Page(opened(html, "warp_gan")).text
    assert "decides; the one over seeds alone is [0.0123, 0.2345]" in told
    for text in (Page(html).text, markdown):
        assert "those of differences, p and verdicts over seeds and test images." in text
        assert "treat the seed as the replicate" not in text


def test_more_seeds_are_needed_only_for_what_is_not_the_same(html, markdown):
    for name, is_told in (("copy", True), ("duplicate", False)):
        row = next(line for line in markdown.splitlines() if line.startswith(f"| {name} |"))
        for text in (part(html, f'<tr data-arm="{name}"', "</tr>"), row):
            assert ("more seeds needed" in text) == is_told


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_of_seeds_alone_that_is_said(tmp_path):
    write_report(make_run(tmp_path, arms=("none", "classical"), seeds=2))
    text = Page((tmp_path / "report.html").read_text()).text
    assert "Intervals and tests treat the seed as the replicate." in text
    assert "over seeds alone" not in text


def test_where_interval_and_verdict_seem_to_disagree_a_sentence_says_why(html, markdown):
    primary = Page(part(html, '<section id="primary">', "</section>")).text
    reason = "Among 2 comparisons one such interval may well be chance; p allows for that, and is"
    assert "cgan_classical > classical : The interval leaves out 0, but" in primary
    assert f"{reason} not below 0.05." in primary
    assert "\n- `cgan > none`, `cgan_classical > classical`: The interval leaves out 0" in markdown
    assert f"{reason} not below 0.05." in markdown
    rivals = Page(part(html, "Against the best plain rival", '<h3 id="metrics')).text
    generated = sum("gan" in name for name in ARMS)
    assert rivals.count(f"Among {generated} comparisons") == 1
    told = rivals[: rivals.index(" : The interval leaves out 0")]
    assert all(told.rindex(name) > told.rindex("cannot tell") for name in ARMS if "gan" in name)
    arm = Page(opened(html, "cgan_classical")).text
    assert f"{reason} not below" in arm
    assert f"Among {generated} comparisons" in arm


def test_an_opened_arm_tells_its_mean_and_its_comparisons_beside_its_images(workdir, html):
    summary = json.loads((workdir / "summary.json").read_text())
    for name in ("cgan", "none"):
        entry, page = summary["arms"][name], opened(html, name)
        told = Page(page).text.replace("\N{MINUS SIGN}", "-")
        assert 'class="strip"' in page
        assert f"recall of the starved class: {entry['mean']:.4f} [{entry['ci95'][0]:.4f}," in told
        assert f"{entry['n']} seeds." in told
        if name == "cgan":
            low, high = entry["difference_ci95"]
            difference = f"minus none : {entry['difference']:+.4f} [{low:.4f}, {high:.4f}]"
            assert difference in told
            assert "p (Holm) 0.213, cannot tell, primary." in told
            assert "minus the best of the rivals, classical : -" in told
        else:
            assert "minus" not in told
    assert "minus" not in Page(opened(html, "smote")).text


def test_the_picture_at_the_opening_shows_the_arm_of_the_answer_and_its_reference(workdir, html):
    shown = part(html, '<section id="shown">', "</section>")
    names = [one.replace("<wbr>", "") for one in re.findall("<dt>(.*?)</dt>", shown)]
    assert names == ["none", "classical", "cgan_classical", "oracle"]
    examples = Page(part(html, '<section id="examples">', "</section>")).text
    assert "after is cgan_classical , the arm that the answer rests on" in examples
    # Where the control is the reference the best rival is there, too.
    before = json.loads((workdir / "summary.json").read_text())["rests_on"]
    run = Run.read(workdir)
    assert (run.treatment, run.reference_arm) == (before["arm"], before["reference"])
    summary = {**run.summary, "rests_on": {"arm": "cgan", "reference": "none"}}
    run = Run(run.workdir, run.study, summary, run.trials)
    assert (run.treatment, run.reference_arm) == ("cgan", "classical")
    # Of runs that do not tell it, the best.
    run = Run(run.workdir, run.study, {**summary, "rests_on": None}, run.trials)
    assert (run.treatment, run.reference_arm) == ("warp_gan_classical", "classical")


@pytest.mark.slow
def test_the_forest_says_how_much_each_verdict_counts(workdir, html):
    summary = json.loads((workdir / "summary.json").read_text())
    forest = part(html, 'class="forest"', "</section>")
    study = json.loads((workdir / "study.json").read_text())
    figure = figures.forest(summary, list(summary["arms"]), study)
    drawn = [text.get_text().strip() for text in figure.axes[1].texts]
    for name, entry in summary["arms"].items():
        row = part(forest, f'data-arm="{name}"', "</a>")
        found = re.findall(r"<small>(\w+)</small>", row)
        assert found == [entry["standing"]] if "standing" in entry else not found, name
    standing = [entry["standing"] for entry in summary["arms"].values() if "standing" in entry]
    assert sorted(text for text in drawn if text in standing) == sorted(standing)
    assert standing.count("primary") == sum(reference == "none" for _, reference in PRIMARY)


def test_pictures_that_only_some_runs_have_are_left_out_where_there_are_none(html, markdown):
    for text in (html, markdown):
        assert "Of some runs" not in text
        assert text.count("This run has no data for this figure.") == 1
    for title in ("Always there", "Should be there", "Of this run"):
        assert f"<h2>{title}</h2>" in html
        assert f"## {title}\n" in markdown


def test_drawings_have_a_name_or_are_hidden_from_readers(html):
    drawings = re.findall(r"<svg\b[^>]*>", html)
    named = [one for one in drawings if 'role="img"' in one]
    assert named and not [one for one in named if not re.search(r'aria-label="[^"]+"', one)]
    thumbnails = part(html, '<section id="examples">', "</section>").count('class="strip"')
    assert thumbnails == 30


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_without_a_figure_the_section_is_not_there(tmp_path):
    make_run(tmp_path, arms=("none", "classical"), seeds=2)
    write_report(tmp_path, [Picture("x", lambda _: None, "Of some runs", "Dots.", always=False)])
    html = (tmp_path / "report.html").read_text()
    assert 'id="pictures"' not in html
    assert 'href="#pictures"' not in html

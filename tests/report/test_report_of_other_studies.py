"""The report speaks of what a study has: its own figures, findings and images, and no others."""

import json
import re

import numpy as np
import pytest
from fake_files import write_csv
from fake_run import change, make_run, trial, write_json
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from parsed_page import Page

from gan_mnist.report import learning
from gan_mnist.report.page import write_report
from gan_mnist.report.run_files import Run
from gan_mnist.report.study_figures import Picture

SENTENCE = "This run has no data for this figure."


def draw(run):
    return Figure(figsize=(1 + len(run.trials) / 10, 1))


def draw_nothing(run):
    return None


@pytest.fixture
def workdir(tmp_path):
    """A run of a study of classifiers without GAN, oracle, predictions and images."""
    make_run(tmp_path, arms=("none", "classical"), seeds=2)
    for path in [*tmp_path.rglob("predictions.csv"), *tmp_path.glob("generators/*/*")]:
        path.unlink()
    change(tmp_path, "study.json", examples=False, gallery_caption="")
    metrics = [{"name": "minority_recall", "label": "accuracy", "higher_is_better": True,
                "margin": None}]  # fmt: skip
    change(tmp_path, "summary.json", metrics=metrics)
    return tmp_path


def report(workdir, pictures=()):
    write_report(workdir, pictures)
    return [(workdir / name).read_text(encoding="utf-8") for name in ("report.html", "report.md")]


@pytest.mark.slow
def test_sections_that_a_study_cannot_fill_are_not_there(workdir):
    html, markdown = report(workdir)
    for section in ("images", "confusion", "examples", "pictures", "shown"):
        assert f'id="{section}"' not in html
        assert f'href="#{section}"' not in html
    told = Page(html).text
    for words in ("starved", "enerator", "enerated", "racle", "saved no", "ten test images"):
        assert words not in told, words
        assert words not in markdown, words
    links = re.findall(r'href="#(\w+)"', html)
    assert set(links) <= set(re.findall(r'id="([\w-]+)"', html))
    assert {"table", "curves", "cost", "gaps"} <= set(links)


@pytest.mark.usefixtures("blank")
def test_without_oracle_all_rows_of_the_table_are_equally_wide(workdir):
    change(workdir, "summary.json", not_applicable={"smote": "no"})
    html, markdown = report(workdir)
    table = html[html.index('id="arms-table"') :].split("</table>")[0]
    rows = [row.split("</tr>")[0] for row in table.split("<tr")[1:]]
    widths = []
    for row in rows:
        spans = [int(number) for number in re.findall(r'colspan="(\d+)"', row)]
        widths.append(len(re.findall(r"<t[hd][ >]", row)) + sum(spans) - len(spans))
    assert set(widths) == {7}
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {8}


@pytest.mark.usefixtures("blank")
def test_pictures_stand_between_the_arms_and_the_table(workdir):
    html, markdown = report(
        workdir,
        [
            Picture("own", draw, 'More is "better"', "Dots are <seeds>."),
            Picture("absent", draw_nothing, "Not to be seen", "Nobody reads this."),
        ],
    )
    section = html[html.index('<section id="pictures">') : html.index('<section id="table">')]
    assert html.index('<section id="arms">') < html.index('<section id="pictures">')
    assert "<h2>More is &#34;better&#34;</h2>" in section
    assert 'aria-label="More is &#34;better&#34;"' in section
    assert "Dots are &lt;seeds&gt;." in section
    assert section.count("<figure") == 1
    assert section.index("Not to be seen") < section.index(SENTENCE)
    assert "Nobody reads this" not in html + markdown
    assert 'href="#pictures"' in html
    assert (workdir / "figures" / "own.png").is_file()
    assert '![More is "better"](figures/own.png)\n\nDots are &lt;seeds>.\n' in markdown
    assert f"## Not to be seen\n\n{SENTENCE}\n" in markdown
    assert markdown.index("figures/arms.png") < markdown.index("figures/own.png")
    assert markdown.index(SENTENCE) < markdown.index("| arm |")


@pytest.mark.usefixtures("blank")
def test_findings_stand_right_below_the_full_answer(workdir):
    lines = ["It grows by `0.01` a doubling.", "It <breaks> at 512."]
    change(workdir, "summary.json", findings={"lines": lines, "slope": 0.01})
    html, markdown = report(workdir)
    header = html[html.index('id="full"') : html.index("<nav")]
    assert "<li>It grows by <code>0.01</code> a doubling.</li>" in header
    assert "<li>It &lt;breaks&gt; at 512.</li>" in header
    assert "\n- It grows by `0.01` a doubling.\n- It &lt;breaks> at 512.\n\n" in markdown
    assert "In full: Recall rises from 0.34 to 0.93.\n\n- It grows" in markdown


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_a_gallery_has_the_words_of_its_study(workdir):
    np.savez(trial(workdir, "none", 0) / "gallery.npz", images=np.zeros((3, 8, 8, 1), np.uint8))
    html, markdown = report(workdir)
    assert "One row an arm, from its first finished trial." in html
    assert "figures/gallery.png" in markdown
    change(workdir, "study.json", gallery_caption="Sheets of <digits>.")
    assert "Sheets of &lt;digits&gt;." in report(workdir)[0]


def test_learning_curves_show_the_column_that_the_study_names(workdir):
    header = "update,seconds,val_accuracy,val_minority_recall,test_accuracy"
    for seed in range(2):
        write_csv(trial(workdir, "none", seed) / "curves.csv", header, [(10, 1.5, 0.2, 0.3, 0.4)])
        write_csv(trial(workdir, "classical", seed) / "curves.csv", "update,seconds", [(10, 1)])

    def found(**changes):
        change(workdir, "study.json", **changes)
        curves, label = Run.read(workdir).curves()
        return set(curves["arm"]), list(curves["value"]), label

    validated = "validation: accuracy"
    assert found() == ({"none"}, [0.3, 0.3], validated)
    named = {"name": "test_accuracy", "label": "test accuracy"}
    assert found(curve=named) == ({"none"}, [0.4, 0.4], "test accuracy")
    assert found(curve=named | {"name": "nowhere"}) == (set(), [], "test accuracy")
    summary = json.loads((workdir / "summary.json").read_text())
    summary["metrics"][0]["name"] = "fid"
    write_json(workdir / "summary.json", summary)
    assert found(curve=None) == ({"none"}, [0.2, 0.2], "validation accuracy")


def test_seconds_of_a_curve_begin_with_the_generator(tmp_path):
    make_run(tmp_path, arms=("none", "cgan"), seeds=2)
    curves, _ = Run.read(tmp_path).curves()
    first = curves.groupby("arm")["seconds"].min()
    assert first["cgan"] - first["none"] == pytest.approx(62)


def test_long_and_short_trainings_share_a_logarithmic_axis(workdir):
    header = "update,seconds,val_accuracy"
    for arm, updates in (("none", 1000), ("classical", 10)):
        rows = [(updates // 10, 1, 0.5), (updates, 2, 0.6)]
        write_csv(trial(workdir, arm, 0) / "curves.csv", header, rows)
        write_csv(trial(workdir, arm, 1) / "curves.csv", header, rows)
    curves, label = Run.read(workdir).curves()

    def scales(curves):
        figure = learning.learning_curves(curves, ["none", "classical"], "none", label)
        return {axes.get_xscale() for axes in figure.axes}

    assert scales(curves) == {"log"}
    assert scales(curves[curves["arm"] == "none"]) == {"linear"}


def test_generators_are_those_that_were_used_and_a_kind_has_a_colour(tmp_path):
    make_run(tmp_path, arms=("none", "cgan"), seeds=2)
    kinds = ("ConditionalRecipe", "ConditionalRecipe", "WarpRecipe")
    directories = sorted(tmp_path.glob("generators/*"))
    for directory, kind, architecture in zip(
        directories, kinds, ("mlp", "dcgan", None), strict=False
    ):
        settings = {"architecture": architecture} if architecture else {}
        write_json(directory / "generator.json", {"kind": kind, "settings": settings})
    names = [directory.name for directory in directories]
    found = Run.read(tmp_path).generator_curves()
    kind_of = dict(zip(found["generator"], found["kind"], strict=True))
    told = ("conditional (mlp)", "conditional (dcgan)", "warp", "unknown")
    assert kind_of == dict(zip(names, told, strict=True))

    figure = learning.generator_curves(found)
    (legend,) = figure.legends
    assert sorted(text.get_text() for text in legend.get_texts()) == sorted(told)
    colors = {to_hex(line.get_color()) for line in figure.axes[0].get_lines()}
    assert len(colors) == 4
    assert not learning.generator_curves(found[found["kind"] == "warp"]).legends

    for seed, used in enumerate((names[:1], [])):
        change(trial(tmp_path, "cgan", seed), "record.json", generators=used)
    assert set(Run.read(tmp_path).generator_curves()["generator"]) == {names[0]}


def test_a_generator_without_an_adversary_has_its_own_curves(tmp_path):
    """They are drawn for as long as there is something to see: a loss of 0 was not trained."""
    make_run(tmp_path, arms=("none", "cgan"), seeds=2)
    name = Run.read(tmp_path).generator_curves()["generator"].iloc[0]
    header = "update,seconds,code_divergence,flow_loss,pixel_loss"
    rows = [(10, 1, 5, 0, 200), (20, 2, 6, 0, 150), (30, 3, 0, 1.5, 0)]
    write_csv(tmp_path / "generators" / name / "curves.csv", header, rows)
    figure = learning.generator_curves(Run.read(tmp_path).generator_curves())
    drawn = {
        axes.get_title(loc="left"): [list(line.get_xdata()) for line in axes.get_lines()]
        for axes in figure.axes
    }
    assert [10, 20] in drawn["autoencoder's pixel loss"]
    assert [30] in drawn["flow loss"]


@pytest.mark.usefixtures("blank")
def test_a_study_of_generators_need_not_have_other_curves(tmp_path):
    make_run(tmp_path, arms=("none", "cgan"), seeds=2)
    for path in tmp_path.glob("trials/*/*/curves.csv"):
        path.unlink()
    html, _ = report(tmp_path)
    section = html[html.index('<section id="curves">') : html.index('<section id="confusion">')]
    assert section.count("<figure") == 1
    assert "saved no" not in section


def test_tables_leave_out_what_lacks_a_column_or_a_value(workdir):
    write_csv(trial(workdir, "none", 0) / "own.csv", "class,x", [("01", 1.5), ("NA", 2), ("b", "")])
    write_csv(trial(workdir, "none", 1) / "own.csv", "class,y", [("a", 3)])
    (trial(workdir, "classical", 0) / "own.csv").write_bytes(b"\xff\xfe\x00")
    table = Run.read(workdir).table("own.csv", "class", "x")
    assert table.to_dict("list") == {
        "arm": ["none", "none"],
        "seed": [0, 0],
        "class": ["01", "NA"],
        "x": [1.5, 2.0],
    }
    assert Run.read(workdir).table("none.csv", "x").empty


@pytest.mark.usefixtures("blank")
def test_further_test_sets_have_a_table_each_and_are_told(workdir):
    empty = dict.fromkeys(("difference", "difference_ci95", "p_holm", "verdict"))
    control = empty | {"mean": 0.25, "ci95": [0.2, 0.3]}
    other = {"mean": 0.5, "ci95": None, "difference": 0.25, "difference_ci95": [0.1, 0.4]}
    arms = {"none": control, "classical": other | {"p_holm": 0.01, "verdict": "helps"}}
    arms["smote"] = empty | {"mean": None, "ci95": None}
    tests = {"new": {"metric": "new_accuracy", "label": "accuracy on new", "arms": arms}}
    change(workdir, "summary.json", further_tests=tests)
    settings = json.loads((workdir / "study.json").read_text())["settings"]
    change(workdir, "study.json", settings=settings | {"test_sets": ["new: 5 images, <no> dog"]})
    html, markdown = report(workdir)
    assert "<h3>accuracy on new</h3>" in html
    assert "new: 5 images, &lt;no&gt; dog" in html
    assert "## accuracy on new" in markdown
    assert "| classical | 0.5000" in markdown
    assert "+0.2500 [0.1000, 0.4000] | 0.010 | helps |" in markdown
    assert "Further test set new: 5 images" in markdown


@pytest.mark.usefixtures("blank")
def test_a_further_test_set_is_the_same_within_the_margin_of_its_own_metric(workdir):
    summary = json.loads((workdir / "summary.json").read_text())
    for arm in summary["arms"].values():
        arm["metrics"]["new_accuracy"] = {"mean": 0.5, "ci95": None}
    summary["arms"]["classical"]["verdict"] = "the same"
    told = {"mean": 0.5, "ci95": None, "difference": 0.0, "difference_ci95": [-0.001, 0.001]}
    arms = dict.fromkeys(summary["arms"], told | {"p_holm": 1.0, "verdict": "the same"})
    tests = {"new": {"metric": "new_accuracy", "label": "accuracy on new", "arms": arms}}
    (metric,) = summary["metrics"]
    metrics = [metric | {"margin": 0.0625}, metric | {"name": "new_accuracy", "margin": 0.125}]
    change(workdir, "summary.json", further_tests=tests, metrics=metrics, arms=summary["arms"])
    for text in report(workdir):
        before, _, further = text.rpartition("accuracy on new")
        assert "the same within ±0.125" in further
        assert "±0.0625" not in further.partition("## Missing")[0].partition("</table>")[0]
        assert "the same within ±0.0625" in before


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_how_test_images_were_drawn_is_told_where_seeds_have_their_own(workdir):
    words = "drawn anew for each seed"
    assert all(words not in page for page in report(workdir))
    study = json.loads((workdir / "study.json").read_text())
    each_seed = {"n_test": 100, "n_train": 400, "groups": True}
    change(workdir, "study.json", dataset=study["dataset"] | {"each_seed": each_seed})
    for page in report(workdir):
        assert "test images are drawn anew for each seed, so many a class, at least, as" in page

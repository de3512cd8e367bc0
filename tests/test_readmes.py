"""What READMEs and pages of docs/ say follows from the published runs, and is short and linked."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gan_mnist import experiments
from gan_mnist.commands import readme
from gan_mnist.errors import InputError
from gan_mnist.report import headline
from gan_mnist.report.readme import renew, renewed_pages

ROOT = Path(__file__).parents[1]
MAIN = ROOT / "README.md"
READMES = sorted(ROOT.glob("experiments/*/README.md"))
PAGES = [ROOT / "docs" / f"{path.parent.name}.md" for path in READMES]
# The run that an experiment's README tells of, and that the answers table is held against.
TOLD = {
    "batching": "mnist_sample",
    "cats_vs_dogs": "cifar_cats_dogs",
    "conditional_gan": "mnist",
    "data_scaling": "mnist",
    "denoising": "mnist_squared_error",
    "digit_cnn": "mnist",
    "few_labels": "mnist_sample",
    "imbalance": "mnist",
    "mixing": "mnist",
    "substitution": "mnist",
    "usefulness": "cifar_cats_dogs",
}
# Experiments of which no run is published yet; their pages say so.
UNTOLD: tuple[str, ...] = ()
OF_RUNS = [p for p in (MAIN, *READMES, *PAGES) if not {p.stem, p.parent.name} & set(UNTOLD)]
NUMBER = re.compile(r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?!\w)")
MOST_WORDS = {MAIN: 900, **dict.fromkeys(READMES, 500)}


def name_of(path):
    return str(path.relative_to(ROOT))


def summary_of(experiment, run):
    path = ROOT / "experiments" / experiment / "results" / run / "summary.json"
    return json.loads(path.read_text())


def words(text):
    """Whatever has a letter or a digit, but for comments."""
    return re.findall(r"[^\s|]*\w[^\s|]*", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))


def cells(text):
    rows = re.findall(r"^\|(.+)\|$", text, re.M)
    return [[cell.strip() for cell in row.split("|")] for row in rows]


def answers():
    """By experiment: the answer and the seeds in the main README's table."""
    pattern = r"^\| \[[^]]+\]\(experiments/(\w+)/README\.md\) \| (.+) \| (\d+) \|$"
    return {name: told for name, *told in re.findall(pattern, MAIN.read_text(), re.M)}


def unsupported(answer, summary):
    """The numbers in `answer` that no value of `summary`, rounded alike, gives.

    Among all metrics a number is soon found: it must be one of the primary metric, of accuracy or
    of the updates, or stand in the run's answer or findings.
    """
    arms = summary["arms"].values()
    values = [arm[key] for arm in arms for key in ("mean", "difference")]
    values += [arm["metrics"].get("accuracy", {}).get("mean") for arm in arms]
    lines = [summary["answer"], *summary.get("findings", {}).get("lines", ())]
    known = {number for line in lines for number in NUMBER.findall(line)}
    known |= {f"{arm['updates']:,}" for arm in arms if arm["updates"]}
    wrong = []
    for number in NUMBER.findall(answer):
        digits = len(number.partition(".")[2])
        rounded = {f"{abs(value):,.{digits}f}" for value in values if digits and value is not None}
        if number not in rounded | known:
            wrong.append(number)
    return wrong


def test_every_experiment_has_a_readme_and_a_page_and_tells_of_a_run():
    names = set(experiments.names())
    assert {path.parent.name for path in READMES} == names == {*TOLD, *UNTOLD}
    assert set(answers()) == set(TOLD)
    assert all(page.is_file() for page in PAGES)


@pytest.mark.parametrize("path", OF_RUNS, ids=name_of)
def test_what_is_repeated_of_a_run_is_as_the_run_has_it(path):
    """`python -m gan_mnist.readme` mends it."""
    before, renewed = renewed_pages(ROOT)[path]
    assert before == renewed


@pytest.mark.parametrize("name", UNTOLD)
def test_an_experiment_without_a_run_says_so(name):
    assert not list(ROOT.glob(f"experiments/{name}/results/*"))
    for path in (ROOT / "experiments" / name / "README.md", ROOT / "docs" / f"{name}.md"):
        assert "no run has been published" in path.read_text()
        assert "<!-- results:" not in path.read_text()


def test_the_picture_shows_the_numbers_of_the_run():
    assert not headline.is_stale(ROOT)
    for path in (MAIN, ROOT / "experiments/imbalance/README.md"):
        found = re.search(rf"!\[([^]]+)\]\([./]*{headline.PICTURE}\)", path.read_text())
        assert found
        assert unsupported(found[1], summary_of(*headline.RUN.parts[1::2])) == ["1"]  # the digit


@pytest.mark.parametrize("name", TOLD)
def test_a_readme_gives_answer_and_command_and_its_page_every_run_in_full(name):
    told = f"<!-- results: {name}/{TOLD[name]} "
    text = (ROOT / "experiments" / name / "README.md").read_text()
    page = (ROOT / "docs" / f"{name}.md").read_text()
    assert f"{told}answer -->" in text
    assert f"{told}command -->" in text
    assert f"{told}answer -->" in page
    for path in ROOT.glob(f"experiments/{name}/results/*/summary.json"):
        run = f"<!-- results: {name}/{path.parent.name}"
        assert re.search(rf"{run} table[^>]*-->", page)
        assert f"{run} command -->" in page
        # Those of a run of some arms repeat a part of what the run of all arms found.
        if path.parent.name == "mnist" and "findings" in json.loads(path.read_text()):
            assert f"{run} findings -->" in page


@pytest.mark.parametrize("name", TOLD)
def test_an_answer_has_the_numbers_of_its_run(name):
    answer, seeds = answers()[name]
    summary = summary_of(name, TOLD[name])
    assert unsupported(answer, summary) == []
    assert int(seeds) == len(summary["seeds"])
    assert len(words(answer)) <= 20


def test_a_number_of_no_run_is_noticed():
    summary = summary_of("imbalance", "mnist")
    assert unsupported("0.97 and 0.32 after 1,000 updates", summary) == []
    assert unsupported("0.96, 0.971 and 12", summary) == ["0.96", "0.971", "12"]


@pytest.mark.parametrize("path", MOST_WORDS, ids=name_of)
def test_a_readme_is_short(path):
    assert len(words(path.read_text())) <= MOST_WORDS[path]


@pytest.mark.parametrize("path", [p for p in OF_RUNS if p.name == "README.md"], ids=name_of)
def test_a_readme_opens_with_a_picture_and_describes_it(path):
    begin = path.read_text().partition("\n## ")[0]
    begin = begin if path == MAIN else path.read_text().partition("\n## Command")[0]
    pictures = re.findall(r"!\[([^]]*)\]\(([^)]+)\)", begin)
    assert pictures
    assert all(words(alt) for alt, _ in pictures)


@pytest.mark.parametrize("path", [MAIN, *READMES], ids=name_of)
def test_a_readmes_table_is_read_at_a_glance(path):
    assert [cell for row in cells(path.read_text()) for cell in row if len(words(cell)) > 25] == []


@pytest.mark.parametrize("path", [MAIN, *READMES, *PAGES], ids=name_of)
def test_no_path_leads_out_of_the_repository(path):
    assert "shared/" not in path.read_text()


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them, and those that it sets itself."""
    text = page.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    made = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}
    return made | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


@pytest.mark.parametrize(
    "path", [MAIN, ROOT / "saved_models/README.md", *READMES, *PAGES], ids=name_of
)
def test_links_lead_somewhere(path):
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text()):
        target, _, anchor = link.partition("#")
        page = path.parent / target if target else path
        assert page.exists(), link
        assert not anchor or anchor in anchors(page), link


TEXT = "Told:\n<!-- results: imbalance/mnist {} -->\nwhatever\n<!-- end -->\nand so on\n"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with a run, its picture, a README of another answer, and a brief run."""
    run = tmp_path / headline.RUN
    run.mkdir(parents=True)
    for name in ("summary.json", "study.json", "records.jsonl"):
        shutil.copy(ROOT / headline.RUN / name, run)
    brief = run.with_name("brief")
    brief.mkdir()
    (brief / "summary.json").write_text('{"answer": "Yes."}')
    (tmp_path / headline.PICTURE).parent.mkdir(parents=True)
    for name in (headline.PICTURE, headline.IMAGES):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "README.md").write_text(TEXT.format("answer"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_block_is_filled_and_what_is_around_it_stays(checkout):
    summary = summary_of("imbalance", "mnist")
    filled = renew(TEXT.format("answer"), checkout / "README.md", checkout)
    assert filled == TEXT.format("answer").replace("whatever", f"> {summary['answer']}")
    assert renew(filled, checkout / "README.md", checkout) == filled


def test_a_table_has_a_row_an_arm_the_best_first(checkout):
    filled = renew(TEXT.format("table digits=2 with=macro_auc"), checkout / "README.md", checkout)
    rows = {row[0].strip("`"): row[1:] for row in cells(filled)[2:]}
    arms = summary_of("imbalance", "mnist")["arms"]
    assert set(rows) == {name for name, arm in arms.items() if arm["n"]}
    means = [arms[name]["mean"] for name in rows]
    assert means == sorted(means, reverse=True)
    assert rows["cgan"] == [
        "0.51 [0.40, 0.61]",
        "+0.19 [0.14, 0.24]",
        "28 %",
        "helps",
        "-0.46 [-0.57, -0.36], hurts",
        f"{arms['cgan']['metrics']['macro_auc']['mean']:.4f}",
    ]
    assert "`smote` does not apply" in filled


def test_a_metric_is_told_in_multiples_of_the_controls(checkout):
    part = "table digits=2 with=accuracy/control"
    rows = cells(renew(TEXT.format(part), checkout / "README.md", checkout))
    control = next(row for row in rows if row[0] == "`none`")
    assert control[-1] == "1.00"


def test_the_command_names_what_is_stale_and_mends_it(checkout, capsys):
    assert readme.main(["readme", "--check"]) == 1
    assert capsys.readouterr().out == "stale: README.md\n"
    assert "whatever" in (checkout / "README.md").read_text()
    assert readme.main(["readme"]) == 0
    assert capsys.readouterr().out == "renewed: README.md\n"
    assert readme.main(["readme", "--check"]) == 0
    assert capsys.readouterr().out == ""


def test_a_picture_of_other_numbers_is_stale_and_is_drawn_again(checkout, capsys):
    path = checkout / headline.RUN / "summary.json"
    summary = json.loads(path.read_text())
    summary["arms"]["cgan"]["mean"] = 0.62
    path.write_text(json.dumps(summary))
    assert readme.main(["readme", "--check"]) == 1
    assert "stale: docs/figures/imbalance.png" in capsys.readouterr().out
    assert readme.main(["readme"]) == 0
    assert readme.main(["readme", "--check"]) == 0


def test_the_pictures_images_are_taken_from_a_run(checkout):
    for row, (arm, *_) in enumerate(headline.ROWS):
        directory = checkout / "run" / "trials" / arm / "seed-00"
        directory.mkdir(parents=True)
        np.savez(directory / "gallery.npz", images=np.full((12, 28, 28, 1), row, np.uint8))
    drawn = (checkout / headline.PICTURE).read_bytes()
    assert readme.main(["readme", "--run=run"]) == 0
    assert (checkout / headline.PICTURE).read_bytes() != drawn
    with np.load(checkout / headline.IMAGES) as kept:
        assert [int(kept[arm].max()) for arm, *_ in headline.ROWS] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "flags", "told"),
    [
        (TEXT.format("answr"), [], "did you mean 'answer'"),
        (TEXT.format("table with=speed"), [], "'speed' is unknown"),
        (TEXT.format("answer").replace("<!-- end -->", ""), [], "not closed"),
        (TEXT.format("answer").replace("/mnist", "/other"), [], "no summary.json"),
        (TEXT.format("findings").replace("/mnist", "/brief"), [], "no findings"),
        (TEXT.format("answer"), ["--run=run", "--check"], "--run"),
        (TEXT.format("answer"), ["--run=nowhere"], "gallery.npz"),
    ],
)
def test_what_cannot_be_filled_is_one_line_and_status_2(checkout, capsys, text, flags, told):
    (checkout / "README.md").write_text(text)
    assert readme.main(["readme", *flags]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert (checkout / "README.md").read_text() == text


def test_another_directory_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a checkout"):
        renewed_pages(tmp_path)


def test_the_command_does_without_tensorflow():
    code = (
        "import sys\nfrom gan_mnist.commands import readme\nassert readme.main(['', '--check']) < 2"
        "\nassert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)

"""What READMEs and pages of docs/ say follows from the published runs, and is short and linked."""

import json
import re
from pathlib import Path

import pytest

from gan_mnist import experiments
from gan_mnist.report import headline
from gan_mnist.report.readme import renewed_pages

ROOT = Path(__file__).parents[1]
MAIN = ROOT / "README.md"
READMES = sorted(ROOT.glob("experiments/*/README.md"))
PUBLISHED = sorted({path.parents[1].name for path in ROOT.glob("experiments/*/results/*")})
PAGES = [
    page
    for path in READMES
    if (page := ROOT / "docs" / f"{path.parent.name}.md").is_file() or path.parent.name in PUBLISHED
]


def told_first(name):
    """The run that an experiment's README tells of first; "" where it has none."""
    path = ROOT / "experiments" / name / "README.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(rf"<!-- results: {name}/(\w+) answer -->", text)
    return found[1] if found else ""


# What the answers table and an experiment's page are held against.
TOLD = {name: told_first(name) for name in PUBLISHED}
OF_RUNS = [p for p in (MAIN, *READMES, *PAGES) if p == MAIN or {p.stem, p.parent.name} & set(TOLD)]
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


def unsupported(answer, summary, shown=()):
    """The numbers in `answer` that no value of `summary`, rounded alike, gives.

    Among all metrics a number is soon found: it must be one of the primary metric, of accuracy, of
    the metrics that are `shown` or of the updates, or stand in the run's answer or findings.
    """
    arms = summary["arms"].values()
    values = [arm[key] for arm in arms for key in ("mean", "difference")]
    values += [end for arm in arms for end in arm["difference_ci95"] or ()]
    values += [
        arm["metrics"].get(name, {}).get("mean") for arm in arms for name in ("accuracy", *shown)
    ]
    lines = [summary["in_full"], *summary.get("findings", {}).get("lines", ())]
    known = {number for line in lines for number in NUMBER.findall(line)}
    known |= {f"{arm['updates']:,}" for arm in arms if arm["updates"]}
    wrong = []
    for number in NUMBER.findall(answer):
        digits = len(number.partition(".")[2])
        rounded = {f"{abs(value):,.{digits}f}" for value in values if digits and value is not None}
        if number not in rounded | known:
            wrong.append(number)
    return wrong


def test_every_published_experiment_has_a_readme_a_page_and_an_answer():
    names = set(experiments.names())
    assert PUBLISHED
    assert set(PUBLISHED) <= {path.parent.name for path in READMES} <= names
    assert set(answers()) == set(PUBLISHED)
    assert all(TOLD.values())
    assert all(page.is_file() for page in PAGES)
    assert all((ROOT / "experiments" / name / "__init__.py").is_file() for name in PUBLISHED)


@pytest.fixture(scope="module")
def pages():
    """By path, each page that is not as its runs would have it, as they would."""
    return renewed_pages(ROOT)


@pytest.mark.parametrize("path", OF_RUNS, ids=name_of)
def test_what_is_repeated_of_a_run_is_as_the_run_has_it(path, pages):
    """`python -m gan_mnist.readme` mends it."""
    text = path.read_text()
    assert "<!-- results:" in text
    assert text == pages.get(path, text)


@pytest.mark.parametrize("path", [*READMES, *PAGES], ids=name_of)
def test_what_is_written_of_an_experiment_tells_of_a_run_or_that_there_is_none(path):
    text = path.read_text()
    has_run = bool({path.stem, path.parent.name} & set(PUBLISHED))
    assert ("<!-- results:" in text) == has_run
    assert ("no run has been published" in text) != has_run


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
    assert f"{told}in_full -->" in page
    for path in ROOT.glob(f"experiments/{name}/results/*/summary.json"):
        run = f"<!-- results: {name}/{path.parent.name}"
        assert re.search(rf"{run} table[^>]*-->", page)
        assert f"{run} command -->" in page
        summary = json.loads(path.read_text())
        if summary.get("findings", {}).get("lines"):
            assert f"{run} findings -->" in page
        # Of a run without the arms in question there is none.
        if not summary["answer"].startswith("No answer"):
            assert f"{run} in_full -->" in page


@pytest.mark.parametrize("name", TOLD)
def test_an_answer_has_the_numbers_of_its_run(name):
    answer, seeds = answers()[name]
    summary = summary_of(name, TOLD[name])
    assert unsupported(answer, summary) == []
    assert int(seeds) == len(summary["seeds"])
    assert len(words(answer)) <= 15


def answer_of(readme):
    """What is typed below "Answer": all that is not renewed by a command."""
    text = readme.read_text().partition("\n## Answer\n")[2].partition("\n## ")[0]
    return re.sub(r"<!-- results:.*?<!-- end -->", "", text.partition("We speak of")[0], flags=re.S)


def with_columns(name):
    """By run of an experiment, the metrics that a table of its page shows beside the first."""
    page = (ROOT / "docs" / f"{name}.md").read_text()
    tables = re.findall(rf"<!-- results: {name}/(\w+) table[^>]*? with=(\S+)", page)
    return {run: columns.split(",") for run, columns in tables}


@pytest.mark.parametrize("name", TOLD)
def test_a_typed_answer_has_decimals_of_published_runs_alone(name):
    answer, shown = answer_of(ROOT / "experiments" / name / "README.md"), with_columns(name)
    decimals = {number for number in NUMBER.findall(answer) if "." in number}
    assert decimals
    for path in ROOT.glob(f"experiments/{name}/results/*/summary.json"):
        summary = json.loads(path.read_text())
        decimals &= {*unsupported(answer, summary, shown.get(path.parent.name, ()))}
    assert decimals == set()


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

"""Documents lead where they say, have one sentence a line, and can be read by programs."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gan_mnist

ROOT = Path(__file__).parents[1]
FOLDERS = ("docs", "experiments", "gan_mnist", "notebooks", "saved_models", "tests", ".github")
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")),
    }
)
CODE = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
# What is written by hand: reports of published runs are made.
PROSE = [path for path in PAGES if "results" not in path.relative_to(ROOT).parts]

FENCE = re.compile(r"^ *(```|~~~).*?^ *\1[^\n]*$", re.M | re.S)
INLINE_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
LINK = re.compile(r"\[((?:[^][]|\[[^]]*\])*)\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)")
# As code and prose cite a page of docs/ by its path from the top.
CITATION = re.compile(r"(?<![\w/.])docs/([\w-]+\.md)(?:#([\w-]+))?")
BLOCK = re.compile(r"<!-- results:.*?<!-- end -->", re.S)
COMMENT = re.compile(r"<!--.*?-->", re.S)
MARKER = re.compile(r"^\s*(?:>\s?)*(?:[-*+]|\d+\.)?\s+|^>\s?")
ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|cf|vs|etc|al|approx|no|fig|eq|sec|dr)\.(?=\s)", re.I)
CLOSING = r"[.!?][)\]\"'*_”]*"
END = re.compile(rf"{CLOSING}\s+[(\[\"'*_“]*[A-Z\u00c0-\u00de]")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blanked(match: re.Match[str]) -> str:
    """As many lines as before, and nothing in them."""
    return "\n" * match[0].count("\n")


def anchor(heading: str) -> str:
    """What GitHub calls a heading in an address."""
    text = LINK.sub(r"\1", heading.strip().rstrip("#").strip()).replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """The anchors of a page; of equal headings the second is `name-1`."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#{1,6} +(.+)$", FENCE.sub(blanked, text), re.M):
        name = anchor(heading)
        found[name] = found.get(name, -1) + 1
    return {name if turn == 0 else f"{name}-{turn}" for name, n in found.items()
            for turn in range(n + 1)}  # fmt: skip


def links(text: str) -> list[str]:
    """Where the links and images of a page lead, code left out."""
    return [target for _, target in LINK.findall(INLINE_CODE.sub("", FENCE.sub(blanked, text)))]


def astray(page: Path, targets: list[str]) -> list[str]:
    """The relative targets that lead from `page` to no file or to no heading."""
    wrong = []
    for target in targets:
        if re.match(r"[a-z][a-z+.-]*:", target):
            continue
        path, _, heading = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        there = place.exists() and place.is_relative_to(ROOT.resolve())
        if not there or (heading and heading not in anchors(place.read_text(encoding="utf-8"))):
            wrong.append(target)
    return wrong


def prose(text: str) -> Iterator[tuple[int, str, bool]]:
    """The lines of prose: number, text without markup, whether the next line goes on with it.

    Code, tables, headings, comments and what is copied from a run are left out.
    """
    for pattern in (FENCE, BLOCK, COMMENT):
        text = pattern.sub(blanked, text)
    lines = text.splitlines()
    # Four spaces after an empty line are code, but for the text of a list's item.
    in_code = in_list = False
    told: list[str] = []
    for before, line in zip(["", *lines], lines, strict=False):
        starts = re.match(r" *([-*+]|\d+\.) ", line) is not None
        if line.strip() and not line.startswith(" "):
            in_list = starts
        indent = len(line) - len(line.lstrip())
        if not line.strip() or indent < 4:
            in_code = in_code and not line.strip()
        elif not before.strip():
            in_code = not starts and (not in_list or indent >= 7)
        left_out = in_code or re.match(r" *[|#]", line)
        told.append("" if left_out else line)
    for number, (line, after) in enumerate(zip(told, [*told[1:], ""], strict=True), 1):
        if line.strip():
            more = bool(after.strip()) and not re.match(r" *([-*+>]|\d+\.) ?", after)
            # Code at the beginning of a sentence stands for its first word.
            plain = LINK.sub(r"\1", INLINE_CODE.sub("Code", MARKER.sub("", line)))
            yield number, ABBREVIATION.sub("abbreviation", plain), more


def not_one_sentence(text: str) -> list[int]:
    """Numbers of the lines that hold two sentences, or end within one."""
    return [
        number
        for number, line, more in prose(text)
        if END.search(line) or (more and not re.search(rf"(?:{CLOSING}|:[*_]*)$", line.rstrip()))
    ]


def found_in(paths, check):
    """What `check` finds, by file. As many tests as files would take longer than what they do."""
    return {name_of(path): found for path in paths if (found := check(path))}


def test_links_lead_to_a_file_and_a_heading():
    assert found_in(PAGES, lambda path: astray(path, links(path.read_text("utf-8")))) == {}


def test_what_is_cited_of_docs_is_there():
    def lost(path):
        cited = CITATION.findall(path.read_text("utf-8"))
        targets = [f"docs/{page}" + (f"#{heading}" if heading else "") for page, heading in cited]
        return astray(ROOT / "README.md", targets)

    # The examples of this file lead nowhere on purpose.
    assert found_in([*PAGES, *CODE], lost).keys() == {name_of(Path(__file__))}


def test_every_published_experiment_has_a_section_of_sources_and_is_at_their_head():
    text = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    names = {path.parent.name for path in ROOT.glob("experiments/*/study.py")}
    published = {path.parents[1].name for path in ROOT.glob("experiments/*/results/*")}
    told = set(re.findall(r"\(#(\w+)\)", text.partition("\n## ")[0]))
    assert published
    assert published <= told <= names
    assert told <= anchors(text)


def test_a_line_has_one_sentence():
    assert found_in(PROSE, lambda path: not_one_sentence(path.read_text("utf-8"))) == {}


def test_the_citation_file_has_what_its_form_requires():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    if importlib.util.find_spec("yaml"):
        yaml = importlib.import_module("yaml")
        told = yaml.safe_load(text)
        assert told["authors"]
        assert all({"name"} & set(author) for author in told["authors"])
    else:
        told = dict(re.findall(r"^([a-z-]+): *(.*)$", text, re.M))
        assert re.search(r"^authors:\n  - name: \S", text, re.M)
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= set(told)
    assert told["cff-version"] == "1.2.0"
    assert told["version"] == gan_mnist.__version__
    assert told["license"] == "Apache-2.0"


def test_hooks_and_ci_run_what_make_test_runs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    checks = re.search(r"^test:.*\n((?:\t.*\n)+)", makefile, re.M)
    assert checks
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    wanted = [line.strip() for line in checks[1].splitlines() if "pytest" not in line]
    assert wanted
    for line in wanted:
        assert line.replace("$(BIN)", ".venv/bin").removesuffix(" .") in hooks
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert re.search(r"^ +- run: make test$", workflow, re.M)


def test_what_the_benchmark_measured_is_told_at_once():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(
        r"^benchmark:.*\n\t.*bench_.*\n\t\$\(BIN\)/python -m gan_mnist.readme$", makefile, re.M
    )


def test_the_tree_is_looked_at():
    assert ROOT / "README.md" in PAGES
    assert ROOT / "gan_mnist" / "main.py" in CODE
    assert not [path for path in [*PAGES, *CODE] if ".venv" in path.parts]


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("conditional_gan", "conditional_gan"),
        ("What the sources lack", "what-the-sources-lack"),
        ("A `setting`, and [a link](x.md)!", "a-setting-and-a-link"),
        ("95 % of it", "95--of-it"),
        ("[0.1.0]", "010"),
    ],
)
def test_anchors_are_githubs(heading, expected):
    assert anchor(heading) == expected


def test_anchors_of_equal_headings_are_counted_and_code_has_none():
    assert anchors("# a\n\n## a\n\n```\n# b\n```\n") == {"a", "a-1"}


def test_links_are_found_but_not_in_code():
    text = "[a](b.md) ![c](d.png) [![e](f.png)](g.md#h)\n`[i](j.md)`\n```\n[k](l.md)\n```\n"
    assert set(links(text)) >= {"b.md", "d.png", "g.md#h"}
    assert not {"j.md", "l.md"} & set(links(text))


@pytest.mark.parametrize(
    "target",
    ["missing.md", "docs/sources.md#missing", "#missing", "../", "docs/missing.md#mixing"],
)
def test_a_link_that_leads_nowhere_is_noticed(target):
    page = ROOT / "README.md"
    assert astray(page, [target, "docs/sources.md#mixing", "https://example.org/#x"]) == [target]


def test_citations_are_found_wherever_they_stand():
    text = '"""Source: docs/sources.md#mixing (a), docs/a.md; ../docs/no.md, my/docs/no.md."""'
    assert CITATION.findall(text) == [("sources.md", "mixing"), ("a.md", "")]


@pytest.mark.parametrize(
    "line",
    [
        "One sentence. And another.",
        "- One. Two.",
        "> It works! Does it?",
        "Is it so? `fit` says so.",
        "**One.** Two.",
        "It ends (here.) It goes on.",
        "See [one](a.md). See another.",
        "   - A list within a list. It has two.",
        "A sentence that\nis wrapped.",
        "- An item\n  that is wrapped.",
        "1. One.\n\n   It goes on. Twice.",
    ],
)
def test_what_is_not_one_sentence_a_line_is_noticed(line):
    assert not_one_sentence(f"# Title\n\n{line}\n") != []


@pytest.mark.parametrize(
    "line",
    [
        "One sentence, e.g. Adam at 1e-3, i.e. `Adam`.",
        "Conv 16 3x3 same, ReLU; values of 0.5 to 1.0.",
        "Binkowski et al. Show it.",
        "One sentence.\nAnother sentence.",
        "A beginning:\n- an item\n- a second item",
        "    code. More code.",
        "Text.\n\n    code. More code.\n\nText.",
        "| One. Two. | Three. Four. |",
        "```\nOne. Two.\n```",
        "<!-- One. Two. -->",
        "<!-- results: a/b answer -->\n> One. Two.\n<!-- end -->",
        "1. One.\n   Two.\n\n       code. More code.\n\n2. Three.",
        "Call `a. B` and [a page](b.md).",
    ],
)
def test_one_sentence_a_line_passes(line):
    assert not_one_sentence(f"# Title\n\n{line}\n") == []

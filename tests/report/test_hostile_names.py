"""Names that may hold anything: nothing of them becomes code in the page or in the Markdown."""

import json
import re
from html.parser import HTMLParser
from itertools import groupby

import pytest
from fake_run import make_run, trial

import gan_mnist.report.page
from gan_mnist.files import write_rows
from gan_mnist.report.page import write_report
from gan_mnist.report.run_files import Run

SCRIPT = "<script>alert('$x|_')</script>"
HOSTILE = [
    SCRIPT,
    '" onmouseover="alert(1)" x=\'',
    "' onload='alert(1)",
    "two\n# lines\n<h1>x</h1>",
    "</title></style></script><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "=cmd|' /C calc'!A0",
    "[link](javascript:alert(1)) `code` **bold** --> ]]>",
    "&lt;b&gt; &amp; \N{RIGHT-TO-LEFT OVERRIDE}gnp",
]


class Markup(HTMLParser):
    """Elements, attributes and texts of a page; its one script apart."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.texts, self.script = set(), [], [], ""
        self._tag = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._tag = tag
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        if self._tag == "script":
            self.script += data
        elif self._tag != "style":
            self.texts.append(data)

    def handle_endtag(self, tag):
        self._tag = ""


def renamed(value, names):
    """`value` with texts, keys too, replaced where `names` has them."""
    if isinstance(value, dict):
        return {names.get(key, key): renamed(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [renamed(one, names) for one in value]
    return names.get(value, value) if isinstance(value, str) else value


def poison(workdir, name):
    """Calls an arm, a class, the data set, a setting, and all sentences `name`."""
    sentences = ("question", "answer", "carried_by", "in_full", "source", "about", "error",
                 "gallery_caption", "treatment", "command_line", "label", "revision")  # fmt: skip
    for path in workdir.rglob("*.json"):
        told = renamed(json.loads(path.read_text()), dict.fromkeys(("cgan", "1"), name))
        text = json.dumps(told)
        for key in sentences:
            text = re.sub(rf'"{key}": "[^"]*"', lambda m, k=key: f'"{k}": {json.dumps(name)}', text)
        path.write_text(text)
    study = json.loads((workdir / "study.json").read_text())
    study["dataset"] |= {"name": name, "sha256": name}
    study |= {"settings": {name: name, "test_sets": [name]}, "published": [name]}
    study |= {"began": "2026-01-01T00:00:00+00:00", "machine": name, "processors": 2}
    study["revision"] = name
    study["arms"][name]["changes"] = {name: name}
    (workdir / "study.json").write_text(json.dumps(study))
    for arm in ("none", name):
        for seed in range(2):
            write_predictions(trial(workdir, arm, seed), name)


def write_predictions(directory, name):
    rows = [
        {
            "image": f"{name}{i}",
            "label": name if i % 3 else "2",
            "prediction": name,
            "probability": 0.5,
        }
        for i in range(9)
    ]
    write_rows(directory / "predictions.csv", rows)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The page of a run in which nobody is called anything strange."""
    workdir = make_run(tmp_path_factory.mktemp("plain"), arms=("none", "cgan"), seeds=2)
    poison(workdir, "harm_less")
    write_report(workdir)
    return Markup((workdir / "report.html").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_texts_and_nothing_else(name, plain, tmp_path, monkeypatch):
    # The pictures of matplotlib are looked at below.
    monkeypatch.setattr(gan_mnist.report.page, "_draw", lambda *_: ({}, {}))
    workdir = make_run(tmp_path, arms=("none", "cgan"), seeds=2)
    poison(workdir, name)
    write_report(workdir)
    page = Markup((workdir / "report.html").read_text())
    assert page.script == plain.script
    assert page.tags <= plain.tags
    assert {key for key, _ in page.attributes} <= {key for key, _ in plain.attributes}
    links = [value for key, value in page.attributes if key in ("href", "src")]
    assert all(re.match(r"#[\w-]+$|data:image/|[\w./%-]+$", link) for link in links)
    assert not any(re.match(r"\w+:", link) for link in links if not link.startswith("data:image/"))
    told = " ".join("".join(page.texts).split())
    assert told.count(" ".join(name.split())) > 20

    lines = (workdir / "report.md").read_text().split("\n")
    # The command stands there as it was given, between backticks that it does not hold.
    (command,) = [line for line in lines if line.startswith("- Command: ")]
    fence, inside = re.fullmatch(r"- Command: (`+)(.*)\1", command).groups()
    assert fence not in re.findall("`+", inside)
    assert " ".join(name.split()) in inside
    lines.remove(command)
    assert not [line for line in lines if re.search(r"<(?!$)", line)]
    assert not [line for line in lines if line.startswith("# lines")]
    assert not [line for line in lines if "](javascript" in line]
    tables = [list(rows) for is_row, rows in groupby(lines, lambda x: x.startswith("|")) if is_row]
    assert len(tables) == 2
    for rows in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


@pytest.mark.slow
def test_hostile_names_are_drawn_as_texts(plain, tmp_path):
    name = "".join(HOSTILE[:5])
    workdir = make_run(tmp_path, arms=("none", "cgan"), seeds=2)
    poison(workdir, name)
    write_report(workdir)
    page = Markup((workdir / "report.html").read_text())
    assert page.script == plain.script
    assert page.tags <= plain.tags | {"tspan"}
    assert not [key for key, _ in page.attributes if key.startswith("on")]


def test_predictions_read_back_as_they_were_named(tmp_path):
    workdir = make_run(tmp_path, arms=("none", "cgan"), seeds=2)
    for name in ("=1+1", "-2+3", "@x", "\t=1", "'=1", "\r=2", "01", "NA", "-5"):
        write_predictions(trial(workdir, "none", 0), name)
        table = Run.read(workdir).trials_of("none")[0].predictions()
        assert set(table["prediction"]) == {name}
        assert set(table["label"]) == {name, "2"}
        assert list(table["image"])[:2] == [f"{name}0", f"{name}1"]

"""The notebook's form; `make test-all` executes it."""

import ast
import importlib.util
import inspect
import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import nbformat
import pytest

import gan_mnist
from gan_mnist import experiments, main

PAGE = Path(__file__).parents[1] / "notebooks" / "gan_mnist.ipynb"
NOTEBOOK = nbformat.read(PAGE, as_version=4)
CODE = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]
WORDS = "\n".join(cell.source for cell in NOTEBOOK.cells)


def parsed(source):
    """The syntax tree of a cell without its magics and commands."""
    return ast.parse(re.sub(r"^( *)[%!].*$", r"\1pass", source, flags=re.M))


NODES = [node for cell in CODE for node in ast.walk(parsed(cell.source))]
RUNS = [n for n in NODES if isinstance(n, ast.Call) and ast.unparse(n.func) == "gan_mnist.run"]


def test_it_is_a_valid_notebook_of_named_cells():
    nbformat.validate(NOTEBOOK)
    assert json.loads(PAGE.read_text(encoding="utf-8"))["nbformat"] == 4
    names = [cell.id for cell in NOTEBOOK.cells]
    assert len(set(names)) == len(names)


def test_it_is_kept_without_outputs():
    assert [(cell.outputs, cell.execution_count) for cell in CODE] == [([], None)] * len(CODE)


def test_every_cell_is_short():
    assert [cell.id for cell in CODE if len(cell.source.splitlines()) > 25] == []


def test_it_pins_no_version():
    assert re.findall(r"(?:pip|uv) [^\n]*[=<>~]=", WORDS) == []


def test_the_badge_opens_this_notebook_of_a_copy_that_is_told():
    badge = re.search(r"https://colab\.research\.google\.com/github/OWNER/gan_mnist/blob/main/(\S+)\)",
                      WORDS)  # fmt: skip
    assert badge[1] == str(PAGE.relative_to(PAGE.parents[1]))
    assert "`OWNER`" in NOTEBOOK.cells[0].source


@pytest.fixture
def colab(directory, monkeypatch):
    """`colab(box)`: what is left by the cell with that box, ticked, on a Colab of our own."""
    google, colab = ModuleType("google"), ModuleType("google.colab")
    colab.mounted = []
    colab.drive = SimpleNamespace(mount=colab.mounted.append)
    archive = directory / "my photos.zip"
    colab.files = SimpleNamespace(upload=lambda: {archive.name: archive.read_bytes()})
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", colab)

    def run(box):
        (cell,) = [cell for cell in CODE if cell.source.splitlines()[0].startswith(f"{box} = ") or
                   f"\n{box} = False" in cell.source]  # fmt: skip
        names = {"Path": Path, "shutil": shutil}
        exec(cell.source.replace(f"{box} = False", f"{box} = True"), names)
        return names | {"mounted": colab.mounted}

    return run


def test_uploaded_photographs_are_a_data_set(colab, directory):
    for label in ("cat", "dog"):
        (directory / "photos" / label).mkdir(parents=True)
        (directory / "photos" / label / "1.png").write_bytes(b"an image")
    shutil.make_archive("my photos", "zip", directory / "photos")
    photos = Path(colab("UPLOAD")["PHOTOS"])
    assert sorted(path.name for path in photos.glob("*")) == ["cat", "dog"]
    assert (photos / "dog" / "1.png").read_bytes() == b"an image"


def test_a_study_may_be_kept_in_ones_drive(colab, capsys):
    left = colab("DRIVE")
    assert left["mounted"] == ["/content/drive"]
    assert left["RUNS"].is_relative_to("/content/drive/MyDrive")
    assert str(left["RUNS"]) in capsys.readouterr().out


def test_names_of_the_package_exist():
    used = {
        n.attr
        for n in NODES
        if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "gan_mnist"
    }
    assert used >= {"run", "__version__"}
    assert [name for name in used if not hasattr(gan_mnist, name)] == []
    modules = re.findall(r"python -m (gan_mnist\.\w+)", WORDS)
    assert modules
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


def test_flags_exist():
    flags = re.findall(r"(?<![\w-])--(\w+)", "\n".join(re.findall(r"`[^`\n]+`", WORDS)))
    assert {"list", "experiment"} <= set(flags)
    assert [flag for flag in flags if flag not in main.FLAGS] == []


@pytest.mark.parametrize("call", RUNS, ids=lambda call: f"line {call.lineno}")
def test_runs_ask_for_what_there_is(call):
    given = {argument.arg: argument.value for argument in call.keywords}
    assert set(given) <= set(inspect.signature(gan_mnist.run).parameters)
    name = ast.literal_eval(call.args[0])
    study = experiments.load(name)
    assert ast.literal_eval(given["preset"]) in study.presets
    assert {arm.name for arm in study.arms} >= set(ast.literal_eval(given["arms"]))


def test_there_are_two_runs():
    assert len(RUNS) == 2

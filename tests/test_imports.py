"""Which part may know of which, read from the source."""

import ast
import functools
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from gan_mnist import experiments

ROOT = Path(__file__).parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("gan_mnist", "experiments")
    for path in (ROOT / package).rglob("*.py")
}
TENSORFLOW = ("tensorflow", "keras")
# From the ground up: a part may import those before it, and none behind it.
FLOORS = [
    ("gan_mnist.errors", "gan_mnist.seeding", "gan_mnist.files"),
    ("gan_mnist.data", "gan_mnist.models"),
    ("gan_mnist.study",),
    ("gan_mnist.settings", "gan_mnist.evaluation", "gan_mnist.report"),
    ("gan_mnist.training", "gan_mnist.experiments"),
    ("gan_mnist.generators", "gan_mnist.commands"),
    ("gan_mnist.trials",),
    ("experiments", "gan_mnist.main"),
]
# Augmentation moves images as networks do.
MODELS_BUT_WARPING = tuple(
    name
    for name in MODULES
    if name.startswith("gan_mnist.models.") and name != "gan_mnist.models.warping"
)
# (part, what it may not import besides)
RULES = [
    ("gan_mnist.models", ("gan_mnist.data",)),
    ("gan_mnist.data", MODELS_BUT_WARPING),
    ("gan_mnist.study", (*TENSORFLOW, "gan_mnist.data", "gan_mnist.models")),
    ("gan_mnist.report", (*TENSORFLOW, "gan_mnist.data", "gan_mnist.models", "gan_mnist.settings")),
    ("gan_mnist.report", ("gan_mnist.evaluation", "gan_mnist.seeding")),
    ("gan_mnist.evaluation", ("gan_mnist.settings", "gan_mnist.report")),
    ("gan_mnist.training", ("gan_mnist.study", "gan_mnist.report", "gan_mnist.experiments")),
    ("gan_mnist.generators", ("gan_mnist.report", "gan_mnist.experiments", "gan_mnist.commands")),
    ("gan_mnist.trials", ("gan_mnist.report", "gan_mnist.experiments", "gan_mnist.commands")),
    ("gan_mnist.experiments", (*TENSORFLOW, "gan_mnist.data", "gan_mnist.models")),
    ("gan_mnist.settings", TENSORFLOW),
    ("gan_mnist.generators.names", (*TENSORFLOW, "gan_mnist")),
    ("gan_mnist.generators.settings", TENSORFLOW),
    ("experiments", ("gan_mnist.main", "gan_mnist.experiments", "gan_mnist.commands")),
]
# What is written for all experiments knows none of them.
OF_EXPERIMENTS = tuple(f"gan_mnist.experiments.{name}" for name in experiments.names())
MOST_ROOMS, MOST_LINES = 16, 300
CODE = [*MODULES.values(), *(ROOT / "tests").rglob("*.py")]


def within(module, part):
    return module == part or module.startswith(f"{part}.")


def imported(source, module="", is_package=False):
    """Full names of all that is imported anywhere in `source`, functions included."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: None if is_package and node.level == 1 else -node.level]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


@functools.cache
def imports_of(module):
    path = MODULES[module]
    return imported(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b as c, d", {"a.b", "d"}),
        ("from a import b", {"a", "a.b"}),
        ("def f():\n    if f:\n        import a", {"a"}),
        ("from . import b", {"p.q", "p.q.b"}),
        ("from ..r import b", {"p.r", "p.r.b"}),
    ],
)
def test_imports_are_found_wherever_they_stand(source, expected):
    assert imported(source, "p.q.module") == expected


def test_relative_imports_of_a_package_are_its_own():
    assert imported("from . import b", "p.q", is_package=True) == {"p.q", "p.q.b"}


def offences(part, forbidden):
    modules = [name for name in MODULES if within(name, part)]
    assert modules, part
    return [
        f"{module} imports {name}"
        for module in modules
        for name in imports_of(module)
        if any(within(name, other) for other in forbidden) and not within(name, part)
    ]


@pytest.mark.parametrize("floor", range(len(FLOORS)))
def test_imports_go_down(floor):
    above = [part for parts in FLOORS[floor + 1 :] for part in parts]
    assert [o for part in FLOORS[floor] for o in offences(part, above)] == []
    # Of two on one floor one may know the other: a test below forbids circles.


@pytest.mark.parametrize(("part", "forbidden"), RULES)
def test_a_part_does_not_know(part, forbidden):
    assert offences(part, forbidden) == []


def test_every_part_has_its_floor():
    told = {part for parts in FLOORS for part in parts}
    rooms = {".".join(name.split(".")[:2]) for name in MODULES if name.startswith("gan_mnist.")}
    assert told == rooms | {"experiments"}
    assert len(told) <= MOST_ROOMS


def test_rules_name_modules_that_exist():
    told = {part for parts in FLOORS for part in parts}
    told |= {name for part, forbidden in RULES for name in (part, *forbidden)}
    assert told - set(MODULES) - set(TENSORFLOW) == {"experiments"}  # a folder, no package


def test_nothing_knows_a_single_experiment():
    modules = [name for name in MODULES if within(name, "gan_mnist")]
    assert not [
        (module, name)
        for module in modules
        for name in imports_of(module)
        if any(within(name, each) for each in OF_EXPERIMENTS)
    ]


def test_nobody_imports_the_command():
    wrong = [m for m in MODULES if any(within(n, "gan_mnist.main") for n in imports_of(m))]
    assert wrong == []


def circles(graph):
    """The strongly connected components of more than one module, by Tarjan's algorithm."""
    found, path, number, lowest = [], [], {}, {}

    def visit(module):
        number[module] = lowest[module] = len(number)
        path.append(module)
        for name in sorted(graph.get(module, ())):
            if name not in number:
                visit(name)
                lowest[module] = min(lowest[module], lowest[name])
            elif name in path:
                lowest[module] = min(lowest[module], number[name])
        if lowest[module] == number[module]:
            start = path.index(module)
            found.append(path[start:])
            del path[start:]

    for module in graph:
        if module not in number:
            visit(module)
    return [sorted(component) for component in found if len(component) > 1]


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": "b", "b": "c"}, []),
        ({"a": "bc", "b": "d", "c": "d"}, []),  # two ways to one place
        ({"a": "b", "b": "a"}, ["ab"]),
        ({"a": "b", "b": "c", "c": "b"}, ["bc"]),
        ({"a": "b", "b": "c", "c": "ad", "d": "e", "e": "d"}, ["de", "abc"]),
    ],
)
def test_circles_are_found(graph, expected):
    assert circles(graph) == [list(component) for component in expected]


def test_no_module_imports_itself_by_a_detour():
    graph = {
        module: {name for name in imports_of(module) if name in MODULES and name != module}
        for module in MODULES
        if module != "gan_mnist"  # which imports a part of its own, late
    }
    assert circles(graph) == []


def test_files_are_short():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in CODE
    }
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}


def test_no_experiment_imports_another():
    for module in MODULES:
        parts = module.split(".")
        if parts[0] == "experiments" and len(parts) > 1:
            own = f"experiments.{parts[1]}"
            others = [n for n in imports_of(module) if within(n, "experiments")]
            assert all(n == "experiments" or within(n, own) for n in others), module


def test_nothing_is_called_utils():
    assert not [name for name in MODULES if name.rsplit(".")[-1] in ("utils", "util", "helpers")]


IN_PLACE = {"savez", "savez_compressed", "write_text", "write_bytes", "to_csv", "save_weights"}


@pytest.mark.slow
def test_files_are_written_by_what_leaves_them_whole_or_absent():
    in_place = {
        module: node.lineno
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in IN_PLACE
    }
    # A model knows nothing of runs, and weights count once their checksum is written.
    known = {"gan_mnist.files", "gan_mnist.models.anchored", "gan_mnist.training.made_once"}
    assert in_place.keys() == known


@pytest.mark.slow
def test_flags_and_declarations_do_without_tensorflow():
    studies = [f"gan_mnist.experiments.{name}.study" for name in experiments.names()]
    assert studies
    names = ["gan_mnist.main", "gan_mnist.generators.settings", *studies]
    code = (
        f"import sys, {', '.join(names)}\n"
        "print([n for n in ('tensorflow', 'keras', 'sklearn') if n in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


NOT_RUN = [*(ROOT / "tests" / "benchmarks").glob("*.py"), *(ROOT / "tests").rglob("slow_*.py")]


def test_what_is_imported_where_these_tests_do_not_look_exists():
    nodes = [node for path in NOT_RUN for node in ast.walk(ast.parse(path.read_text()))]
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and within(node.module, "gan_mnist"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                assert hasattr(module, alias.name) or importlib.util.find_spec(full), full

"""Which part may know of which, read from the source."""

import ast
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
NETWORKS = (
    *("tensorflow", "keras", "gan_mnist.data", "gan_mnist.models", "gan_mnist.training.loop"),
    *(
        "gan_mnist.generators.contract",
        "gan_mnist.generators.gans",
        "gan_mnist.training.classifier",
        "gan_mnist.evaluation",
    ),
    *("gan_mnist.trials.export", "gan_mnist.training.tensorboard", "gan_mnist.trials"),
)
LEARNING = (
    *(
        "gan_mnist.models",
        "gan_mnist.training.loop",
        "gan_mnist.generators.gans",
        "gan_mnist.training.classifier",
    ),
    "gan_mnist.trials",
)
ABOVE = ("gan_mnist.generators.contract", "gan_mnist.settings", "gan_mnist.study")
# (part, what it may not import, except these modules of it)
RULES = [
    ("gan_mnist.study", (*NETWORKS, "gan_mnist.settings", "experiments"), ()),
    ("gan_mnist.data", (*LEARNING, *ABOVE), ()),
    ("gan_mnist.models", (*LEARNING[1:], "gan_mnist.data", *ABOVE), ()),
    ("gan_mnist.settings", ("tensorflow", "keras", *LEARNING, "gan_mnist.generators.contract"), ()),
    ("gan_mnist", ("experiments",), ("gan_mnist.main",)),
    ("gan_mnist", ("gan_mnist.main",), ()),
    ("experiments", ("gan_mnist.main",), ()),
]


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


@pytest.mark.parametrize(("part", "forbidden", "except_in"), RULES)
def test_imports_go_one_way(part, forbidden, except_in):
    modules = [name for name in MODULES if within(name, part) and name not in except_in]
    assert modules
    wrong = [
        f"{module} imports {name}"
        for module in modules
        for name in imports_of(module)
        if any(within(name, other) for other in forbidden)
    ]
    assert wrong == []


def test_rules_name_modules_that_exist():
    ours = {name for _, forbidden, but in RULES for name in (*forbidden, *but)}
    missing = ours - set(MODULES) - {"tensorflow", "keras"}
    assert missing == set()


def test_no_experiment_imports_another():
    for module in MODULES:
        parts = module.split(".")
        if parts[0] == "experiments" and parts[1:2] != ["catalogue"] and len(parts) > 1:
            own = f"experiments.{parts[1]}"
            others = [n for n in imports_of(module) if within(n, "experiments")]
            assert all(n == "experiments" or within(n, own) for n in others), module


def test_nothing_is_called_utils():
    assert not [name for name in MODULES if name.rsplit(".")[-1] in ("utils", "util", "helpers")]


def test_flags_and_declarations_do_without_tensorflow():
    studies = [f"experiments.{name}.study" for name in experiments.names()]
    assert studies
    names = ["gan_mnist.main", "gan_mnist.settings", *studies]
    code = (
        f"import sys, {', '.join(names)}\n"
        "print([n for n in ('tensorflow', 'keras', 'sklearn') if n in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"

"""The recipes of CONTRIBUTING.md, followed in a copy of the repository, turn nothing red there.

An arm, a generator with arms that ask for it, and an experiment with a setting that was added: the
code is that of the page. Of the tests those are run that a new thing is part of.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n# (\S+)\n(.*?)^```", TEXT, re.M | re.S)
# Where an arm asks for the generator; in the last, with a word more.
SHOWING = ("imbalance", "mixing", "conditional_gan", "data_scaling", "substitution")
# Of what every experiment, and every generator, is tested for: the new ones, and tables as a whole.
CASES = ("noise", "average", "wrong_labels")
CHECKS = {
    "style": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
    "tables": (
        *("pytest", "tests/test_readmes.py", "tests/test_documents.py", "tests/test_main.py"),
        *("tests/test_experiments.py", "tests/test_imports.py", "tests/test_contributing.py"),
        *("tests/study/test_primary_recorded.py", "tests/study/test_spec.py"),
    ),
    "new": (
        *("pytest", "tests/experiments/test_every_experiment.py", "tests/generators"),
        *("tests/experiments/test_every_generator.py", "-k", " or ".join(CASES)),
        *(f"tests/experiments/slow_every_{each}.py" for each in ("experiment", "generator")),
    ),
    "arms": ("pytest", *(f"tests/experiments/test_{name}*.py" for name in SHOWING)),
}


def codes(place):
    """The blocks of the page that belong to a file."""
    return [code for file, code in BLOCKS if file == place]


def insert(path, text, after, of=""):
    """Puts lines behind what ends with the first match of `after`, looked for behind `of`."""
    content = path.read_text(encoding="utf-8")
    found = re.compile(after, re.M | re.S).search(content, content.index(of))
    assert found, (path, after)
    content = content[: found.end()] + text + content[found.end() :]
    path.write_text(content, encoding="utf-8")


def insert_arm(copy, experiment, row):
    """Puts a row behind the first of a table, where it precedes what there was."""
    insert(copy / f"experiments/{experiment}/study.py", row, r"Arm\(.*?\n(?=    Arm\()", "\nARMS =")


def add_arm(copy):
    insert_arm(copy, "imbalance", codes("experiments/imbalance/study.py")[0])


def add_generator(copy):
    module = "gan_mnist/generators/average.py"
    (copy / module).write_text(*codes(module), encoding="utf-8")
    names = "gan_mnist/generators/names.py"
    insert(copy / names, *codes(names), after=r"^GENERATORS: [^\n]*\n")
    row = codes("experiments/imbalance/study.py")[1]
    *alike, last = SHOWING
    for experiment in alike:
        insert_arm(copy, experiment, row)
    generator = '{"generator": "average"}, '
    assert generator in row
    both = '{"generator": "average", "trained_on": "generated"},\n        '
    insert_arm(copy, last, row.replace(generator, both))


def add_experiment_and_setting(copy):
    declared, setting = codes("my_studies/noise/study.py")
    (heeded,) = re.findall(r"^The trial then heeds it: `(.+)`\.$", TEXT, re.M)
    folder = copy / "experiments" / "noise"
    folder.mkdir()
    (folder / "study.py").write_text(declared, encoding="utf-8")
    (folder / "trial.py").write_text(*codes("my_studies/noise/trial.py"), encoding="utf-8")
    insert(folder / "study.py", setting, after=r"^    noise: [^\n]*\n")
    insert(folder / "trial.py", f"    {heeded}\n", after=r"^    shown = [^\n]*\n")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository's files, with all recipes followed."""
    place = tmp_path_factory.mktemp("recipes") / "copy"
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    add_arm(place)
    add_generator(place)
    add_experiment_and_setting(place)
    return place


@pytest.mark.parametrize("check", CHECKS)
def test_recipes_turn_nothing_red(copy, check):
    variables = {name: text for name, text in os.environ.items() if "PYTEST" not in name}
    variables |= {"PYTHONPATH": str(copy)}
    tool, *arguments = CHECKS[check]
    command = [str(Path(sys.executable).with_name(tool)), *arguments]
    if tool == "pytest":
        files = [path for text in arguments for path in sorted(copy.glob(text)) or [text]]
        pytest_here = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist=worksteal"]
        command = [*pytest_here, "-m", "", *map(str, files)]
    done = subprocess.run(
        command, cwd=copy, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-2000:]}"

"""The package as a user has it: a wheel, in a folder that has an `experiments` of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gan_mnist
from gan_mnist import experiments

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with what the wheel installs, and nothing else."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    copy = place / "source"
    # Of a copy, as building leaves files beside what it builds.
    names = ("gan_mnist", "experiments", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
    copy.mkdir()
    for name in names:
        subprocess.run(["cp", "-r", ROOT / name, copy / name], check=True)
    build = ["wheel", "--no-deps", "--no-build-isolation", "-w", place, copy]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = place.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", place / "site", wheel], check=True)
    return place / "site"


@pytest.fixture
def run(site, tmp_path):
    """`run(*command)` in a folder with a foreign `experiments`; what it printed."""
    foreign = tmp_path / "experiments" / "imbalance"
    foreign.mkdir(parents=True)
    for folder in (foreign.parent, foreign):
        (folder / "__init__.py").write_text("raise RuntimeError('foreign')\n")
    (foreign / "study.py").write_text("raise RuntimeError('somebody else has this name')\n")

    def run(*command):
        environment = {**os.environ, "PYTHONPATH": str(site)}
        done = subprocess.run(
            [*map(str, command)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_wheel_is_what_runs(run, site):
    told = run(sys.executable, "-c", "import gan_mnist; print(gan_mnist.__file__)")
    assert Path(told.strip()) == site / "gan_mnist" / "__init__.py"


def test_an_installed_package_lists_its_experiments(run):
    told = run(sys.executable, "-m", "gan_mnist.main", "--list")
    assert all(name in told for name in experiments.names())


def test_an_installed_package_plans(run):
    told = run(
        sys.executable,
        "-m",
        "gan_mnist.main",
        "--experiment=imbalance",
        "--preset=smoke",
        "--dry_run",
    )
    assert "Can a GAN repair a class imbalance?" in told


def test_the_console_script_answers(run, site):
    assert run(sys.executable, site / "bin" / "gan-mnist", "--version").split() == [
        "gan_mnist",
        gan_mnist.__version__,
    ]


@pytest.mark.parametrize("command", ["classify", "generate", "denoise", "demo"])
def test_commands_are_found(run, command):
    assert "--model" in run(sys.executable, "-m", f"gan_mnist.{command}", "--help")


def test_every_package_is_installed(site):
    def parts(root):
        return {path.parent.relative_to(root) for path in root.rglob("*.py")}

    assert parts(ROOT / "gan_mnist") <= parts(site / "gan_mnist")
    assert parts(ROOT / "experiments") == parts(site / "gan_mnist" / "_experiments")

"""The notebook, cell by cell, in a fresh environment with the versions that Colab has today."""

import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.12", "3.13")
COLAB = ("tensorflow==2.20.0", "keras==3.13.2", "numpy==2.1.3", "scikit-learn==1.6.1")
# TensorBoard 2.20 needs pkg_resources.
AS_ON_COLAB = (*COLAB, "protobuf==5.29.5", "tensorboard==2.20.0", "setuptools==75.2.0")


@pytest.fixture(scope="module", params=PYTHONS)
def environment(request, tmp_path_factory):
    """`run(*arguments)` of a Python of Colab's, beside a copy of the code, and its folder."""
    place = tmp_path_factory.mktemp(f"colab-{request.param}")
    for name in ("gan_mnist", "experiments", "notebooks"):
        shutil.copytree(ROOT / name, place / "code" / name)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place / "code" / name)
    (place / "tmp").mkdir()
    pythons = glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin"))
    path = [str(place / "venv" / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    ours = {"PYTHONPATH", "CUDA_VISIBLE_DEVICES", "TF_CPP_MIN_LOG_LEVEL", "GAN_MNIST_CACHE"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    kept |= {"PATH": os.pathsep.join([*path, *pythons]), "TMPDIR": str(place / "tmp")}

    def run(*command, cwd=place):
        done = subprocess.run(
            list(map(str, command)), cwd=cwd, env=kept, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    run("uv", "venv", "--quiet", "--seed", "--python", request.param, "venv")
    run(
        "uv", "pip", "install", "--quiet", "--python", "venv", *AS_ON_COLAB, "nbclient", "ipykernel"
    )
    yield run, place
    for told in (place / "tmp" / ".tensorboard-info").glob("pid-*.info"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(json.loads(told.read_text())["pid"], signal.SIGTERM)


@pytest.fixture(scope="module")
def executed(environment):
    """The outputs of each cell, by its name."""
    run, place = environment
    before = packages(run)
    source, target = place / "code" / "notebooks" / "gan_mnist.ipynb", place / "executed.ipynb"
    run("python", ROOT / "tests" / "slow" / "execute_notebook.py", source, target)
    after = packages(run)
    assert {name: after[name] for name in before} == before, "the notebook changes what is there"
    cells = nbformat.read(target, as_version=4).cells
    return {cell.id: cell.outputs for cell in cells if cell.cell_type == "code"}


def packages(run):
    told = json.loads(run("uv", "pip", "list", "--format=json", "--python", "venv"))
    return {package["name"]: package["version"] for package in told}


def texts(outputs):
    return "".join(out.text if "text" in out else str(out.get("data", "")) for out in outputs)


def kinds(outputs):
    return [kind for out in outputs for kind in out.get("data", {})]


@pytest.mark.timeout(1500)
def test_every_cell_runs_and_shows_what_it_should(executed):
    found = texts(executed["found"])
    assert all(wanted.partition("==")[2] in found for wanted in COLAB[:3])
    assert "no GPU" in found
    assert "[10/10]" in texts(executed["run"])
    assert kinds(executed["answer"]) == ["text/markdown", "text/plain"]
    for arm in ("none", "classical", "cgan", "warp_gan", "oracle"):
        assert arm in texts(executed["table"])
    assert kinds(executed["figures"]).count("image/png") == 2
    assert "<iframe srcdoc=" in texts(executed["report"])
    assert "tensorboard-frame" in texts(executed["tensorboard"])
    assert "triangles" in texts(executed["own-run"])
    assert "image/png" in kinds(executed["own-run"])
    assert "All 10 trials were finished; none was run again." in texts(executed["again"])
    warned = [name for name, outputs in executed.items() if "Warning:" in texts(outputs)]
    assert set(warned) <= {"install"}, "pip may have something to say, and nobody else"


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("executed")  # which installs the package
def test_a_stopped_cell_leaves_what_is_finished_and_goes_on(environment):
    run, place = environment
    told = json.loads(run("python", ROOT / "tests" / "slow" / "interrupt_notebook.py", cwd=place))
    assert 1 <= told.pop("kept") < 4
    expected = {"stopped": "KeyboardInterrupt", "untouched": True, "again": "ok", "finished": 4}
    assert told == expected

"""The notebook, cell by cell, in a fresh environment with the versions that Colab has today."""

import contextlib
import json
import os
import signal
from pathlib import Path

import nbformat
import pytest
from environments import Environment

HERE = Path(__file__).parent
# Colab has Python 3.12, too, for those who choose an older runtime.
PYTHON = "3.13"
COLAB = ("tensorflow==2.20.0", "keras==3.13.2", "numpy==2.1.3", "scikit-learn==1.6.1")
# TensorBoard 2.20 needs pkg_resources.
AS_ON_COLAB = (*COLAB, "protobuf==5.29.5", "tensorboard==2.20.0", "setuptools==75.2.0")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """One with Colab's Python and some of what is there; TensorBoard is ended after it."""
    place = tmp_path_factory.mktemp("colab")
    yield Environment(place, PYTHON, *AS_ON_COLAB, "nbclient", "ipykernel")
    for told in (place / "tmp" / ".tensorboard-info").glob("pid-*.info"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(json.loads(told.read_text())["pid"], signal.SIGTERM)


@pytest.fixture(scope="module")
def executed(environment):
    """The outputs of each cell, by its name."""
    before = packages(environment)
    source = environment.place / "code" / "notebooks" / "gan_mnist.ipynb"
    target = environment.place / "executed.ipynb"
    environment.run("python", HERE / "execute_notebook.py", source, target)
    after = packages(environment)
    assert {name: after[name] for name in before} == before, "the notebook changes what is there"
    cells = nbformat.read(target, as_version=4).cells
    return {cell.id: cell.outputs for cell in cells if cell.cell_type == "code"}


def packages(environment):
    told = json.loads(environment.run("uv", "pip", "list", "--format=json", "--python", "venv"))
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
    assert "10/10 trials" in texts(executed["run"])
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
    told = json.loads(environment.run("python", HERE / "interrupt_notebook.py"))
    assert 1 <= told.pop("kept") < 4
    expected = {"stopped": "KeyboardInterrupt", "untouched": True, "again": "ok", "finished": 4}
    assert told == expected

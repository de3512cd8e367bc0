"""Here processes are what is tested: a trial has one of its own."""

import pytest
from fake_study import make_plan
from fake_worker import AtOnce

from gan_mnist.files import CACHE_VARIABLE
from gan_mnist.files import remote as stores
from gan_mnist.study import workers
from gan_mnist.study.run import run_study

pytest.register_assert_rewrite("interrupting")


@pytest.fixture(scope="module", autouse=True)
def trials_in_this_process():
    """Not in this folder."""


@pytest.fixture
def at_once(monkeypatch):
    """Trials run in this process after all, for tests that are not about processes."""
    monkeypatch.setitem(workers.ENGINES, "local", AtOnce)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """`machine(name)`: from here on mirrors are those of another machine; trials run at once."""
    monkeypatch.setitem(workers.ENGINES, "local", AtOnce)
    monkeypatch.setattr(stores, "SETTLED_SECONDS", 0.0)

    def machine(name):
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "machines" / name))

    machine("first")
    return machine


@pytest.fixture(params=["memory", "file"])
def address(request, tmp_path, machine):
    return f"{request.param}://{tmp_path}/store/run"


@pytest.fixture
def plain(tmp_path, machine):
    """The plan of a run in a directory, of two seeds, which is finished."""
    plan = make_plan(tmp_path / "plain")
    run_study(plan, 1, "local", "")
    return plan

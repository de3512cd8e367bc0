"""An experiment outside of the package, as somebody writes one."""

import contextlib
import importlib
import sys

import pytest

from gan_mnist import experiments

STUDY = """
from dataclasses import dataclass

from gan_mnist.settings import DataSettings
from gan_mnist.study.settings import setting
from gan_mnist.study.spec import Arm, Metric, Preset, Study


@dataclass(frozen=True)
class CoinSettings(DataSettings):
    bias: float = setting(0.5, "chance of heads", low=0, high=1)


STUDY = Study(
    package=__package__,
    question="Does a bent coin show heads more often?",
    settings=CoinSettings(),
    arms=(Arm("fair", {}, "even", kind="control"), Arm("bent", {"bias": 0.8}, "bent")),
    control="fair",
    metrics=(Metric("heads", "share of heads", bounds=(0, 1)),),
    presets={"smoke": Preset(2, {}), "quick": Preset(3, {})},
)
"""
TRIAL = """
import numpy as np

from gan_mnist.study.trial import Outcome


def run_trial(trial):
    tosses = np.random.default_rng(trial.stream("tosses")).random(100)
    return Outcome({"heads": float(np.mean(tosses < trial.settings.bias))})
"""


def write(folder, study=STUDY, trial=TRIAL):
    """Makes the experiment in `folder`."""
    folder.mkdir(parents=True)
    (folder / "study.py").write_text(study)
    (folder / "trial.py").write_text(trial)
    return folder


def _loaded():
    return {name for name in sys.modules if name.startswith(f"{experiments.__name__}.")}


@contextlib.contextmanager
def forgotten():
    """What is announced and loaded of experiments inside is forgotten at the end.

    No bytecode is kept: Python takes it for that of a file of the same second and length.
    """
    before = {name: sys.modules[name] for name in _loaded()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "__path__", list(experiments.__path__))
        patch.setenv(experiments.PATH_VARIABLE, "")
        patch.setattr(sys, "dont_write_bytecode", True)
        yield
    for name in _loaded():
        del sys.modules[name]
    sys.modules.update(before)
    importlib.invalidate_caches()

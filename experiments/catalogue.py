"""Which experiments there are: every folder here that has a `study.py`."""

import importlib
from pathlib import Path

from gan_mnist.errors import unknown
from gan_mnist.study.spec import Study


def names() -> list[str]:
    """Names of all experiments, sorted."""
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/study.py"))


def load(name: str) -> Study:
    """The declaration of experiment `name`; imports no TensorFlow.

    Raises:
        InputError: If there is no such experiment.
    """
    if name not in names():
        raise unknown("--experiment", name, names())
    return importlib.import_module(f"experiments.{name}.study").STUDY

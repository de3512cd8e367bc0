"""The experiments: folders with a `study.py`, found by name or by path.

This module is a package too, whose parts are those folders: `gan_mnist.experiments.imbalance`. In a
checkout they lie in `experiments/` beside `gan_mnist/`, in an installation inside it; an
`experiments` package of anybody else's is not touched. Nothing here imports TensorFlow.
"""

import importlib
import os
from pathlib import Path

from gan_mnist.errors import InputError, unknown
from gan_mnist.study.spec import Study

# Folders of experiments, searched before ours; processes that are started inherit them.
PATH_VARIABLE = "GAN_MNIST_EXPERIMENTS"
_HERE = Path(__file__).parent
_OURS = (_HERE / "_experiments", _HERE.parent / "experiments")
__path__ = [
    *filter(None, os.environ.get(PATH_VARIABLE, "").split(os.pathsep)),
    *(str(folder) for folder in _OURS if folder.is_dir()),
]


def names() -> list[str]:
    """Names of all experiments, sorted."""
    found = (path for folder in __path__ for path in Path(folder).glob("*/study.py"))
    return sorted({path.parent.name for path in found})


def load(name_or_path: str) -> Study:
    """The declaration of an experiment; imports no TensorFlow.

    Args:
        name_or_path: A name, or the path of a folder with a `study.py` in it.

    Raises:
        InputError: If there is no such experiment, or its declaration cannot be loaded.
    """
    name = name_or_path
    if name not in names():
        folder = Path(name_or_path).absolute()
        if not name_or_path or not os.path.isfile(folder / "study.py"):
            raise unknown("--experiment", name_or_path, [*names(), "a folder with a study.py"])
        name = _announce(folder)
    folder = next(Path(home) / name for home in __path__ if (Path(home) / name).is_dir())
    try:
        module = importlib.import_module(f"{__name__}.{name}.study")
        study = module.STUDY
    # The declaration is somebody's program and may fail in any way.
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            f"--experiment: {folder / 'study.py'} cannot be loaded: {reason}"
        ) from error
    if Path(str(module.__file__)).parent.resolve() != folder.resolve():
        raise InputError(
            f"--experiment: {folder} has the name of {Path(str(module.__file__)).parent}, which is "
            "loaded already; accepted: a folder of another name"
        )
    if not isinstance(study, Study):
        raise InputError(f"--experiment: STUDY in {folder / 'study.py'} is no Study")
    return study


def _announce(folder: Path) -> str:
    """Makes the experiment in `folder` one of ours, here and in processes started from now on."""
    name, home = folder.name, str(folder.parent)
    if not name.isidentifier():
        raise InputError(
            f"--experiment: {name!r} is no name of a package; accepted: letters, digits and _"
        )
    if home not in __path__:
        __path__.insert(0, home)
        before = os.environ.get(PATH_VARIABLE)
        os.environ[PATH_VARIABLE] = os.pathsep.join(filter(None, (home, before)))
    importlib.invalidate_caches()
    return name

"""Environments of their own for slow tests, which uv makes."""

import glob
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Of this process, or of its tests, and none of an environment's business.
OURS = ("PYTHONPATH", "CUDA_VISIBLE_DEVICES", "TF_CPP_MIN_LOG_LEVEL", "GAN_MNIST_CACHE")
OURS += ("UV_CONSTRAINT",)  # of what CI installs


class Environment:
    """A folder with `venv`, and `code`, a copy of what is installed or run.

    Attributes:
        place: The folder; what is run uses `place / "tmp"` for temporary files.
    """

    def __init__(self, place, python, *requirements):
        """Makes it of a Python's version; "code" and "code[extra]" are the copy."""
        self.place = place
        for name in ("gan_mnist", "experiments", "notebooks"):
            shutil.copytree(ROOT / name, place / "code" / name)
        for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, place / "code" / name)
        (place / "tmp").mkdir()
        pythons = glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin"))
        path = [str(place / "venv" / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
        self.variables = {name: text for name, text in os.environ.items() if name not in OURS}
        self.variables |= {"PATH": os.pathsep.join([*path, *pythons]), "TMPDIR": f"{place}/tmp"}
        self.run("uv", "venv", "--quiet", "--seed", "--python", python, "venv")
        self.run("uv", "pip", "install", "--quiet", "--python", "venv", *requirements)

    def run(self, *command):
        """What a command prints that ends well, in the folder."""
        done = subprocess.run(
            list(map(str, command)),
            cwd=self.place,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

"""Executes a notebook in the environment of the Python that runs this: NOTEBOOK, EXECUTED."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

source, target = map(Path, sys.argv[1:])
notebook = nbformat.read(source, as_version=4)
here = {"metadata": {"path": str(source.parent)}}
try:
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources=here).execute()
finally:
    nbformat.write(notebook, target)

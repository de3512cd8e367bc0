"""What all commands that use exported models share, in a process of its own."""

import subprocess
import sys

import pytest

PROBE = """
import sys
from gan_mnist.{module} import main
status = main(sys.argv)
loaded = {{"tensorflow", "keras", "pandas"}} & set(sys.modules)
sys.exit(f"loaded {{loaded}}" if loaded else status)
"""


@pytest.mark.parametrize("module", ["classify", "denoise", "generate"])
@pytest.mark.parametrize(("flag", "status"), [("--help", 0), ("--model=/nowhere", 2)])
def test_answers_come_without_tensorflow(module, flag, status):
    command = [sys.executable, "-c", PROBE.format(module=module), flag]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    if flag == "--help":
        assert "--model" in done.stdout
        assert done.stderr == ""

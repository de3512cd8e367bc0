"""What all commands that use exported models share."""

import os
import signal
import subprocess
import sys

import pytest

from gan_mnist import denoise
from gan_mnist.commands.command import all_or_nothing
from gan_mnist.errors import InputError

MAIN = denoise.main

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


@pytest.mark.parametrize("flag", ["--flagfile", "--flagfile=x", "-flagfile=x", "--undefok=zzz"])
def test_flags_of_absl_itself_are_unknown(command, flag):
    status, out, err = command(flag, "--zzz=1")
    assert (status, out) == (2, "")
    assert err.startswith(f"error: flags: {flag.partition('=')[0]!r} is unknown; accepted: ")
    assert len(err.splitlines()) == 1


def test_the_last_file_moves_last_and_no_signal_stops_the_move(command, tmp_path, monkeypatch):
    def seen(path, target):
        # At every move; the handlers of pytest, which `command` puts back, would end the test.
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        moved.append(target.name)
        return rename(path, target)

    moved, rename = [], os.rename
    monkeypatch.setattr("pathlib.Path.rename", seen)
    with all_or_nothing(tmp_path / "new", last="table") as hidden:
        for name in ("z", "table", "a"):
            (hidden / name).write_text(name)
    assert moved == ["a", "z", "table"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a", "table", "z"]


def test_nothing_replaces_what_came_to_the_output_meanwhile(command, tmp_path):
    def write():
        with all_or_nothing(tmp_path) as hidden:
            for name in ("a", "b"):
                (hidden / name).write_text("theirs")
            (tmp_path / "b").write_text("mine")

    with pytest.raises(InputError, match=r"/b' has come there meanwhile; accepted: "):
        write()
    assert [path.name for path in tmp_path.glob("?")] == ["b"]
    assert (tmp_path / "b").read_text() == "mine"

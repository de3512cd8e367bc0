"""What all commands that use exported models share."""

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import gan_mnist
from gan_mnist import commands
from gan_mnist.commands import denoise
from gan_mnist.commands.command import Command
from gan_mnist.commands.output import atomic_directory
from gan_mnist.errors import InputError

MAIN = denoise.main

# As `python -m gan_mnist.classify` does, although the file lies in a folder of its own.
PROBE = """
import runpy, sys
try:
    runpy.run_module("gan_mnist.{module}", run_name="__main__", alter_sys=True)
except SystemExit as end:
    loaded = {{"tensorflow", "keras", "pandas"}} & set(sys.modules)
    sys.exit(f"loaded {{loaded}}" if loaded else end.code)
"""


def takes_a_model(name):
    module = importlib.import_module(f"gan_mnist.commands.{name}")
    return "model" in getattr(module, "COMMAND", SimpleNamespace(flags=())).flags


# Parts of some commands need what an extra installs.
FILES = [path for place in commands.__path__ for path in Path(place).glob("*.py")]
PARTS = sorted(path.stem for path in FILES if '__name__ == "__main__"' in path.read_text())


@pytest.mark.parametrize("module", [name for name in PARTS if takes_a_model(name)])
@pytest.mark.parametrize(("flag", "status"), [("--help", 0), ("--model=/nowhere", 2)])
def test_answers_come_without_tensorflow(module, flag, status):
    command = [sys.executable, "-c", PROBE.format(module=module), flag]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    if flag == "--help":
        assert "--model" in done.stdout
        assert done.stderr == ""


def test_flags_may_come_from_a_file(command, tmp_path):
    (tmp_path / "flags").write_text("--model=/nowhere\n--images=.\n")
    status, out, err = command(f"--flagfile={tmp_path / 'flags'}", "--output=table.csv")
    assert (status, out) == (2, "")
    assert "--model: '/nowhere'" in err


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("--flagfile=/nowhere/flags", "/nowhere/flags"),
        ("--flagfile=/tmp", "directory"),
        ("--flagfile={}/binary", "holds no text"),
        ("--flagfile", "no file is named"),
        ("-flagfile", "no file is named"),
    ],
)
def test_a_file_of_flags_that_is_none_is_refused(refused, tmp_path, flag, told):
    (tmp_path / "binary").write_bytes(b"--model=\xff\xfe\n")
    line = refused(flag.format(tmp_path))
    assert line.startswith("error: --flagfile: ")
    assert told in line
    assert "accepted: a text file with a flag a line" in line


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("--modell=x\n", "did you mean '--model'?"),
        ("model\n", "'model' is not a flag"),
        ("--version=maybe\n", "--version: 'maybe'"),
    ],
)
def test_a_bad_flag_in_a_file_is_refused_as_on_the_command_line(refused, tmp_path, content, told):
    (tmp_path / "flags").write_text(content)
    assert told in refused(f"--flagfile={tmp_path / 'flags'}")


@pytest.mark.parametrize(
    ("flags", "told"), [((), "missing"), (("--model=",), "'' is no path")], ids=["none", "empty"]
)
def test_a_flag_that_is_not_given_is_missing(refused, flags, told):
    line = refused("--images=.", "--output=new", *flags)
    assert line == f"error: --model: {told}; accepted: an exported model's directory\n"


def test_a_flag_that_may_be_unknown_is_passed_over(command):
    status, _, err = command("--undefok=zzz", "--zzz=1", "--model=/nowhere")
    assert status == 2
    assert "zzz" not in err


@pytest.mark.parametrize("flag", ["--helpfull", "--help"])
def test_help_tells_every_flag(command, flag):
    status, out, err = command(flag)
    assert (status, err) == (0, "")
    told = {line.split()[0] for line in out.splitlines() if line.startswith("  --")}
    assert told == {f"--{name}" for name in (*denoise.COMMAND.flags, "flagfile")}


def test_the_version_is_that_of_the_package(command):
    assert command("--version") == (0, f"gan_mnist {gan_mnist.__version__}\n", "")


def test_the_last_file_moves_last_and_no_signal_stops_the_move(command, tmp_path, monkeypatch):
    def seen(path, target):
        # At every move; the handlers of pytest, which `command` puts back, would end the test.
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        moved.append(target.name)
        return rename(path, target)

    moved, rename = [], os.rename
    monkeypatch.setattr("pathlib.Path.rename", seen)
    with atomic_directory(tmp_path / "new", last="table") as hidden:
        for name in ("z", "table", "a"):
            (hidden / name).write_text(name)
    assert moved == ["a", "z", "table"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a", "table", "z"]


def test_nothing_replaces_what_came_to_the_output_meanwhile(command, tmp_path):
    def write():
        with atomic_directory(tmp_path) as hidden:
            for name in ("a", "b"):
                (hidden / name).write_text("theirs")
            (tmp_path / "b").write_text("mine")

    with pytest.raises(InputError, match=r"/b' has come there meanwhile; accepted: "):
        write()
    assert [path.name for path in tmp_path.glob("?")] == ["b"]
    assert (tmp_path / "b").read_text() == "mine"


def test_a_nul_in_a_file_of_flags_is_refused(refused, tmp_path):
    (tmp_path / "flags").write_text("--model=/nowhere\n--output=a\0b\n")
    line = refused(f"--flagfile={tmp_path / 'flags'}")
    assert line == "error: --output: 'a\\x00b' is not accepted; accepted: no NUL in it\n"


def test_a_blank_in_place_of_an_equals_sign_is_told(refused, tmp_path):
    (tmp_path / "flags").write_text("--output table.csv\n")
    line = refused(f"--flagfile={tmp_path / 'flags'}")
    assert "'--output table.csv' has no =, as in --output=table.csv; accepted: " in line


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a, b", ["a", "b"]),
        ('" lead ",b', [" lead ", "b"]),
        ('"a, b","c ""d"""', ["a, b", 'c "d"']),
        ("", []),
    ],
)
def test_names_are_parsed_as_refusals_offer_them(text, names):
    command = Command("", "")
    flag = command.names("classes", "")
    assert command.run(["x", f"--classes={text}"], lambda: len(flag.value)) == len(names)
    assert flag.value == names


def test_a_quote_that_is_not_one_of_a_pair_is_refused(capsys):
    command = Command("", "")
    command.names("classes", "")
    assert command.run(["x", '--classes="a'], lambda: 0) == 2
    assert capsys.readouterr().err.startswith(
        "error: --classes: '\"a' is not accepted; accepted: names"
    )

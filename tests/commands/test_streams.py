"""Where a command prints to may be closed, full, or not made for all characters.

And where it runs may be no more.
"""

import subprocess
import sys

import pytest

from gan_mnist import __version__
from gan_mnist.commands.command import Command, print_line

BODY = """
import sys
from gan_mnist.commands.command import Command, print_line
from gan_mnist.errors import InputError

def body():
    {body}
    return 0

sys.exit(Command("", "").run(sys.argv, body))
"""
FULL = "error: stdout: No space left on device; accepted: "


def shell(body, redirected, *flags):
    """Exit status, stdout and stderr of a command, behind a redirection of the shell."""
    script = [sys.executable, "-c", BODY.format(body=body), *flags]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirected}', "sh", *script], capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("flag", ["--version", "--help", "--debug=false"])
@pytest.mark.parametrize("size", [1, 100_000])
def test_a_full_disk_behind_stdout_is_one_line(flag, size):
    status, _, err = shell(f"print_line('x' * {size})", ">/dev/full", flag)
    assert status == 2
    assert err.startswith(FULL)
    assert err.count("\n") == 1


@pytest.mark.parametrize("body", ["raise InputError('bad')", "print_line('x')"])
def test_a_full_disk_behind_both_leaves_the_status(body):
    assert shell(body, ">/dev/full 2>&1") == (2, "", "")


def test_a_full_disk_behind_stderr_alone_hides_the_reason_only():
    assert shell("raise InputError('bad')", "2>/dev/full") == (2, "", "")
    assert shell("print_line('x')", "2>/dev/full") == (0, "x\n", "")


@pytest.mark.parametrize("first", ["say('the plan')", "pass"])
def test_a_full_disk_behind_stderr_stops_no_study(first):
    body = f"""from pathlib import Path
    from types import SimpleNamespace as Made
    from gan_mnist.study.display.live import StudyProgress
    from gan_mnist.study.display.printing import say
    from gan_mnist.study.spec import Metric
    {first}
    record = dict(status="failed", error="bad", arm="a", seed=0, seconds=dict())
    plan = Made(study=Made(metrics=[Metric("accuracy", "")]), arms=[], workdir=Path())
    with StudyProgress(plan, [], 1) as progress:
        progress.add(record)
        progress.add(record)
    print_line("done")"""
    assert shell(body, "2>/dev/full") == (0, "done\n", "")
    status, out, err = shell(body, "")
    assert (status, out) == (0, "done\n")
    assert err.count("a seed 0: failed: bad") == 2


def test_a_current_directory_that_was_removed_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here").rmdir()
    assert Command("", "").run(["command.py"], lambda: 0) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: the current directory: No such file or directory; accepted: ")
    assert Command("", "").run(["command.py", "--version"], lambda: 1) == 0


def test_what_an_encoding_has_not_is_written_in_its_place(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert shell(r"print_line('caf\xe9 \u732b')", "") == (0, "caf\\xe9 \\u732b\n", "")


def test_where_nothing_is_wrong_all_is_told(capsys):
    assert Command("", "").run(["command.py", "--version"], lambda: 1) == 0
    assert capsys.readouterr() == (f"gan_mnist {__version__}\n", "")
    print_line("고양이")
    assert capsys.readouterr() == ("고양이\n", "")

"""A function called in a process of its own."""

import os
import platform
import signal
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool

import pytest

from gan_mnist.study.workers import apart, import_whole

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


def test_what_is_called_apart_returns_or_raises_here(capfd):
    assert apart("os:getpid") != os.getpid()
    assert apart("operator:add", 2, 3) == 5
    with pytest.raises(ValueError, match="invalid literal"):
        apart("builtins:int", "x")
    with pytest.raises(BrokenProcessPool):
        apart("os:_exit", 3)
    apart("os:write", 2, b"a complaint")
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="tried on x86-64 only")
@pytest.mark.parametrize(("theirs", "expected"), [({}, "1"), ({ONEDNN: "0"}, "0")])
def test_processes_of_trials_have_onednn_unless_somebody_set_it(theirs, expected):
    code = f"from gan_mnist.study.workers import apart; print(apart('os:getenv', {ONEDNN!r}))"
    environment = {k: v for k, v in os.environ.items() if k != ONEDNN} | theirs
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected


def test_ctrl_c_leaves_no_import_half_done(tmp_path, monkeypatch):
    lines = "import os, signal", "os.kill(os.getpid(), signal.SIGINT)", "is_whole = True"
    (tmp_path / "slow_to_import.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            import_whole("slow_to_import")
    finally:
        signal.signal(signal.SIGINT, before)
    assert sys.modules["slow_to_import"].is_whole

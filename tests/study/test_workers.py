"""A function called in a process of its own."""

import os
import signal
import sys
from concurrent.futures.process import BrokenProcessPool

import pytest

from gan_mnist.study.workers import apart, import_whole


def test_what_is_called_apart_returns_or_raises_here(capfd):
    assert apart("os:getpid") != os.getpid()
    assert apart("operator:add", 2, 3) == 5
    with pytest.raises(ValueError, match="invalid literal"):
        apart("builtins:int", "x")
    with pytest.raises(BrokenProcessPool):
        apart("os:_exit", 3)
    apart("os:write", 2, b"a complaint")
    assert capfd.readouterr().err == ""


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

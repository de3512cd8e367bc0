"""A function called in a process of its own."""

import os
import signal
import sys
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import psutil
import pytest

from gan_mnist.study.workers import call_in_process, import_uninterrupted, peak_memory_mib


@pytest.mark.slow
def test_what_is_called_apart_returns_or_raises_here(capfd):
    assert call_in_process("os:getpid") != os.getpid()
    assert call_in_process("operator:add", 2, 3) == 5
    with pytest.raises(ValueError, match="invalid literal"):
        call_in_process("builtins:int", "x")
    with pytest.raises(BrokenProcessPool):
        call_in_process("os:_exit", 3)
    call_in_process("os:write", 2, b"a complaint")
    assert capfd.readouterr().err == ""


def test_a_program_that_is_called_apart_neither_ends_ours_nor_speaks(tmp_path, capfd):
    program = tmp_path / "leaves.py"
    program.write_text("import sys\nprint('a word')\nsys.exit(0)\n")
    with pytest.raises(RuntimeError, match="it ends the process: SystemExit: 0"):
        call_in_process("runpy:run_path", str(program))
    assert capfd.readouterr().out == ""


def test_ctrl_c_leaves_no_import_half_done(tmp_path, monkeypatch):
    lines = "import os, signal", "os.kill(os.getpid(), signal.SIGINT)", "is_whole = True"
    (tmp_path / "slow_to_import.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            import_uninterrupted("slow_to_import")
    finally:
        signal.signal(signal.SIGINT, before)
    assert sys.modules["slow_to_import"].is_whole


def test_the_peak_of_memory_rises_by_what_is_taken_and_does_not_fall():
    before = peak_memory_mib()
    resident = psutil.Process().memory_info().rss / 2**20
    taken = np.ones(int((before - resident + 200) * 2**20), np.uint8)
    peak = peak_memory_mib()
    assert peak - before == pytest.approx(200, abs=30)
    del taken
    # The kernel counts in portions of some pages a thread.
    assert peak_memory_mib() == pytest.approx(peak, abs=5)


def test_a_process_does_not_begin_with_the_peak_of_its_parent():
    taken = np.ones(600 * 2**20, np.uint8)
    assert peak_memory_mib() > 600
    assert call_in_process("gan_mnist.study.workers:peak_memory_mib") < 300
    del taken

"""A function called in a process of its own."""

import os
from concurrent.futures.process import BrokenProcessPool

import pytest

from gan_mnist.study.workers import apart


def test_what_is_called_apart_returns_or_raises_here(capfd):
    assert apart("os:getpid") != os.getpid()
    assert apart("operator:add", 2, 3) == 5
    with pytest.raises(ValueError, match="invalid literal"):
        apart("builtins:int", "x")
    with pytest.raises(BrokenProcessPool):
        apart("os:_exit", 3)
    apart("os:write", 2, b"a complaint")
    assert capfd.readouterr().err == ""

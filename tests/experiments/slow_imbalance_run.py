"""A smoke run of all arms of the imbalance study: what takes minutes."""

from imbalance_run import CHANGES, check_smoke_run

from gan_mnist.main import main

MAIN = main


def test_a_smoke_run_of_all_arms(command, tmp_path, monkeypatch):
    check_smoke_run(command, tmp_path, monkeypatch, list(CHANGES))

"""A smoke run of arms of the imbalance study that are of every kind; `slow_` has all arms."""

from imbalance_run import CHANGES, GENERATOR_OF, REGISTERING, check_smoke_run

from gan_mnist.main import main

MAIN = main
# Those that share a generator, or nearly.
SHARING = {"none", "cgan", "cgan_classical", "cgan_diffaugment"}
SHARING |= {"warp_gan", "warp_gan_classical", "random_warp_classical"}
SHARING |= {"deformations_classical", "deformations_alone"}


def cover():
    """Besides them the first arm of each generator, and two that register the other classes."""
    first = {generator: name for name, generator in reversed(GENERATOR_OF.items())}
    return [name for name in CHANGES if name in SHARING | {*first.values()} | {*REGISTERING[:2]}]


def test_a_smoke_run_of_every_kind_of_arm(command, tmp_path, monkeypatch):
    """One test, because a run takes a quarter of a minute."""
    check_smoke_run(command, tmp_path, monkeypatch, cover())

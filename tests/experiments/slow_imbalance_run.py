"""A smoke run of the imbalance study, with arms of every kind: what takes minutes."""

from imbalance_run import CHANGES, check_smoke_run

from gan_mnist.main import main

MAIN = main
# In the smallest preset slow_few_images runs all.
ARMS = {
    *("none", "classical", "duplicate", "smote", "cgan", "cgan_classical", "warp_gan", "oracle"),
    *("cgan_diffaugment", "warp_gan_classical", "random_warp_classical", "deformations_near"),
    *("deformations_classical", "deformations_alone", "copy", "shuffled_labels"),
}


def test_a_smoke_run_with_arms_of_every_kind(command, tmp_path, monkeypatch):
    arms = [name for name in CHANGES if name in ARMS]
    assert len(arms) == len(ARMS)
    check_smoke_run(command, tmp_path, monkeypatch, arms)

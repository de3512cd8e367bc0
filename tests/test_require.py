"""`--require`: the exit status of a run says whether it found what it must."""

import coin
import pytest

from gan_mnist.main import main

MAIN = main
FLAGS = ("--preset=smoke", "--seeds=6", "--workdir=run", "--export_dir=")


@pytest.fixture
def toss(tmp_path):
    """The flag of an experiment in which a bent coin shows heads far more often."""
    with coin.forgotten():
        yield f"--experiment={coin.write(tmp_path / 'elsewhere' / 'toss')}"


@pytest.mark.slow
def test_the_exit_status_tells_what_was_found(command, toss):
    found = command(toss, *FLAGS, "--require=bent > fair")
    assert (found[0], "required" in found[1]) == (0, False)
    missed = command(toss, *FLAGS, "--require=bent > fair", "--require=fair>bent")
    assert missed[0] == 3
    assert missed[1].endswith("required, and not shown: fair > bent; fair against bent: hurts\n")


@pytest.mark.slow
def test_a_trial_that_fails_comes_first(command, tmp_path):
    trial = "def run_trial(trial):\n    raise RuntimeError(trial.arm)\n"
    with coin.forgotten():
        folder = coin.write(tmp_path / "elsewhere" / "broken", trial=trial)
        status, out, _ = command(f"--experiment={folder}", *FLAGS, "--require=bent > fair")
    assert status == 1
    assert "required, and not shown: bent > fair" in out


@pytest.mark.parametrize("text", ["bent", "bent > fiar", "bent = fair"])
@pytest.mark.parametrize("flags", [(), ("--dry_run",)])
def test_what_cannot_be_required_is_refused_before_anything_is_made(refused, toss, text, flags):
    assert refused(toss, *FLAGS, *flags, f"--require={text}").startswith("error: --require: ")

"""A trial of the mixing study is broken off, and goes on."""

import pytest
from gan_mnist.experiments.mixing import trial
from gan_mnist.experiments.mixing.study import STUDY  # noqa: F401 (for the fixtures)

from gan_mnist.files import read_rows
from gan_mnist.training import classifier, made_once
from gan_mnist.training.classifier import predict

SMALL = {"width": 1, "updates": 20, "intervals": 20, "gan_width": 1, "gan_updates": 10}


class _Stopped(Exception):
    pass


def test_a_trial_that_is_broken_off_ends_as_an_undisturbed_one(make, tmp_path, monkeypatch):
    """A classifier that makes images itself: its weights, and what it is shown, go on exactly."""

    def run(name):
        asked = make("classical_and_generated", workdir=tmp_path / name, batch_size=8)
        outcome = trial.run_trial(asked)
        curves = [row | {"seconds": ""} for row in read_rows(asked.directory / "curves.csv")]
        predictions = (asked.directory / "predictions.csv").read_text()
        return outcome.metrics, outcome.correct, curves, predictions

    undisturbed = run("undisturbed")
    monkeypatch.setattr("gan_mnist.training.loop.CHECKPOINT_EVERY_SECONDS", 0)
    with monkeypatch.context() as broken:
        broken.setattr(classifier, "predict", _stop_in_the_middle())
        with pytest.raises(_Stopped):
            run("resumed")
    assert list(tmp_path.glob("resumed/trials/*/seed-00/checkpoint/*"))
    asked = []
    made_once.reusable.cache_clear()  # As in another process.
    monkeypatch.setattr(classifier, "predict", lambda *of: asked.append(of) or predict(*of))
    assert run("resumed") == undisturbed
    # Test accuracy is taken at every tenth; what had been done by then is not done again.
    assert len(asked) < len(undisturbed[2])


def _stop_in_the_middle():
    calls = iter(range(5))

    def stop(*of):
        if next(calls, None) is None:
            raise _Stopped
        return predict(*of)

    return stop

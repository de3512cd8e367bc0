"""An experiment with somebody's own classifier, from the command to the report and the export."""

import json

import pytest

from gan_mnist.main import main
from gan_mnist.study.workers import call_in_process

MAIN = main
NETWORK = """
from keras import Input, Sequential, layers


def build(image_shape, num_classes, width):
    return Sequential([Input(image_shape), layers.Flatten(), layers.Dense(num_classes)])
"""


@pytest.fixture
def flags(directory):
    (directory / "own_networks.py").write_text(NETWORK)
    return [
        *("--experiment=substitution", "--preset=smoke", "--seeds=1", "--arms=classical"),
        *("--workdir=run", "--set", "classes=1,2", "--jobs=1"),
    ]


@pytest.mark.slow
def test_it_is_found_in_the_current_folder_here_and_where_trials_run(
    command, flags, directory, monkeypatch
):
    # As users have it: a process of its own finds and builds the network.
    monkeypatch.setattr("gan_mnist.settings.network.call_in_process", call_in_process)
    status, _, err = command(*flags, "--classifier=own_networks:build")
    assert status == 0, err
    record = json.loads((directory / "run/trials/real_only/seed-00/record.json").read_text())
    assert (record["status"], record["error"]) == ("done", None)
    assert record["settings"]["classifier"] == "own_networks:build"
    exported = directory / "saved_models/substitution/classical/classifier.keras"
    assert exported.is_file()

    # The same command does nothing; another network is another run.
    monkeypatch.setattr("gan_mnist.settings.network.call_in_process", lambda *_: "0..1")
    monkeypatch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
    assert "2 trials are done already" in command(*flags, "--classifier=own_networks:build")[2]
    (directory / "own_networks.py").write_text(NETWORK + "# changed")
    for other in ("--classifier=own_networks:build", f"--classifier={exported}"):
        status, _, err = command(*flags, other)
        assert status == 2
        assert "holds a study with other settings" in err
        assert "classifier_sha256: " in err

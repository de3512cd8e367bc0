"""Runs in Weights & Biases, offline, read from its own files."""

import json
import struct

import pytest
import wandb
from made_runs import write_run

from gan_mnist.commands.tracking import export
from gan_mnist.study.finished import read_run

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
BLOCK, HEADER = 32768, 7
FULL, LAST = 1, 4


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    yield
    wandb.teardown()


def records_of(path):
    """The records of a file of wandb's, which is a log of LevelDB's: blocks of parts of records."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, parts = path.read_bytes(), 7, b""
    while place < len(content):
        if BLOCK - place % BLOCK < HEADER:
            place += BLOCK - place % BLOCK
            continue
        _, size, kind = struct.unpack_from("<IHB", content, place)
        parts += content[place + HEADER : place + HEADER + size]
        place += HEADER + size
        if kind in (FULL, LAST):
            yield Record.FromString(parts)
            parts = b""


def runs_in(directory):
    """What was written of each run: its description, summary and artifacts."""
    found = []
    for path in sorted(directory.glob("wandb/offline-run-*/*.wandb")):
        run, summary, artifacts = None, {}, []
        for record in records_of(path):
            kind = record.WhichOneof("record_type")
            if kind == "run" and run is None:
                run = record.run
            if kind == "summary":
                pairs = ((u.key or ".".join(u.nested_key), u) for u in record.summary.update)
                summary |= {key: json.loads(u.value_json) for key, u in pairs}
            if kind == "request" and record.request.WhichOneof("request_type") == "log_artifact":
                artifacts.append(record.request.log_artifact.artifact)
            if kind == "artifact":
                artifacts.append(record.artifact)
        found.append((run, summary, artifacts))
    return found


def test_arms_and_seeds_are_runs_in_groups(tmp_path):
    directory = write_run(tmp_path / "run", {"none": [0.5], "cgan": [0.7, 0.8]})
    (directory / "report.html").write_text("a report")
    run = read_run(directory)
    assert "project 'gan_mnist-made_up' in " in export("wandb", run)
    found = {one.display_name: (one, summary, kept) for one, summary, kept in runs_in(tmp_path)}
    assert found.keys() == {"none", "none seed 0", "cgan", "cgan seed 0", "cgan seed 1"}
    for name, (one, _, _) in found.items():
        assert one.run_group == name.partition(" ")[0]
        assert one.job_type == ("seed" if "seed" in name else "arm")
        assert one.project == "gan_mnist-made_up"
    assert found["cgan seed 1"][1]["score"] == 0.8
    assert found["cgan"][1]["difference.ci95_high"] == 0.5
    (kept,) = {artifact.name for artifact in found["cgan"][2]}
    assert kept.startswith("report-")
    assert not found["cgan seed 1"][2]
    config = {u.key: json.loads(u.value_json) for u in found["cgan seed 1"][0].config.update}
    assert (config["updates"], config["seed"]) == (100, 1)
    ids = [one.run_id for one, _, _ in runs_in(tmp_path)]
    export("wandb", run)
    again = [one.run_id for one, _, _ in runs_in(tmp_path)]
    assert set(again) == set(ids)
    assert len(set(ids)) == 5

"""An array of jobs by submitit's local executor ends as one command does."""

import json
import subprocess
import sys

import submitit

EXPERIMENT = (
    *("--experiment=imbalance", "--preset=smoke", "--seeds=2", "--export_dir="),
    "--arms=none,cgan,cgan_classical",
)


def python(*arguments):
    return [sys.executable, "-m", *arguments]


def numbers(value):
    """JSON without what differs between two runs of the same."""
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items() if k not in ("seconds", "memory_mib")}
    return [numbers(v) for v in value] if isinstance(value, list) else value


def summary(workdir):
    return numbers(json.loads((workdir / "summary.json").read_text()))


def test_an_array_of_jobs_ends_as_one_command(tmp_path):
    whole, array = (f"--workdir={tmp_path / name}" for name in ("whole", "array"))
    subprocess.run(python("gan_mnist.main", *EXPERIMENT, whole, "--jobs=2"), check=True)

    task = [*EXPERIMENT, array]
    counted = subprocess.run(
        python("gan_mnist.trial", *task, "--count"), check=True, capture_output=True, text=True
    )
    run = submitit.helpers.CommandFunction(python("gan_mnist.trial", *task))
    executor = submitit.LocalExecutor(folder=tmp_path / "logs")
    executor.update_parameters(timeout_min=20)
    assert counted.stdout == "6\n"
    ended = []
    # Those of a seed at once: two share a generator, and one more has an index that another has,
    # so that one of these is refused or finds it done.
    for indices in ((0, 1, 2, 1), (3, 4, 5)):
        jobs = executor.map_array(lambda index: run(f"--index={index}"), indices)
        ended += [job.exception() for job in jobs]
    assert len(ended) - ended.count(None) <= 1, ended
    subprocess.run(python("gan_mnist.trial", *task, "--summarise"), check=True)
    assert summary(tmp_path / "array") == summary(tmp_path / "whole")
    # The generators of both seeds were trained once, and shared by two arms.
    records = [json.loads(p.read_text()) for p in tmp_path.glob("array/trials/cgan*/*/record.json")]
    keys = {key for record in records for key in record["generators"]}
    assert len(records) == 4
    assert {p.name for p in (tmp_path / "array" / "generators").iterdir()} == keys
    assert len(keys) == 2

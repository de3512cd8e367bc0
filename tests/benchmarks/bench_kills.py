"""Twenty studies that are killed at random moments end as one that was not.

It takes half an hour. The study is a real one, with generators, exports and
a report; it is killed with all its workers, and the same command goes on.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

DRAWS, KILLS = 20, 1
COMMAND = (
    *(sys.executable, "-m", "gan_mnist.main", "--experiment=imbalance", "--preset=smoke"),
    *("--arms=classical,cgan,warp_gan,oracle", "--jobs=2"),
)


def start(workdir: Path) -> subprocess.Popen:
    flags = f"--workdir={workdir / 'run'}", f"--export_dir={workdir / 'models'}"
    return subprocess.Popen(
        [*COMMAND, *flags],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def finish(workdir: Path) -> float:
    """Runs it to its end; returns the seconds."""
    began = time.monotonic()
    process = start(workdir)
    _, err = process.communicate(timeout=900)
    assert process.returncode == 0, err
    return time.monotonic() - began


def numbers(value: Any) -> Any:
    """JSON without what differs between two runs of the same."""
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items() if k not in ("seconds", "memory_mib")}
    return [numbers(v) for v in value] if isinstance(value, list) else value


def left(workdir: Path) -> tuple[Any, dict[str, Any], set[str]]:
    """The summary, the records by path, and the names of all files but hidden ones."""
    run = workdir / "run"
    records = {
        str(path.relative_to(run)): numbers(json.loads(path.read_text()))
        for path in run.glob("trials/*/*/record.json")
    }
    files = {
        str(path.relative_to(workdir))
        for path in workdir.rglob("*")
        # TensorBoard names its files by the time; a training that was killed leaves two.
        if path.is_file() and "tensorboard" not in path.parts and path.name[0] != "."
    }
    return numbers(json.loads((run / "summary.json").read_text())), records, files


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, float]:
    """What a run leaves that nobody disturbs, and how long it takes."""
    workdir = tmp_path_factory.mktemp("undisturbed")
    seconds = finish(workdir)
    return left(workdir), seconds


@pytest.mark.parametrize("draw", range(DRAWS))
def test_killed_at_any_moment_a_real_study_ends_the_same(
    undisturbed: tuple[Any, float], tmp_path: Path, draw: int
) -> None:
    expected, seconds = undisturbed
    moments = random.Random(draw)
    for _ in range(KILLS):
        process = start(tmp_path)
        time.sleep(moments.uniform(0.05, 0.8) * seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    finish(tmp_path)
    assert left(tmp_path) == expected
    print(f"\ndraw {draw}: the same summary")

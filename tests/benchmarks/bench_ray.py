"""Prints how busy the driver is while trials on a Ray cluster only sleep.

The cluster is one machine that says it has so many CPUs, which it may: nobody computes.

python tests/benchmarks/bench_ray.py --workers=64 --nap_seconds=15
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

STUDY = Path(__file__).parent.parent / "study"


def spent(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of CPU and of the clock that a command takes."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, status
    return used.ru_utime + used.ru_stime, time.monotonic() - began


def main() -> None:
    from ray.cluster_utils import Cluster

    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=250)
    parser.add_argument("--nap_seconds", type=float, default=15.0)
    flags = parser.parse_args()
    paths = [str(STUDY), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    head = {"num_cpus": flags.workers, "include_dashboard": False, "object_store_memory": 10**8}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        for name in "ab":
            (data / name).mkdir(parents=True)
            for number in range(3):
                Image.new("L", (8, 8), 50 * number).save(data / name / f"{number}.png")
        command = [
            *(sys.executable, str(STUDY / "fake_command.py"), "--experiment=fake_study"),
            *("--dataset=folder", f"--data_dir={data}", "--export_dir=", f"--workdir={folder}/run"),
            *("--engine=ray", f"--jobs={flags.workers}", f"--seeds={flags.seeds}"),
            # Scores stay within the bounds of their metric, whatever the seed.
            *("--set", f"nap_seconds={flags.nap_seconds}", "--set", "scale=0.01"),
        ]
        environment = os.environ | {"RAY_ADDRESS": cluster.address}
        cpu, wall = spent(command, environment)
        # The same with nothing left to run: what plan, summary and report take.
        besides, _ = spent(command, environment)
        cluster.shutdown()
    trials = 4 * flags.seeds
    print(
        f"{trials} trials that sleep {flags.nap_seconds:g} s, {flags.workers} at a time: "
        f"{wall:.0f} s with the start of all processes, of which the driver computes {cpu:.1f} s, "
        f"{100 * cpu / wall:.1f} %; without plan and summary {1000 * (cpu - besides) / trials:.1f} "
        "ms a trial"
    )


if __name__ == "__main__":
    main()

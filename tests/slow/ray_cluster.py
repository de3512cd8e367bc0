"""Two machines of a Ray cluster on this one, whose workers cannot reach the driver's disk."""

import contextlib
import os
import sys
from pathlib import Path

STUDY = Path(__file__).parent.parent / "study"
DISK = "DRIVERS_DISK"
# Python runs it as it begins, in each process of a machine.
GUARD = f'''
import os, sys
disk = os.environ["{DISK}"]
seen = {{"open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove"}}

def guard(event, arguments):
    if event in seen and isinstance(arguments[0], (str, bytes, os.PathLike)):
        path = os.fsdecode(arguments[0])
        if path.startswith(disk):
            raise PermissionError(f"{{event}} {{path}}: it is on the driver's disk")

sys.addaudithook(guard)
'''


@contextlib.contextmanager
def two_machines(guard: Path, disk: Path):
    """A `ray.cluster_utils.Cluster` of two nodes with a CPU each.

    Args:
        guard: An empty directory, for what keeps workers from the disk.
        disk: What they may not touch.
    """
    from ray.cluster_utils import Cluster

    (guard / "sitecustomize.py").write_text(GUARD)
    before = dict(os.environ)
    paths = [str(guard), str(STUDY), os.environ.get("PYTHONPATH", "")]
    os.environ |= {DISK: str(disk), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    try:
        cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
        )
        cluster.add_node(num_cpus=1)
    finally:
        os.environ.clear()
        os.environ |= before
    try:
        yield cluster
    finally:
        cluster.shutdown()


def environment(cluster, calls: Path) -> dict[str, str]:
    """Of a driver."""
    return os.environ | {"RAY_ADDRESS": cluster.address, "GAN_MNIST_FAKE_CALLS": str(calls)}


def fake(workdir: Path, data: Path, *flags: str) -> list[str]:
    """The command that runs the fake study."""
    return [
        *(sys.executable, str(STUDY / "fake_command.py"), "--experiment=fake_study"),
        *("--dataset=folder", f"--data_dir={data}", "--export_dir=", f"--workdir={workdir}"),
        *("--seeds=2", "--jobs=2"),
        *flags,
    ]

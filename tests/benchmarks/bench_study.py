"""What parallel trials gain, and what a worker needs: `make benchmark`."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

# Two seeds of the quick preset, with a GAN among the arms.
COMMAND = (
    *(sys.executable, "-m", "gan_mnist.main", "--experiment=imbalance", "--preset=quick"),
    *("--seeds=2", "--arms=duplicate,classical,cgan,warp_gan,oracle", "--export_dir="),
)


def timed(workdir: Path, jobs: int) -> tuple[float, float]:
    """Seconds of the study, and the largest worker's peak in GB."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, f"--jobs={jobs}", f"--workdir={workdir}"], stderr=subprocess.DEVNULL
    )
    peaks = [0.0]

    def watch() -> None:
        while process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                try:
                    peaks.append(child.memory_info().rss / 1e9)
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert process.wait() == 0
    watcher.join()
    return time.perf_counter() - began, max(peaks)


def test_two_jobs_finish_sooner_and_fit_in_memory(tmp_path: Path) -> None:
    one, _ = timed(tmp_path / "one", 1)
    two, peak = timed(tmp_path / "two", 2)
    print(f"\n--jobs=2 is {one / two:.2f} times as fast as --jobs=1 ({one:.0f} s, {two:.0f} s)")
    print(f"peak memory of a worker: {peak:.2f} GB")
    assert one / two >= 1.3
    assert peak < 1.5

"""Where tasks run: processes of this machine, or the CPUs of a Ray cluster."""

import contextlib
import importlib
import logging
import os
import re
import resource
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from loky import ProcessPoolExecutor

from gan_mnist.errors import InputError, StorageError
from gan_mnist.study import scratch_trial
from gan_mnist.study.trial import Trial

ONE_THREAD = dict.fromkeys(
    ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1"
)
# Several trials share a GPU, so none may take all of its memory. With one arena, threads reuse
# memory that others freed: 250 MB with images of 64 x 64 pixels.
ENVIRONMENT = ONE_THREAD | {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "MALLOC_ARENA_MAX": "1"}
# Bytes that a process may grow by before loky replaces it, between two trials. By what denoising
# traces it grows by 600 MB, twice loky's limit; a new process would have to trace all that again.
GROWTH = {"LOKY_MAX_MEMORY_LEAK_SIZE": "7e8"}
# How often Ray begins a trial anew whose process or machine was lost.
RETRIES = 3
# Held while files of a run are read to be sent, or written when they arrive.
_HOMECOMING = threading.Lock()
# Data sets in the store of a cluster, by the job that put them there and their checksum.
_STORED: dict[tuple[str, str], Any] = {}
# How many processes run on each GPU; empty where every process may use all there are.
_on_gpu: Counter[str] = Counter()


def share_out(gpus: Sequence[str]) -> None:
    """Gives each process that is started from now on one GPU, the one that fewest others have.

    Args:
        gpus: As CUDA_VISIBLE_DEVICES names them; none to give every process all of them.
    """
    _on_gpu.clear()
    _on_gpu.update(dict.fromkeys(gpus, 0))


class Worker(Protocol):
    """One place where a task can run."""

    def submit(self, function: Callable[..., Any], *args: Any) -> Future: ...

    def stop(self) -> None:
        """Ends it at once, with whatever it is running."""
        ...


class LocalWorker:
    """A process with one TensorFlow thread, and a GPU where they are shared out.

    Every worker is a pool of its own, so when one is killed it is known which trial it had, and
    the others do not notice.
    """

    def __init__(self, log: Path, all_gpus: bool = False) -> None:
        # TensorFlow writes code to temporary files, which an ended worker cannot remove.
        self._scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        gpus = {} if all_gpus else _on_gpu
        self._gpu = min(gpus, key=lambda gpu: gpus[gpu], default="")
        _on_gpu.update([self._gpu] if self._gpu else [])
        gpu_env = {"CUDA_VISIBLE_DEVICES": self._gpu} if self._gpu else {}
        self._executor = ProcessPoolExecutor(
            max_workers=1,
            initializer=_begin_worker,
            initargs=(os.getpid(), log, self._scratch.name),
            timeout=None,
            env=ENVIRONMENT | GROWTH | gpu_env,
        )

    def submit(self, function: Callable[..., Any], *args: Any) -> Future:
        return self._executor.submit(function, *args)

    def stop(self) -> None:
        self._executor.shutdown(wait=True, kill_workers=True)
        _on_gpu.subtract([self._gpu] if self._gpu in _on_gpu else [])
        self._scratch.cleanup()


def call_in_process(function: str, *args: Any) -> Any:
    """Calls a function in a process of its own, its output discarded; returns or raises as it does.

    Args:
        function: As `module:function`; it is imported there and not here.
        *args: Its arguments.

    Raises:
        BrokenProcessPool: If the process ends first.
    """
    worker = LocalWorker(Path(os.devnull), all_gpus=True)
    try:
        return worker.submit(_call_named, function, *args).result()
    finally:
        worker.stop()


@contextlib.contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Ctrl-C is heeded at its end only, so that an impatient second one leaves no process behind.

    Signals arrive in the main thread alone, and where Python handles them.
    """
    is_main_thread = threading.current_thread() is threading.main_thread()
    if not is_main_thread or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    received: list[int] = []
    previous_handler = signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous_handler)
        if received:
            signal.raise_signal(signal.SIGINT)


def import_uninterrupted(name: str) -> Any:
    """Imports a module of ours that takes seconds; Ctrl-C is handled after the import.

    An import that breaks off in the middle of NumPy or pandas leaves a notebook's process unable to
    import them ever after.
    """
    with deferred_interrupt():
        return importlib.import_module(name)


def peak_memory_mib() -> float:
    """The most resident memory that this process ever had, in units of 2**20 bytes.

    Linux lets a child begin with the peak of its parent in `getrusage`, not so in `VmHWM`.
    """
    status = Path("/proc/self/status")
    peak = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    if peak:
        return int(peak[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


class RayWorker:
    """One CPU of a Ray cluster, on whatever machine has it free; no disk is shared.

    Tasks, unlike actors, Ray runs again by itself when their process or machine is lost.
    """

    def __init__(self, log: Path) -> None:
        import ray

        if not ray.is_initialized():
            on_terminate = signal.getsignal(signal.SIGTERM)
            try:
                ray.init(log_to_driver=False, logging_level=logging.ERROR)
            except (ValueError, OSError, RuntimeError) as error:
                reason = " ".join(str(error).split())
                raise InputError(f"--engine: Ray cannot be reached: {reason}") from error
            # Ray ends the process at once on SIGTERM; ours stops what runs and says so.
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, on_terminate)
        # Where experiments lie, say: other machines do not inherit this process's environment.
        variables = {
            name: value for name, value in os.environ.items() if name.startswith("GAN_MNIST_")
        }
        self._run = ray.remote(
            num_cpus=1, max_retries=RETRIES, runtime_env={"env_vars": ENVIRONMENT | variables}
        )(scratch_trial.run_in_scratch)
        self._ray = ray
        self._last: Any = None
        self._thread = ThreadPoolExecutor(1)

    def submit(self, function: Callable[..., Any], *args: Any) -> Future:
        (trial,) = args
        with _HOMECOMING:  # an output that arrives may remove files that are read here
            sent = scratch_trial.files_to_send(trial)
        self._last = self._run.remote(function, trial, _in_store(self._ray, trial), sent)
        return self._thread.submit(self._result, self._last, trial, sent)

    def _result(self, reference: Any, trial: Trial, sent: scratch_trial.Files) -> Mapping[str, Any]:
        output = self._ray.get(reference)
        with _HOMECOMING:
            try:
                return scratch_trial.write_output(trial, sent, output)
            except OSError as error:
                raise StorageError.of(error, trial.directory) from error

    def stop(self) -> None:
        if self._last is not None:
            self._ray.cancel(self._last, force=True)
        self._thread.shutdown()


def _in_store(ray: Any, trial: Trial) -> Any:
    """The reference of a trial's data set, which is put into the cluster's store once."""
    key = ray.get_runtime_context().get_job_id(), trial.provenance["sha256"]
    if key not in _STORED:
        _STORED.clear()
        _STORED[key] = ray.put(trial.load())
    return _STORED[key]


ENGINES: Mapping[str, Callable[[Path], Worker]] = {"local": LocalWorker, "ray": RayWorker}


def _call_named(function: str, *args: Any) -> Any:
    module, _, name = function.partition(":")
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            return getattr(importlib.import_module(module), name)(*args)
        except SystemExit as error:  # of somebody's program, which must not end ours
            raise RuntimeError(f"it ends the process: SystemExit: {error}") from None


def _begin_worker(parent: int, log: Path, scratch: str) -> None:
    """Makes a worker ignore Ctrl-C (the parent ends its workers) and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tempfile.tempdir = scratch
    # TensorFlow's start-up notices would tear the progress display apart.
    with log.open("a") as file:
        os.dup2(file.fileno(), 2)

    def follow_parent() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=follow_parent, daemon=True).start()

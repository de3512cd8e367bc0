"""Which trial is trained on which GPUs. Nothing here imports TensorFlow.

Either each trial has a GPU of its own, or, with the strategy `mirrored`, all there are.
"""

import os
import subprocess

from gan_mnist.errors import InputError, in_one_line, unknown
from gan_mnist.study import workers
from gan_mnist.study.settings import STRATEGIES
from gan_mnist.study.trial import Plan

ONE, ALL = STRATEGIES
# Functions that count devices, called in a process that may import TensorFlow.
NUM_DEVICES = "gan_mnist.training.mirrored:num_devices"
NUM_GPUS = "gan_mnist.training.mirrored:num_gpus"
LIST_GPUS = ("nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader")
BATCHES = ("batch_size", "gan_batch_size")


def check_strategy(strategy: str) -> str:
    """Returns `strategy`; raises `InputError` if it is not a strategy."""
    if strategy not in STRATEGIES:
        raise unknown("--strategy", str(strategy), STRATEGIES)
    return strategy


def check_divisible(plan: Plan) -> None:
    """Raises `InputError` where a trial of the plan cannot be trained as its strategy wants."""
    if plan.settings.strategy == ONE:
        return
    trials = plan.trials()
    for trial in trials:
        if part := trial.settings.single_device_only:
            raise InputError(
                f"--strategy: {ALL} is not accepted with {part} (arm {trial.arm}); accepted: {ONE},"
                " or --arms without it"
            )
    num_devices = _counted_apart(NUM_DEVICES)
    for trial in trials:
        for name in BATCHES:
            size = getattr(trial.settings, name, 0)
            if size % num_devices:
                raise InputError(
                    f"setting {name}: {size} (arm {trial.arm}) is not accepted with --strategy="
                    f"{ALL} over {num_devices} devices; accepted: a multiple of {num_devices}"
                )


def check_engine(plan: Plan, engine: str) -> None:
    """Raises `InputError` for a strategy that the engine does not have."""
    if plan.settings.strategy == ALL and engine != "local":
        raise InputError(f"--strategy: {ALL} is not accepted with --engine={engine}, which shows "
                         f"trials no GPU; accepted: --engine=local")  # fmt: skip


def share_gpus(plan: Plan, engine: str, jobs: int | None) -> int | None:
    """Shares the GPUs of this machine out to the processes that will be started.

    Args:
        plan: What will run.
        engine: A key of `workers.ENGINES`.
        jobs: Number of trials at a time, if it is given.

    Returns:
        `jobs`; if that is None, 1 if a trial has all devices, else the number of GPUs, or None
        without a GPU.

    Raises:
        InputError: For a strategy that the engine does not support.
    """
    check_engine(plan, engine)
    is_mirrored = plan.settings.strategy == ALL
    gpus = [] if is_mirrored or engine != "local" else usable_gpus()
    workers.share_out(gpus)
    return jobs or (1 if is_mirrored else len(gpus) or None)


def usable_gpus() -> list[str]:
    """The GPUs of this machine that TensorFlow uses, as CUDA_VISIBLE_DEVICES names them."""
    gpus = _gpus()
    # Beside a driver there may be a TensorFlow that knows nothing of it.
    return gpus[: _counted_apart(NUM_GPUS)] if gpus else []


def _counted_apart(function: str) -> int:
    try:
        return workers.call_in_process(function)
    except Exception as error:
        raise InputError(
            f"--strategy: TensorFlow cannot tell its devices: {in_one_line(error)}; accepted: a "
            "TensorFlow that starts here, or CUDA_VISIBLE_DEVICES=-1 for none"
        ) from error


def _gpus() -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        try:
            completed = subprocess.run(
                LIST_GPUS, check=False, capture_output=True, text=True, timeout=30
            )
        except (OSError, subprocess.SubprocessError):
            return []
        visible = "" if completed.returncode else completed.stdout.replace("\n", ",")
    gpus = [gpu.strip() for gpu in visible.split(",")]
    # CUDA ignores all names from the first invalid one on.
    num_valid = next((i for i, gpu in enumerate(gpus) if not gpu or gpu.startswith("-")), len(gpus))
    return gpus[:num_valid]

"""The precision of a run: as asked for, or the one that this machine trains in faster.

It is decided once and kept in `study.json`: trials of one run must not differ in it, on whatever
machine they are gone on with. Nothing here imports TensorFlow.
"""

from collections.abc import Mapping
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from gan_mnist.errors import InputError, unknown
from gan_mnist.study import continuation
from gan_mnist.study.settings import PRECISIONS, SettingsT, with_changes
from gan_mnist.study.workers import call_in_process

AUTO, EXACT, SHORT = "auto", "float32", "mixed_bfloat16"
# A smaller gain is not worth the lost digits.
WORTH_IT = 1.1


def run_precision(workdir: Path, asked: str) -> tuple[str, dict[str, float]]:
    """The precision of a run: the requested one, or for `auto` the one recorded at its beginning.

    Args:
        workdir: The run's directory.
        asked: One of `PRECISIONS`, or `auto`.

    Returns:
        The precision, still `auto` if that is requested and the run is new; and the seconds of
        an update that decided it, by precision, if recorded.

    Raises:
        InputError: For any other value.
    """
    if asked not in (AUTO, *PRECISIONS):
        raise unknown("--precision", str(asked), (AUTO, *PRECISIONS))
    description = continuation.description_in(workdir)
    if description is None:
        return asked, {}
    recorded = description["settings"].get("precision", EXACT)
    return recorded if asked == AUTO else asked, description.get("update_seconds", {})


def with_faster_precision(settings: SettingsT) -> tuple[SettingsT, dict[str, float]]:
    """Resolved settings with the precision in which this machine trains their network faster.

    In a process of its own, as trials have, `settings.TIMED` times updates in float32 and in
    mixed_bfloat16. float32 is chosen unless the other is faster by a tenth.

    Returns:
        The settings, and the seconds of an update by precision.

    Raises:
        InputError: If the experiment trains nothing that can be timed, or timing fails.
    """
    accepted = f"accepted: {', '.join(PRECISIONS)}"
    if not settings.TIMED:
        raise InputError(f"--precision: auto needs a network that can be timed; {accepted}")
    try:
        seconds = call_in_process(settings.TIMED, settings, (EXACT, SHORT))
    except BrokenProcessPool as error:
        raise InputError(f"--precision: auto: the trial's process ended; {accepted}") from error
    except InputError:
        raise
    except Exception as error:  # the network may be somebody's, and fail in any way
        reason = next(iter(f"{type(error).__name__}: {error}".splitlines()))
        raise InputError(f"--precision: auto: the trial failed: {reason}; {accepted}") from error
    gain = seconds[EXACT] / seconds[SHORT]
    precision = SHORT if gain >= WORTH_IT else EXACT
    return with_changes(settings, {"precision": precision}, "--precision"), seconds


def in_words(chosen: str, seconds: Mapping[str, float]) -> str:
    """Why it was chosen: `float32; an update took 8.1 ms in float32, 30 ms in mixed_bfloat16`."""
    timings = ", ".join(f"{1000 * duration:.3g} ms in {name}" for name, duration in seconds.items())
    return f"{chosen}; an update took {timings}"

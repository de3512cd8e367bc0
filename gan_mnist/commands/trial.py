"""Runs one trial of an experiment, for an array of jobs; then makes summary and report of all.

Nothing here imports TensorFlow; only the process that runs the trial does.
"""

import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from gan_mnist.commands import running
from gan_mnist.commands.command import Command, handle_signals, print_line
from gan_mnist.commands.plan_flags import PlanFlags
from gan_mnist.errors import InputError
from gan_mnist.study import records
from gan_mnist.study.trial import Plan

MOST_TRIALS = 10**6
ACCEPTED = "one of --index=N, --count and --summarise"
COMMAND = Command(__doc__.splitlines()[0], "the same command goes on where it stopped")
PLAN = PlanFlags(COMMAND)
INDEX = COMMAND.number("index", None, "number of the trial, from 0: all arms of the first seed, "
                       "then all of the next", minimum=0, maximum=MOST_TRIALS)  # fmt: skip
COUNT = COMMAND.switch("count", False, "print how many trials there are")
SUMMARISE = COMMAND.switch("summarise", False, "write summary and report of the finished trials")


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when all went well, 1 when the trial failed, or when one of those summarised
        failed or is missing, 2 for bad input, 130 and 143 when it was interrupted or told to end.
    """
    return COMMAND.run(argv, _command)


def _command() -> int:
    modes = [INDEX.value is not None, COUNT.value, SUMMARISE.value]
    if sum(modes) != 1:
        raise InputError(f"--index: {'none' if not any(modes) else 'more than one'} of what this "
                         f"command does is asked for; accepted: {ACCEPTED}")  # fmt: skip
    plan = PLAN.plan()
    if COUNT.value:
        print_line(str(len(plan.trials())))
        return 0
    handle_signals()
    if SUMMARISE.value:
        return _finish(plan)

    from gan_mnist.study.run import run_one

    record = run_one(plan, INDEX.value, PLAN.command_line())
    print_line(_in_words(plan, record))
    return 1 if record["status"] == records.FAILED else 0


def _finish(plan: Plan) -> int:
    summary = running.write_summary_and_report(plan, PLAN.command_line())
    print_line(running.closing_lines(plan, summary))
    missing = [
        index
        for index, trial in enumerate(plan.trials())
        if records.finished_record_of(trial) is None
    ]
    if not missing:
        return 0
    print_line(f"to be run, or run again: {ranges(missing)}")
    return 1


def _in_words(plan: Plan, record: Mapping[str, Any]) -> str:
    metric = plan.study.metrics[0].name
    outcome = record["status"].replace("_", " ")
    if record["status"] == records.DONE:
        outcome = f"{metric} {record['metrics'][metric]:.3f}"
    elif record["error"]:
        outcome += f": {record['error']}"
    return f"{record['arm']} seed {record['seed']}: {outcome}"


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in the notation of job arrays: "0,3-5"."""
    starts = [i for i, n in enumerate(numbers) if i == 0 or n > numbers[i - 1] + 1]
    parts = (numbers[a:b] for a, b in pairwise([*starts, len(numbers)]))
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv))

"""Does generated data really help? Runs an experiment: flags -> study -> trials -> report.

Nothing here imports TensorFlow; only the processes that run trials do.
"""

import dataclasses
import shlex
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from absl import flags

from gan_mnist import experiments
from gan_mnist.commands import running, tracking
from gan_mnist.commands.command import Command, handle_signals, print_line
from gan_mnist.commands.plan_flags import PlanFlags
from gan_mnist.study.answer.required import parse_required, unmet
from gan_mnist.study.display.plan_in_words import describe
from gan_mnist.study.display.printing import columns
from gan_mnist.study.finished import read_run
from gan_mnist.study.location import with_local_workdir
from gan_mnist.study.trial import Plan

UNMET = 3
COMMAND = Command(__doc__.splitlines()[0], "the same command goes on where it stopped")
FLAGS = COMMAND.flags
PLAN = PlanFlags(COMMAND)
UNTIL = COMMAND.text("until", None, "decided: check after 5, 7, 10, then every 5 seeds, and stop "
                     "once the primary comparisons are decided")  # fmt: skip
MAX_SEEDS = COMMAND.number("max_seeds", None, "seeds after which --until=decided stops anyway "
                           "(default: 20)")  # fmt: skip
JOBS = COMMAND.number("jobs", None, "trials run in parallel (default: one per GPU, or one per "
                      "core)")  # fmt: skip
ENGINE = COMMAND.text("engine", "local", "where trials run: local (processes) or ray")
REQUIRE = flags.DEFINE_multi_string(
    "require", None, '"A > B" or "A = B": exit with status 3 unless arm A is found better than B, '
    "or the same as B", flag_values=FLAGS,
)  # fmt: skip
EXPORT = COMMAND.text("export", None, "also log arms, seeds and report to a tracker, mlflow or "
                      "wandb, configured by its environment variables")  # fmt: skip
PILOT = COMMAND.text("pilot", None, "run that shows how much results vary between seeds, for the "
                     "plan's power (default: --workdir)")  # fmt: skip
EFFECT = COMMAND.text("effect", None, "difference in the primary metric: the plan tells how many "
                      "seeds can show it")  # fmt: skip
VERBOSE = COMMAND.switch("v", False, "print all settings when the run begins")
DRY_RUN = COMMAND.switch("dry_run", False, "print the plan and train nothing")
LIST = COMMAND.switch("list", False, "list experiments, or the arms and settings of --experiment")


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when all went well, 1 when a trial failed, 2 for bad input, 3 when all went
        well and a verdict that is required was not found, 130 and 143 when it was interrupted or
        told to end, 141 when nobody reads its output.
    """
    command_line = shlex.join(["python", "-m", "gan_mnist.main", *argv[1:]])
    return COMMAND.run(argv, lambda: _command(command_line), lambda: _list(None))


def _command(command_line: str) -> int:
    if LIST.value:
        print_line(_list(PLAN.experiment.value))
        return 0
    running.check_engine(ENGINE.value)
    if EXPORT.value is not None:
        tracking.check_tracker(EXPORT.value)
    plan = PLAN.plan(UNTIL.value, MAX_SEEDS.value)
    required = parse_required(REQUIRE.value or (), plan)
    has_power_flags = PILOT.value is not None or EFFECT.value is not None
    is_described = DRY_RUN.value or VERBOSE.value or has_power_flags
    about = _about(plan) if is_described else None
    if DRY_RUN.value:
        # Reports at once whatever the run would be refused for.
        running.check_plan(plan, ENGINE.value, command_line)
        print_line(f"{about}")
        return 0
    handle_signals()
    plan = with_local_workdir(plan)
    summary = running.execute(plan, JOBS.value, ENGINE.value, command_line, about)
    print_line(running.closing_lines(plan, summary))
    if EXPORT.value is not None:
        print_line(f"exported: {tracking.export(EXPORT.value, read_run(plan.workdir))}")
    missed = unmet(required, summary)
    for line in missed:
        print_line(line)
    return 1 if summary["failed"] else UNMET if missed else 0


def _about(plan: Plan) -> str:
    """The plan in words. It takes a second, which a refused command need not wait for."""
    from gan_mnist.study.pilot import power_in_words

    power = power_in_words(plan, PILOT.value, EFFECT.value)
    return describe(plan, power, DRY_RUN.value or VERBOSE.value)


def _described(field: dataclasses.Field, value: Any) -> str:
    """What a setting is, and its values in the form that `--set` takes."""
    default = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    notes = [f"default {default}" if default else "none by default"]
    if choices := field.metadata["choices"]:
        notes.append(f"accepted: {', '.join(choices)}")
    return f"{field.metadata['help']} ({'; '.join(notes)})"


def _list(experiment: str | None) -> str:
    if experiment is None:
        rows = ((name, experiments.load(name).question) for name in experiments.names())
        return "\n".join(["experiments:", *columns(rows)])
    study = experiments.load(experiment)
    preset_arms = {name: preset.arms for name, preset in study.presets.items() if preset.arms}
    lines = ["arms:", *columns((arm.name, arm.about) for arm in study.arms)]
    lines += [f"arms of --preset={name}: {', '.join(arms)}" for name, arms in preset_arms.items()]
    if study.of_source is not None:
        rows = ((arm.name, arm.about) for arm in study.of_source(study.settings, "NAME"))
        lines += ["arms of --generated=NAME=DIR:", *columns(rows)]
    for group, fields in study.settings.fields_by_group().items():
        rows = (
            (field.name, _described(field, getattr(study.settings, field.name))) for field in fields
        )
        lines += [f"settings, {group}:", *columns(rows)]
    return "\n".join(lines)


def run_from_shell() -> NoReturn:
    """The console script `gan-mnist`."""
    sys.exit(main(sys.argv))


if __name__ == "__main__":
    run_from_shell()

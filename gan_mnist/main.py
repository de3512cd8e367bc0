"""Does generated data really help? Runs an experiment: flags -> study -> trials -> report.

Nothing here imports TensorFlow; only the processes that run trials do.
"""

import dataclasses
import importlib.util
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from gan_mnist import experiments
from gan_mnist.commands.command import Command, heed_signals
from gan_mnist.errors import InputError, unknown
from gan_mnist.study import progress
from gan_mnist.study.settings import parse_assignments, with_changes
from gan_mnist.study.spec import Plan, Preset, Study

COMMAND = Command(__doc__.splitlines()[0], "the same command goes on where it stopped")
FLAGS = COMMAND.flags
EXPERIMENT = COMMAND.text("experiment", None, "what to run; see --list")
PRESET = COMMAND.text("preset", "quick", "smoke (a test), quick (minutes) or paper (for a GPU)")
DATASET = COMMAND.text("dataset", "mnist_sample", "mnist_sample (5,000 digits, at hand), mnist, "
                       "fashion_mnist, kmnist, emnist, cats_vs_dogs or folder")  # fmt: skip
DATA_DIR = COMMAND.text("data_dir", "", "where the data set's files lie")
DOWNLOAD = COMMAND.switch("download", False, "let TensorFlow Datasets fetch what is missing")
WORKDIR = COMMAND.text("workdir", None, "where the run is kept (default: runs/EXPERIMENT)")
SEEDS = COMMAND.number("seeds", None, "how many seeds (default: the preset's)")
ARMS = COMMAND.names("arms", "only these arms, and the control")
JOBS = COMMAND.number("jobs", None, "trials at a time (default: one a core)")
ENGINE = COMMAND.text("engine", "local", "where trials run: local (processes) or ray")
PRECISION = COMMAND.text("precision", "float32", "float32, mixed_bfloat16 or mixed_float16")
SET = flags.DEFINE_multi_string("set", [], "name=value of a setting", flag_values=FLAGS)
EXPORT_DIR = COMMAND.text("export_dir", "saved_models", "where SavedModels go; empty for none")
DRY_RUN = COMMAND.switch("dry_run", False, "print the plan and train nothing")
LIST = COMMAND.switch("list", False, "list experiments, or the arms and settings of --experiment")


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when all went well, 1 when a trial failed, 2 for bad input, 130 and 143
        when it was interrupted or told to end, 141 when nobody reads its output.
    """
    command_line = shlex.join(["python", "-m", "gan_mnist.main", *argv[1:]])
    return COMMAND.run(argv, lambda: _command(command_line), lambda: _list(None))


def _command(command_line: str) -> int:
    if LIST.value:
        print(_list(EXPERIMENT.value))
        return 0
    if EXPERIMENT.value is None:
        raise unknown("--experiment", "", experiments.names())
    plan = make_plan(experiments.load(EXPERIMENT.value))
    if DRY_RUN.value:
        print(progress.describe(plan))
        return 0
    return run(plan, command_line)


def make_plan(study: Study) -> Plan:
    """The plan that the flags ask for.

    Raises:
        InputError: For any flag or setting that cannot be met.
    """
    from gan_mnist.data.datasets import load_dataset

    if PRESET.value not in study.presets:
        raise unknown("--preset", PRESET.value, study.presets)
    preset: Preset = study.presets[PRESET.value]
    chosen = {
        "dataset": DATASET.value,
        "data_dir": os.path.abspath(DATA_DIR.value) if DATA_DIR.value else "",
        "export_dir": os.path.abspath(EXPORT_DIR.value) if EXPORT_DIR.value else "",
        "precision": PRECISION.value,
    }
    given = parse_assignments(study.settings, SET.value)
    for name in given:
        if name in chosen:
            raise InputError(f"--set: {name} has a flag of its own; accepted: --{name}=...")
        if study.fixes(name):
            raise InputError(f"--set: {name} is what arms differ in; choose among them by --arms")
    settings = with_changes(study.settings, {**preset.changes, **chosen, **given}, "--set")
    seeds = preset.seeds if SEEDS.value is None else SEEDS.value
    if ENGINE.value not in ("local", "ray"):
        raise unknown("--engine", ENGINE.value, ("local", "ray"))
    if ENGINE.value == "ray" and importlib.util.find_spec("ray") is None:
        raise InputError("--engine: ray is not installed; pip install 'gan_mnist[ray]'")
    if WORKDIR.value == "":
        raise InputError("--workdir: '' is not accepted; accepted: a directory")
    arms = study.select(ARMS.value)
    dataset = load_dataset(
        settings.dataset,
        settings.data_dir,
        DOWNLOAD.value,
        settings.image_size,
        settings.channels,
    )
    plan = Plan(
        study=study,
        preset=PRESET.value,
        settings=study.resolve(settings, dataset),
        arms=arms,
        seeds=tuple(range(seeds)),
        dataset=dataset.provenance,
        workdir=Path(WORKDIR.value or Path("runs") / study.name).absolute(),
    )
    plan.trials()
    return plan


def run(plan: Plan, command_line: str) -> int:
    """Runs `plan`; returns the exit status."""
    import loky

    from gan_mnist.study.run import run_study

    heed_signals()
    summary = run_study(plan, JOBS.value or loky.cpu_count(), ENGINE.value, command_line)
    print(f"\n{summary['answer']}\n\nreport: {plan.workdir / 'report.html'}")
    return 1 if summary["failed"] else 0


def _described(field: dataclasses.Field) -> str:
    """What a setting is, and its values in the form that `--set` takes."""
    value = field.default
    default = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    told = [f"default {default}" if default else "none by default"]
    if choices := field.metadata["choices"]:
        told.append(f"accepted: {', '.join(choices)}")
    return f"{field.metadata['help']} ({'; '.join(told)})"


def _list(experiment: str | None) -> str:
    if experiment is None:
        rows = ((name, experiments.load(name).question) for name in experiments.names())
        return "\n".join(["experiments:", *progress.columns(rows)])
    study = experiments.load(experiment)
    settings = ((field.name, _described(field)) for field in dataclasses.fields(study.settings))
    return "\n".join(
        [
            "arms:",
            *progress.columns((arm.name, arm.about) for arm in study.arms),
            "settings:",
            *progress.columns(settings),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv))

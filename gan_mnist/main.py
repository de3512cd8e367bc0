"""Does generated data really help? Runs an experiment: flags -> study -> trials -> report.

Nothing here imports TensorFlow; only the processes that run trials do.
"""

import dataclasses
import functools
import importlib.util
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from experiments import catalogue
from gan_mnist.errors import InputError, unknown
from gan_mnist.study import progress
from gan_mnist.study.settings import parse_assignments, with_changes
from gan_mnist.study.spec import Plan, Preset, Study

FLAGS = flags.FlagValues()
_text = functools.partial(flags.DEFINE_string, flag_values=FLAGS)
_number = functools.partial(
    flags.DEFINE_integer, flag_values=FLAGS, lower_bound=1, upper_bound=1000
)
_switch = functools.partial(flags.DEFINE_boolean, flag_values=FLAGS)
EXPERIMENT = _text("experiment", None, "what to run; see --list")
PRESET = _text("preset", "quick", "smoke (a test), quick (minutes) or paper (for a GPU)")
DATASET = _text("dataset", "mnist_sample", "mnist_sample (5,000 digits, at hand), mnist, "
                "fashion_mnist, kmnist, emnist, cats_vs_dogs or folder")  # fmt: skip
DATA_DIR = _text("data_dir", "", "where the data set's files lie")
DOWNLOAD = _switch("download", False, "let TensorFlow Datasets fetch what is missing")
WORKDIR = _text("workdir", None, "where the run is kept (default: runs/EXPERIMENT)")
SEEDS = _number("seeds", None, "how many seeds (default: the preset's)")
ARMS = flags.DEFINE_list("arms", None, "only these arms, and the control", flag_values=FLAGS)
JOBS = _number("jobs", None, "trials at a time (default: one a core)")
ENGINE = _text("engine", "local", "where trials run: local (processes) or ray")
PRECISION = _text("precision", "float32", "float32, mixed_bfloat16 or mixed_float16")
SET = flags.DEFINE_multi_string("set", [], "name=value of a setting", flag_values=FLAGS)
EXPORT_DIR = _text("export_dir", "saved_models", "where SavedModels go; empty for none")
DRY_RUN = _switch("dry_run", False, "print the plan and train nothing")
LIST = _switch("list", False, "list experiments, or the arms and settings of --experiment")
DEBUG = _switch("debug", False, "show the traceback of an error")
HELP = _switch("help", False, "show this")


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when all went well, 1 when a trial failed, 2 for bad input, 130 and 143
        when it was interrupted or told to end, 141 when nobody reads its output.
    """
    try:
        return _command(argv)
    except InputError as error:
        if FLAGS.is_parsed() and DEBUG.value:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    except _Terminated:
        print("terminated; the same command goes on where it stopped", file=sys.stderr)
        return 143
    except BrokenPipeError:
        # Whoever read this has seen enough; Python must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _command(argv: Sequence[str]) -> int:
    _parse(argv)
    if HELP.value or LIST.value:
        print(_help() if HELP.value else _list(EXPERIMENT.value), flush=True)
        return 0
    if EXPERIMENT.value is None:
        raise unknown("--experiment", "", catalogue.names())
    plan = make_plan(catalogue.load(EXPERIMENT.value))
    if DRY_RUN.value:
        print(progress.describe(plan), flush=True)
        return 0
    return run(plan, shlex.join(["python", "-m", "gan_mnist.main", *argv[1:]]))


class _Terminated(BaseException):
    """SIGTERM."""


def _stop(number: int, _frame: object) -> None:
    # Once is enough: what follows is the clean-up, which an impatient second must not cut short.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt if number == signal.SIGINT else _Terminated


def _parse(argv: Sequence[str]) -> None:
    FLAGS.unparse_flags()
    try:
        rest = FLAGS(argv)
    except flags.UnrecognizedFlagError as error:
        raise unknown("flags", f"--{error.flagname}", [f"--{name}" for name in FLAGS]) from None
    except flags.IllegalFlagValueError as error:
        name = str(error).removeprefix("flag --").partition("=")[0]
        accepted = FLAGS[name].parser.syntactic_help or "true or false"
        given = str(error).partition("=")[2].partition(":")[0]
        raise InputError(f"--{name}: {given!r} is not accepted; accepted: {accepted}") from None
    except flags.Error as error:
        raise InputError(str(error).replace("\n", " ")) from None
    if len(rest) > 1:
        raise InputError(f"flags: {rest[1]!r} is not a flag; accepted: --name=value")


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
        if any(name in arm.changes for arm in study.arms):
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

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _stop)
    summary = run_study(plan, JOBS.value or loky.cpu_count(), ENGINE.value, command_line)
    print(f"\n{summary['answer']}\n\nreport: {plan.workdir / 'report.html'}")
    return 1 if summary["failed"] else 0


def _help() -> str:
    rows = ((f"--{name}", " ".join(FLAGS[name].help.split())) for name in FLAGS)
    return "\n".join([__doc__.splitlines()[0], "", *progress.columns(rows), "", _list(None)])


def _list(experiment: str | None) -> str:
    if experiment is None:
        rows = ((name, catalogue.load(name).question) for name in catalogue.names())
        return "\n".join(["experiments:", *progress.columns(rows)])
    study = catalogue.load(experiment)
    settings = (
        (field.name, f"{field.metadata['help']} (default {field.default})")
        for field in dataclasses.fields(study.settings)
    )
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

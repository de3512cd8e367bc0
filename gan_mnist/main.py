"""The command: flags -> experiment -> study -> report.

Nothing here imports TensorFlow; only the processes that run trials do.
"""

import dataclasses
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from experiments import catalogue
from gan_mnist.errors import InputError, unknown
from gan_mnist.study.spec import Plan, Preset, Study, parse_assignments, with_changes

FLAGS = flags.FlagValues()
DEFINITIONS = (
    (flags.DEFINE_string, "experiment", None, "What to run; see --list."),
    (flags.DEFINE_string, "preset", "quick", "smoke (a test), quick (minutes) or paper (a GPU)."),
    (flags.DEFINE_string, "dataset", "mnist_sample", "Data set: mnist_sample (5,000 digits, at "
     "hand), mnist, fashion_mnist, kmnist, emnist, cats_vs_dogs or folder."),
    (flags.DEFINE_string, "data_dir", "", "Where the data set's files lie."),
    (flags.DEFINE_boolean, "download", False, "Let TensorFlow Datasets fetch what is missing."),
    (flags.DEFINE_string, "workdir", None, "Where the run is kept; runs/EXPERIMENT by default."),
    (flags.DEFINE_integer, "seeds", None, "How many seeds; the preset says, by default."),
    (flags.DEFINE_list, "arms", None, "Only these arms, and the control."),
    (flags.DEFINE_integer, "jobs", None, "Trials at a time; one a core, by default."),
    (flags.DEFINE_string, "engine", "local", "Where trials run: local processes or ray."),
    (flags.DEFINE_string, "precision", "float32", "float32, mixed_bfloat16 or mixed_float16."),
    (flags.DEFINE_multi_string, "set", [], "name=value of a setting; may be repeated."),
    (flags.DEFINE_string, "export_dir", "saved_models", "Where SavedModels go; empty for none."),
    (flags.DEFINE_boolean, "dry_run", False, "Print the plan and train nothing."),
    (flags.DEFINE_boolean, "list", False, "List experiments, or the arms of --experiment."),
    (flags.DEFINE_boolean, "debug", False, "Show the traceback of an error."),
    (flags.DEFINE_boolean, "help", False, "Show this."),
)  # fmt: skip
for define, name, default, text in DEFINITIONS:
    define(name, default, text, flag_values=FLAGS)


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when all went well, 1 when a trial failed, 2 for bad input, 130 and 143
        when it was interrupted or told to end.
    """
    try:
        _parse(argv)
        if FLAGS["help"].value:
            print(_help())
            return 0
        if FLAGS["list"].value:
            print(_list(FLAGS.experiment))
            return 0
        if FLAGS.experiment is None:
            raise unknown("--experiment", "", catalogue.names())
        plan = make_plan(catalogue.load(FLAGS.experiment))
        if FLAGS.dry_run:
            print(describe(plan))
            return 0
        return run(plan, shlex.join(["python", "-m", "gan_mnist.main", *argv[1:]]))
    except InputError as error:
        return _refuse(error, 2)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except _Terminated:
        print("told to end; the same command goes on from here", file=sys.stderr)
        return 143
    except OSError as error:
        return _refuse(error, 2)


class _Terminated(BaseException):
    """SIGTERM."""


def _terminate(*_: object) -> None:
    raise _Terminated


def _refuse(error: Exception, status: int) -> int:
    if FLAGS.is_parsed() and FLAGS.debug:
        raise error
    print(f"error: {error}", file=sys.stderr)
    return status


def _parse(argv: Sequence[str]) -> None:
    FLAGS.unparse_flags()
    try:
        rest = FLAGS(argv)
    except flags.UnrecognizedFlagError as error:
        raise unknown("flags", f"--{error.flagname}", [f"--{row[1]}" for row in DEFINITIONS]) from None
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

    if FLAGS.preset not in study.presets:
        raise unknown("--preset", FLAGS.preset, study.presets)
    preset: Preset = study.presets[FLAGS.preset]
    chosen = {
        "dataset": FLAGS.dataset,
        "data_dir": os.path.abspath(FLAGS.data_dir) if FLAGS.data_dir else "",
        "export_dir": os.path.abspath(FLAGS.export_dir) if FLAGS.export_dir else "",
        "precision": FLAGS.precision,
    }
    given = parse_assignments(study.settings, FLAGS["set"].value)
    settings = with_changes(study.settings, {**preset.changes, **chosen, **given}, "--set")
    seeds = preset.seeds if FLAGS.seeds is None else FLAGS.seeds
    for name, value in (("seeds", seeds), ("jobs", FLAGS.jobs)):
        if value is not None and value < 1:
            raise InputError(f"--{name}: {value} is out of range; accepted: 1 or more")
    if FLAGS.engine not in ("local", "ray"):
        raise unknown("--engine", FLAGS.engine, ("local", "ray"))
    arms = study.select(FLAGS.arms)
    dataset = load_dataset(
        settings.dataset,
        settings.data_dir,
        FLAGS.download,
        settings.image_size,
        settings.channels,
    )
    plan = Plan(
        study=study,
        preset=FLAGS.preset,
        settings=study.resolve(settings, dataset),
        arms=arms,
        seeds=tuple(range(seeds)),
        dataset=dataset.provenance,
        workdir=Path(FLAGS.workdir or Path("runs") / study.name).absolute(),
    )
    plan.trials()
    return plan


def describe(plan: Plan) -> str:
    """The plan in words: data, settings, arms, trials."""
    data = plan.dataset
    per_class = ", ".join(f"{n}: {c['train']}+{c['test']}" for n, c in data["counts"].items())
    lines = [
        f"experiment  {plan.study.name}: {plan.study.question}",
        f"data set    {data['name']} from {data['source']}, sha256 {data['sha256'][:12]}",
        f"            training+test images a class: {per_class}",
        f"directory   {plan.workdir}",
        f"preset      {plan.preset}",
        f"trials      {len(plan.arms)} arms x {len(plan.seeds)} seeds = {len(plan.trials())}",
        "arms",
        *(f"  {arm.name:20} {arm.about}" for arm in plan.arms),
        "settings",
        *(f"  {name:20} {value}" for name, value in plan.settings.identity().items()),
    ]
    return "\n".join(lines)


def run(plan: Plan, command_line: str) -> int:
    """Runs what is missing of `plan`, then writes summary and report; returns the exit status."""
    from filelock import FileLock, Timeout

    from gan_mnist.study import records, report, runner, summary
    from gan_mnist.study.progress import StudyProgress

    signal.signal(signal.SIGTERM, _terminate)
    _make_directory(plan.workdir)
    lock = FileLock(plan.workdir / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"--workdir: {plan.workdir} is in use by another run") from None
    with lock:
        records.open_workdir(plan, study_description(plan, command_line))
        print(describe(plan), file=sys.stderr)
        trials = plan.trials()
        todo = [trial for trial in trials if not records.finished(records.record_of(trial))]
        if len(todo) < len(trials):
            print(f"{len(trials) - len(todo)} trials are done already", file=sys.stderr)
        try:
            with StudyProgress(len(todo), plan.study.metrics[0].name) as progress:
                jobs = FLAGS.jobs or os.cpu_count() or 1
                runner.run_trials(todo, jobs, FLAGS.engine, progress.add)
        except runner.StorageError as error:
            raise InputError(
                f"--workdir: cannot write {error.filename}: {error.strerror}; "
                "what is finished is kept: make room and give the same command"
            ) from None
        all_records = list(records.records_of(plan))
        lines = "".join(f"{records.as_line(record)}\n" for record in all_records)
        records.write_text(plan.workdir / "records.jsonl", lines)
        told = summary.summarize(plan, all_records)
        records.write_json(plan.workdir / "summary.json", told)
        report.write_report(plan.workdir)
    print(f"\n{told['answer']}\n\nreport: {plan.workdir / 'report.html'}")
    return 1 if told["failed"] else 0


def study_description(plan: Plan, command_line: str) -> dict[str, Any]:
    """The content of `study.json`."""
    from gan_mnist.study import records

    return {
        "experiment": plan.study.name,
        "question": plan.study.question,
        "preset": plan.preset,
        "settings": plan.settings.identity(),
        "arms": {arm.name: dataclasses.asdict(arm) for arm in plan.arms},
        "seeds": list(plan.seeds),
        "dataset": dict(plan.dataset),
        "published": list(plan.study.published),
        "versions": records.versions(),
        "command_line": command_line,
    }


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / ".lock").touch()
    except OSError as error:
        raise InputError(f"--workdir: cannot write {path}: {error.strerror}") from None


def _help() -> str:
    rows = "\n".join(f"  --{name:12} {text}" for _, name, _, text in DEFINITIONS)
    return f"{__doc__.splitlines()[0]}\n\n{rows}\n\n{_list(None)}"


def _list(experiment: str | None) -> str:
    if experiment is None:
        rows = (f"  {name:18} {catalogue.load(name).question}" for name in catalogue.names())
        return "experiments:\n" + "\n".join(rows)
    study = catalogue.load(experiment)
    arms = (f"  {arm.name:20} {arm.about}" for arm in study.arms)
    settings = (
        f"  {field.name:20} {field.metadata['help']} (default {getattr(study.settings, field.name)})"
        for field in dataclasses.fields(study.settings)
    )
    return "\n".join(["arms:", *arms, "settings:", *settings])


if __name__ == "__main__":
    sys.exit(main(sys.argv))

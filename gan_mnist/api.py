"""What `main` does, without flags: an experiment's plan made, and run to its report."""

import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_mnist import experiments
from gan_mnist.errors import InputError, unknown
from gan_mnist.study.settings import with_changes
from gan_mnist.study.trial import Plan

ENGINES = ("local", "ray")
# Settings that are arguments, and flags, of their own.
CHOSEN = ("dataset", "data_dir", "export_dir", "precision")


def make_plan(
    experiment: str,
    *,
    preset: str = "quick",
    dataset: str = "mnist_sample",
    data_dir: str = "",
    download: bool = False,
    workdir: str | Path | None = None,
    seeds: int | None = None,
    arms: Sequence[str] | None = None,
    precision: str = "float32",
    settings: Mapping[str, Any] | None = None,
    export_dir: str = "saved_models",
) -> Plan:
    """What would be run; arguments as of `run`.

    Raises:
        InputError: For anything that cannot be met; names it as the command's flags do.
    """
    study, given = experiments.load(experiment), dict(settings or {})
    if preset not in study.presets:
        raise unknown("--preset", preset, study.presets)
    for name in given:
        if name in CHOSEN:
            raise InputError(f"--set: {name} has a flag of its own; accepted: --{name}=...")
        if study.fixes(name):
            raise InputError(f"--set: {name} is what arms differ in; choose among them by --arms")
    chosen = {
        "dataset": dataset,
        "data_dir": os.path.abspath(data_dir) if data_dir else "",
        "export_dir": os.path.abspath(export_dir) if export_dir else "",
        "precision": precision,
    }
    wanted = with_changes(
        study.settings, {**study.presets[preset].changes, **chosen, **given}, "--set"
    )
    if workdir == "":
        raise InputError("--workdir: '' is not accepted; accepted: a directory")
    selected = study.select(None if arms is None else list(arms))
    loaded = wanted.load(download)
    plan = Plan(
        study=study,
        preset=preset,
        settings=wanted.resolve(loaded),
        arms=selected,
        seeds=tuple(range(study.presets[preset].seeds if seeds is None else seeds)),
        dataset=loaded.provenance,
        workdir=Path(workdir or Path("runs") / study.name).absolute(),
    )
    plan.trials()
    return plan


def check_engine(engine: str) -> None:
    """Raises `InputError` for an engine that does not exist or is not installed."""
    if engine not in ENGINES:
        raise unknown("--engine", engine, ENGINES)
    if engine == "ray" and importlib.util.find_spec("ray") is None:
        raise InputError("--engine: ray is not installed; pip install 'gan_mnist[ray]'")


def execute(plan: Plan, jobs: int | None, engine: str, command_line: str) -> Mapping[str, Any]:
    """Runs `plan` and writes its report; returns the summary."""
    import loky

    from gan_mnist.study.run import run_study

    def write_report(workdir: Path) -> None:
        from gan_mnist.report.page import write_report

        write_report(workdir, getattr(plan.study.part("figures"), "PICTURES", ()))

    return run_study(plan, jobs or loky.cpu_count(), engine, command_line, write_report)


def run(
    experiment: str,
    *,
    jobs: int | None = None,
    engine: str = "local",
    **options: Any,
) -> Mapping[str, Any]:
    """Runs an experiment, as `gan_mnist.run`, where the arguments are told."""
    told = {"jobs": jobs, "engine": engine, **options}
    arguments = [repr(experiment), *(f"{k}={v!r}" for k, v in told.items() if v is not None)]
    check_engine(engine)
    plan = make_plan(experiment, **options)
    return execute(plan, jobs, engine, f"gan_mnist.run({', '.join(arguments)})")

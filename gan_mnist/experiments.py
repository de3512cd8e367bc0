"""The experiments: folders with a `study.py`, found by name or by path, and planned.

This module is a package too, whose parts are those folders: `gan_mnist.experiments.imbalance`. In a
checkout they lie in `experiments/` beside `gan_mnist/`, in an installation inside it; an
`experiments` package of anybody else's is not touched. Nothing here imports TensorFlow.
"""

import dataclasses
import importlib
import importlib.util
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError, check_number, in_one_line, listed, unknown
from gan_mnist.files import absolute
from gan_mnist.settings.further import (
    FurtherTestSettings,
    as_test_dir,
    further_metrics,
    further_provenance,
)
from gan_mnist.settings.network import NetworkSettings
from gan_mnist.study import continuation
from gan_mnist.study import precision as precisions
from gan_mnist.study.assignments import DERIVED_SETTINGS, FLAG_SETTINGS, typed
from gan_mnist.study.declared import check_declared
from gan_mnist.study.description import merged_provenance
from gan_mnist.study.devices import check_divisible, check_strategy
from gan_mnist.study.location import check_output_paths, resolve_workdir
from gan_mnist.study.settings import Settings, with_changes
from gan_mnist.study.spec import Study
from gan_mnist.study.trial import Plan

# Folders of experiments, searched before ours; processes that are started inherit them.
PATH_VARIABLE = "GAN_MNIST_EXPERIMENTS"
_HERE = Path(__file__).parent
_OURS = (_HERE / "_experiments", _HERE.parent / "experiments")
__path__ = [
    *filter(None, os.environ.get(PATH_VARIABLE, "").split(os.pathsep)),
    *(str(folder) for folder in _OURS if folder.is_dir()),
]


def names() -> list[str]:
    """Names of all experiments, sorted."""
    paths = (path for folder in __path__ for path in Path(folder).glob("*/study.py"))
    return sorted({path.parent.name for path in paths})


def load(name_or_path: str | Path) -> Study:
    """The declaration of an experiment; imports no TensorFlow.

    Args:
        name_or_path: A name, or the path of a folder with a `study.py` in it.

    Raises:
        InputError: If there is no such experiment, or its declaration cannot be loaded, or names
            arms, settings or relations that it has not.
    """
    name = str(name_or_path)
    if name not in names():
        folder = absolute(name_or_path)
        accepted = [*names(), "a folder with a study.py"]
        if not name:
            raise InputError(f"--experiment: none is named; accepted: {listed(accepted)}")
        if not os.path.isfile(folder / "study.py"):
            raise unknown("--experiment", name, accepted)
        name = _make_importable(folder)
    folders = (Path(home) / name for home in __path__)
    folder = next(folder for folder in folders if (folder / "study.py").is_file())
    try:
        module = importlib.import_module(f"{__name__}.{name}.study")
        study = module.STUDY
    # The declaration is somebody's program and may fail in any way.
    except (Exception, SystemExit) as error:
        raise _cannot_be_loaded(folder, error) from error
    if Path(str(module.__file__)).parent.resolve() != folder.resolve():
        raise InputError(
            f"--experiment: {folder} has the name of {Path(str(module.__file__)).parent}, which is "
            "loaded already; accepted: a folder of another name"
        )
    if not isinstance(study, Study):
        raise InputError(f"--experiment: STUDY in {folder / 'study.py'} is no Study")
    if not (isinstance(study.question, str) and study.question.strip()):
        raise InputError(f"--experiment: STUDY in {folder / 'study.py'} has no question")
    try:
        check_declared(study)
    except InputError:
        raise
    except Exception as error:
        raise _cannot_be_loaded(folder, error) from error
    return study


def _cannot_be_loaded(folder: Path, error: BaseException) -> InputError:
    path = folder / "study.py"
    return InputError(f"--experiment: {path} cannot be loaded: {in_one_line(error)}")


def _make_importable(folder: Path) -> str:
    """Makes the experiment in `folder` importable, here and in processes started from now on."""
    name, home = folder.name, str(folder.parent)
    if not name.isidentifier():
        raise InputError(
            f"--experiment: {name!r} is no name of a package; accepted: letters, digits and _"
        )
    # The package would replace what has its name in this module.
    if name in globals() and getattr(globals()[name], "__name__", "") != f"{__name__}.{name}":
        raise InputError(f"--experiment: {name!r} is taken in {__name__}; accepted: another name")
    if home not in __path__:
        __path__.insert(0, home)
        inherited = os.environ.get(PATH_VARIABLE)
        os.environ[PATH_VARIABLE] = os.pathsep.join(filter(None, (home, inherited)))
    importlib.invalidate_caches()
    return name


def make_plan(
    experiment: str | Path,
    *,
    preset: str = "quick",
    dataset: str = "mnist_sample",
    data_dir: str | Path = "",
    download: bool = False,
    skip_bad: bool = False,
    workdir: str | Path | None = None,
    seeds: int | None = None,
    first_seed: int | None = None,
    arms: Sequence[str] | None = None,
    precision: str = "float32",
    strategy: str = "none",
    classifier: str | None = None,
    test_dir: Mapping[str, str | Path] | None = None,
    settings: Mapping[str, Any] | None = None,
    export_dir: str | Path = "saved_models",
    generated: Sequence[str] | None = None,
    primary: Sequence[str] | None = None,
    until: str | None = None,
    max_seeds: int | None = None,
    trust_model: bool = False,
) -> Plan:
    """The plan of a run; arguments as in `gan_mnist.run`.

    Raises:
        InputError: For any request that cannot be met; names it as the command's flags do.
    """
    study, values = load(experiment), dict(settings or {})
    check_number("--seeds", seeds)
    check_number("--first_seed", first_seed, least=0)
    if preset not in study.presets:
        raise unknown("--preset", preset, study.presets)
    _check_settable(study, values)
    origins = _generated_origins(study, generated or (), trust_model)
    if workdir == "":
        raise InputError("--workdir: '' is not accepted; accepted: a directory")
    if "://" in str(export_dir):
        raise InputError(f"--export_dir: {export_dir!r} is an address; accepted: a directory")
    directory, remote = resolve_workdir(workdir or Path("runs") / study.name)
    run_precision, update_seconds = precisions.run_precision(directory, precision)
    chosen: dict[str, Any] = {
        "dataset": dataset,
        "data_dir": str(absolute(data_dir)) if data_dir else "",
        "export_dir": str(absolute(export_dir)) if export_dir else "",
        "precision": precisions.EXACT if run_precision == precisions.AUTO else run_precision,
        "strategy": check_strategy(strategy),
    }
    declared = study.settings if classifier is None else _with_classifier(study, classifier)
    switches = {"skip_bad": skip_bad, "trust_model": trust_model}
    chosen |= {name: True for name, is_on in switches.items() if is_on}
    if test_dir:
        study = _with_further_tests(study, test_dir)
        chosen["test_dir"] = as_test_dir(test_dir)
    scale = study.presets[preset].changes
    base = with_changes(declared, {**scale, **chosen, **typed(study.settings, values)}, "--set")
    source_rows = {name: study.of_source(base, name) for name in origins} if study.of_source else {}
    source_arms = [arm for rows in source_rows.values() for arm in rows]
    study = study.with_arms(source_arms)
    _check_settable(study, values)
    arm_names = continuation.arm_names(
        directory, study, preset, arms, [arm.name for arm in source_arms]
    )
    study = study.with_primary_of_run(primary, arm_names, origins)
    study = continuation.with_primary(directory, study, primary is not None, arm_names)
    looks = continuation.announced_looks(directory, until, max_seeds, seeds)
    replicates = continuation.seeds_from(
        directory, first_seed, looks[-1] if looks else seeds or study.presets[preset].seeds
    )
    data = base.load(download).planned_for(replicates.stop)
    folders = {name: origin for name, origin in origins.items() if base.is_folder(origin)}
    check_output_paths(
        directory, remote, {**chosen, **values}, {"test_dir": test_dir or {}, "generated": folders}
    )
    free = {field.name for field in dataclasses.fields(base)} - values.keys()
    resolved = base.fitted(data, free).resolve(data)
    if run_precision == precisions.AUTO:
        resolved, update_seconds = precisions.with_faster_precision(resolved)
    study = study.with_metrics(resolved, data)
    sources = {name: resolved.source(name, origin, data) for name, origin in origins.items()}
    sources_by_arm = {
        arm.name: source for name, source in sources.items() for arm in source_rows[name]
    }
    study = study.with_sources(sources_by_arm)
    further_tests, leaks = further_provenance(resolved, data)
    plan = Plan(
        study=study,
        preset=preset,
        settings=resolved,
        arms=study.select(arm_names),
        seeds=tuple(replicates),
        dataset=merged_provenance(data.provenance, sources, further_tests, leaks),
        workdir=directory,
        looks=looks,
        update_seconds=update_seconds,
        remote=remote,
    )
    continuation.check_primary(plan, primary is not None)
    # Makes the settings of every arm, which refuse what does not go together.
    plan.trials()
    check_divisible(plan)
    return plan


def _check_settable(study: Study, names: Iterable[str]) -> None:
    for name in names:
        if name in FLAG_SETTINGS:
            raise InputError(f"--set: {name} has a flag of its own; accepted: --{name}=...")
        if name in DERIVED_SETTINGS:
            raise InputError(f"--set: {name} is found, not set; accepted: nothing")
        if study.differs_between_arms(name):
            raise InputError(f"--set: {name} is what arms differ in; choose among them by --arms")


def _generated_origins(study: Study, generated: Sequence[str], trusted: bool) -> dict[str, str]:
    """Where generated images come from, by the name that each source has in arms."""
    if trusted and not generated:
        raise InputError("--trust_model: there is nothing to trust; accepted with --generated")
    if generated and study.of_source is None:
        raise InputError(
            f"--generated: {generated[0]!r} is not accepted; accepted with experiments that show "
            "generated images"
        )
    origins: dict[str, str] = {}
    for text in generated or study.sources:
        name, _, origin = text.partition("=")
        if not re.fullmatch(r"\w[\w.-]{0,49}", name) or (not origin and "=" in text):
            raise InputError(
                f"--generated: {text!r} is not accepted; accepted: NAME=DIR, with a NAME of "
                "letters, digits, _, - and ., 50 at most"
            )
        if name in origins:
            raise InputError(f"--generated: {name!r} is given twice; accepted: each name once")
        origins[name] = origin or name
    return origins


def _with_classifier(study: Study, classifier: str) -> Settings:
    """The settings of `study` with another network.

    Raises:
        InputError: If the study trains no classifier, or if its arms differ in it.
    """
    if not isinstance(study.settings, NetworkSettings):
        raise InputError(
            f"--classifier: {classifier!r} is not accepted; {study.name} trains no classifier"
        )
    if study.differs_between_arms("classifier"):
        raise InputError("--classifier: it is what arms differ in; choose among them by --arms")
    return study.settings.with_classifier(classifier)


def _with_further_tests(study: Study, folders: Mapping[str, str | Path]) -> Study:
    """`study` with the metrics of further test sets.

    Raises:
        InputError: If the study trains no classifier, or a name is not valid.
    """
    if not isinstance(study.settings, FurtherTestSettings):
        raise InputError(f"--test_dir: it is not accepted; {study.name} trains no classifier")
    further = further_metrics(list(folders), study.metrics)
    metrics = *study.metrics, *further
    return dataclasses.replace(study, metrics=metrics, further_tests=tuple(folders))

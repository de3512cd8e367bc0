"""Compares runs of one experiment: arm by arm, or as ranks where they are of three data sets.

Nothing here imports TensorFlow.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gan_mnist import experiments
from gan_mnist.commands.command import Command, path_from_flag, print_line
from gan_mnist.commands.output import printable, writing
from gan_mnist.errors import InputError, unknown
from gan_mnist.files import absolute, check_writable
from gan_mnist.study.finished import FinishedRun, read_run
from gan_mnist.study.spec import Study
from gan_mnist.study.words import counted

COMMAND = Command(
    __doc__.splitlines()[0],
    "nothing was written",
    ("RUN RUN ...", "directories that runs have left, or published results"),
)
ARMS = COMMAND.names("arms", "only these arms (default: all that every run has)")
OUTPUT = COMMAND.text(
    "output", None, "file to write the comparison to: .md, or .csv for the table alone"
)
FIGURE = COMMAND.text("figure", None, "critical-difference diagram to draw, .png or .svg; needs "
                      "runs of three or more data sets")  # fmt: skip
TABLES, PICTURES = (".md", ".csv"), (".png", ".svg")


def main(argv: Sequence[str]) -> int:
    """Runs the command.

    Args:
        argv: Program name and arguments.

    Returns:
        Exit status: 0 when it has compared, 2 for bad input, 130 and 143 when it was interrupted
        or told to end.
    """
    return COMMAND.run(argv, _command)


def _command() -> int:
    output, figure = _file(OUTPUT, TABLES), _file(FIGURE, PICTURES)
    runs = _runs(COMMAND.arguments)
    study = _study(runs[0])
    arms = _common_arms(runs, ARMS.value)

    # Statistics take seconds to import, which a refused command need not wait for.
    from gan_mnist.commands import side_by_side

    # Where the words of a metric depend on the data, the first run's are taken.
    metric = runs[0].measured(study)
    comparison = side_by_side.compare_runs(runs, arms, metric, study)
    if figure is not None:
        from gan_mnist.report import ranked, style

        if comparison.ranking is None:
            raise InputError(f"--figure: {comparison.why_no_ranks}; accepted: runs that have ranks")
        if not ranked.is_installed():
            raise InputError(
                "--figure: scikit-posthocs is not installed; pip install 'gan_mnist[compare]'"
            )
        diagram = ranked.critical_difference(comparison.ranking)
        with writing("--figure", figure):
            style.save(diagram, figure)
    if output is not None:
        side_by_side.write(comparison, output, figure)
    print_line(side_by_side.as_text(comparison))
    for path in filter(None, (output, figure)):
        print_line(f"\nwritten: {printable(path)}")
    return 0


def _file(flag: Any, suffixes: Sequence[str]) -> Path | None:
    """The file that a flag names, of one of these kinds; None where it is not given."""
    if flag.value is None:
        return None
    accepted = f"a file that ends in {' or '.join(suffixes)}"
    path = path_from_flag(flag, accepted)
    if path.suffix not in suffixes or (os.path.exists(path) and not os.path.isfile(path)):
        raise InputError(f"--{flag.name}: {flag.value!r} is not accepted; accepted: {accepted}")
    check_writable(f"--{flag.name}", path.parent, path.name)
    return path


def _runs(paths: Sequence[str]) -> list[FinishedRun]:
    """The runs that are given, of one experiment.

    Raises:
        InputError: For fewer than two runs, a path without a run, and runs that cannot be compared.
    """
    if len(paths) < 2:
        run_count = counted(len(paths), "run is", "runs are")
        raise InputError(f"RUN: {run_count} given; accepted: the directories of two or more")
    directories = [absolute(path) for path in paths]
    for index, directory in enumerate(directories):
        if os.path.realpath(directory) in map(os.path.realpath, directories[:index]):
            raise InputError(f"RUN: {paths[index]!r} is given twice; accepted: different runs")
    runs = [read_run(directory) for directory in directories]
    for path, run in zip(paths, runs, strict=True):
        for name, first in _identity(runs[0]).items():
            if (value := _identity(run)[name]) != first:
                raise InputError(
                    f"RUN: {path!r} is of {name} {value}, {paths[0]!r} of {first}; accepted: runs "
                    "of one experiment"
                )
        if run.metric != runs[0].metric:
            raise InputError(
                f"RUN: {path!r} is judged by {run.metric}, {paths[0]!r} by {runs[0].metric}; "
                "accepted: runs with one primary metric"
            )
    return runs


def _identity(run: FinishedRun) -> dict[str, Any]:
    """What runs that are compared must have in common, but for the metric."""
    return {"experiment": run.description["experiment"], "control": run.summary.get("control")}


def _study(run: FinishedRun) -> Study | None:
    """The experiment's declaration, if it is one of ours."""
    name = run.description["experiment"]
    return experiments.load(name) if name in experiments.names() else None


def _common_arms(runs: Sequence[FinishedRun], requested_arms: Sequence[str] | None) -> list[str]:
    """The arms that have a value in every run, in the first one's order."""
    recorded = [name for name in runs[0].records if all(run.records.get(name) for run in runs)]
    common = [name for name in recorded if all(run.values(name) for run in runs)]
    if not common:
        raise InputError("RUN: no arm has a finished trial in every run; accepted: runs that share "
                         "an arm")  # fmt: skip
    if requested_arms is None:
        return common
    for name in requested_arms or [""]:
        if name not in common:
            raise unknown("--arms", name, common)
    return [name for name in common if name in requested_arms]


if __name__ == "__main__":
    sys.exit(main(sys.argv))

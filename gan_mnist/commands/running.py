"""Runs a plan up to its report. Nothing here imports TensorFlow before a trial begins."""

import contextlib
import functools
import importlib.util
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gan_mnist
from gan_mnist.data import datasets
from gan_mnist.data.copies import copies_in_pictures
from gan_mnist.data.given import read_given
from gan_mnist.errors import InputError, check_arguments, check_number, unknown
from gan_mnist.experiments import make_plan
from gan_mnist.files import write_arrays
from gan_mnist.settings import further
from gan_mnist.study import devices
from gan_mnist.study.display.printing import say
from gan_mnist.study.location import with_local_workdir
from gan_mnist.study.trial import Plan
from gan_mnist.study.workers import import_uninterrupted

ENGINES = ("local", "ray")
# Ray itself retries an address that does not answer for minutes.
ADDRESS_SECONDS = 5.0


def check_engine(engine: str) -> None:
    """Raises `InputError` for an engine that is unknown, not installed or cannot be reached."""
    if engine not in ENGINES:
        raise unknown("--engine", engine, ENGINES)
    if engine != "ray":
        return
    if importlib.util.find_spec("ray") is None:
        raise InputError("--engine: ray is not installed; pip install 'gan_mnist[ray]'")
    # Other forms, such as `auto`, name no machine.
    if match := re.fullmatch(r"(?:ray://)?(.+):(\d{1,5})", os.environ.get("RAY_ADDRESS", "")):
        host, port = match[1], int(match[2])
        try:
            with contextlib.closing(socket.create_connection((host, port), ADDRESS_SECONDS)):
                pass
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"--engine: no Ray cluster at RAY_ADDRESS={match[0]}: {reason}; accepted: the "
                "address of its head, HOST:6379, or none, for this machine alone"
            ) from error


def check_plan(plan: Plan, engine: str, command_line: str) -> None:
    """Raises `InputError` for what `execute` would refuse at once; nothing is left behind."""
    from gan_mnist.study.description import study_description
    from gan_mnist.study.places import check_places
    from gan_mnist.study.records import check_records, earlier_description

    devices.check_engine(plan, engine)
    check_places(plan)
    earlier_description(plan, study_description(plan, command_line))
    check_records(plan)


def execute(
    plan: Plan, jobs: int | None, engine: str, command_line: str, about: str | None = None
) -> Mapping[str, Any]:
    """Runs `plan`, described as `about` if given, and writes its report; returns the summary."""
    import loky

    from gan_mnist.study.run import run_study

    report = _BoardsAndReport(plan)
    jobs = devices.share_gpus(plan, engine, jobs) or loky.cpu_count()
    return run_study(plan, jobs, engine, command_line, report.write, about, report.add)


def write_summary_and_report(plan: Plan, command_line: str) -> Mapping[str, Any]:
    """Writes summary and report of the finished trials of `plan`; returns the summary."""
    from gan_mnist.study.run import finish_study

    return finish_study(plan, command_line, _BoardsAndReport(plan).write)


class _BoardsAndReport:
    """What a run leaves for people: boards for TensorBoard, and the report."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @functools.cached_property
    def _boards(self) -> Any:
        """Made when they are first needed: importing TensorBoard takes its time."""
        return import_uninterrupted("gan_mnist.report.boards").ArmBoards(self._plan)

    def add(self, record: Mapping[str, Any]) -> None:
        """Shows a trial that has ended in the boards."""
        self._boards.add(record)

    def write(self, workdir: Path) -> None:
        """Writes the boards, and the report into `workdir`."""
        # Many arms are many figures.
        say("drawing the report")
        self._boards.write()
        _write_report(self._plan, workdir)


def closing_lines(plan: Plan, summary: Mapping[str, Any]) -> str:
    """What a run prints at its end: the answer, and where the report is."""
    answer = "\n".join(filter(None, (summary["answer"], summary["carried_by"])))
    report = f"{plan.location}/report.html"
    if plan.remote:
        report += f", here {plan.workdir / 'report.html'}"
    return f"\n{answer}\n\nIn full: {summary['in_full']}\n\nreport: {report}"


def _write_report(plan: Plan, workdir: Path) -> None:
    for name, make_pictures in (("duplicates", _duplicates_shown), ("copies", _copies_shown)):
        try:
            pictures = make_pictures(plan)
        except InputError as error:
            # Images that were removed since; the records do not need them any more.
            say(f"the report shows no {name}: {error}")
            continue
        path = workdir / f"{name}.npz"
        if pictures:
            write_arrays(path, **pictures)
        else:
            path.unlink(missing_ok=True)
    page = import_uninterrupted("gan_mnist.report.page")
    with plan.study.failing_as_input_error("figures"):
        own_figures = getattr(plan.study.part("figures"), "PICTURES", ())
    page.write_report(workdir, own_figures)


def run(
    experiment: str | Path,
    *,
    jobs: int | None = None,
    engine: str = "local",
    **options: Any,
) -> Mapping[str, Any]:
    """Does the work of `gan_mnist.run`, which documents the arguments."""
    keywords = {"jobs": jobs, "engine": engine, **options}
    check_arguments(gan_mnist.run, {"experiment": experiment, **keywords})
    arguments = [repr(experiment), *(f"{k}={v!r}" for k, v in keywords.items() if v is not None)]
    check_engine(engine)
    check_number("--jobs", jobs)
    # Since the last call in this process images may have changed.
    datasets.loaded.cache_clear()
    further.read_once.cache_clear()
    plan = with_local_workdir(make_plan(experiment, **options))
    return execute(plan, jobs, engine, f"gan_mnist.run({', '.join(arguments)})")


def _duplicates_shown(plan: Plan) -> Mapping[str, Any]:
    """Some images of the data set, beside others in it that they duplicate."""
    return plan.settings.load().duplicates_shown() if plan.dataset.get("duplicates") else {}


def _copies_shown(plan: Plan) -> dict[str, Any]:
    """Some images from elsewhere beside the real ones that they copy, by `copies_key`."""
    further_tests = plan.dataset.get("further_tests", {})
    generated = plan.dataset.get("generated", {})
    if not any(entry.get("pairs") for entry in (*further_tests.values(), *generated.values())):
        return {}
    settings: Any = plan.settings
    splits = settings.load().whole
    pairs: dict[str, Any] = {}
    copies_key = import_uninterrupted("gan_mnist.report.pairs").copies_key
    for name, entry in further_tests.items():
        if entry.get("pairs"):
            subset = settings.further_tests()[name].subset
            pictures = copies_in_pictures(entry, subset, splits)
            for split, pair in pictures.items():
                pairs[copies_key("further_tests", name, split)] = pair
    folders = {
        arm.changes["given_sha256"]: arm.changes["given"]
        for arm in plan.study.arms
        if arm.changes.get("generator") == "given"
    }
    for name, entry in generated.items():
        if entry.get("pairs") and entry["sha256"] in folders:
            root = Path(folders[entry["sha256"]])
            images = read_given(root, settings.classes, settings.conversion, settings.skip_bad)
            if images.sha256 != entry["sha256"]:
                raise InputError(f"--generated: the images of {root} were changed in the meantime")
            pictures = copies_in_pictures(entry, images.subset, splits)
            for split, pair in pictures.items():
                pairs[copies_key("generated", name, split)] = pair
    return pairs

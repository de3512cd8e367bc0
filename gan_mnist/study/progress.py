"""What a person sees while a study runs: a bar with the time left, or plain lines in a log."""

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from gan_mnist.study.records import DONE
from gan_mnist.study.trial import Plan
from gan_mnist.study.words import counted


def describe(plan: Plan, power: Sequence[str] | None = None) -> str:
    """The plan in words: data, settings, arms, trials.

    Args:
        plan: What is about to run.
        power: What it can find, as `pilot.power_in_words` tells it; by itself if None.
    """
    if power is None:
        # It imports statistics, which takes a second.
        from gan_mnist.study.pilot import power_in_words

        power = power_in_words(plan)
    data = plan.dataset
    per_class = ", ".join(
        f"{name}: {'+'.join(map(str, counts.values()))}" for name, counts in data["counts"].items()
    )
    splits = "+".join(next(iter(data["counts"].values()))).replace("train", "training")
    lines = [
        f"experiment  {plan.study.name}: {plan.study.question}",
        f"data set    {data['name']} from {data['source']}, sha256 {data['sha256'][:12]}",
        *(f"            {line}" for line in files_in_words(data.get("files"))),
        f"            {splits} images a class: {per_class}",
        *(f"            {line}" for line in split_in_words(data)),
        *(f"            {line}" for line in duplicates_in_words(data)),
        *(f"generated   {line}" for line in generated_in_words(data.get("generated", {}))),
        *(f"careful     {warning}" for warning in data.get("warnings", ())),
        f"measured    {plan.study.metrics[0].label}",
        *(f"primary     {pair}" for pair in plan.primary or ("none: all comparisons are alike",)),
        f"directory   {plan.workdir}",
        f"preset      {plan.preset}",
        f"trials      {counted(len(plan.arms), 'arm')} x {counted(len(plan.seeds), 'seed')} = "
        f"{len(plan.trials())}",
        *(f"power       {line}" for line in power),
        "arms",
        *columns((arm.name, arm.about) for arm in plan.arms),
        "settings",
        *columns((name, _with_own(plan, name, v)) for name, v in plan.settings.identity().items()),
    ]
    return "\n".join(lines)


def files_in_words(files: Mapping[str, Any] | None) -> list[str]:
    """How many files of a folder were read, were passed over, and are worth a word, a line each.

    Args:
        files: As in the provenance of a data set; None where it was read from no folder.
    """
    if files is None:
        return []

    def by_reason(reasons: Mapping[str, int]) -> str:
        return "; ".join(f"{number:,} {reason}" for reason, number in reasons.items())

    read, passed_over = counted(files["read"], "image"), sum(files["passed_over"].values())
    lines = [f"{read} read, {passed_over:,} passed over"]
    if files["passed_over"]:
        lines[0] += f": {by_reason(files['passed_over'])}"
    return lines + ([f"of the images: {by_reason(files['noted'])}"] if files["noted"] else [])


def split_in_words(dataset: Mapping[str, Any]) -> list[str]:
    """How the test images are drawn, where not all seeds have the same ones.

    Args:
        dataset: Provenance of a data set.
    """
    if "each_seed" not in dataset:
        return []
    counts = ", ".join(f"{name}: {of['test']}" for name, of in dataset["counts"].items())
    groups = ", at least, as groups go" if dataset["each_seed"]["groups"] else ""
    return [f"test images are drawn anew for each seed, so many a class{groups}: {counts}"]


def duplicates_in_words(dataset: Mapping[str, Any]) -> list[str]:
    """How many training images are like others, a line a split.

    Args:
        dataset: Provenance of a data set.
    """
    lines = []
    for split, told in dataset.get("duplicates", {}).items():
        ours = f"training image{{}} like {counted(told['of'], f'{split} image')}"
        if split == "test" and "each_seed" in dataset:
            others = counted(told["of"], "other", "others")
            ours = f"image{{}} like {others}, of which a seed may test one and train on the other"
        like = counted(told["images"], ours.format(" is"), ours.format("s are"))
        lines.append(f"{like}, {told['equal']:,} of them equal")
    return lines


def generated_in_words(sources: Mapping[str, Any]) -> list[str]:
    """What generated images, or exported generators, were given, a source after the other.

    Args:
        sources: As in the provenance of a data set.
    """
    lines = []
    for name, told in sources.items():
        if "counts" not in told:
            lines += [f"{name}: {line}" for line in _exported_in_words(told)]
            continue
        counts = ", ".join(f"{of_class}: {number}" for of_class, number in told["counts"].items())
        copies = ", ".join(f"{number} of {split}" for split, number in told["copies"].items())
        first, *more = files_in_words(told["files"])
        lines += [f"{name}: {first}", *more, f"{counts}; copies of real images: {copies}"]
    return lines


def _exported_in_words(told: Mapping[str, Any]) -> list[str]:
    size = " x ".join(map(str, told["image_shape"]))
    line = f"an exported generator of {size} images, sha256 {told['sha256'][:12]}"
    if of := told.get("trained_on"):
        line += f", trained on {of['name']}"
    lines = [f"{line}; it makes {', '.join(told['classes'])}"]
    if of and of["same"]:
        lines.append(
            "it was trained on this data set, so it may show images that a trial does not see"
        )
    return [*lines, "copies of real images: only usefulness looks for them, in its trials"]


def _with_own(plan: Plan, name: str, value: Any) -> str:
    """The value of a setting, and of the control where that has its own."""
    (control,) = [arm for arm in plan.arms if arm.name == plan.study.control]
    own = control.changes.get(name, value)
    told = "none given" if value == "" else value
    return f"{told}" if own == value else f"{told} ({control.name}: {own})"


def columns(rows: Iterable[tuple[str, Any]]) -> list[str]:
    """Lines in which what is said of each name begins in one column."""
    pairs = list(rows)
    width = max(len(name) for name, _ in pairs)
    return [f"  {name:{width}}  {text}" for name, text in pairs]


@contextlib.contextmanager
def dropped_if_full() -> Iterator[None]:
    """What is printed to stderr is lost if that cannot be written to, as on a full disk."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError:
        # What waits in the stream would fail again, at the latest when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def say(text: str) -> None:
    """Prints a text to stderr."""
    with dropped_if_full():
        print(text, file=sys.stderr, flush=True)


class _Console(Console):
    """Says when nobody reads it any more; rich's ends the process with the status of a failure."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class StudyProgress:
    """A context in which `add(record)` is called for every trial that ends."""

    def __init__(self, num_trials: int, primary_metric: str, console: Console | None = None):
        """Shows `num_trials` trials, each with its `primary_metric`."""
        self._console = console or _Console(stderr=True, soft_wrap=True, highlight=False)
        self._num_trials = num_trials
        self._primary_metric = primary_metric
        self._counts: Counter[str] = Counter()
        self._bar = Progress(
            TextColumn("trials"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> "StudyProgress":
        self._began = time.monotonic()
        self._bar.start()
        self._task = self._bar.add_task("trials", total=self._num_trials, left="")
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def add(self, record: Mapping[str, Any]) -> None:
        """Tells of one trial."""
        self._counts[record["status"]] += 1
        ended = self._counts.total()
        per_trial = (time.monotonic() - self._began) / ended
        left = _duration(per_trial * (self._num_trials - ended))
        self._bar.update(self._task, completed=ended, left=f"about {left} left")
        told = (
            f"{self._primary_metric} {record['metrics'][self._primary_metric]:.3f}"
            if record["status"] == DONE
            else f"{record['status'].replace('_', ' ')}: {record['error']}"
        )
        with dropped_if_full():
            self._console.print(
                f"[{ended}/{self._num_trials}] {record['arm']} seed {record['seed']}: {told} "
                f"({sum(record['seconds'].values()):.0f} s; about {left} left)",
                markup=False,
            )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"

"""Settings of further test sets: folders of images on which every arm is judged as well."""

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from gan_mnist.data.copies import leak_in_words
from gan_mnist.data.dataset import Dataset
from gan_mnist.data.duplicates import MATTERS
from gan_mnist.data.folder import FolderOptions
from gan_mnist.data.further import FurtherTest, read_further_test
from gan_mnist.data.images import ImageConversion
from gan_mnist.errors import InputError
from gan_mnist.files import absolute
from gan_mnist.study.settings import Settings, setting
from gan_mnist.study.spec import Metric

# Prefixes of the columns of curves, and of metrics that not every study declares.
TAKEN = ("test", "val", "balanced", "recall")


@dataclass(frozen=True)
class FurtherTestSettings(Settings):
    """Which folders every arm is judged on besides the test images of the data set."""

    GROUP: ClassVar[str] = "data"

    test_dir: tuple[str, ...] = setting(
        (), "NAME=DIR: further test sets, set by --test_dir", location=True
    )
    test_sets: tuple[str, ...] = setting((), "set by the run: what the --test_dir folders hold")

    def further_tests(self) -> dict[str, FurtherTest]:
        """The further test sets by name, for settings whose classes are explicit.

        Raises:
            InputError: If one cannot be read, or has no image of the classes.
        """
        settings: Any = self
        parts = (text.partition("=") for text in self.test_dir)
        arguments = settings.classes, settings.conversion, settings.options
        return {name: read_once(name, folder, *arguments) for name, _, folder in parts}

    def resolve(self, dataset: Any) -> Self:
        """As `resolve` of the other settings; records in `test_sets` what the folders hold.

        Raises:
            InputError: As there, and if a folder cannot be read or has no image of the classes.
        """
        resolved = super().resolve(dataset)
        summaries = tuple(test.summary for test in resolved.further_tests().values())
        return dataclasses.replace(resolved, test_sets=summaries)


@functools.lru_cache(maxsize=8)
def read_once(
    name: str,
    folder: str,
    classes: tuple[str, ...],
    conversion: ImageConversion,
    options: FolderOptions,
) -> FurtherTest:
    """Reads a further test set; cached, so that other trials and the report need not read it."""
    try:
        return read_further_test(name, Path(folder), classes, conversion, options)
    except InputError as error:
        message = str(error).removeprefix("--data_dir: ").removeprefix(f"--test_dir {name}: ")
        raise InputError(f"--test_dir {name}: {message}") from error


def further_provenance(
    settings: Settings, dataset: Dataset
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The provenance of further test sets, and warnings that a report puts before its answer.

    Args:
        settings: Resolved settings.
        dataset: Their data set, in which copies of the further test images are looked for.
    """
    if not isinstance(settings, FurtherTestSettings):
        return {}, []
    tests = settings.further_tests()
    provenances = {name: test.provenance(dataset) for name, test in tests.items()}
    warnings = [
        leak_in_words(name, provenances[name]["copies"][split], len(test.subset), label)
        for name, test in tests.items()
        for split, label in (("train", "training"), ("validation", "validation"))
        if provenances[name]["copies"].get(split, 0) > MATTERS * len(test.subset)
    ]
    return provenances, warnings


def parse_test_dirs(texts: Sequence[str]) -> dict[str, str]:
    """Parses `NAME=DIR` texts into folders by name.

    Raises:
        InputError: For a text of another form, or a name that is given twice.
    """
    folders: dict[str, str] = {}
    for text in texts:
        name, _, folder = text.partition("=")
        if not folder or name in folders:
            raise InputError(f"--test_dir: {text!r} is not accepted; accepted: NAME=DIR, each once")
        folders[name] = folder
    return folders


def further_metrics(names: Sequence[str], metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """The metrics of further test sets, given their `names` and the study's own `metrics`.

    Raises:
        InputError: For a name that is not valid, or is the beginning of another metric's name.
    """
    for name in names:
        is_taken = name in TAKEN or any(metric.name.startswith(f"{name}_") for metric in metrics)
        # `night_balanced_accuracy` would be of two test sets, say.
        pattern = re.compile(rf"{re.escape(name)}_(balanced|recall|recall_.*)")
        is_taken = is_taken or any(map(pattern.fullmatch, names))
        if is_taken or not (name.isascii() and name.isidentifier()):
            raise InputError(
                f"--test_dir: {name!r} is not accepted as a name; accepted: letters, digits and _, "
                "and no beginning of a metric's name, or of another such name"
            )
    return tuple(
        Metric(f"{name}_{stem}*", label.format(name=name), bounds=(0, 1), margin=margin)
        for name in names
        for stem, label, margin in (
            ("accuracy", "accuracy* on {name}", 0.01),
            ("balanced_accuracy", "balanced accuracy* on {name}", 0.01),
            ("recall_", "recall of * on {name}", 0.03),
        )
    )


def as_test_dir(folders: Mapping[str, str | Path]) -> tuple[str, ...]:
    """The value of the setting `test_dir` for folders by name, with absolute paths."""
    return tuple(f"{name}={absolute(folder)}" for name, folder in folders.items())

"""The files of a published run, as pages of this repository repeat them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gan_mnist.errors import InputError
from gan_mnist.files import read_json
from gan_mnist.study.records import DONE
from gan_mnist.study.statistics.paired import by_arm


@dataclass(frozen=True)
class PublishedRun:
    """The files of a run that the repository keeps, each read when it is needed.

    Attributes:
        directory: Where they are.
        asked_by: What a message begins with if one is missing.
    """

    directory: Path
    asked_by: str = "readme"

    @classmethod
    def named(cls, root: Path, name: str, asked_by: str = "readme") -> "PublishedRun":
        """The run `name`, such as "imbalance/mnist", of the repository in `root`."""
        experiment, _, results = name.partition("/")
        return cls(root / "experiments" / experiment / "results" / results, asked_by)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """`summary.json`; raises `InputError` if it is missing, as does `study`."""
        return self._read("summary.json")

    @cached_property
    def study(self) -> dict[str, Any]:
        """`study.json`."""
        return self._read("study.json")

    @cached_property
    def records(self) -> dict[str, dict[int, Mapping[str, Any]]]:
        """The records of finished trials by arm and seed."""
        with (self.directory / "records.jsonl").open(encoding="utf-8") as lines:
            return by_arm(record for record in map(json.loads, lines) if record["status"] == DONE)

    def _read(self, name: str) -> dict[str, Any]:
        content = read_json(self.directory / name)
        if content is None:
            raise InputError(
                f"{self.asked_by}: no {name} in {self.directory}; accepted: a published run"
            )
        return content

    def arms(self) -> dict[str, Mapping[str, Any]]:
        """The arms that have a result, best first."""
        sign = -1 if self.summary["metrics"][0]["higher_is_better"] else 1
        finished_arms = {name: arm for name, arm in self.summary["arms"].items() if arm["n"]}
        return dict(sorted(finished_arms.items(), key=lambda item: sign * item[1]["mean"]))

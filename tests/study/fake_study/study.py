"""The declaration, plans of it, and what its trials left."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gan_mnist.study.settings import Settings, setting
from gan_mnist.study.spec import Arm, Expectation, Metric, Preset, Study
from gan_mnist.study.trial import Plan

DATASET = {
    "name": "fake",
    "source": "nowhere",
    "counts": {"a": {"train": 2, "test": 1}, "b": {"train": 3, "test": 1}},
    "sha256": "0123456789abcdef" * 4,
}


@dataclass(frozen=True)
class FakeSettings(Settings):
    scale: float = setting(1.0, "of all numbers", low=0, high=10)
    updates: int = setting(100, "updates", low=10, high=1000, multiple_of=10)
    classes: tuple[str, ...] = setting((), "class names")
    counts: tuple[int, ...] = setting((2, 3), "images a class", low=1)
    nap_seconds: float = setting(0.0, "sleep of a trial", location=True)
    bonus: float = setting(0.0, "what an arm adds")
    family: str = setting("", "trials of one family share work", choices=("", "x", "y"))

    def load(self, download=False):
        found = SimpleNamespace(sha256=DATASET["sha256"], provenance=DATASET)
        found.of_seed = found.planned_for = lambda seeds: found
        return found

    @property
    def shared_work(self):
        return self.family or None


STUDY = Study(
    package="fake_study",
    question="Does a bonus help?",
    settings=FakeSettings(),
    arms=(
        Arm("none", {}, "nothing added", kind="control"),
        Arm("small", {"bonus": 0.1, "family": "x"}, "a little added", kind="generated"),
        Arm("large", {"bonus": 0.2, "family": "x"}, "more added", source="a paper"),
        Arm("all", {"bonus": 0.3}, "everything added", kind="oracle"),
    ),
    presets={
        "smoke": Preset(1, {"updates": 10}),
        "quick": Preset(3, {}),
        "paper": Preset(10, {"updates": 1000}),
    },
    control="none",
    oracle="all",
    metrics=(
        Metric("score", "score", bounds=(-1, 2)),
        Metric("loss", "loss", higher_is_better=False),
    ),
    expectations=(Expectation("all", "above", "none"),),
)


def make_plan(workdir: Path, seeds: int = 2, arms: list[str] | None = None, **changes) -> Plan:
    return Plan(
        study=STUDY,
        preset="quick",
        settings=FakeSettings(**changes),
        arms=STUDY.select(arms),
        seeds=tuple(range(seeds)),
        dataset=DATASET,
        workdir=workdir,
    )


def order(workdir: Path, arm: str, seed: int, misdeed: str | None) -> None:
    """Tells a trial to misbehave, or no longer."""
    path = workdir / "orders" / f"{arm}-{seed}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if misdeed is None:
        path.unlink()
    else:
        path.write_text(misdeed)


def calls(workdir: Path) -> list[list[str]]:
    """Arm, seed, process, threads and directory of every call of `run_trial` so far."""
    path = workdir / "calls.txt"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def _without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: _without_seconds(v) for k, v in value.items() if k not in ("seconds", "memory_mib")
        }
    return [_without_seconds(v) for v in value] if isinstance(value, list) else value


def summary(workdir: Path) -> dict:
    """The summary of a run without what differs between two of them."""
    return _without_seconds(json.loads((workdir / "summary.json").read_text()))


def describe(plan: Plan) -> dict[str, Any]:
    """What `study.json` holds of it, as far as records are checked by that."""
    return {
        "experiment": plan.study.name,
        "settings": plan.settings.identity(),
        "dataset": dict(plan.dataset),
        "arms": {arm.name: {"changes": dict(arm.changes)} for arm in plan.arms},
        "seeds": list(plan.seeds),
    }

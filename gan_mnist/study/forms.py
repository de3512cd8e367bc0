"""Schemas of the files of a run, which `files.read_form` checks.

Keys that were added later are not required: files of earlier versions stay valid.
"""

from typing import Any, Literal, NotRequired, TypedDict


class Correct(TypedDict):
    """Which test images were classified correctly, packed by `trials.correctness`, per stratum.

    Without `bits` only the sizes of strata are known.
    """

    labels: str
    classes: list[str | None]
    sizes: list[int]
    weights: list[float]
    bits: NotRequired[list[list[str]]]
    at: NotRequired[dict[str, list[list[str]]]]


class EachSeed(TypedDict):
    """Numbers of images, where each seed draws its own split."""

    n_test: int
    n_train: int


class TrialData(TypedDict):
    """The data set of a trial, as far as comparisons need it."""

    counts: NotRequired[dict[str, dict[str, int]]]
    each_seed: NotRequired[EachSeed]


class Record(TypedDict):
    """`record.json`: what became of a trial."""

    arm: str
    seed: int
    status: Literal["done", "failed", "not_applicable"]
    error: str | None
    metrics: dict[str, float]
    settings: dict[str, Any]
    fingerprint: str
    seconds: dict[str, float]
    experiment: NotRequired[str]
    dataset: NotRequired[TrialData]
    updates: NotRequired[int | None]
    versions: NotRequired[dict[str, str]]
    device: NotRequired[str]
    generators: NotRequired[list[str]]
    correct: NotRequired[Correct | None]
    correct_further: NotRequired[dict[str, Correct]]
    memory_mib: NotRequired[int | None]


class Begun(TypedDict):
    """`begun.json`: what the files in a trial's directory are of."""

    settings: dict[str, Any]
    fingerprint: str


class Data(TrialData):
    """The data set of a study."""

    sha256: str


class ArmChanges(TypedDict):
    """An arm of a study."""

    changes: dict[str, Any]


class Primary(TypedDict):
    """A primary comparison of a study."""

    arm: str
    reference: str


class Look(TypedDict):
    """A look at the results."""

    seeds: int
    when: str
    alpha_spent: float | None


class Looks(TypedDict):
    """The looks of a study."""

    announced: list[int]
    taken: list[Look]


class _Described(TypedDict):
    """Of any `study.json`."""

    experiment: str
    dataset: Data
    settings: dict[str, Any]
    arms: dict[str, ArmChanges]
    primary: NotRequired[list[Primary]]
    looks: NotRequired[Looks]
    judged: NotRequired[list[str]]
    update_seconds: NotRequired[dict[str, float]]


class Description(_Described):
    """`study.json`: the study that a directory holds."""

    seeds: NotRequired[list[int]]


class Finished(_Described):
    """`study.json` of a run that is compared with others."""

    seeds: list[int]


class Findings(TypedDict):
    """What an experiment's `findings.py` returns."""

    lines: list[str]
    warnings: NotRequired[list[str]]
    leaks: NotRequired[list[str]]


class SummaryMetric(TypedDict):
    """A metric of a summary."""

    name: str
    label: str
    higher_is_better: bool
    margin: NotRequired[float | None]


class SummaryArm(TypedDict):
    """An arm of a summary."""

    n: NotRequired[int]
    mean: NotRequired[float | None]
    difference: NotRequired[float | None]
    difference_ci95: NotRequired[list[float] | None]


class Summary(TypedDict):
    """`summary.json` of such a run."""

    primary_metric: str
    metrics: list[SummaryMetric]
    arms: dict[str, SummaryArm]
    seeds: NotRequired[list[int]]

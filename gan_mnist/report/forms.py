"""The forms of the files that a report is made of, as `files.read_form` checks them."""

from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

from gan_mnist.study.forms import SummaryMetric

Interval = Annotated[list[float], Meta(min_length=2, max_length=2)]
Counts = dict[str, int]


class Files(TypedDict):
    """The files of a folder of images."""

    read: int
    passed_over: Counts
    noted: Counts
    left_out: NotRequired[list[str]]


class Data(TypedDict):
    """The data set of a study."""

    name: str
    source: str
    counts: dict[str, Counts]
    sha256: str
    files: NotRequired[Files]
    duplicates: NotRequired[dict[str, dict[str, Any]]]
    white: NotRequired[int]


class DeclaredArm(TypedDict):
    """An arm of a study."""

    kind: str


class Column(TypedDict):
    """What learning curves show."""

    name: str
    label: str


class Study(TypedDict):
    """`study.json`."""

    experiment: str
    settings: dict[str, Any]
    arms: dict[str, DeclaredArm]
    dataset: Data
    published: list[str]
    gallery_caption: str
    curve: Column | None
    treatment: str
    examples: bool
    versions: dict[str, str]
    command_line: str


class Estimate(TypedDict):
    """A metric of an arm."""

    mean: float | None
    ci95: Interval | None


class _Comparison(TypedDict):
    """What comparisons of two arms have in common."""

    difference: float | None
    ci95: Interval | None
    p_holm: float | None
    verdict: str
    n: NotRequired[int]
    more_seeds_needed: NotRequired[bool]
    too_few_test_images: NotRequired[str | None]


class Versus(_Comparison):
    """An arm's comparison with a rival."""

    rival: NotRequired[str]
    rivals: NotRequired[list[str]]
    not_compared: NotRequired[list[str]]
    standing: NotRequired[str]


class Primary(_Comparison):
    """A primary comparison."""

    arm: str
    reference: str


class Arm(TypedDict):
    """An arm of a summary; its nulls are what could not be computed."""

    about: str | None
    source: str | None
    n: int
    mean: float | None
    ci95: Interval | None
    values: dict[str, float]
    difference: float | None
    difference_ci95: Interval | None
    p_value: float | None
    p_holm: float | None
    oracle_gap_closed: float | None
    oracle_gap_closed_ci95: Interval | None
    smallest_detectable_effect: float | None
    more_seeds_needed: bool
    verdict: str | None
    seconds: float | None
    updates: int | None
    metrics: dict[str, Estimate]
    versus_rival: NotRequired[Versus | None]
    versus_rivals: NotRequired[Versus | None]
    standing: NotRequired[str]
    difference_ci95_images: NotRequired[Interval | None]
    verdict_over: NotRequired[str]
    too_few_test_images: NotRequired[str | None]


class RestsOn(TypedDict):
    """The two arms of the number that an answer rests on."""

    arm: str
    reference: str


class Control(TypedDict):
    """A control that must come out right."""

    arm: str
    relation: str
    reference: str
    ok: bool | None
    difference: float | None
    difference_ci95: Interval | None


class Failure(TypedDict):
    """A trial that failed."""

    arm: str
    seed: int
    error: str | None


class Summary(TypedDict):
    """`summary.json`."""

    experiment: str
    question: str
    preset: str
    control: str
    oracle: str | None
    metrics: Annotated[list[SummaryMetric], Meta(min_length=1)]
    seeds: list[int]
    answer: str
    carried_by: str | None
    in_full: str
    arms: dict[str, Arm]
    controls_ok: bool | None
    controls: list[Control]
    failed: list[Failure]
    not_applicable: dict[str, str | None]
    rival: NotRequired[str | None]
    findings: NotRequired[dict[str, Any]]
    further_tests: NotRequired[dict[str, dict[str, Any]]]
    primary: NotRequired[list[Primary]]
    rests_on: NotRequired[RestsOn | None]


class Generator(TypedDict):
    """`generator.json`, as far as a report tells of it."""

    kind: str
    settings: dict[str, Any]

"""How often each generator collapsed, and how near the best one's images come to real ones."""

from collections.abc import Mapping
from typing import Any

from gan_mnist.study.answer.evidence import Evidence
from gan_mnist.study.statistics.verdicts import is_same
from gan_mnist.study.words import counted, with_interval

PRIMARY, CLASS_PREFIX, REAL = "gan_train_accuracy", "gan_train_recall_", "real"
# A classifier that learnt from the images finds less of some class: nothing there was to learn.
COLLAPSED_BELOW = 0.5
# A difference of accuracy that would make generated images as good as real ones.
AS_GOOD = 0.005

Arms = Mapping[str, Mapping[int, Mapping[str, float]]]


def findings(evidence: Evidence) -> dict[str, Any]:
    """Trainings that collapsed, and the generator whose images teach most.

    Args:
        evidence: Of the run.

    Returns:
        `lines`; `collapses`: by arm whose images are made, number of `trainings` and how many
        `collapsed`; and `nearest`, None without two seeds: `arm`, of which a classifier learns
        most, mean accuracies `generated` and `real`, `difference`, its `ci95`, which allows for the
        choice among all such arms, `n`, and whether they are `as_good`.
    """
    # Arms of all other kinds make images; one's own source that leaks makes none of its own.
    no_generator = {*evidence.of_kind("oracle"), *evidence.of_kind("check")}
    arms = {name: arm for name, arm in evidence.metrics.items() if name not in no_generator}
    collapses = {name: _collapses(arm) for name, arm in arms.items()}
    nearest = _nearest(evidence, arms)
    lines = [*_of_collapses(collapses), *_of_nearest(nearest, len(collapses))]
    return {"lines": lines, "collapses": collapses, "nearest": nearest}


def _collapses(arm: Mapping[int, Mapping[str, float]]) -> dict[str, int]:
    worst = [
        min(value for name, value in metrics.items() if name.startswith(CLASS_PREFIX))
        for metrics in arm.values()
    ]
    return {"trainings": len(worst), "collapsed": sum(x < COLLAPSED_BELOW for x in worst)}


def _nearest(evidence: Evidence, arms: Arms) -> dict[str, Any] | None:
    real = {seed: m[PRIMARY] for seed, m in evidence.metrics.get(REAL, {}).items()}
    nearest: dict[str, Any] | None = None
    for name in sorted(arms):
        values = {seed: m[PRIMARY] for seed, m in arms[name].items()}
        found = evidence.compare(values, real, (0, 1), len(arms))
        if found.ci95 is None or found.difference is None:
            continue
        if nearest is None or found.difference > nearest["difference"]:
            nearest = {
                "arm": name,
                "generated": found.treated,
                "real": found.control,
                "difference": found.difference,
                "ci95": list(found.ci95),
                "n": found.n,
                "as_good": is_same(found, AS_GOOD),
            }
    return nearest


def _of_collapses(collapses: Mapping[str, Mapping[str, int]]) -> list[str]:
    if not collapses:
        return []
    some = [
        f"{told['collapsed']} of {told['trainings']} of `{name}`"
        for name, told in collapses.items()
        if told["collapsed"]
    ]
    none = [f"`{name}`" for name, told in collapses.items() if not told["collapsed"]]
    if not some:
        return ["No training collapsed: classifiers learn to find half of every class or more."]
    never = f"; none of {', '.join(none)}" if none else ""
    return [
        f"Collapsed trainings: {', '.join(some)}{never}. Collapsed means that classifiers which "
        "learn from its images find less than half of some class."
    ]


def _of_nearest(nearest: Mapping[str, Any] | None, arms: int) -> list[str]:
    if nearest is None:
        return []
    interval = with_interval(nearest["difference"], nearest["ci95"])
    allowed = f", which allows for the choice among {arms}" if arms > 1 else ""
    shown = "is" if nearest["as_good"] else "is not"
    return [
        f"Images of `{nearest['arm']}` teach most: GAN-train accuracy {nearest['generated']:.4f}, "
        f"of real ones {nearest['real']:.4f} ({interval}{allowed}, "
        f"{counted(nearest['n'], 'seed')}). That they are as good within {AS_GOOD} {shown} shown."
    ]

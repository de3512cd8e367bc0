"""How often each generator collapsed, and how near the best one's images come to real ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.generators.names import GENERATORS
from gan_mnist.study.answer.evidence import Evidence
from gan_mnist.study.answer.results import Record
from gan_mnist.study.statistics.verdicts import is_same
from gan_mnist.study.words import counted, with_interval

PRIMARY, CLASS_PREFIX, REAL = "gan_train_accuracy", "gan_train_recall_", "real"
# A class is lost if a classifier trained on the images has a lower recall of it.
COLLAPSED_BELOW = 0.5
# A difference of accuracy that would make generated images as good as real ones.
AS_GOOD = 0.005

Metrics = Mapping[int, Mapping[str, float]]


def findings(evidence: Evidence) -> dict[str, Any]:
    """Trainings that collapsed, and the generator whose images teach most.

    Args:
        evidence: Arms and records of the run.

    Returns:
        `lines`; `collapses`: by arm with a trained generator, number of `trainings` and how many
        `collapsed`; and `nearest`, None without two seeds: the `arm` whose images teach most, mean
        accuracies `generated` and `real`, their `difference`, its `ci95`, which allows for the
        choice among all such arms and is over test images, too, unless `over_seeds_alone`; `n`,
        `too_few_test_images`, in words or None, and whether the images are `as_good`.
    """
    # Arms of all other kinds make images; one's own source that leaks makes none of its own.
    no_generator = {*evidence.of_kind("oracle"), *evidence.of_kind("check")}
    arms = {name: arm for name, arm in evidence.done.items() if name not in no_generator}
    real = evidence.metrics.get(REAL, {})
    collapses = {name: _collapses(arm, real) for name, arm in arms.items() if _is_trained(arm)}
    nearest = _nearest(evidence, list(arms))
    lines = [*_of_collapses(collapses), *_of_nearest(nearest, len(arms))]
    return {"lines": lines, "collapses": collapses, "nearest": nearest}


def _is_trained(arm: Mapping[int, Record]) -> bool:
    """Whether the arm's generator is trained, and so could collapse."""
    used = {record.get("settings", {}).get("generator") for record in arm.values()}
    return any(name in GENERATORS and GENERATORS[name].trains for name in used)


def _collapses(arm: Mapping[int, Record], real: Metrics) -> dict[str, int]:
    collapsed = [_is_collapsed(arm[seed]["metrics"], real.get(seed, {})) for seed in arm]
    return {"trainings": len(collapsed), "collapsed": sum(collapsed)}


def _is_collapsed(metrics: Mapping[str, float], of_real: Mapping[str, float]) -> bool:
    """Whether a class is lost that is not lost with that seed's real images, where those ran."""
    return any(
        value < COLLAPSED_BELOW <= of_real.get(name, 1.0)
        for name, value in metrics.items()
        if name.startswith(CLASS_PREFIX)
    )


def _nearest(evidence: Evidence, names: Sequence[str]) -> dict[str, Any] | None:
    nearest: dict[str, Any] | None = None
    for name in sorted(names):
        found = evidence.compare_arms(name, REAL, PRIMARY, (0, 1), len(names))
        interval = found.deciding_ci95
        if interval is None or found.difference is None:
            continue
        if nearest is None or found.difference > nearest["difference"]:
            nearest = {
                "arm": name,
                "generated": found.treated,
                "real": found.control,
                "difference": found.difference,
                "ci95": list(interval),
                "n": found.n,
                "over_seeds_alone": found.over_seeds_alone,
                "too_few_test_images": found.too_few or None,
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
        return [
            "No training collapsed: classifiers learn to find half or more of every class, but for "
            "what real images do not teach either."
        ]
    never = f"; none of {', '.join(none)}" if none else ""
    return [
        f"Collapsed trainings: {', '.join(some)}{never}. Collapsed means that classifiers which "
        "learn from its images find less than half of some class, and of real ones do not."
    ]


def _of_nearest(nearest: Mapping[str, Any] | None, arms: int) -> list[str]:
    if nearest is None:
        return []
    interval = with_interval(nearest["difference"], nearest["ci95"])
    allowed = f", which allows for the choice among {arms}" if arms > 1 else ""
    shown = "is shown" if nearest["as_good"] else "is not shown"
    if nearest["as_good"] and nearest["over_seeds_alone"]:
        shown += " over seeds; other test images might say something else"
    if few := nearest["too_few_test_images"]:
        shown += f", with {few}"
    return [
        f"Images of `{nearest['arm']}` teach most: GAN-train accuracy {nearest['generated']:.4f}, "
        f"of real ones {nearest['real']:.4f} ({interval}{allowed}, "
        f"{counted(nearest['n'], 'seed')}). That they are as good within {AS_GOOD} {shown}."
    ]

"""How often each generator collapsed, and how near the best one's images come to real ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.generators.names import GENERATORS
from gan_mnist.study.answer.evidence import Evidence
from gan_mnist.study.answer.results import Record
from gan_mnist.study.statistics.small_samples import MIN_SEEDS
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
    records_by_arm = {
        name: records for name, records in evidence.done.items() if name not in no_generator
    }
    real_metrics = evidence.metrics.get(REAL, {})
    collapses = {
        name: _collapses(records, real_metrics)
        for name, records in records_by_arm.items()
        if _is_trained(records)
    }
    nearest = _nearest(evidence, list(records_by_arm))
    lines = [*_of_collapses(collapses), *_of_nearest(nearest, len(records_by_arm))]
    return {"lines": lines, "collapses": collapses, "nearest": nearest}


def _is_trained(records: Mapping[int, Record]) -> bool:
    """Whether the arm's generator is trained, and so could collapse."""
    generators = {record.get("settings", {}).get("generator") for record in records.values()}
    return any(name in GENERATORS and GENERATORS[name].trains for name in generators)


def _collapses(records: Mapping[int, Record], real_metrics: Metrics) -> dict[str, int]:
    collapsed = [
        _is_collapsed(records[seed]["metrics"], real_metrics.get(seed, {})) for seed in records
    ]
    return {"trainings": len(collapsed), "collapsed": sum(collapsed)}


def _is_collapsed(metrics: Mapping[str, float], real_metrics: Mapping[str, float]) -> bool:
    """Whether a class is lost that is not lost with that seed's real images, where those ran."""
    return any(
        value < COLLAPSED_BELOW <= real_metrics.get(name, 1.0)
        for name, value in metrics.items()
        if name.startswith(CLASS_PREFIX)
    )


def _nearest(evidence: Evidence, arms: Sequence[str]) -> dict[str, Any] | None:
    entries: list[dict[str, Any]] = []
    for arm in sorted(arms):
        comparison = evidence.compare_arms(arm, REAL, PRIMARY, (0, 1), len(arms))
        interval = comparison.deciding_ci95
        if interval is None or comparison.difference is None:
            continue
        entries.append(
            {
                "arm": arm,
                "generated": comparison.treated,
                "real": comparison.control,
                "difference": comparison.difference,
                "ci95": list(interval),
                "n": comparison.n,
                "over_seeds_alone": comparison.over_seeds_alone,
                "too_few_test_images": comparison.image_shortage or None,
                "as_good": is_same(comparison, AS_GOOD),
            }
        )
    # One of few seeds looks near by chance.
    return max(
        entries, key=lambda entry: (entry["n"] >= MIN_SEEDS, entry["difference"]), default=None
    )


def _of_collapses(collapses: Mapping[str, Mapping[str, int]]) -> list[str]:
    if not collapses:
        return []
    failures = [
        f"{counts['collapsed']} of {counts['trainings']} of `{name}`"
        for name, counts in collapses.items()
        if counts["collapsed"]
    ]
    stable = [f"`{name}`" for name, counts in collapses.items() if not counts["collapsed"]]
    if not failures:
        return [
            "No training collapsed: classifiers learn to find half or more of every class, but for "
            "what real images do not teach either."
        ]
    note = f"; none of {', '.join(stable)}" if stable else ""
    return [
        f"Collapsed trainings: {', '.join(failures)}{note}. Collapsed means that classifiers which "
        "learn from its images find less than half of some class, and of real ones do not."
    ]


def _of_nearest(nearest: Mapping[str, Any] | None, num_arms: int) -> list[str]:
    if nearest is None:
        return []
    interval = with_interval(nearest["difference"], nearest["ci95"])
    choice_note = f", which allows for the choice among {num_arms}" if num_arms > 1 else ""
    conclusion = "is shown" if nearest["as_good"] else "is not shown"
    if nearest["as_good"] and nearest["over_seeds_alone"]:
        conclusion += " over seeds; other test images might say something else"
    if shortage := nearest["too_few_test_images"]:
        conclusion += f", with {shortage}"
    return [
        f"Images of `{nearest['arm']}` teach most: GAN-train accuracy {nearest['generated']:.4f}, "
        f"of real ones {nearest['real']:.4f} ({interval}{choice_note}, "
        f"{counted(nearest['n'], 'seed')}). That they are as good within {AS_GOOD} {conclusion}."
    ]

"""What generated images cost, in all and class by class."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.statistics import Comparison, compare, overlap_of

PRIMARY, CLASS_PREFIX = "macro_auc", "auc_"
REAL, GENERATED = "real_only", "generated_only"


def findings(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How near generated images come to real ones, and in which class least.

    Args:
        records: Of finished trials.

    Returns:
        `lines`, and `classes`: by name the mean AUC on `real` and on `generated` images only over
        the seeds that have both, their paired `difference` and its `ci95`, most costly class first.
    """
    metrics = {
        arm: {record["seed"]: record["metrics"] for record in records if record["arm"] == arm}
        for arm in (REAL, GENERATED)
    }
    overlap = overlap_of(records)
    names = dict.fromkeys(
        name
        for of_seed in metrics[GENERATED].values()
        for name in of_seed
        if name.startswith(CLASS_PREFIX)
    )
    classes: dict[str, dict[str, Any]] = {}
    for name in names:
        found = _compare(metrics, name, overlap)
        if found.ci95 is not None:
            classes[name.removeprefix(CLASS_PREFIX)] = {
                "real": found.control,
                "generated": found.treated,
                "difference": found.difference,
                "ci95": list(found.ci95),
            }
    classes = dict(sorted(classes.items(), key=lambda item: item[1]["difference"]))
    lines = []
    found = _compare(metrics, PRIMARY, overlap)
    if found.ci95 is not None:
        low, high = found.ci95
        lines.append(
            "Trained on generated images alone, macro ROC AUC on real ones is "
            f"{found.treated:.4f}, trained on real ones {found.control:.4f} "
            f"({found.difference:+.4f}, 95 % CI {low:+.4f} to {high:+.4f}, {found.n} seeds); "
            "arXiv 1812.01547 reports more than 0.95."
        )
    if classes:
        name, most = next(iter(classes.items()))
        low, high = most["ci95"]
        lines.append(
            f"The class that generated images serve worst is `{name}`: ROC AUC "
            f"{most['generated']:.4f} against {most['real']:.4f} on real ones "
            f"({most['difference']:+.4f}, 95 % CI {low:+.4f} to {high:+.4f}, which does not allow "
            f"for its being the worst of {len(classes)})."
        )
    return {"lines": lines, "classes": classes}


def _compare(
    metrics: Mapping[str, Mapping[int, Mapping[str, float]]], name: str, overlap: float
) -> Comparison:
    """A ROC AUC after training on generated images against that after training on real ones."""
    generated, real = (
        {seed: of_seed[name] for seed, of_seed in metrics[arm].items() if name in of_seed}
        for arm in (GENERATED, REAL)
    )
    return compare(generated, real, (0, 1), overlap)

"""What generated images cost, in all and class by class."""

from collections.abc import Mapping, Sequence
from typing import Any

from gan_mnist.study.statistics import compare

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
    names = dict.fromkeys(
        name
        for of_seed in metrics[GENERATED].values()
        for name in of_seed
        if name.startswith(CLASS_PREFIX)
    )
    classes: dict[str, dict[str, Any]] = {}
    for name in names:
        found = compare(*(_values(metrics[arm], name) for arm in (GENERATED, REAL)))
        if found.ci95 is not None:
            classes[name.removeprefix(CLASS_PREFIX)] = {
                "real": found.control,
                "generated": found.treated,
                "difference": found.difference,
                "ci95": list(found.ci95),
            }
    classes = dict(sorted(classes.items(), key=lambda item: item[1]["difference"]))
    lines = []
    found = compare(*(_values(metrics[arm], PRIMARY) for arm in (GENERATED, REAL)))
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


def _values(metrics: Mapping[int, Mapping[str, float]], name: str) -> dict[int, float]:
    return {seed: of_seed[name] for seed, of_seed in metrics.items() if name in of_seed}

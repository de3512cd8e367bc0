"""Findings of few seeds say that these are too few to rely on, whatever was found."""

import numpy as np
import pytest
from found import findings_of

SIZES = (16, 32, 64, 128, 256)
# By experiment: its metric, and arms with their gains.
STUDIES = {
    "data_scaling": ("accuracy", {"alone": 0.0, "generated": 0.05}),
    "few_labels": ("accuracy", {"labels": 0.0, "classical": 0.05, "generated_vae_flow": 0.1}),
    "imbalance": ("minority_recall", {"none": 0.0, "classical": 0.05, "cgan": 0.1}),
    "usefulness": ("balanced_accuracy", {"real": 0.0, "classical": 0.05, "mine": 0.1}),
}


def lines_of(experiment, seeds_of):
    """What is found in records of as many seeds as `seeds_of` gives for an arm."""
    metric, gains = STUDIES[experiment]
    rng = np.random.default_rng(0)
    records = []
    for arm, gain in gains.items():
        for seed in range(seeds_of(arm)):
            curve = {
                f"{metric}_at_{size}": 0.3 + gain + 0.1 * (place > 2) + rng.normal(0, 1e-3)
                for place, size in enumerate(SIZES)
            }
            metrics = curve | {metric: curve[f"{metric}_at_16"]}
            records.append({"arm": arm, "seed": seed, "metrics": metrics})
    return findings_of(experiment)(records)["lines"]


@pytest.mark.parametrize("experiment", STUDIES)
def test_findings_of_few_seeds_are_not_to_be_relied_on(experiment):
    last_arm = list(STUDIES[experiment][1])[-1]
    assert lines_of(experiment, lambda arm: 3)[-1] == "Too few seeds to rely on: every arm (3)."
    some = lines_of(experiment, lambda arm: 4 if arm == last_arm else 5)
    assert some[-1] == f"Too few seeds to rely on: `{last_arm}` (4)."
    enough = lines_of(experiment, lambda arm: 5)
    assert len(enough) == len(some) - 1
    assert not any("Too few" in line for line in enough)

"""Runs that nobody made: the files that a comparison reads."""

import json
from pathlib import Path

import numpy as np

ARMS = ("none", "classical", "cgan")


def write_run(
    directory: Path,
    values: dict[str, list[float]],
    sha256: str = "a" * 64,
    experiment: str = "made_up",
    settings: dict | None = None,
    numpy_version: str = "2.0",
    higher_is_better: bool = True,
    first_seed: int = 0,
    correct: dict | None = None,
    num_test: int = 200,
    each_seed: dict | None = None,
) -> Path:
    """Writes a run with these values of "score", by arm and seed, its control first."""
    settings = {"updates": 100} if settings is None else settings
    dataset = {"name": "made", "sha256": sha256, "counts": {"x": {"train": 4, "test": num_test}}}
    if each_seed:
        dataset["each_seed"] = each_seed
    seeds = [first_seed + place for place in range(max(map(len, values.values())))]
    records = [
        {
            "arm": arm,
            "seed": first_seed + place,
            "status": "done",
            "error": None,
            "metrics": {"score": value},
            "settings": settings | {"arm_is": arm},
            "dataset": dataset,
            "fingerprint": "0",
            "seconds": {"training": 1.0},
            "versions": {"numpy": numpy_version},
            "device": "CPU",
            "correct": None if correct is None else correct[arm][place],
        }
        for arm, of_arm in values.items()
        for place, value in enumerate(of_arm)
    ]
    study = {
        "experiment": experiment,
        "preset": "quick",
        "settings": settings,
        "arms": {arm: {"changes": {"arm_is": arm}} for arm in values},
        "seeds": seeds,
        "dataset": dataset,
        "command_line": "python -m gan_mnist.main --experiment=made_up",
    }
    summary = {
        "primary_metric": "score",
        "control": next(iter(values)),
        "seeds": seeds,
        "metrics": [
            {
                "name": "score",
                "label": "score",
                "higher_is_better": higher_is_better,
                "margin": 0.01,
            }
        ],
        "arms": {
            arm: {"difference": 0.25, "difference_ci95": [0.125, 0.5], "verdict": "helps"}
            for arm in values
        },
    }
    directory.mkdir(parents=True)
    (directory / "study.json").write_text(json.dumps(study))
    (directory / "summary.json").write_text(json.dumps(summary))
    (directory / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return directory


def draws(seed: int, means: dict[str, float], seeds: int = 6, spread: float = 0.02) -> dict:
    """Values by arm around `means`; within a seed, arms share half of what is drawn."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, spread, seeds)
    return {arm: (m + shared + rng.normal(0, spread, seeds)).tolist() for arm, m in means.items()}

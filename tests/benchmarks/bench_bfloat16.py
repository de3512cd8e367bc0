"""Whole studies in mixed_bfloat16 beside float32: means agree within the noise, verdicts too."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import gan_mnist

SEEDS = 5
STUDIES = {
    # A classifier, alone and on images of a conditional GAN and of a warp GAN.
    "imbalance": {
        "arms": ["none", "classical", "cgan", "warp_gan"],
        "settings": {"updates": 300, "gan_updates": 1000, "warp_updates": 300},
    },
    # A denoiser, alone and with an adversary.
    "denoising": {
        "arms": ["v1_dcnn", "v4_dcgans", "squared_error", "black"],
        "settings": {"image_size": 16, "width": 4, "updates": 400, "judge_updates": 200},
    },
}


def by_seed(workdir: Path, arm: str, metric: str) -> np.ndarray:
    """A metric of an arm, a number a seed."""
    records = [json.loads(line) for line in (workdir / "records.jsonl").read_text().splitlines()]
    found = {r["seed"]: r["metrics"][metric] for r in records if r["arm"] == arm}
    return np.array([found[seed] for seed in range(SEEDS)])


@pytest.mark.usefixtures("real_processes")
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_says_the_same(name, directory):
    told = {
        precision: gan_mnist.run(
            name, precision=precision, seeds=SEEDS, workdir=precision, **STUDIES[name]
        )
        for precision in ("float32", "mixed_bfloat16")
    }
    metric = told["float32"]["primary_metric"]
    for arm, summary in told["float32"]["arms"].items():
        exact, short = (by_seed(directory / p, arm, metric) for p in told)
        assert arm == "black" or (exact != short).any()
        difference = float(np.mean(short - exact))
        noise = stats.t.ppf(0.995, SEEDS - 1) * max(stats.sem(short - exact), stats.sem(exact))
        print(f"{name} {arm}: {exact.mean():.4f}, in bfloat16 {difference:+.4f}, noise {noise:.4f}")
        assert abs(difference) <= noise
        verdicts = {summary["verdict"], told["mixed_bfloat16"]["arms"][arm]["verdict"]}
        assert not {"helps", "hurts"} <= verdicts
    for export in (directory / "saved_models" / name).rglob("about.json"):
        assert json.loads(export.read_text())["settings"]["precision"] == "mixed_bfloat16"

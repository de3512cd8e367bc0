"""Runs of the denoising study as trials would have left them, to draw figures of."""

import json

import numpy as np

from gan_mnist.report.run_files import Run

CONTROL = "resConvNet_v1_dcnn"
VANILLA, CONDITIONAL = {"adversary": "vanilla"}, {"adversary": "conditional"}
NOTHING = {"method": "filter"}
# name: (what differs from the settings, PSNR of each seed; None: that trial failed)
FEW = {
    CONTROL: ({}, (20.0, 21.0)),
    "resConvNet_v2_dcnn": ({}, (21.0, 22.0)),
    "no_input_skip": ({}, (19.0, 19.2)),
    "resConvNet_v1_dcgans": (VANILLA, (15.0, 15.4)),
    "vanilla_tenth": (VANILLA, (18.0, 18.6)),
    "conditional_tenth": (CONDITIONAL, (17.0, None)),
    "subtract_and_filter": (NOTHING, (14.0, 14.0)),
    "black": ({"method": "black"}, (16.0, 16.0)),
}
# Of a summary and of an arm in it, what figures do not look at.
NOTHING_ELSE = {
    **dict.fromkeys(("experiment", "question", "preset", "answer", "in_full"), ""),
    **dict.fromkeys(("oracle", "carried_by", "controls_ok")),
    **{"controls": [], "failed": [], "not_applicable": {}},
}
UNKNOWN = (
    *("about", "source", "ci95", "difference", "difference_ci95", "p_value", "p_holm", "verdict"),
    *("oracle_gap_closed", "oracle_gap_closed_ci95", "smallest_detectable_effect", "seconds"),
    "updates",
)
TWO = {name: FEW[name] for name in (CONTROL, "vanilla_tenth")}
MANY = FEW | {
    f"{name}_{number}_of_many": (changes, (19 + 0.02 * number, 19 + 0.04 * number))
    for name, changes in (("vanilla", VANILLA), ("conditional", CONDITIONAL), ("l1", {}))
    for number in range(6)
}


def trial(workdir, arm, seed):
    return workdir / "trials" / arm / f"seed-{seed:02d}"


def metrics_of(psnr_db):
    return {"psnr_db": psnr_db, "digit_accuracy": psnr_db / 25, "feature_distance": 1 / psnr_db**4}


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_record(workdir, arm, seed, metrics):
    record = {"arm": arm, "seed": seed, "status": "done" if metrics else "failed", "error": None}
    record |= {"metrics": metrics, "settings": {}, "fingerprint": "0" * 16, "seconds": {}}
    write_json(trial(workdir, arm, seed) / "record.json", record)


def write_curve(workdir, arm, seed, points):
    rows = [f"{update},{seconds},0.1,{psnr}" for update, (seconds, psnr) in enumerate(points, 1)]
    text = "\n".join(["update,seconds,l1,val_psnr_db", *rows])
    (trial(workdir, arm, seed) / "curves.csv").write_text(text)


def pairs(shape=(16, 6, 5, 1)):
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, 256, shape, np.uint8) for name in ("truths", "refs", "inputs")}


def outputs_of(arm, shape):
    return np.random.default_rng(len(arm)).integers(0, 256, shape, np.uint8)


def make(workdir, arms, shape=(16, 6, 5, 1)):
    summary = {"control": CONTROL, "seeds": [0, 1], "arms": {}, **NOTHING_ELSE}
    summary["metrics"] = [{"name": "psnr_db", "label": "PSNR", "higher_is_better": True}]
    for arm, (changes, values) in arms.items():
        done = [value for value in values if value is not None]
        mean = float(np.mean(done)) if done else None
        known = {"n": len(done), "mean": mean, "values": {}, "metrics": {}}
        summary["arms"][arm] = {**dict.fromkeys(UNKNOWN), "more_seeds_needed": False, **known}
        for seed, psnr in enumerate(values):
            write_record(workdir, arm, seed, metrics_of(psnr) if psnr else {})
            if psnr is None:
                continue
            directory = trial(workdir, arm, seed)
            if "method" not in changes:
                write_curve(workdir, arm, seed, [(1 + seed, psnr - 5), (9 + seed, psnr - 1)])
            slope = 2 if arm == "black" else 1
            places = [(varied, x) for varied in ("a", "b", "noise") for x in (0.1, 1.5)]
            swept = [(varied, x, psnr - slope * x) for varied, x in places]
            rows = [f"{varied},{x},{value},0.1" for varied, x, value in swept]
            (directory / "sweep.csv").write_text("\n".join(["varied,value,psnr_db,leak", *rows]))
            np.savez(directory / "sheet.npz", **pairs(shape), outputs=outputs_of(arm, shape))
    settings = {"adversary": "none", "method": "network", "a": [0.2, 1.0], "b": [0.3, 0.9]}
    told = {name: {"changes": changes, "kind": "rival"} for name, (changes, _) in arms.items()}
    dataset = {"name": "made up", "source": "here", "counts": {}, "sha256": "0" * 64}
    study = {"settings": settings | {"noise": [0.0, 1.2]}, "arms": told, "curve": None}
    study |= {"experiment": "denoising", "dataset": dataset, "published": [], "versions": {}}
    study |= dict.fromkeys(("gallery_caption", "treatment", "command_line"), "")
    study |= {"examples": False}
    write_json(workdir / "study.json", study)
    write_json(workdir / "summary.json", summary)
    return Run.read(workdir)

"""Trials of the substitution study: images of a folder, areas under curves, what is found."""

import numpy as np
import pytest
from found import findings_of
from gan_mnist.experiments.substitution import trial
from gan_mnist.experiments.substitution.study import STUDY  # noqa: F401 (for the fixtures)
from PIL import Image
from sklearn.metrics import roc_auc_score

from gan_mnist.data.datasets import load_dataset
from gan_mnist.data.subsets import read_test_subset

findings = findings_of("substitution")

SMALL = {"width": 1, "updates": 20, "intervals": 2, "gan_width": 1, "gan_updates": 10}
SMALL |= {"images_per_class": 30}


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["real_only", "real_and_generated"])
def test_colour_images_of_a_folder(make, tmp_path, arm):
    rng = np.random.default_rng(0)
    for index, name in enumerate(("01", "NA", "c, d")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 100, (18, 20, 3), np.uint8)
            pixels[..., index] += 120
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    place = {"dataset": "folder", "data_dir": str(tmp_path / "images")}
    shape = {"image_size": 16, "channels": 3}
    folder = load_dataset("folder", place["data_dir"], **shape)
    changes = place | shape | {"images_per_class": 0}
    asked = make(arm, of=folder, workdir=tmp_path / "run", **changes)
    outcome = trial.run_trial(asked)
    assert {"auc_01", "auc_NA", "auc_c, d", "macro_auc"} < set(outcome.metrics)
    with np.load(asked.directory / "gallery.npz") as gallery:
        assert gallery["images"].shape == (14, 16, 16, 3)


@pytest.mark.slow
def test_an_area_is_what_sklearn_says_of_a_class_alone(make, dataset, monkeypatch):
    """The metrics belong to the test images and the probabilities that were judged."""
    judged = {}
    evaluate = trial.ClassifierSteps.evaluate

    def spy(self, model):
        metrics, judged["probabilities"] = evaluate(self, model)
        return metrics, judged["probabilities"]

    monkeypatch.setattr(trial.ClassifierSteps, "evaluate", spy)
    outcome = trial.run_trial(make("real_only"))
    test = read_test_subset(dataset, dataset.class_names)
    for label, name in enumerate(dataset.class_names):
        expected = roc_auc_score(test.labels == label, judged["probabilities"][:, label])
        assert outcome.metrics[f"auc_{name}"] == pytest.approx(expected)
    assert outcome.correct["sizes"] == np.bincount(test.labels).tolist()
    assert "bits" not in outcome.correct


def test_the_worst_class_is_found_and_compared_in_pairs():
    rng = np.random.default_rng(0)
    records = []
    for seed in range(5):
        ease = rng.normal(0, 1e-3)
        for arm, b in (("real_only", 0.99), ("generated_only", 0.95)):
            aucs = {"auc_a": 0.98 + ease, "auc_b": b + ease + rng.normal(0, 1e-5)}
            metrics = aucs | {"macro_auc": sum(aucs.values()) / 2}
            records.append({"arm": arm, "seed": seed, "metrics": metrics})
    found = findings(records)
    assert list(found["classes"]) == ["b", "a"]
    assert found["classes"]["b"]["difference"] == pytest.approx(-0.04, abs=1e-4)
    low, high = found["classes"]["b"]["ci95"]
    assert low < -0.04 + 1e-4
    assert high > -0.04 - 1e-4
    assert high - low < 1e-3
    assert found["classes"]["a"]["difference"] == 0
    alone = np.mean([r["metrics"]["macro_auc"] for r in records if r["arm"] == "generated_only"])
    assert len(found["lines"]) == 2
    assert f"is {alone:.4f}, trained on real ones" in found["lines"][0]
    assert "(-0.0200, 95 % CI" in found["lines"][0]
    assert "worst is `b`" in found["lines"][1]
    nothing = {"lines": [], "classes": {}, "gap_closed": {}, "chosen_on_test": {}}
    assert findings([]) == findings(records[:1]) == nothing

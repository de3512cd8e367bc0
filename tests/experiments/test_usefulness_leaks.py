"""An exported generator that gives test images away is called a leak before the answer."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from gan_mnist import experiments
from gan_mnist.main import main
from gan_mnist.study.answer.required import parse_required, unmet
from gan_mnist.study.answer.summary import summarize

STUDY = experiments.load("usefulness")
CLASSES, SHAPE, EACH = ("cross", "ring"), (16, 16, 1), 12


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of noise, and its test images by class, uint8 (EACH, H, W)."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for split, number in (("train", 20), ("test", EACH)):
        for name in CLASSES:
            (folder / split / name).mkdir(parents=True)
            for place, image in enumerate(rng.integers(0, 256, (number, 16, 16), np.uint8)):
                Image.fromarray(image).save(folder / split / name / f"{place:02d}.png")
    return folder


@pytest.fixture(scope="module")
def export(tmp_path_factory, photos):
    """A SavedModel that answers with test images of the class, in turn."""
    directory = tmp_path_factory.mktemp("export")
    files = [sorted((photos / "test" / name).iterdir()) for name in CLASSES]
    images = np.array([[np.asarray(Image.open(path)) for path in of] for of in files])

    class Giving(tf.Module):
        def __init__(self):
            self.images = tf.Variable(images[..., None] / np.float32(255), dtype=tf.float32)

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32, "labels"),
                                      tf.TensorSpec((), tf.int32, "seed")])  # fmt: skip
        def generate_seeded(self, labels, seed):
            turn = (tf.range(tf.shape(labels)[0]) + seed % EACH) % EACH
            found = tf.gather_nd(self.images, tf.stack([labels, turn], axis=1))
            return {"images": tf.ensure_shape(found, (None, *SHAPE))}

    model = Giving()
    signatures = {"generate_seeded": model.generate_seeded}
    tf.saved_model.save(model, str(directory / "generator"), signatures=signatures)
    (directory / "classes.json").write_text(json.dumps(CLASSES))
    return directory


@pytest.mark.slow
def test_what_an_export_gives_away_opens_the_answer(photos, export, tmp_path):
    flags = ["--experiment=usefulness", "--dataset=folder", f"--data_dir={photos}",
             f"--generated=mine={export}", "--trust_model", "--preset=smoke", "--seeds=1",
             "--jobs=1", "--export_dir=", "--set", "images_per_class=5", "--arms=mine",
             f"--workdir={tmp_path}"]  # fmt: skip
    assert main(["main.py", *flags]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    leak = "100 % of the images of `mine` are copies of test images, which is a leak"
    assert summary["answer"].startswith("Careful, a leak. ")
    assert summary["in_full"].startswith(f"Careful, {leak}. ")
    assert summary["dataset"]["warnings"] == [leak]
    told = "Of the generated images of `mine` 100% are copies of test images: a leak."
    assert told in summary["findings"]["lines"]


def records_of(copies, generator="exported"):
    """Ten seeds of arms that differ, with what they say of copies."""
    rng, made = np.random.default_rng(0), []
    for arm in ("real", *copies):
        for seed in range(10):
            value = 0.6 + 0.1 * (arm != "real") + 0.01 * rng.normal()
            metrics = {"balanced_accuracy": value, "balanced_accuracy_at_5": value}
            if copies.get(arm) is not None:
                metrics |= {"copies_of_test": copies[arm], "copies_of_train": 0.0}
            settings = {"generator": generator, "given_sha256": arm.split("_")[0]}
            made.append({"arm": arm, "seed": seed, "status": "done", "error": None,
                         "metrics": metrics, "settings": settings, "seconds": {}})  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("copies", "generator", "told"),
    [
        ({"cgan_only": 1.0, "cgan": 0.5}, "exported", "100 % of the images of `cgan_only` and "),
        ({"cgan": 0.02}, "exported", "2 % of the images of `cgan` are copies"),
        ({"cgan": 0.01}, "exported", None),
        ({"cgan": None}, "exported", None),
        # What a plan has counted, and what never sees a test image.
        ({"cgan": 1.0}, "given", None),
        ({"cgan": 1.0}, "smote", None),
    ],
)
def test_every_arm_that_measured_counts(copies, generator, told):
    plan = experiments.make_plan("usefulness", seeds=10)
    summary = summarize(plan, records_of(copies, generator))
    assert summary["answer"].startswith("Careful, a leak. ") == (told is not None)
    required = parse_required(["cgan > real"], plan)
    if told is not None:
        assert summary["carried_by"].startswith(f"Careful, {told}")
        assert told in unmet(required, summary)[0]


def test_what_only_trials_find_to_leak_is_no_answer():
    plan = experiments.make_plan("usefulness", seeds=10, generated=("cgan", "vae_flow"))
    copies = {"cgan": 0.0, "cgan_classical": 0.0, "vae_flow": None, "classical": None}
    sound = summarize(plan, records_of(copies))
    summary = summarize(plan, records_of(copies | {"cgan": 1.0, "cgan_classical": 1.0}))
    assert summary["answer"].startswith("Careful, a leak. ")
    assert summary["rests_on"]["arm"] == "vae_flow"
    asked = [{(one["arm"], one["reference"]) for one in of["primary"]} for of in (sound, summary)]
    of_flow = {("vae_flow", "real"), ("vae_flow_classical", "classical")}
    assert asked == [{*of_flow, ("cgan", "real"), ("cgan_classical", "classical")}, of_flow]
    assert "cgan" not in summary["findings"]["gains"]["real"]

"""The study of usefulness: images that were made elsewhere, judged by what they teach."""

import json
import shutil

import numpy as np
import pytest
from found import findings_of
from PIL import Image

from gan_mnist import experiments
from gan_mnist.commands import running
from gan_mnist.errors import InputError, NotApplicable
from gan_mnist.experiments import make_plan
from gan_mnist.main import main
from gan_mnist.report.run_files import Run
from gan_mnist.study.statistics.test_images import shares_right
from gan_mnist.trials import steps as trials

STUDY = experiments.load("usefulness")
findings = findings_of("usefulness")
CLASSES = ("cross", "ring")
SMALL = ["--preset=smoke", "--seeds=1", "--jobs=1", "--export_dir="]


def draw(label, seed):
    """A noisy picture of its class, uint8 (16, 16)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:16, :16] - 7.5 + rng.normal(0, 1.5, (2, 1, 1))
    shape = np.minimum(abs(x), abs(y)) < 1.5 if label == 0 else abs(np.hypot(x, y) - 5) < 1.5
    return np.uint8(np.clip(150 * shape + rng.normal(50, 30, (16, 16)), 0, 255))


def save(folder, seeds, classes=CLASSES):
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for seed in seeds:
            Image.fromarray(draw(label, 2 * seed + label)).save(folder / name / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    save(folder / "train", range(30))
    save(folder / "test", range(100, 125))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory, photos):
    """Folders of generated images: new ones, and copies of test images."""
    folder = tmp_path_factory.mktemp("made")
    save(folder / "new", range(200, 230))
    shutil.copytree(photos / "test", folder / "leaky")
    return folder


def flags_of(photos, *sources):
    return ["--experiment=usefulness", "--dataset=folder", f"--data_dir={photos}",
            *(f"--generated={source}" for source in sources)]  # fmt: skip


def plan(photos, *sources, **settings):
    return make_plan("usefulness", dataset="folder", data_dir=str(photos), generated=sources,
                     settings=settings)  # fmt: skip


def test_each_source_and_share_has_its_arms(photos, made):
    found = plan(photos, f"new={made / 'new'}", "smote", shares=(0.25, 4.0))
    names = [arm.name for arm in found.arms]
    own = [arm.name for arm in STUDY.arms]
    rows = [f"{stem}{end}{share}" for stem in ("new", "smote") for share in ("_x0.25", "_x4")
            for end in ("_only", "", "_classical")]  # fmt: skip
    assert names == [*own, *rows]
    changes = {arm.name: arm.changes for arm in found.arms}
    assert changes["new_x4"]["given"] == str(made / "new")
    assert len(changes["new_x4"]["given_sha256"]) == 64
    assert (changes["smote_x4"]["generator"], changes["smote_x4"]["share"]) == ("smote", 4)


def test_without_sources_it_judges_what_is_at_hand():
    names = [arm.name for arm in make_plan("usefulness").arms]
    assert names[len(STUDY.arms) :] == ["cgan_only", "cgan", "cgan_classical"]


def test_the_numbers_of_images_fit_the_data(photos):
    assert plan(photos).settings.images_per_class == (5,)
    assert plan(photos, images_per_class=(0, 8, 2)).settings.images_per_class == (2, 8, 0)
    assert make_plan("usefulness").settings.images_per_class == (5, 20, 100)


@pytest.mark.parametrize("sizes", [(28,), (3, 3)])
def test_numbers_that_there_are_not_are_refused(photos, sizes):
    with pytest.raises(InputError, match="images_per_class"):
        plan(photos, images_per_class=sizes)


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (["=made"], "accepted: NAME=DIR"),
        (["a b=made"], "accepted: NAME=DIR"),
        (["new="], "accepted: NAME=DIR"),
        (["new=nowhere"], "is not a directory"),
        (["new=~nobody_here/made"], "is not a directory"),
        (["cgan", "cgan"], "given twice"),
        (["real=cgan"], "two arms 'real'; accepted: --arms=real"),
        (["a=cgan", "a_only=cgan"], "two arms 'a_only'"),
    ],
)
def test_bad_sources_are_one_line(photos, sources, told):
    with pytest.raises(InputError, match="--generated") as refused:
        plan(photos, *sources)
    assert told in str(refused.value)


def test_experiments_without_generated_images_refuse_them():
    with pytest.raises(InputError, match=r"--generated: 'cgan'.*that show generated images"):
        make_plan("digit_cnn", generated=("cgan",))


@pytest.mark.parametrize(
    "name", ["imbalance", "substitution", "mixing", "data_scaling", "conditional_gan"]
)
def test_all_experiments_that_show_generated_images_take_a_source(name):
    found = make_plan(name, generated=("mine=smote",))
    (arm,) = [arm for arm in found.arms if arm.name == "mine"]
    assert arm.changes["generator"] == "smote"
    assert arm.kind == "generated"


def rows_of(arm, photos, made, tmp_path, monkeypatch, **settings):
    """Labels and images that the classifier of a trial is trained on, at the first number."""
    shown = []

    def train_classifier(recipe, batches, *others, **options):
        shown.append(batches)
        raise StopIteration

    monkeypatch.setattr(trials, "train_classifier", train_classifier)
    found = make_plan("usefulness", dataset="folder", data_dir=str(photos), workdir=tmp_path,
                      generated=(f"new={made / 'new'}",), export_dir="",
                      settings={"image_size": 16, "batch_size": 60, **settings})  # fmt: skip
    (trial,) = [t for t in found.trials() if t.arm == arm and t.seed == 0]
    with pytest.raises(StopIteration):
        STUDY.part("trial").run_trial(trial)
    images, labels = next(shown[0](0, 0).take(1).as_numpy_iterator())[:2]
    return {tuple(image.ravel().round(3)): label for image, label in zip(images, labels)}  # noqa: B905


@pytest.mark.parametrize(
    ("arm", "share", "real", "generated"),
    [("real", 1.0, 10, 0), ("new", 1.0, 10, 10), ("new", 4.0, 10, 40), ("new_only", 2.0, 0, 20),
     ("oracle", 1.0, 20, 0), ("copy", 1.0, 10, 0)],
)  # fmt: skip
def test_an_arm_shows_so_many_images(
    arm, share, real, generated, photos, made, tmp_path, monkeypatch
):
    rows = rows_of(arm, photos, made, tmp_path, monkeypatch, images_per_class=(5,),
                   shares=(share,), batch_size=200)  # fmt: skip
    known = {}
    for source, folder in (("real", photos / "train"), ("new", made / "new")):
        for label, name in enumerate(CLASSES):
            for path in (folder / name).iterdir():
                pixels = np.asarray(Image.open(path)).astype(np.float32) / 255
                known[tuple(pixels.ravel().round(3))] = source, label
    found = [known[pixels] for pixels in rows]
    assert [label for _, label in found] == list(rows.values())
    sources = [source for source, _ in found]
    assert (sources.count("real"), sources.count("new")) == (real, generated)


def test_there_is_no_oracle_where_all_images_are_shown(photos, made):
    found = plan(photos, f"new={made / 'new'}", images_per_class=(0,), image_size=16)
    (trial,) = [t for t in found.trials() if t.arm == "oracle" and t.seed == 0]
    with pytest.raises(NotApplicable, match="held back"):
        STUDY.part("trial").run_trial(trial)


def leave_out_the_report(patch):
    """All but the study's own figures, which have to cope with what a run left."""

    def write_report(workdir, pictures):
        run = Run.read(workdir)
        assert [picture.draw(run) for picture in pictures]

    patch.setattr("gan_mnist.report.page.write_report", write_report)


@pytest.mark.slow
def test_an_oracle_is_measured_by_what_there_is(photos, tmp_path, monkeypatch):
    """Held back are fewer images than there are test images."""
    leave_out_the_report(monkeypatch)
    flags = [*flags_of(photos), *SMALL, "--set", "images_per_class=12", "--arms=oracle",
             f"--workdir={tmp_path}"]  # fmt: skip
    assert main(["main.py", *flags]) == 0
    record = json.loads((tmp_path / "trials" / "oracle" / "seed-00" / "record.json").read_text())
    assert record["status"] == "done"
    assert (record["metrics"]["copies_of_train"], record["metrics"]["copies_of_test"]) == (1, 0)


def test_a_leak_is_told_before_the_answer_and_nearness_is_measured(photos, made, tmp_path, capsys):
    flags = [*flags_of(photos, f"leaky={made / 'leaky'}", f"new={made / 'new'}"), *SMALL,
             "--set", "images_per_class=3,all", f"--workdir={tmp_path}",
             "--arms=leaky,new,new_only"]  # fmt: skip
    assert main(["main.py", *flags]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    leak = "50 of the 50 images of `leaky` are copies of test images, which is a leak"
    assert summary["answer"].startswith("Careful, a leak. ")
    assert summary["carried_by"].startswith(f"Careful, {leak}.")
    assert f"careful     {leak}" in capsys.readouterr().err
    metrics = {name: arm["metrics"] for name, arm in summary["arms"].items()}
    assert metrics["leaky"]["copies_of_test"]["mean"] == 1
    assert (
        metrics["new"]["copies_of_test"]["mean"] == metrics["new"]["copies_of_train"]["mean"] == 0
    )
    assert metrics["leaky"]["kid"]["mean"] < metrics["new"]["kid"]["mean"]
    # Test images themselves: each lies among the others, and none is without one.
    for name in ("precision", "recall", "coverage"):
        assert metrics["leaky"][name]["mean"] == 1
    record = json.loads((tmp_path / "trials" / "new" / "seed-00" / "record.json").read_text())
    shares = [shares.mean() for shares in shares_right(record["correct"])]
    assert len(record["correct"]["bits"][0]) == 2
    assert np.mean(shares) == pytest.approx(record["metrics"]["balanced_accuracy"])
    assert "kid" not in metrics["real"] or metrics["real"]["kid"]["mean"] is None
    sizes = {key for key in metrics["real"] if key.startswith("balanced_accuracy_at_")}
    assert sizes == {"balanced_accuracy_at_3", "balanced_accuracy_at_all"}
    lines = summary["findings"]["lines"]
    assert "Of the generated images of `leaky` 100% are copies of test images: a leak." in lines
    assert {"usefulness.png", "copies.png", "gallery.png"} <= {
        path.name for path in (tmp_path / "figures").iterdir()
    }


def test_a_source_that_leaks_is_in_no_primary_comparison(photos, made):
    leaky = plan(photos, f"leaky={made / 'leaky'}", f"new={made / 'new'}")
    assert {pair.arm for pair in leaky.primary} == {"new", "new_classical"}
    named = '^--primary: "leaky > real" .* images of leaky are copies'
    for options, told in (
        ({"primary": ("leaky > real",)}, named),
        ({"until": "decided"}, "^--until: nothing is to be decided, as images of leaky are copies"),
    ):
        with pytest.raises(InputError, match=told):
            make_plan("usefulness", dataset="folder", data_dir=photos, arms=("leaky",), **options,
                      generated=(f"leaky={made / 'leaky'}",))  # fmt: skip


def test_the_share_of_a_source_is_set_by_shares(photos, made):
    with pytest.raises(InputError, match=r"^--set: share is what arms differ in"):
        plan(photos, f"new={made / 'new'}", share=4.0)


@pytest.mark.slow
def test_a_folder_that_is_gone_at_the_end_costs_its_pictures_alone(
    photos, made, tmp_path, capsys, monkeypatch
):
    shutil.copytree(made / "leaky", tmp_path / "leaky")
    leaky = make_plan(
        "usefulness",
        dataset="folder",
        data_dir=str(photos),
        generated=(f"leaky={tmp_path / 'leaky'}",),
        preset="smoke",
        seeds=1,
        arms=("leaky_only",),
        workdir=str(tmp_path / "run"),
        export_dir="",
    )
    with monkeypatch.context() as patch:
        leave_out_the_report(patch)
        summary = running.execute(leaky, 1, "local", "as told")
    capsys.readouterr()
    images = sorted((tmp_path / "leaky").glob("*/*"))
    for change in (images[0].unlink, lambda: shutil.rmtree(tmp_path / "leaky")):
        change()
        assert running.write_summary_and_report(leaky, "as told") == summary
        assert (tmp_path / "run" / "report.html").exists()
        told = [line for line in capsys.readouterr().err.splitlines() if "shows no copies" in line]
        assert len(told) == 1
        assert str(tmp_path / "leaky") in told[0]


def test_a_folder_that_was_moved_is_the_same_source(photos, made, tmp_path):
    shutil.copytree(made / "new", tmp_path / "moved")
    before, after = (plan(photos, f"new={place}") for place in (made / "new", tmp_path / "moved"))
    for first, second in zip(before.trials(), after.trials(), strict=True):
        assert first.fingerprint == second.fingerprint
    save(tmp_path / "moved", [999])
    other = plan(photos, f"new={tmp_path / 'moved'}")
    changed = {a.arm for a, b in zip(before.trials(), other.trials(), strict=True)
               if a.fingerprint != b.fingerprint}  # fmt: skip
    assert changed == {"new", "new_only", "new_classical"}


def test_a_source_without_a_class_is_shown_for_the_others(photos, tmp_path, monkeypatch):
    save(tmp_path / "made" / "new", range(300, 305), CLASSES[:1])
    rows = rows_of("new", photos, tmp_path / "made", tmp_path, monkeypatch, images_per_class=(5,))
    assert list(rows.values()).count(0) == 10
    assert list(rows.values()).count(1) == 5

"""What is told of each arm, how a run goes on, and images in the page."""

import base64
import io
import json
import shlex

import numpy as np
import pytest
from fake_run import change, make_run, trial
from parsed_page import Page
from PIL import Image

from gan_mnist.report.arms import arm_details
from gan_mnist.report.page import write_report
from gan_mnist.report.provenance import file_links, next_steps, run_facts
from gan_mnist.report.run_files import Run
from gan_mnist.report.strips import data_uri, strip
from gan_mnist.report.study_figures import Picture, predictions

ARMS = ("none", "classical", "cgan")


def arm(verdict, interval, p_holm, **more):
    return {"verdict": verdict, "difference_ci95": interval, "p_holm": p_holm, **more}


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_the_reason_stands_at_the_arm_and_once_below_the_table(tmp_path):
    make_run(tmp_path, arms=("none", "class_weight", "classical"), seeds=3)
    summary = json.loads((tmp_path / "summary.json").read_text())
    for name in ("class_weight", "classical"):
        summary["arms"][name] |= arm("cannot tell", [0.01, 0.2], 0.06)
    change(tmp_path, "summary.json", arms=summary["arms"])
    write_report(tmp_path)
    text = Page((tmp_path / "report.html").read_text()).text
    assert text.count("Among 2 comparisons one such interval may well be chance") == 3
    markdown = (tmp_path / "report.md").read_text()
    assert markdown.count("Among 2 comparisons") == 1
    assert "\n- `class_weight`, `classical`: The interval leaves out 0" in markdown


def test_each_seed_has_its_value_its_difference_and_its_files(tmp_path):
    make_run(tmp_path, arms=ARMS, seeds=4)
    run = Run.read(tmp_path)
    (trial(tmp_path, "cgan", 0) / "curves.csv").unlink()
    told = arm_details(run, run.best_first(), {}, run.curves()[0])
    assert len({entry["id"] for entry in told.values()}) == len(ARMS) + 1
    values, before = (run.summary["arms"][name]["values"] for name in ("cgan", "none"))
    rows = told["cgan"]["seeds"]
    for row in rows[:3]:
        seed = str(row["seed"])
        assert row["value"] == values[seed]
        assert row["difference"] == pytest.approx(values[seed] - before[seed])
        assert row["seconds"] == pytest.approx(67.8)
    assert set(rows[0]["files"]) == {"record", "predictions"}
    assert rows[1]["files"]["curves"] == "trials/cgan/seed-01/curves.csv"
    assert rows[3]["failed"] == "d_loss became NaN at update 412"
    assert (rows[3]["value"], rows[3]["files"]) == (None, {})
    # A line each of the seeds that are left, and the control beside the mean.
    assert list(told["cgan"]["seed_curves"]["series"]) == ["seed 1", "seed 2"]
    assert list(told["cgan"]["mean_curve"]["series"]) == ["none", "cgan"]
    assert told["smote"]["seed_curves"] is None


@pytest.mark.parametrize(
    ("command", "more", "arm_more"),
    [
        (
            "python -m gan_mnist.main --experiment=imbalance --seeds=3 --workdir='my runs/a'",
            "python -m gan_mnist.main --experiment=imbalance '--workdir=my runs/a' --seeds=10",
            "python -m gan_mnist.main --experiment=imbalance --seeds=3 '--workdir=my runs/a' "
            "--arms=classical,cgan,ARM",
        ),
        (
            "python -m gan_mnist.main --experiment imbalance --seeds 3 --arms cgan --nodownload",
            "python -m gan_mnist.main --experiment imbalance --arms cgan --nodownload --seeds=10",
            "python -m gan_mnist.main --experiment imbalance --seeds 3 --nodownload "
            "--arms=classical,cgan,ARM",
        ),
        (
            "gan_mnist.run('imbalance', seeds=3, settings={'updates': 5})",
            "gan_mnist.run('imbalance', settings={'updates': 5}, seeds=10)",
            "gan_mnist.run('imbalance', seeds=3, settings={'updates': 5}, "
            "arms=['classical', 'cgan', 'ARM'])",
        ),
        ("gan_mnist.run('cut off", "gan_mnist.run('cut off", "gan_mnist.run('cut off"),
    ],
)
def test_what_next_are_commands_that_go_on_from_this_one(tmp_path, command, more, arm_more):
    make_run(tmp_path, arms=ARMS, seeds=3)
    change(tmp_path, "study.json", command_line=command)
    seeds, _, listed, one_more, own = next_steps(Run.read(tmp_path)).values()
    assert (seeds, one_more) == (more, arm_more)
    assert shlex.split(listed)[2:] == ["gan_mnist.main", "--experiment=imbalance", "--list"]
    assert shlex.split(own)[4:] == [
        "--dataset=folder",
        "--data_dir=photos",
        "--workdir=runs/imbalance_own",
        "--set",
        "counts=all",
    ]


@pytest.mark.parametrize(
    "command",
    [
        "python -m gan_mnist.main '--experiment=/home/me/my study/exp'",
        "python -m gan_mnist.main --experiment '/home/me/my study/exp' --seeds=3",
        "gan_mnist.run('/home/me/my study/exp', seeds=3)",
    ],
)
def test_an_experiment_given_by_its_path_keeps_it(tmp_path, command):
    make_run(tmp_path, arms=ARMS, seeds=3)
    change(tmp_path, "study.json", command_line=command)
    _, _, listed, *_ = next_steps(Run.read(tmp_path)).values()
    assert "--experiment=/home/me/my study/exp" in shlex.split(listed)


def test_a_run_with_announced_looks_gets_no_more_seeds(tmp_path):
    make_run(tmp_path, arms=ARMS, seeds=3)
    command = "python -m gan_mnist.main --experiment=imbalance --until=decided"
    looks = {"announced": [5, 7, 10, 15, 20], "taken": []}
    change(tmp_path, "study.json", command_line=command, looks=looks)
    told = next_steps(Run.read(tmp_path))
    assert next(iter(told.items())) == ("On to the next announced look, after 3 seeds", command)
    assert len(told) == 4
    # Decided, or at the last look, it is at its end.
    for change_of in (
        lambda: change(tmp_path, "summary.json", primary=[compared("helps")]),
        lambda: change(tmp_path, "study.json", seeds=list(range(20))),
    ):
        change(tmp_path, "summary.json", primary=[compared("cannot tell")])
        assert len(next_steps(Run.read(tmp_path))) == 4
        change_of()
        told = next_steps(Run.read(tmp_path))
        assert len(told) == 3
        assert not [step for step in told if "seeds" in step]


def compared(verdict):
    return {"arm": "cgan", "reference": "none", "difference": 0.1, "ci95": [0.0, 0.2],
            "p_holm": 0.04, "verdict": verdict}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "anew"),
    [
        (
            "python -m gan_mnist.main --experiment=imbalance --seeds=3 --workdir=runs/a",
            "python -m gan_mnist.main --experiment=imbalance --until=decided --max_seeds=20 "
            "--first_seed=3 --workdir=runs/imbalance_decided",
        ),
        (
            "python -m gan_mnist.main --experiment=imbalance --first_seed=0 --workdir=runs/a",
            "python -m gan_mnist.main --experiment=imbalance --until=decided --max_seeds=20 "
            "--first_seed=3 --workdir=runs/imbalance_decided",
        ),
        (
            "gan_mnist.run('imbalance', seeds=3)",
            "gan_mnist.run('imbalance', until='decided', max_seeds=20, "
            "first_seed=3, workdir='runs/imbalance_decided')",
        ),
    ],
)
def test_more_seeds_are_said_to_cost_and_announced_looks_are_offered(tmp_path, command, anew):
    make_run(tmp_path, arms=ARMS, seeds=3)
    change(tmp_path, "study.json", command_line=command)
    told = next_steps(Run.read(tmp_path))
    assert list(told.values())[1] == anew
    seen = "Adding them when results have been seen costs error, which the answer tells"
    assert next(iter(told)).endswith(f". {seen}")
    # Without a primary comparison nothing is to be decided, and one seed shows nothing.
    change(tmp_path, "summary.json", primary=[])
    change(tmp_path, "study.json", seeds=[0])
    told = next_steps(Run.read(tmp_path))
    assert anew not in told.values()
    assert next(iter(told)).endswith("is kept")


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_date_duration_revision_and_machine_are_told_where_they_are_known(tmp_path):
    make_run(tmp_path / "run", arms=ARMS, seeds=3)
    run = Run.read(tmp_path / "run")
    worked = "3 min 58 s, all 9 trials, counted as under cost"
    assert run_facts(run) == {"Work": worked}
    change(tmp_path / "run", "trials/cgan/seed-01/record.json", memory_mib=1234)
    models = tmp_path / "models"
    (models / "imbalance" / "cgan").mkdir(parents=True)
    told = {"began": "2026-01-02T03:04:05+00:00", "revision": "abc", "machine": "Linux",
            "processors": 2, "export_dir": str(models)}  # fmt: skip
    change(tmp_path / "run", "study.json", **told)
    run = Run.read(tmp_path / "run")
    found = run_facts(run)
    assert found.pop("Duration").endswith(", the last command")
    assert found == {
        "Date": "2026-01-02 03:04 UTC, the last command",
        "Work": worked,
        "Memory": "1,234 MiB, the largest process of a trial",
        "Revision": "abc",
        "Machine": "Linux, 2 processors",
    }
    links = file_links(run)
    assert links["Models"] == {"cgan": "../models/imbalance/cgan"}
    assert {"summary", "settings and plan"} <= set(links["Records"])
    write_report(tmp_path / "run")
    markdown = (tmp_path / "run" / "report.md").read_text()
    assert "- Made 2026-01-02, revision `abc`, on Linux\n" in markdown


def _decoded(uri):
    kind, data = uri.split(";base64,")
    return kind, np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA"))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_strip_keeps_the_pixels_of_small_images(channels):
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 12, channels), dtype=np.uint8)
    found = strip(images, 4)
    assert (found["width"], found["height"], found["cell"], found["number"]) == (54, 8, 14, 4)
    kind, pixels = _decoded(found["uri"])
    assert kind == "data:image/webp"
    for place, image in enumerate(images[:4]):
        seen = pixels[:, 14 * place : 14 * place + 12]
        assert (seen[..., :3] == image).all()
        assert (pixels[:, 14 * place + 12 : 14 * place + 14, 3] == 0).all()


def test_large_pictures_are_made_small_for_the_page(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (14, 224, 200, 3), dtype=np.uint8)
    found = strip(noise)
    assert found["height"] == 64
    assert len(found["uri"]) < 60_000
    Image.fromarray(noise[0][:50]).save(tmp_path / "small.png")
    Image.fromarray(noise.reshape(-1, 200, 3)).save(tmp_path / "large.png")
    assert _decoded(data_uri(tmp_path / "small.png"))[0] == "data:image/png"
    kind, pixels = _decoded(data_uri(tmp_path / "large.png"))
    assert (kind, pixels.shape) == ("data:image/webp", (14 * 224, 200, 4))


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_test_images_stand_beside_their_predictions(tmp_path):
    make_run(tmp_path, arms=ARMS, seeds=2, test_images=12)
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28, 1), dtype=np.uint8)
    labels = np.array(["1", "2", "3"] * 10)
    np.savez(trial(tmp_path, "none", 0) / "shown.npz", images=images, label=labels)
    write_report(tmp_path)
    html = (tmp_path / "report.html").read_text()
    section = html[html.index('<section id="examples">') : html.index('<section id="cost">')]
    assert section.count('class="strip"') == 30
    uris = [part.split('"')[0] for part in section.split('href="data:')[1:]]
    for name, uri in zip("123", uris, strict=True):
        pixels = _decoded(f"data:{uri}")[1]
        for place, image in enumerate(images[labels == name]):
            assert (pixels[:, 30 * place : 30 * place + 28, :3] == image).all()


@pytest.mark.slow
def test_a_page_of_many_photographs_stays_small(tmp_path):
    photographs = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), dtype=np.uint8)
    workdir = make_run(tmp_path, seeds=2, images=photographs, test_images=12)
    many = np.tile(photographs, (2, 1, 1, 1))[:30]
    shown = {"images": many, "label": ["1", "2", "3"] * 10, "prediction": ["1"] * 30}
    for name in ("none", "cgan"):
        np.savez(trial(workdir, name, 0) / "shown.npz", probability=np.ones(30), **shown)
    pictures = [Picture(f"shown{i}", predictions, "Seen", "Photographs.") for i in range(2)]
    write_report(workdir, pictures)
    assert (workdir / "report.html").stat().st_size < 3_000_000

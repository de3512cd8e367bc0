"""Arms in TensorBoard, read back by its own reader."""

import itertools
import json
import time

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator as PluginAccumulator,
)
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.util.tensor_util import make_ndarray

from gan_mnist.files import write_rows
from gan_mnist.report.boards import ArmBoards
from gan_mnist.study.settings import Settings
from gan_mnist.study.spec import Arm, Metric, Study
from gan_mnist.study.trial import Plan

UPDATES = (10, 20)


def make_plan(workdir, kinds, seeds=3):
    arms = tuple(Arm(name, {}, name, kind=kind) for name, kind in kinds.items())
    study = Study("made.up", "Does it help?", Settings(), arms, arms[0].name,
                  (Metric("accuracy", "accuracy"),), {})  # fmt: skip
    return Plan(study, "quick", Settings(), arms, tuple(range(seeds)), {"sha256": "0"}, workdir)


def finish(plan, arm, seed, value, part="", images=None):
    """Leaves what a trial leaves; returns its record."""
    (trial,) = [t for t in plan.trials() if (t.arm, t.seed) == (arm, seed)]
    rows = [{"update": update, "seconds": 1.0, "val_accuracy": value + update / 1000}
            for update in UPDATES]  # fmt: skip
    write_rows(trial.directory / part / "curves.csv", rows)
    if images is not None:
        np.savez(trial.directory / "gallery.npz", images=images)
    record = {
        "arm": arm,
        "seed": seed,
        "status": "done",
        "error": None,
        "metrics": {"accuracy": value},
        "settings": {},
        "fingerprint": "0",
        "seconds": {},
        "generators": ["key"],
    }
    (trial.directory / "record.json").write_text(json.dumps(record))
    return record


def events(workdir, arm):
    found = EventAccumulator(str(workdir / "tensorboard" / arm), size_guidance={"tensors": 0})
    return found.Reload()


def scalars(found, tag):
    told = [(e.step, float(make_ndarray(e.tensor_proto))) for e in found.Tensors(tag)]
    return [(step, pytest.approx(value, abs=1e-6)) for step, value in told]


def test_an_arm_is_the_mean_of_its_seeds_so_far(tmp_path):
    plan = make_plan(tmp_path, {"none": "control", "cgan": "generated"})
    boards = ArmBoards(plan)
    boards.add(finish(plan, "cgan", 0, 0.5))
    assert scalars(events(tmp_path, "cgan"), "val_accuracy") == [(10, 0.51), (20, 0.52)]
    for seed, value in ((1, 0.6), (2, 0.9)):
        boards.add(finish(plan, "cgan", seed, value))
    boards.renew()
    found = events(tmp_path, "cgan")
    mean = (0.5 + 0.6 + 0.9) / 3
    assert scalars(found, "val_accuracy") == [(10, mean + 0.01), (20, mean + 0.02)]
    assert scalars(found, "width/val_accuracy/lowest") == [(10, 0.51), (20, 0.52)]
    assert scalars(found, "width/val_accuracy/highest") == [(10, 0.91), (20, 0.92)]
    assert scalars(found, "held_out/accuracy") == [(20, mean)]
    assert len(list((tmp_path / "tensorboard" / "cgan").iterdir())) == 1
    assert "seconds" not in found.Tags()["tensors"]
    assert not (tmp_path / "tensorboard" / "none").exists()


def test_a_tensorboard_that_runs_sees_the_newest_means(tmp_path):
    plan = make_plan(tmp_path, {"none": "control"})
    boards = ArmBoards(plan)
    boards.add(finish(plan, "none", 0, 0.5))
    reader = PluginAccumulator(str(tmp_path / "tensorboard" / "none"))
    reader.Reload()
    assert scalars(reader, "val_accuracy") == [(10, 0.51), (20, 0.52)]
    boards.add(finish(plan, "none", 1, 0.7))
    boards.renew()
    reader.Reload()
    assert scalars(reader, "val_accuracy") == [(10, 0.61), (20, 0.62)]


@pytest.mark.slow
def test_runs_are_renewed_for_a_fiftieth_of_the_time(tmp_path, monkeypatch):
    clock = itertools.count(1000.0, 0.5)  # half a second passes whenever it is asked
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    plan = make_plan(tmp_path, {"none": "control", "cgan": "generated"}, seeds=40)
    boards, found = ArmBoards(plan), []
    for trial in plan.trials():
        boards.add(finish(plan, trial.arm, trial.seed, 0.5))
        found.append({path.parent.name: path.name for path in tmp_path.glob("tensorboard/*/*")})
    # At once for the first trial. That took half a second, so then not for 25, or 50 trials; and
    # then for all arms of which trials have ended.
    assert [n for n in range(1, 80) if found[n] != found[n - 1]] == [50]
    assert found[0].keys() == {"none"}
    assert found[50].keys() == {"none", "cgan"}


def test_a_trial_that_failed_is_none_of_them(tmp_path):
    plan = make_plan(tmp_path, {"none": "control"})
    ArmBoards(plan).add(finish(plan, "none", 0, 0.5) | {"status": "failed"})
    assert not (tmp_path / "tensorboard").exists()


def test_trials_of_several_trainings_have_a_mean_over_these(tmp_path):
    plan = make_plan(tmp_path, {"none": "control"})
    finish(plan, "none", 0, 0.2, part="one")
    ArmBoards(plan).add(finish(plan, "none", 0, 0.4, part="two"))
    found = events(tmp_path, "none")
    assert scalars(found, "val_accuracy") == [(10, 0.31), (20, 0.32)]


def test_so_have_parts_that_consist_of_several_trainings(tmp_path):
    plan = make_plan(tmp_path, {"none": "control"})
    finish(plan, "none", 0, 0.2, part="left-1/turn-0")
    ArmBoards(plan).add(finish(plan, "none", 0, 0.4, part="left-1/turn-1"))
    assert scalars(events(tmp_path, "none"), "val_accuracy") == [(10, 0.31), (20, 0.32)]


def test_a_dozen_arms_are_shown_and_checks_go_first(tmp_path):
    kinds = {f"arm_{place}": "rival" for place in range(11)} | {"copy": "check", "last": "rival"}
    plan = make_plan(tmp_path, {"none": "control"} | kinds, seeds=1)
    boards = ArmBoards(plan)
    for arm in plan.arms:
        boards.add(finish(plan, arm.name, 0, 0.5))
    boards.renew()
    shown = {path.name for path in (tmp_path / "tensorboard").iterdir()}
    assert shown == {"none", *(f"arm_{place}" for place in range(11))}


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_what_the_network_was_shown_and_what_the_generator_makes(tmp_path, channels):
    plan = make_plan(tmp_path, {"none": "control"})
    images = np.random.default_rng(0).integers(0, 256, (13, 4, 5, channels), np.uint8)
    (tmp_path / "generators" / "key").mkdir(parents=True)
    np.savez(tmp_path / "generators" / "key" / "samples.npz", images=images[:10])
    ArmBoards(plan).add(finish(plan, "none", 0, 0.5, images=images))
    found = events(tmp_path, "none")
    for name, number in (("shown", 13), ("samples", 10)):
        (event,) = found.Tensors(name)
        width, height, png = make_ndarray(event.tensor_proto)
        assert (int(width), int(height)) == (50, 4 * -(-number // 10))
        assert found.SummaryMetadata(name).plugin_data.plugin_name == "images"
        (tmp_path / "sheet.png").write_bytes(png)
        with Image.open(tmp_path / "sheet.png") as sheet:
            pixels = np.asarray(sheet).reshape(int(height), 50, channels)
        for place in range(number):
            row, column = divmod(place, 10)
            tile = pixels[4 * row : 4 * row + 4, 5 * column : 5 * column + 5]
            np.testing.assert_array_equal(tile, images[place])


@pytest.mark.parametrize(
    "text",
    ["", "no table", "epoch,loss\n1,2\n", "update\n10\n", "update,seconds,note\n10,1,good\n"],
)
def test_curves_of_another_form_are_passed_over(tmp_path, text):
    plan = make_plan(tmp_path, {"none": "control"})
    record = finish(plan, "none", 0, 0.5, images=np.zeros((2, 3), np.uint8))
    (tmp_path / "trials" / "none" / "seed-00" / "curves.csv").write_text(text)
    ArmBoards(plan).add(record)
    tags = events(tmp_path, "none").Tags()["tensors"]
    assert set(tags) == {"custom_scalars__config__", "held_out/accuracy"}


def test_rows_that_hold_no_numbers_spoil_no_curve(tmp_path):
    plan = make_plan(tmp_path, {"none": "control"})
    record = finish(plan, "none", 0, 0.5)
    path = tmp_path / "trials" / "none" / "seed-00" / "curves.csv"
    rows = ["x1,1,1", "inf,1,1", f"{10**23},1,1", "-5,1,1", ",1,1", "15,1,inf", "15,1,no"]
    path.write_text(path.read_text() + "\n".join(rows) + "\n")
    ArmBoards(plan).add(record)
    assert scalars(events(tmp_path, "none"), "val_accuracy") == [(10, 0.51), (20, 0.52)]


def test_means_have_charts_with_their_bands(tmp_path):
    plan = make_plan(tmp_path, {"none": "control"})
    ArmBoards(plan).add(finish(plan, "none", 0, 0.5))
    found = events(tmp_path, "none")
    (event,) = found.Tensors("custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(make_ndarray(event.tensor_proto).item())
    (category,) = layout.category
    charts = {chart.title: chart.margin.series[0] for chart in category.chart}
    assert charts.keys() == {"val_accuracy"}
    for name, series in charts.items():
        tags = {series.value, series.lower, series.upper}
        assert tags == {name, f"width/{name}/lowest", f"width/{name}/highest"}
        assert tags <= set(found.Tags()["tensors"])

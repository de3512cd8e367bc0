"""Whether a directory may be gone on with is decided by what lies in it, in any condition."""

import json
from dataclasses import replace

import pytest
from fake_study import DATASET, describe, make_plan

from gan_mnist.errors import InputError
from gan_mnist.files import fingerprint
from gan_mnist.study.description import study_description, versions
from gan_mnist.study.records import (
    as_line,
    differences,
    is_finished,
    open_workdir,
    record_of,
    records_of,
)
from gan_mnist.study.scheduler import complete


@pytest.fixture
def trial(tmp_path):
    """A finished trial."""
    trial = make_plan(tmp_path).trials()[1]
    complete(trial)
    return trial


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_changed_row_of_the_table_is_refused(tmp_path):
    plan = make_plan(tmp_path)
    open_workdir(plan, describe(plan))
    name = plan.arms[-1].name
    edited = describe(plan)
    edited["arms"][name]["changes"] = {"bonus": 77.0}
    with pytest.raises(InputError, match=f"arm {name}: .* -> .*77"):
        open_workdir(plan, edited)


def test_a_row_with_a_tuple_is_the_same_when_it_is_read_again(tmp_path):
    plan = make_plan(tmp_path)
    *others, last = plan.arms
    arms = *others, replace(last, changes={"counts": (3, 3)})
    plan = replace(plan, arms=arms, dataset={**plan.dataset, "warnings": ("a leak",)})
    described = study_description(plan, "")
    open_workdir(plan, described)
    open_workdir(plan, described)
    assert json.loads((tmp_path / "study.json").read_text()) == described


def refused(plan):
    with pytest.raises(InputError) as error:
        open_workdir(plan, describe(plan))
    assert "\n" not in str(error.value)
    assert "--workdir" in str(error.value)
    return str(error.value)


def test_a_record_is_found_again(trial, tmp_path):
    record = record_of(trial)
    assert record == json.loads((trial.directory / "record.json").read_text())
    assert (record["arm"], record["seed"], record["status"]) == ("small", 0, "done")
    assert is_finished(record)
    assert [r["arm"] for r in records_of(make_plan(tmp_path))] == ["small"]


def test_a_trial_without_a_record_has_none(tmp_path):
    trial = make_plan(tmp_path).trials()[0]
    assert record_of(trial) is None
    assert not is_finished(None)


@pytest.mark.parametrize(
    ("status", "done"), [("done", True), ("not_applicable", True), ("failed", False)]
)
def test_only_failed_trials_are_tried_again(status, done):
    assert is_finished({"status": status}) is done


@pytest.mark.parametrize(
    "content",
    [b"", b'{"arm": "sma', b"\x00\xff", b"null", b"[]", b"3", b"{}", b"[" * 100_000],
    ids=["empty", "truncated", "binary", "null", "list", "number", "no keys", "bottomless"],
)
def test_a_spoilt_record_counts_as_none(trial, content):
    (trial.directory / "record.json").write_bytes(content)
    assert record_of(trial) is None


@pytest.mark.parametrize(
    "key", ["arm", "seed", "status", "metrics", "settings", "fingerprint", "seconds"]
)
def test_a_record_that_lacks_a_key_counts_as_none(trial, key):
    edit(trial.directory / "record.json", lambda record: record.pop(key))
    assert record_of(trial) is None


# Of nine test images, in one stratum, the first is right.
CORRECT = {"labels": "0a", "classes": [None], "sizes": [9], "weights": [1.0], "bits": [["gAA="]]}
SPOILT = (
    *({"bits": bits} for bits in ([["!"]], [["gA=="]], [[]], [])),
    *({"sizes": ["9"]}, {"weights": [None]}, {"labels": None}),
    {key: [] for key in CORRECT},
    *({"at": at} for at in ({"score_at_1": [["!"]]}, {"score_at_1": []}, {"score_at_1": "gAA="})),
)


@pytest.mark.parametrize("change", [
    {"correct": None}, {"correct": CORRECT}, {"updates": None},
    {"correct": CORRECT | {"at": {"score_at_1": [["gAA=", "AAA="]]}}},
    {"correct": {key: told for key, told in CORRECT.items() if key != "bits"}},
    {"correct_further": {"new": CORRECT}},
])  # fmt: skip
def test_a_record_with_values_of_these_kinds_counts(trial, change):
    edit(trial.directory / "record.json", lambda record: record.update(change))
    assert is_finished(record_of(trial))


@pytest.mark.parametrize(
    "key", ["correct", "updates", "generators", "versions", "device", "memory_mib"]
)
def test_an_older_record_that_lacks_what_came_later_counts(trial, key):
    edit(trial.directory / "record.json", lambda record: record.pop(key, None))
    assert is_finished(record_of(trial))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("metrics", {"score": "high"}),
        ("metrics", {"score": True}),
        ("metrics", {"score": float("inf")}),
        ("metrics", [1]),
        ("seconds", None),
        ("seconds", {"training": None}),
        ("status", "odd"),
        ("error", 3),
        ("settings", []),
        ("versions", "2.21"),
        ("updates", "many"),
        ("generators", 3),
        ("generators", [3]),
        *(("correct", CORRECT | changes) for changes in SPOILT),
        ("correct", [1]),
        ("correct_further", {"new": CORRECT | SPOILT[0]}),
        # That of another trial, copied here.
        ("arm", "large"),
        ("seed", 7),
    ],
)
def test_a_record_with_values_of_other_kinds_counts_as_none(trial, key, value):
    edit(trial.directory / "record.json", lambda record: record.update({key: value}))
    assert record_of(trial) is None


def test_a_record_of_other_settings_is_refused_with_the_difference(trial, tmp_path):
    other = make_plan(tmp_path, scale=2.0, counts=(5, 6)).trials()[1]
    with pytest.raises(InputError) as error:
        record_of(other)
    message = str(error.value)
    assert "scale: 1.0 -> 2.0" in message
    assert "counts: [2, 3] -> [5, 6]" in message
    assert str(trial.directory) in message
    assert "updates" not in message


def test_a_record_of_other_data_is_refused(trial):
    edit(trial.directory / "record.json", lambda record: record.update(fingerprint="0" * 16))
    with pytest.raises(InputError, match="other data"):
        record_of(trial)


def test_versions_name_what_numbers_depend_on():
    assert {"python", "gan_mnist", "tensorflow", "keras", "numpy"} <= set(versions())


def test_a_line_is_strict_json_without_line_breaks():
    record = {"error": "two\nlines", "metrics": {"score": 0.1}}
    assert "\n" not in as_line(record)
    assert json.loads(as_line(record)) == record
    with pytest.raises(ValueError, match="JSON compliant"):
        as_line({"metrics": {"score": float("nan")}})


def test_differences_name_old_and_new():
    before, after = {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": [5], "d": 4}
    assert differences(before, after) == "b: 2 -> [5]; c: 3 -> None; d: None -> 4"
    assert differences(before, dict(before)) == ""


def test_an_empty_directory_is_claimed(tmp_path):
    plan = make_plan(tmp_path / "new")
    open_workdir(plan, describe(plan))
    assert json.loads((tmp_path / "new" / "study.json").read_text()) == describe(plan)


def test_more_seeds_other_arms_and_moved_data_extend_a_run(trial, tmp_path):
    plan = make_plan(tmp_path, seeds=1, arms=["small"])
    open_workdir(plan, describe(plan))
    wider = make_plan(tmp_path, seeds=9, arms=["large"], data_dir="/moved", export_dir="/moved")
    open_workdir(wider, describe(wider))
    assert json.loads((tmp_path / "study.json").read_text())["seeds"] == list(range(9))


def test_changed_settings_are_refused_and_change_nothing(tmp_path):
    plan = make_plan(tmp_path)
    open_workdir(plan, describe(plan))
    before = (tmp_path / "study.json").read_bytes()
    assert "scale: 1.0 -> 3.0" in refused(make_plan(tmp_path, scale=3.0))
    assert "updates: 100 -> 50" in refused(make_plan(tmp_path, updates=50))
    assert (tmp_path / "study.json").read_bytes() == before


def test_another_data_set_or_experiment_is_refused(tmp_path):
    plan = make_plan(tmp_path)
    others = {
        "denoising -> fake_study": {**describe(plan), "experiment": "denoising"},
        "ffffffffffff -> 0123456789ab": {
            **describe(plan),
            "dataset": {**DATASET, "sha256": "f" * 64},
        },
    }
    for told, other in others.items():
        (tmp_path / "study.json").write_text(json.dumps(other))
        assert told in refused(plan)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"experiment": "fa',
        b"\xff\x00",
        b"[1]",
        b"{}",
        b'{"experiment": "fake_study"}',
        b'{"experiment": "fake_study", "settings": {}, "dataset": {}}',
        b'{"experiment": "fake_study", "settings": [], "dataset": null}',
        b'{"experiment": "fake_study", "settings": {}, "dataset": {"sha256": 3}, "arms": {}}',
    ],
)
def test_a_spoilt_study_file_is_replaced_as_the_records_vouch_for_themselves(
    trial, tmp_path, content
):
    (tmp_path / "study.json").write_bytes(content)
    open_workdir(make_plan(tmp_path), describe(make_plan(tmp_path)))
    assert json.loads((tmp_path / "study.json").read_text())["experiment"] == "fake_study"
    (tmp_path / "study.json").write_bytes(content)
    refused(make_plan(tmp_path, scale=2.0))
    assert (tmp_path / "study.json").read_bytes() == content


def without(trial, *settings):
    """Takes `settings` from what the run in the trial's directory left, as if they were younger."""

    def older(record):
        for name in settings:
            del record["settings"][name]
        sha256 = record["dataset"]["sha256"]
        parts = record["settings"], record["experiment"], record["seed"], sha256
        record["fingerprint"] = fingerprint(*parts)

    edit(trial.directory / "record.json", older)


def test_a_setting_younger_than_the_record_counts_as_its_declared_default(trial, tmp_path):
    without(trial, "scale", "counts")
    assert is_finished(record_of(trial))
    with pytest.raises(InputError, match=r"scale: 1.0 -> 2.0"):
        record_of(make_plan(tmp_path, scale=2.0).trials()[1])


def test_a_setting_younger_than_the_record_that_the_arm_changes_is_refused(trial):
    without(trial, "bonus")
    with pytest.raises(InputError, match=r"bonus: 0.0 -> 0.1"):
        record_of(trial)


def test_a_record_without_a_setting_must_still_be_of_the_same_data(trial):
    without(trial, "scale")
    edit(trial.directory / "record.json", lambda record: record.update(fingerprint="0" * 16))
    with pytest.raises(InputError, match="other data"):
        record_of(trial)


def test_a_run_from_before_a_setting_existed_is_gone_on_with(tmp_path):
    plan = make_plan(tmp_path)
    described = describe(plan)
    del described["settings"]["scale"]
    open_workdir(plan, described)
    open_workdir(plan, describe(plan))
    (tmp_path / "study.json").write_text(json.dumps(described))
    assert "scale: 1.0 -> 2.0" in refused(make_plan(tmp_path, scale=2.0))

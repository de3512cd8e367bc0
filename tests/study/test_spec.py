"""A study unfolds into the trials that its table promises; every declared study is sound."""

import dataclasses
import inspect

import pytest
from fake_study import DATASET, STUDY, make_plan

from gan_mnist import experiments
from gan_mnist.errors import InputError
from gan_mnist.study.declared import check_declared
from gan_mnist.study.spec import Arm


def test_select_keeps_the_order_of_the_table_and_the_control():
    def names(asked):
        return [arm.name for arm in STUDY.select(asked)]

    assert names(None) == ["none", "small", "large", "all"]
    assert names(["all", "small"]) == ["none", "small", "all"]
    assert names(["none"]) == ["none"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["smal"], "did you mean 'small'?"),
        (["small", ""], "''"),
        ([], "none, small, large, all"),
        (["small", "all", "small"], "'small' is given twice"),
        (["none", "none"], "'none' is given twice"),
    ],
)
def test_arms_that_are_not_there_are_refused(asked, told):
    with pytest.raises(InputError, match="--arms") as error:
        STUDY.select(asked)
    assert told in str(error.value)


def test_trials_are_seed_major_and_complete(tmp_path):
    trials = make_plan(tmp_path, seeds=3, arms=["all", "small"]).trials()
    expected = [(arm, seed) for seed in range(3) for arm in ("none", "small", "all")]
    assert [(trial.arm, trial.seed) for trial in trials] == expected
    assert [trial.settings.bonus for trial in trials[:3]] == [0.0, 0.1, 0.3]
    assert [trial.settings.shared_work for trial in trials[:3]] == [None, "x", None]
    assert len({trial.directory for trial in trials}) == len(trials)
    assert trials[4].directory == tmp_path / "trials" / "small" / "seed-01"


def test_an_arm_that_changes_an_unknown_setting_is_refused_by_name(tmp_path):
    arm = Arm("odd", {"bonsu": 1.0}, "a slip")
    plan = dataclasses.replace(make_plan(tmp_path), arms=(*STUDY.arms, arm))
    with pytest.raises(InputError, match=r"arm odd: 'bonsu' is unknown; did you mean 'bonus'"):
        plan.trials()


@pytest.mark.parametrize(
    ("rows", "fixed"),
    [
        ([{}, {}], False),
        ([{}, {"bonus": 1.0}], True),  # what the arm differs in
        ([{"bonus": 1.0}, {}], False),  # the control's own; the other's is free
        ([{"bonus": 1.0}, {"bonus": 2.0}], True),
    ],
)
def test_what_makes_arms_differ_is_fixed(rows, fixed):
    arms = tuple(Arm(name, row, "") for name, row in zip(("none", "other"), rows, strict=True))
    assert dataclasses.replace(STUDY, arms=arms).differs_between_arms("bonus") == fixed


def test_fingerprints_follow_what_the_result_depends_on(tmp_path):
    def fingerprint(workdir=tmp_path, dataset=DATASET, study=STUDY, trial=1, **changes):
        plan = make_plan(workdir, **changes)
        return dataclasses.replace(plan, dataset=dataset, study=study).trials()[trial].fingerprint

    same = fingerprint()
    assert fingerprint(workdir=tmp_path / "other") == same
    assert fingerprint(data_dir="/elsewhere", export_dir="/elsewhere") == same
    assert fingerprint(dataset={**DATASET, "source": "moved"}) == same
    others = [
        fingerprint(trial=0),  # another arm
        fingerprint(trial=5),  # another seed
        fingerprint(scale=2.0),
        fingerprint(dataset={**DATASET, "sha256": "f" * 64}),
        fingerprint(study=dataclasses.replace(STUDY, package="other")),
    ]
    assert len({same, *others}) == 6


@pytest.fixture(params=experiments.names())
def declared(request):
    return experiments.load(request.param)


def test_declared_names_agree(declared):
    names = [arm.name for arm in declared.arms]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
    assert {arm.name for arm in declared.arms if arm.kind == "control"} == {declared.control}
    assert names[0] == declared.control
    check_declared(declared)
    assert declared.name in experiments.names()
    assert declared.question.endswith("?")


def test_declared_arms_differ_in_valid_settings(declared, tmp_path):
    for preset in declared.presets.values():
        plan = dataclasses.replace(
            make_plan(tmp_path),
            study=declared,
            settings=dataclasses.replace(declared.settings, **preset.changes),
            arms=declared.arms,
        )
        trials = plan.trials()[: len(declared.arms)]
        assert len({trial.fingerprint for trial in trials}) == len(trials)


def test_declared_presets_begin_with_three_and_change_nothing_that_makes_arms_differ(declared):
    assert list(declared.presets)[:3] == ["smoke", "quick", "paper"]
    assert sorted(p.seeds for p in declared.presets.values())[0] >= 2
    for preset in declared.presets.values():
        assert not [name for name in preset.changes if declared.differs_between_arms(name)]


def test_the_arms_of_a_preset_are_there_with_the_control_and_a_comparison(declared):
    for name, preset in declared.presets.items():
        if preset.arms:
            assert {*preset.arms} < {arm.name for arm in declared.arms}
            assert declared.control in preset.arms
            judged = [pair for pair in declared.primary if {*pair} <= {*preset.arms}]
            assert judged or name != "quick"
    assert not declared.presets["smoke"].arms  # the test of them all


def parameters(function):
    return list(inspect.signature(function).parameters)


def test_declared_settings_have_a_line_each(declared):
    for field in dataclasses.fields(declared.settings):
        assert field.metadata["help"], field.name


def test_what_stands_beside_a_declaration_can_be_called(declared):
    assert parameters(declared.part("trial").run_trial) == ["trial"]
    if (module := declared.part("findings")) is not None:
        assert parameters(module.findings) == ["evidence"]
    assert declared.part("nothing_of_that_name") is None


def test_pictures_have_names_of_their_own(declared):
    pictures = getattr(declared.part("figures"), "PICTURES", ())
    names = [picture.name for picture in pictures]
    usual = ("arms", "gallery", "curves", "curves_seconds", "generators", "confusion", "cost")
    assert len({*names, *usual}) == len(names) + len(usual)
    assert all(name.isidentifier() for name in names)
    assert all(picture.title and picture.caption for picture in pictures)
    assert all(len(parameters(picture.draw)) == 1 for picture in pictures)


def test_no_field_is_declared_again_for_another_default(declared):
    fields = {field.name for field in dataclasses.fields(declared.settings)}
    for owner in type(declared.settings).__mro__:
        own = fields & vars(owner).get("__annotations__", {}).keys()
        for above in owner.__mro__[1:]:
            for name in own & vars(above).get("__annotations__", {}).keys():
                one, other = (cls.__dataclass_fields__[name].metadata for cls in (owner, above))
                assert one != other, f"{owner.__name__}.{name}"

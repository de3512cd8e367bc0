"""How a trial's settings say that its classifier is trained, and with which network."""

import functools
from dataclasses import replace

import pytest
from small_trial import SETTINGS, SHAPE, STUDY, make_steps, make_trial

from gan_mnist.errors import NotApplicable
from gan_mnist.models.classifiers import build_resnet, build_small_cnn
from gan_mnist.models.foreign import BuildForeign
from gan_mnist.models.names import ClassifierChoice
from gan_mnist.study.spec import Arm
from gan_mnist.trials import ClassifierSteps


@pytest.fixture
def make(tmp_path, dtype_policy):
    """`make(arm, seed, **changes)`: the steps of a trial of a run in `tmp_path`."""
    return functools.partial(make_steps, tmp_path)


def test_a_recipe_is_what_the_settings_say_but_for_its_changes(make):
    trial = make(intervals=5, learning_rate=0.25, precision="mixed_float16")
    recipe = trial.recipe()
    assert recipe.network is build_small_cnn
    assert (recipe.image_shape, recipe.num_classes, recipe.width) == (SHAPE, 2, 2)
    assert (recipe.updates, recipe.intervals, recipe.learning_rate) == (20, 5, 0.25)
    assert (recipe.precision, recipe.minority) == ("mixed_float16", ())
    changes = {"updates": 40, "decay": True, "minority": 1, "network": build_resnet}
    assert trial.recipe(**changes) == replace(recipe, **changes)


def test_its_network_is_the_one_of_the_settings(make):
    assert make(classifier="resnet").recipe().network is build_resnet
    choice = ClassifierChoice("applications:VGG16", pixels="caffe", frozen=-1)
    steps = make(classifier="applications:VGG16", pixels="caffe", frozen=-1)
    assert steps.recipe().network == BuildForeign(choice)


@pytest.mark.parametrize(
    ("classifier", "applies"),
    [("small_cnn", True), ("my:build", True), ("a.keras", False), ("applications:VGG16", False)],
)
def test_an_arm_that_is_about_width_applies_to_networks_that_have_one(
    classifier, applies, tmp_path
):
    study = replace(STUDY, arms=(*STUDY.arms, Arm("wide", {"width": 4}, "twice as wide")))
    settings = replace(SETTINGS, classifier=classifier)

    def steps(arm, **changes):
        trial = make_trial(study, arm, 0, replace(settings, **changes), tmp_path)
        return ClassifierSteps(trial)

    assert steps("some").recipe().width == 2
    for made, changes in ((steps("wide", width=4), {}), (steps("some"), {"width": 4})):
        if applies:
            assert made.recipe(**changes).width == 4
        else:
            with pytest.raises(NotApplicable, match="a width of its own"):
                made.recipe(**changes)

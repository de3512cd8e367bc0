"""Settings of generators among those of an experiment: resolved, refused, shared, grouped."""

from dataclasses import dataclass, fields

import numpy as np
import pytest

from gan_mnist.data.datasets import Dataset
from gan_mnist.data.splits import Split
from gan_mnist.errors import InputError
from gan_mnist.generators.settings import GeneratorSettings
from gan_mnist.settings import SubsetSettings


@pytest.fixture(scope="module")
def sound():
    """A data set with 40 training images and 4 test images of each of three classes."""

    def split(each):
        labels = np.repeat(np.arange(3), each)
        names = tuple(str(number) for number in range(len(labels)))
        return Split(np.broadcast_to(np.uint8(0), (len(labels), 16, 16, 1)), labels, names)

    return Dataset("sound", "made up", ("ape", "bee", "cat"), split(40), split(4))


@dataclass(frozen=True)
class Shown(GeneratorSettings, SubsetSettings):
    """Of an experiment that shows generated images."""


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"image_size": 12}, "setting image_size: 12 is out of range; accepted with gan_archi"),
        ({"most_generator_steps": 2, "gan_loss": "hinge"}, "setting most_generator_steps: 2"),
    ],
)
def test_what_a_generator_cannot_be_is_refused(changes, complaint, sound):
    with pytest.raises(InputError, match=f"^{complaint}"):
        Shown(**changes).resolve(sound)


def test_settings_of_all_groups_are_resolved_together(sound):
    resolved = Shown(flip="auto", image_size=28).resolve(sound)
    assert (resolved.classes, resolved.flip) == (("ape", "bee", "cat"), "always")
    assert resolved.validation_per_class == 4


def test_arms_that_train_the_same_generator_share_it():
    def work(**changes):
        return Shown(**changes).shared_work

    assert work() is work(generator="copy") is None
    same = work(generator="cgan")
    assert same == work(generator="cgan", shuffled_labels=True, gan_sampling_scale=2.0)
    assert same == work(generator="cgan", classical=True, updates=20)
    moved = {"deformations_of": "alike", "deformation_scale": 0.5, "deformation_scale_of_many": 0.5}
    assert work(generator="deformations", **moved) == work(generator="deformations")
    others = [work(generator="dagan"), work(generator="cgan", untrained=True)]
    assert len({same, *others, work(generator="cgan", gan_width=5)}) == 4


def test_fields_are_grouped_by_what_they_are_of():
    groups = Shown.fields_by_group()
    assert [field.name for fields in groups.values() for field in fields].count("classes") == 1
    named = {field.name: group for group, fields in groups.items() for field in fields}
    assert set(named) == {field.name for field in fields(Shown)}
    assert (named["classes"], named["images_per_class"]) == ("data", "data")
    assert (named["gan_width"], named["zoom"]) == ("generator", "classical augmentation")

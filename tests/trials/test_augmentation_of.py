"""What settings say of augmentation, kind by kind."""

import functools

import pytest
from small_trial import make_steps

from gan_mnist.data.augmentation import Augmentation


@pytest.mark.parametrize(
    ("kinds", "changes"),
    [
        (("wide",), {"rotation_degrees": 20.0, "shift": 0.1, "zoom": 0.9, "shear": 1.2}),
        (("elastic",), {"elastic": 0.11}),
        (("thickness",), {"thickness": 0.6}),
        (("randaugment",), {"changes": 3, "strength": 0.7}),
        (("erasing",), {"erased": 0.4}),
        (("mixup",), {"mixup": 0.8, "num_classes": 2}),
        (("cutmix", "elastic"), {"cutmix": 0.9, "num_classes": 2, "elastic": 0.11}),
    ],
)
def test_what_else_augmentation_does_is_named(tmp_path, kinds, changes):
    ranges = {"rotation_degrees": 10.0, "shift": 0.05, "zoom": 0.6, "shear": 0.6}
    named = {
        "elastic_shift": 0.11,
        "thickness_change": 0.6,
        "randaugment_changes": 3,
        "randaugment_strength": 0.7,
        "erased": 0.4,
        "mixup_alpha": 0.8,
        "cutmix_alpha": 0.9,
        "widened": 2.0,
    }
    make = functools.partial(make_steps, tmp_path)
    found = make(classical=True, augmentation=kinds, **ranges, **named).augmentation
    assert found == Augmentation(**{**ranges, **changes})
    assert make(augmentation=kinds, **ranges, **named).augmentation is None

"""The study of few labels: how a batch is divided."""

import pytest
from gan_mnist.experiments.few_labels.settings import FewLabelsSettings

from gan_mnist.errors import InputError


@pytest.mark.parametrize(
    ("batch_size", "share", "rows"),
    [(64, 0.5, (32, 32)), (10, 0.99, (9, 1)), (10, 0.01, (1, 9)), (2, 0.9, (1, 1))],
)
def test_a_batch_holds_as_many_as_are_asked_for_some_of_each_kind(batch_size, share, rows):
    assert FewLabelsSettings(batch_size=batch_size, labelled_share=share).rows == rows


def test_a_batch_of_one_image_cannot_hold_both():
    with pytest.raises(InputError, match="setting batch_size: 1 is out of range"):
        FewLabelsSettings(batch_size=1)

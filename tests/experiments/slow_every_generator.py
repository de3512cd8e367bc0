"""Every generator in every experiment that shows generated images: what takes minutes."""

import pytest
from every_generator import GENERATING, check_trial

from gan_mnist.generators.names import GENERATORS


@pytest.mark.parametrize("name", GENERATING)
@pytest.mark.parametrize("generator", GENERATORS)
def test_a_trial_is_done_or_tells_why_it_cannot_be(name, generator, run_of_levels):
    check_trial(name, generator, run_of_levels)

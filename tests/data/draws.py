"""What draws from a range must look like."""

import numpy as np


def assert_uniform(values, low, high):
    """Kolmogorov's test at 1 in 10,000."""
    drawn = np.sort(np.ravel(values))
    assert low <= drawn[0] and drawn[-1] <= high
    expected = np.linspace(low, high, len(drawn))
    assert np.abs(drawn - expected).max() < 2.23 * (high - low) / np.sqrt(len(drawn))

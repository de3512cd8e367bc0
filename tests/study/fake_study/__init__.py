"""A study without TensorFlow: its numbers are plain functions of the settings and the seed.

A file `orders/ARM-SEED` in the work directory tells a trial to misbehave; the settings, and with
them the fingerprints, stay as they are, as when a machine and not the study is at fault.
"""

from .study import DATASET, STUDY, FakeSettings, calls, describe, make_plan, order, summary
from .trial import expected_metrics

__all__ = [
    "DATASET",
    "STUDY",
    "FakeSettings",
    "calls",
    "describe",
    "expected_metrics",
    "make_plan",
    "order",
    "summary",
]

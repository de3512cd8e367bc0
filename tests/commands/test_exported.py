"""Pictures of signatures that do not answer as an exported model does."""

import numpy as np
import pytest
import tensorflow as tf

from gan_mnist.commands.exported import call_for_pictures
from gan_mnist.errors import InputError


def answering(images):
    return lambda **inputs: {"images": tf.constant(images)}


def failing(**inputs):
    raise RuntimeError("the graph\nsays no")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (failing, "it failed, .*: the graph says no"),
        (answering(np.zeros((1, 8, 8, 1), np.float32)), r"shape \(1, 8, 8, 1\)"),
        (answering(np.zeros((2, 8, 8, 2), np.float32)), r"shape \(2, 8, 8, 2\)"),
        (answering(np.zeros((2, 8, 8), np.float32)), r"shape \(2, 8, 8\)"),
        (answering(np.zeros((2, 0, 8, 1), np.float32)), r"shape \(2, 0, 8, 1\)"),
        (answering(np.float32(0)), r"shape \(\)"),
        (answering("picture"), r"shape \(\)"),
        (answering(np.zeros((2, 8, 8, 1), np.uint8)), "uint8"),
        (answering(np.full((2, 8, 8, 1), b"x")), "accepted: finite floats"),
        (answering(np.full((2,), b"x")), r"shape \(2,\)"),
        (answering(np.full((2, 8, 8, 1), np.nan, np.float32)), "accepted: finite floats"),
    ],
)
def test_a_model_that_answers_something_else_is_refused(function, told):
    with pytest.raises(InputError, match=f"^--model: .*{told}"):
        call_for_pictures(function, 2, images=None)


def test_what_is_out_of_range_is_clipped():
    images = np.array([-1.0, 0.5, 7.0], np.float32).reshape(1, 1, 3, 1)
    (picture,) = call_for_pictures(answering(images), 1)
    assert np.asarray(picture).tolist() == [[0, 128, 255]]

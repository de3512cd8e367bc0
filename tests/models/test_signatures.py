"""Signatures read from a file, against what TensorFlow says of them."""

import pytest
import tensorflow as tf

from gan_mnist.models.signatures import read_signatures


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    directory = tmp_path_factory.mktemp("saved")

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 300, 2), tf.float32, "many")])
        def sums(self, many):
            return {"sum": tf.reduce_sum(many), "shapeless": tf.reshape(many, tf.shape(many)[:2])}

        @tf.function(input_signature=[tf.TensorSpec(None, tf.string, "any"),
                                      tf.TensorSpec((0, 1), tf.int32, "none")])  # fmt: skip
        def echoes(self, any, none):
            return {"any": tf.identity(any), "none": tf.identity(none)}

    model = Model()
    tf.saved_model.save(
        model, str(directory), signatures={"sums": model.sums, "échos": model.echoes}
    )
    return directory


def sizes(spec):
    return None if spec.shape.rank is None else tuple(spec.shape)


def test_names_and_shapes_are_those_that_tensorflow_reads(saved):
    loaded = tf.saved_model.load(str(saved)).signatures
    found = read_signatures(saved)
    assert list(found) == sorted(loaded) == ["sums", "échos"]
    for name, signature in found.items():
        function = loaded[name]
        inputs = function.structured_input_signature[1]
        assert signature.inputs == {name: sizes(spec) for name, spec in inputs.items()}
        outputs = function.structured_outputs
        assert signature.outputs == {name: sizes(spec) for name, spec in outputs.items()}
    assert found["sums"].inputs == {"many": (None, 300, 2)}
    assert found["sums"].outputs["sum"] == ()
    assert found["échos"].inputs == {"any": None, "none": (0, 1)}


@pytest.mark.parametrize("damage", [
    lambda whole: b"", lambda whole: whole[:-1], lambda whole: b"<html>" + whole,
    lambda whole: b"\xff" * 40, lambda whole: b"\xff" * 3_000_000,
    # A signature whose name is a number, a large one.
    lambda whole: b"\x12\x0a\x2a\x08\x08" + b"\x80" * 6 + b"\x40",
])  # fmt: skip
def test_a_damaged_file_is_a_value_error(saved, damage, tmp_path):
    whole = (saved / "saved_model.pb").read_bytes()
    (tmp_path / "saved_model.pb").write_bytes(damage(whole))
    with pytest.raises(ValueError, match=r"saved_model\.pb is damaged"):
        read_signatures(tmp_path)

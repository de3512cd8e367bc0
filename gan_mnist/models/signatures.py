"""The signatures of a SavedModel, read from its file alone: without TensorFlow, and at once."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from gan_mnist.files import read_file

# Fields of TensorFlow's messages, by the message that has them.
# Source: tensorflow/core/protobuf/saved_model.proto, meta_graph.proto; framework/tensor_shape.proto
_META_GRAPHS, _SIGNATURES, _KEY, _VALUE = 2, 5, 1, 2
_INPUTS, _OUTPUTS, _SHAPE, _DIM, _SIZE, _UNKNOWN_RANK = 1, 2, 3, 2, 1, 3

# Sizes, with None for any size; None for any number of dimensions.
Shape = tuple[int | None, ...] | None


class Signature(NamedTuple):
    """Input and output shapes of a SavedModel's function, by name."""

    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]


def read_signatures(saved_model: Path) -> dict[str, Signature]:
    """The signatures of the SavedModel in a directory, by name, sorted.

    Raises:
        ValueError: If its `saved_model.pb` is none.
        OSError: If that cannot be read.
    """
    try:
        (graph, *_) = _field_values(
            memoryview(read_file(saved_model / "saved_model.pb")), _META_GRAPHS
        )
        signatures = {
            name: Signature(_shapes(value, _INPUTS), _shapes(value, _OUTPUTS))
            for name, value in _entries(graph, _SIGNATURES)
            if not name.startswith("__")  # TensorFlow's own
        }
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError("its saved_model.pb is damaged") from error
    return dict(sorted(signatures.items()))


def _shapes(signature: memoryview, field: int) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for name, tensor_info in _entries(signature, field):
        shape_messages = _field_values(tensor_info, _SHAPE)
        if not shape_messages or any(_field_values(shape_messages[0], _UNKNOWN_RANK)):
            shapes[name] = None
            continue
        sizes = [_field_values(dim, _SIZE) for dim in _field_values(shape_messages[0], _DIM)]
        # A negative number takes ten bytes; 0 is left out.
        shapes[name] = tuple(
            None if size and size[0] >> 63 else size[0] if size else 0 for size in sizes
        )
    return shapes


def _entries(message: memoryview, field: int) -> Iterator[tuple[str, memoryview]]:
    """Keys and values of a map."""
    for entry in _field_values(message, field):
        (key, *_), (value, *_) = _field_values(entry, _KEY), _field_values(entry, _VALUE)
        if not isinstance(key, memoryview) or not isinstance(value, memoryview):
            raise TypeError("an entry of another form")
        yield bytes(key).decode(), value


def _field_values(message: memoryview, field: int) -> list:
    """The values of one field of a message."""
    return [value for number, value in _fields(message) if number == field]


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Numbers and values of a message's fields: integers, and bytes of what is within.

    Source: protobuf.dev/programming-guides/encoding. Fields of fixed length are passed over.
    """
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while shift < 70:  # ten bytes, of 7 bits
            byte = message[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
        raise ValueError("a number without an end")

    while place < len(message):
        key = varint()
        wire_type = key & 7
        if wire_type == 0:
            yield key >> 3, varint()
            continue
        length = varint() if wire_type == 2 else {1: 8, 5: 4}[wire_type]
        if place + length > len(message):
            raise ValueError("a field is longer than its message")
        if wire_type == 2:
            yield key >> 3, message[place : place + length]
        place += length

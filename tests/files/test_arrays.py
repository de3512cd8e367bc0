"""Archives of arrays: what is damaged is as what is not there."""

import numpy as np
import pytest

from gan_mnist.files import read_arrays, write_arrays


def test_arrays_are_all_there_or_none(tmp_path):
    write_arrays(tmp_path / "a.npz", x=np.arange(3), y=np.zeros(2))
    found = read_arrays(tmp_path / "a.npz", "x")
    assert found is not None
    assert {name: list(values) for name, values in found.items()} == {"x": [0, 1, 2]}
    assert set(read_arrays(tmp_path / "a.npz") or ()) == {"x", "y"}
    assert read_arrays(tmp_path / "a.npz", "x", "z") is None
    assert read_arrays(tmp_path / "b.npz", "x") is None
    assert read_arrays(tmp_path, "x") is None


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_damaged_byte_or_end_is_no_error(tmp_path):
    write_arrays(path := tmp_path / "a.npz", x=np.arange(40) % 7)
    content, whole = path.read_bytes(), np.arange(40) % 7
    damaged = []
    for place in range(len(content)):
        for flip in (1, 0x80, 0xFF):
            path.write_bytes(
                content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :]
            )
            found = read_arrays(path, "x")
            damaged.append(found is None)
            # Bytes that tell a date, say, are no part of the array.
            assert found is None or np.array_equal(found["x"], whole)
        path.write_bytes(content[:place])
        assert read_arrays(path, "x") is None
    assert sum(damaged) > len(damaged) / 3

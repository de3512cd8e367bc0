"""The tables of docs/performance.md say what their records say."""

import json

import pytest

from gan_mnist.errors import InputError
from gan_mnist.report.performance import PARTS, table


@pytest.fixture
def root(tmp_path):
    rows = {
        "study": {
            "what": "study",
            "precision": "float32",
            "seconds": {
                "ours": [2.0],
                "torch": [3.0],
                "ours (clock)": [4.0],
                "torch (clock)": [10.0],
                "ours (first call)": [1.0],
                "keras_adam (first call)": [1.5],
                "keras_adam": [2.2],
            },
        },
        "dense": {
            "what": "dense GAN",
            "precision": "mixed_bfloat16",
            # Turn by turn 1.0, 3.0 and 0.5 times: not the ratio of the medians, which is 1.5.
            "seconds": {"ours": [1.0, 2.0, 4.0], "bare_gan": [1.0, 6.0, 2.0]},
        },
    }
    seconds = dict.fromkeys(PARTS, 1.0) | {"train": 12.0}
    told = {"processor": "P", "versions": {"python": "3"}, "rows": rows}
    told["where"] = {"trials": 8, "seconds": seconds}
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "performance.json").write_text(json.dumps(told))
    return tmp_path


def test_ratios_are_medians_over_turns(root):
    lines = table(root)
    assert "| study | float32 | PyTorch | 1.50 | 1 |" in lines
    assert "| study | float32 | PyTorch, by the clock | 2.50 | 1 |" in lines
    assert "| study | float32 | Keras' Adam | 1.10 | 1 |" in lines
    assert "| study | float32 | Keras' Adam, what only a first training takes | 1.50 | 1 |" in lines
    assert "| dense GAN | mixed_bfloat16 | bare loop | 1.00 (0.50 to 3.00) | 3 |" in lines


def test_shares_are_of_all_seconds(root):
    lines = table(root)
    assert any("where 20 s of 8 trials go" in line for line in lines)
    assert "| training | 12.0 | 60 % |" in lines
    assert sum(line.endswith("| 1.0 | 5 % |") for line in lines) == len(PARTS) - 1


def test_without_records_it_is_told_what_writes_them(tmp_path):
    with pytest.raises(InputError, match="make benchmark"):
        table(tmp_path)

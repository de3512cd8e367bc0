"""The code in docs/library.md runs as it stands there, one block after the other."""

import re
from pathlib import Path

import pytest

from gan_mnist import experiments

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[1] / "docs" / "library.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What earlier blocks have defined; they run in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("library"))
        # The path of experiments is that of the process, and comes back after the test.
        patch.setattr(experiments, "__path__", list(experiments.__path__))
        patch.setenv(experiments.PATH_VARIABLE, "")
        patch.setattr("gan_mnist.report.page.write_report", lambda *_: None)
        yield {}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().splitlines()[0])
def test_a_block_of_the_page_runs(block, names):
    exec(compile(block, str(PAGE), "exec"), names)


def test_what_run_returns_is_what_the_run_leaves(names):
    assert names["summary"]["arms"]["bent"]["verdict"] == "helps"
    assert Path("runs/coin/summary.json").exists()

"""What tests of reports have in common."""

import pytest
from blank_figures import draw_blank


@pytest.fixture
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what looks at the text of a report alone: its figures are blank."""
    draw_blank(monkeypatch)

"""Sections of sentences and tables, as a terminal shows them, and as Markdown."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A heading, sentences, and a table.

    Attributes:
        title: The heading.
        lines: A sentence each.
        rows: The table's cells, the row of headings first; empty for no table.
    """

    title: str
    lines: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def plain(sections: Iterable[Section]) -> str:
    """Sections for a terminal, columns aligned."""
    return "\n\n".join("\n".join([section.title, *_indented(section)]) for section in sections)


def _indented(section: Section) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*section.rows, strict=True)]
    table_lines = (
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        for row in section.rows
    )
    return [f"  {line}".rstrip() for line in (*section.lines, *table_lines)]


def markdown(sections: Iterable[Section]) -> str:
    """Sections as a page, a heading of the second level each."""
    return "\n".join(line for section in sections for line in _page(section))


def _page(section: Section) -> list[str]:
    lines = [f"## {_escaped(section.title)}", ""]
    lines += [f"- {_escaped(line)}" for line in section.lines]
    lines += [""] if section.lines else []
    if section.rows:
        heading, *rows = [f"| {' | '.join(map(_escaped, row))} |" for row in section.rows]
        lines += [heading, "|" + "---|" * len(section.rows[0]), *rows, ""]
    return lines


def _escaped(text: str) -> str:
    """Text in which Markdown sees no sign of its own."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", " ".join(text.split()))

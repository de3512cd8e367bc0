"""A report as a reader meets it: its text, its links and the cells of its tables."""

from html.parser import HTMLParser
from pathlib import Path

from gan_mnist.report.page import write_report

SECTIONS = (
    "shown",
    "arms",
    "full",
    "primary",
    "table",
    "opened",
    "images",
    "curves",
    "confusion",
    "examples",
    "cost",
    "gaps",
    "provenance",
    "next",
    "words",
)


class Page(HTMLParser):
    """Text, tags, ids, classes, references, and the cells of each table row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.classes: list[str] = []
        self.references: list[str] = []
        self.rows: list[list[str]] = []
        self.wrong: list[str] = []
        self.pieces: list[str] = []
        self._cell = self._in_wrong = False
        self.feed(html.replace("<wbr>", ""))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append(tag)
        self.classes += (attributes.get("class") or "").split()
        self.ids += [attributes["id"] or ""] if "id" in attributes else []
        keys = ("src", "href", "srcset", "data", "action", "poster")
        self.references += [attributes[key] or "" for key in keys if key in attributes]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = True
            self.rows[-1].append("")
            self._in_wrong = "wrong" in (attributes.get("class") or "").split()

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = self._in_wrong = False

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in ("style", "script"):
            return
        self.pieces.append(data)
        if self._cell:
            self.rows[-1][-1] += f" {data.strip()}"
        if self._in_wrong:
            self.wrong.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())


def report(workdir: Path) -> Page:
    write_report(workdir)
    return Page((workdir / "report.html").read_text(encoding="utf-8"))

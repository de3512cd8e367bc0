"""How the templates write numbers, and names that may hold anything."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup, escape

from gan_mnist.study.answer.reasons import deciding_interval, is_interval_unsure
from gan_mnist.study.words import sided, signed_beside, verdict_in_words

# Of a metric, a difference and the ends of an interval.
_DECIMALS = 4


def environment(
    metrics: Sequence[Mapping[str, Any]], verdict_marks: Mapping[str | None, str]
) -> jinja2.Environment:
    """The environment of the templates, with their filters; HTML is escaped.

    Args:
        metrics: `metrics` of the summary, the primary one first. `judged` takes the name of the
            metric that a verdict is of; by default it is the primary one.
        verdict_marks: The sign of each verdict, and of None, which every template knows.
    """
    primary, margins = metrics[0]["name"], {one["name"]: one.get("margin") for one in metrics}
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("gan_mnist.report"),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "deciding": deciding_interval,
        "is_interval_unsure": is_interval_unsure,
        "judged": lambda verdict, metric=None: verdict_in_words(
            verdict, margins.get(metric or primary)
        ),
        "number": lambda value: _format(value, f".{_DECIMALS}f"),
        "signed": _signed,
        "percent": lambda value: _format(value, ".0%"),
        "interval": _interval,
        "percents": _percents,
        "p": p,
        "seconds": lambda seconds: _format(seconds, ",.1f"),
        "sortable": lambda value: "" if value is None else repr(value),
        "name": _breakable,
        "code": _with_code,
        "cell": _as_cell,
        "verbatim": _verbatim,
    }
    env.filters |= filters
    env.globals["verdict_marks"] = verdict_marks
    return env


def p(value: float | None) -> str:
    """A p value, in words where it is tiny."""
    return "< 0.001" if value is not None and value < 0.001 else _format(value, ".3f")


def _format(value: float | None, spec: str) -> str:
    if value is None:
        return "\N{EN DASH}"
    text = f"{value:{spec}}"
    text = text if re.search("[1-9]", text) else text.lstrip("+-")  # nothing has no sign
    return text.replace("-", "\N{MINUS SIGN}").replace("%", " %")


def _signed(value: float | None, ci: list[float] | None = None) -> str:
    """A difference; with the interval that stands beside it, it does not seem to be 0 unless so."""
    if value is None:
        return _format(value, "")
    return signed_beside(value, ci, _DECIMALS).replace("-", "\N{MINUS SIGN}")


def _percents(ci: list[float] | None) -> str:
    return f"[{_format(ci[0], '.0%')}, {_format(ci[1], '.0%')}]" if ci else ""


def _interval(ci: list[float] | None) -> str:
    if ci is None:
        return ""
    low, high = (sided(bound, _DECIMALS).replace("-", "\N{MINUS SIGN}") for bound in ci)
    return f"[{low}, {high}]"


def _as_cell(text: Any) -> str:
    """One line of Markdown that is neither HTML nor a link, and keeps its cell of a table."""
    line = " ".join(str(text).split())
    return line.replace("|", "\\|").replace("<", "&lt;").replace("](", "]\\(")


def _verbatim(text: Any) -> str:
    """A code span of Markdown, outside a table, that holds the text as it is, in one line."""
    line = " ".join(str(text).splitlines())
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    space = " " if "`" in line else ""
    return f"{fence}{space}{line}{space}{fence}"


def _breakable(name: str) -> Markup:
    """A name, escaped, that may go on in the next line after an underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def _with_code(text: str) -> Markup:
    """Escaped HTML in which what stood between backticks is code."""
    parts = (escape(part) for part in text.split("`"))
    tagged = (
        Markup("<code>{}</code>").format(part) if index % 2 else part
        for index, part in enumerate(parts)
    )
    return Markup("").join(tagged)

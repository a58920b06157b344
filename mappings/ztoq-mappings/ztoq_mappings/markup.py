"""Writes small pieces of HTML: paragraphs, headings, lists, tables, links, values.

Arguments are plain text unless their name says ``html``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ztoq_core.plugin import Link, LinkType, Value
from ztoq_mappings.texts import is_html

_WORDS = {
    LinkType.COVERAGE: "Covers",
    LinkType.BLOCKS: "Blocks",
    LinkType.RELATED: "Related to",
    LinkType.WEB: "Web page",
}


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{escape(text)}</p>"


def heading(text: str) -> str:
    """Return a heading that needs no style sheet."""
    return f"<p><strong>{escape(text)}</strong></p>"


def preformatted(text: str) -> str:
    """Return a text whose line breaks and blanks count."""
    return f"<pre>{escape(text)}</pre>"


def bullets(html_items: Iterable[str]) -> str:
    """Return an unordered list."""
    return "<ul>" + "".join(f"<li>{item}</li>" for item in html_items) + "</ul>"


def table(titles: Sequence[str], html_rows: Iterable[Sequence[str]]) -> str:
    """Return a table with a row of titles."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    rows = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in html_rows
    )
    return f"<table><tbody><tr>{head}</tr>{rows}</tbody></table>"


def link(it: Link) -> str:
    """Return a link for people: its reason and the anchor."""
    return f"{_WORDS[it.type]}: {anchor(it)}"


def anchor(it: Link) -> str:
    """Return the anchor of a link.

    An address that is not http or https (services have malformed ones) is shown, not linked.
    """
    issue = it.issue_key or (f"Jira issue {it.issue_id}" if it.issue_id else "")
    title = " ".join(part for part in (issue, it.text) if part)
    if it.url.lower().startswith(("http://", "https://")):
        return f'<a href="{escape(it.url)}">{escape(title or it.url)}</a>'
    where = f"({it.url})" if it.url and title else it.url
    return escape(" ".join(part for part in (title, where) if part))


def value(it: Value) -> str:
    """Return a field's value for people; HTML stays HTML."""
    if isinstance(it, bool):
        return "yes" if it else "no"
    if isinstance(it, tuple):
        return escape(", ".join(it))
    text = "" if it is None else str(it)
    return text if is_html(text) else escape(text).replace("\n", "<br>")

"""Builds the HTML that ztoq adds to texts, and reads it again: tables, marks, plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from functools import lru_cache

from ztoq_core.plugin import split_tags

NAME_LENGTH = 500  # vendor's document, maxLength of every name
HEADING = "More from the source"
HEADINGS = (HEADING, "More from Zephyr")
"""And what it was called in ztoq 0.1, whose targets are read too."""
HEADING_LINE = re.compile(
    rf"<h3[^>]*>\s*(?:{'|'.join(map(re.escape, HEADINGS))})\s*</h3>\s*(?=<table)"
)
ENDS_LINE = frozenset({"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre"})
SUFFIX = re.compile(r" \[([^\[\]]+)\]$")


@lru_cache(maxsize=1024)  # an answer holds its description up to three times, the next one again
def plain(text: str) -> str:
    """Return the text of an HTML fragment, one line per block, without empty lines.

    Not the core's ``plain_text``: the stamps that stores hold are digests of this one's result.
    """
    found = text
    if "<" in text or "&" in text:
        parts: list[str] = []
        hidden = False
        for piece, tag in split_tags(text):
            name = tag.removeprefix("/")
            if name == "style":
                hidden = tag == name
            elif not tag and not hidden:
                parts.append(html.unescape(piece))
            elif name in ENDS_LINE:  # blocks begin and end lines
                parts.append("\n")
            elif name in {"td", "th"} and (tag != name or piece.endswith("/>")):
                parts.append(" ")
        found = "".join(parts)
    lines = (" ".join(line.split()) for line in found.splitlines())
    return "\n".join(line for line in lines if line)


def one_line(text: str) -> str:
    """Return plain text in one line."""
    return " ".join(text.split())


@lru_cache(maxsize=256)  # the same few names, in every object
def as_html(text: str) -> str:
    """Return plain text as HTML; line breaks are kept."""
    return html.escape(text, quote=False).replace("\n", "<br>")


def anchor(url: str, title: str) -> str:
    """Return a link; an address that is not http or https becomes text."""
    if url.lower().startswith(("http://", "https://")):
        return f'<a href="{html.escape(url)}">{as_html(title or url)}</a>'
    return as_html(" ".join(part for part in (title, url and f"({url})") if part))


def table(rows: Iterable[tuple[str, str]], heading: str = HEADING) -> str:
    """Return a heading and a table of names (plain text) and values (HTML); ``""`` for no rows."""
    body = "".join(f"<tr><th>{as_html(name)}</th><td>{value}</td></tr>" for name, value in rows)
    return f"<h3>{heading}</h3><table><tbody>{body}</tbody></table>" if body else ""


def add_mark(text: str, label: str, key: str) -> str:
    """Return ``text`` followed by a line with the source's key."""
    return f"{text}<p>{as_html(label)}: {as_html(key)}</p>"


def find_keys_in(text: str, label: str) -> tuple[str, ...]:
    """Return the keys in the lines of ``text``, even if qTest changed their HTML.

    A key may contain spaces and brackets, so it extends to the end of its line.
    """
    if label not in text and as_html(label) not in text:
        return ()
    start = f"{one_line(label)}: "
    return tuple(
        line.removeprefix(start) for line in plain(text).splitlines() if line.startswith(start)
    )


@lru_cache(maxsize=16)
def _mark(label: str) -> re.Pattern[str]:
    """Return the pattern of the line with the source's key."""
    return re.compile(rf"<p[^>]*>\s*{re.escape(as_html(label))}:[^<]*</p>\s*")


def split_additions(text: str, label: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return ``text`` without what ztoq added, and the rows (name, HTML) of the added table.

    Only the mark and the table are taken out: what somebody wrote after them stays.
    """
    found = [*_mark(label).finditer(text)]
    if found:
        text = text[: found[-1].start()] + text[found[-1].end() :]
    headings = [*HEADING_LINE.finditer(text)]
    if not headings:
        return text, ()
    start, end = headings[-1].span()
    rows, length = _table_rows(text[end:])
    return text[:start] + text[end + length :], rows


def _table_rows(text: str) -> tuple[tuple[tuple[str, str], ...], int]:
    """Return the rows of the table that begins ``text``, and its length; values may hold tables."""
    cells: list[tuple[str, str]] = []
    depth = length = 0
    cell: list[str] | None = None
    for piece, tag in split_tags(text):
        length += len(piece)
        depth -= tag == "/table"
        if depth == 1 and tag in {"th", "td"}:
            cell = []
        elif depth == 1 and tag in {"/th", "/td"} and cell is not None:
            cells.append((tag, "".join(cell)))
            cell = None
        elif cell is not None:
            cell.append(piece)
        depth += tag == "table"
        if not depth:
            break
    pairs = zip(cells[::2], cells[1::2], strict=False)
    return tuple((plain(name), value) for (_, name), (_, value) in pairs), length


def bracketed(word: str) -> str:
    # brackets inside would hide the beginning of the suffix
    inside = word.replace("%", "%25").replace("[", "%5B").replace("]", "%5D")
    return f" [{one_line(inside)}]"


def with_suffix(name: str, *words: str) -> str:
    """Return the name followed by `` [word]`` for each word; a name that is too long is cut."""
    tail = "".join(bracketed(word) for word in words if word)
    line = " ".join(name.splitlines())  # blanks within a line belong to the name
    return line[: NAME_LENGTH - len(tail)] + tail


def find_key_in_name(name: str) -> str:
    """Return the key in brackets at the end of a name, or ``""``."""
    found = SUFFIX.search(name)
    if not found:
        return ""
    return found.group(1).replace("%5B", "[").replace("%5D", "]").replace("%25", "%")


def without_key(name: str, key: str) -> str:
    """Return the name without the key at its end."""
    return name.removesuffix(bracketed(key)) if key else name

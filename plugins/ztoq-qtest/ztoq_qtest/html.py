"""HTML that is added to texts, and what is read out of texts again: tables, marks, plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from ztoq_qtest.escaping import pieces

__all__ = [
    "HEADING",
    "NAME_LENGTH",
    "add_mark",
    "anchor",
    "as_html",
    "key_in_name",
    "keys_in",
    "one_line",
    "own_name",
    "own_text",
    "plain",
    "table",
    "with_suffix",
]

NAME_LENGTH = 500  # vendor's document, maxLength of every name
HEADING = "More from Zephyr"
ENDS_LINE = frozenset({"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre"})
SUFFIX = re.compile(r" \[([^\[\]]+)\]$")


def plain(text: str) -> str:
    """Return the text of an HTML fragment, a line for each block, without empty lines."""
    found = text
    if "<" in text or "&" in text:
        parts: list[str] = []
        hidden = False
        for piece, tag in pieces(text):
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


def as_html(text: str) -> str:
    """Return plain text as HTML; lines stay lines."""
    return html.escape(text, quote=False).replace("\n", "<br>")


def anchor(url: str, title: str) -> str:
    """Return a link; an address that is not http or https is shown as text."""
    if url.lower().startswith(("http://", "https://")):
        return f'<a href="{html.escape(url)}">{as_html(title or url)}</a>'
    return as_html(" ".join(part for part in (title, url and f"({url})") if part))


def table(rows: Iterable[tuple[str, str]], heading: str = HEADING) -> str:
    """Return a heading and a table of names (plain text) and values (HTML); ``""`` for no rows."""
    body = "".join(f"<tr><th>{as_html(name)}</th><td>{value}</td></tr>" for name, value in rows)
    return f"<h3>{heading}</h3><table><tbody>{body}</tbody></table>" if body else ""


def add_mark(text: str, label: str, key: str) -> str:
    """Return ``text`` with the line that names the source's key at its end."""
    return f"{text}<p>{as_html(label)}: {as_html(key)}</p>"


def keys_in(text: str, label: str) -> tuple[str, ...]:
    """Return the keys that lines of ``text`` name, whatever HTML the server made of them.

    A key may hold spaces and brackets, so a line is one whole block.
    """
    if label not in text and as_html(label) not in text:
        return ()
    start = f"{one_line(label)}: "
    return tuple(
        line.removeprefix(start) for line in plain(text).splitlines() if line.startswith(start)
    )


def own_text(text: str, label: str) -> str:
    """Return ``text`` without the table and the mark that were added to it."""
    ends = [
        match.start()
        for pattern in (
            rf"<h3[^>]*>\s*{re.escape(HEADING)}\s*</h3>",
            rf"<p[^>]*>\s*{re.escape(as_html(label))}:[^<]*</p>\s*$",
        )
        if (match := re.search(pattern, text))
    ]
    return text[: min(ends)] if ends else text


def _bracketed(word: str) -> str:
    # brackets inside would hide where the suffix begins
    inside = word.replace("%", "%25").replace("[", "%5B").replace("]", "%5D")
    return f" [{one_line(inside)}]"


def with_suffix(name: str, *words: str) -> str:
    """Return the name with `` [word]`` for each word; the name is cut where it gets too long."""
    tail = "".join(_bracketed(word) for word in words if word)
    line = " ".join(name.splitlines())  # blanks within a line are the name's own
    return line[: NAME_LENGTH - len(tail)] + tail


def key_in_name(name: str) -> str:
    """Return the key that ends a name in brackets, or ``""``."""
    found = SUFFIX.search(name)
    if not found:
        return ""
    return found.group(1).replace("%5B", "[").replace("%5D", "]").replace("%25", "%")


def own_name(name: str, key: str) -> str:
    """Return the name without the key at its end."""
    return name.removesuffix(_bracketed(key)) if key else name

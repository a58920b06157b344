"""Makes texts safe for the target without losing any of them: names, plain texts, HTML.

Nothing is cleaned away: HTML passes as it is but for characters that no JSON body carries and for
``[~``, with which qTest begins a parameter.
"""

from __future__ import annotations

import re

from ztoq_mappings.note_codes import (
    BROKEN_CHARACTERS,
    NAME_CUT,
    NAME_EMPTY,
    NAME_NEWLINE,
    PARAMETER_GUARD,
)
from ztoq_mappings.note_collector import NoteCollector

LONGEST_NAME = 500
"""Characters of a name (qTest v3 document, minLength and maxLength of all names)."""

_BROKEN = re.compile("[\x00\ud800-\udfff]")
# a tag that is never closed ends at a quote that is never closed: so no character is read twice
_TAG = re.compile(r"""(<[a-zA-Z/!](?:"[^"]*"|'[^']*'|[^'">])*+>?)""")
# also as character references: a server that normalises HTML writes them out
_PARAMETER = re.compile(
    r"(\[|&#0*91;|&#x0*5b;|&lbrack;|&lsqb;)(?:~|&#0*126;|&#x0*7e;)", re.IGNORECASE
)
# only tags that Zephyr's editor writes: "<name>" in a plain text is not a tag
_HTML = re.compile(
    r"</?(?:a|b|blockquote|br|code|div|em|h[1-6]|hr|i|img|input|li|ol|p|pre|s|span|strike|strong"
    r"|sub|sup|table|tbody|td|th|thead|tr|u|ul|var)\b[^<>]*>|&(?:[a-z]{2,8}|#\d{1,7});",
    re.IGNORECASE,
)


def is_html(text: str) -> bool:
    """Return whether a text has tags or character references."""
    return ("<" in text or "&" in text) and _HTML.search(text) is not None


def is_broken(text: str) -> bool:
    """Return whether a text has characters that JSON cannot carry; U+FFFD replaces them."""
    # most texts are ASCII, which Python knows without reading them
    return not (text.isascii() and "\x00" not in text) and _BROKEN.search(text) is not None


def whole(text: str, notes: NoteCollector) -> str:
    """Return the text with U+FFFD for characters that JSON cannot carry."""
    if not is_broken(text):
        return text
    notes.add(
        BROKEN_CHARACTERS,
        "a text has U+0000 or half a surrogate pair in it; U+FFFD replaces it",
    )
    return _BROKEN.sub("\ufffd", text)


def _guarded(notes: NoteCollector) -> None:
    notes.add(PARAMETER_GUARD, "'[~' would begin a qTest parameter; it is kept apart")


def plain(text: str, notes: NoteCollector) -> str:
    """Return a plain text that the target accepts; a blank separates ``[`` and ``~``."""
    text = whole(text, notes)
    if "[~" in text:
        _guarded(notes)
        text = text.replace("[~", "[ ~")
    return text


def address(text: str, notes: NoteCollector) -> str:
    """Return a URL that the target accepts; ``[~`` in it is percent-encoded."""
    text = whole(text, notes)
    if "[~" in text:
        _guarded(notes)
        text = text.replace("[~", "%5B~")
    return text


def rich(html: str, notes: NoteCollector) -> str:
    """Return HTML that the target accepts and that looks the same.

    ``[~`` becomes ``[<span>~</span>``, and ``[&#126;`` inside a tag.
    """
    html = whole(html, notes)
    if "~" not in html and "&#" not in html:
        return html
    if not _PARAMETER.search(html):
        return html
    parts = _TAG.split(html)
    parts[::2] = [_PARAMETER.sub(r"\1<span>~</span>", part) for part in parts[::2]]
    parts[1::2] = [_PARAMETER.sub(r"\1&#126;", part) for part in parts[1::2]]
    guarded = "".join(parts)
    if guarded != html:  # the second time there is nothing to do
        _guarded(notes)
    return guarded


def one_line(text: str) -> str:
    """Return the text with a blank for each line break; one at the end goes."""
    if text.isprintable():  # the usual case, and quicker to see than by lines
        return text
    lines = text.splitlines()
    return lines[0] if len(lines) == 1 else " ".join(lines)


def name(text: str, notes: NoteCollector, otherwise: str) -> tuple[str, str]:
    """Return a name of 1 to 500 characters on one line, and the whole one where it was cut.

    ``otherwise`` is what a nameless object is called, usually its key.
    """
    text = plain(text, notes)
    full = one_line(text)
    if full != text:
        notes.add(NAME_NEWLINE, "the name has line breaks; it is written on one line")
    if not full.strip():
        notes.add(NAME_EMPTY, "there is no name; the key takes its place")
        full = one_line(plain(otherwise, notes)).strip() or "Without a name"
    if len(full) <= LONGEST_NAME:
        return full, ""
    notes.add(NAME_CUT, "the name is cut at 500 characters; the whole one is kept as text")
    return full[:LONGEST_NAME], full

"""Masks HTML: words and texts in attributes are replaced, elements and their looks stay."""

from __future__ import annotations

import re
from html import escape, unescape

from ztoq_mappings.mask.words import Words
from ztoq_mappings.pieces import pieces, tag_name
from ztoq_mappings.text.cleaning import TAGS

_ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>][^\s>]*)|[^\s"'>/=]+""")
_LOOKS = frozenset(
    {
        *("align", "aria-level", "border", "cellpadding", "cellspacing", "checked", "class"),
        *("colspan", "dir", "disabled", "height", "lang", "nowrap", "rel", "reversed", "rowspan"),
        *("scope", "span", "start", "style", "target", "type", "valign", "width"),
    }
)
"""Attributes about the look of an element, without words in them."""
_ADDRESSES = frozenset({"action", "background", "cite", "href", "poster", "src"})
_SAYING = frozenset({"alt", "content", "for", "id", "name", "title", "value"})
_IN_STYLE = re.compile(r"url\([^)]*\)", re.IGNORECASE)


def masked_html(html: str, words: Words) -> str:
    """Return HTML with other words and the same elements."""
    parts = pieces(html)
    for place, part in enumerate(parts):
        if place % 2:
            parts[place] = _tag(part, words)
        elif part:
            parts[place] = escape(words.text(unescape(part)), quote=False)
    return "".join(parts)


def _tag(tag: str, words: Words) -> str:
    name = tag_name(tag)
    if not name:  # a comment
        return words.text(tag)
    length = len(name) + 1
    head = tag[:length]
    if name.removeprefix("/") not in TAGS:
        # this may be somebody's address in angle brackets
        slash = "/" if name[0] == "/" else ""
        made_up = re.sub(r"[^\w-]", "-", words.text(tag[1 + len(slash) : length]))
        head = f"<{slash}x-{made_up}"
    return head + _ATTRIBUTE.sub(lambda match: _attribute(match, words), tag[length:])


def _attribute(match: re.Match[str], words: Words) -> str:
    name = match[1] or match[0]
    low = name.lower()
    if low not in _LOOKS | _ADDRESSES | _SAYING and not low.startswith(("data-", "aria-")):
        name = f"x-{words.text(name)}"
    if not match[1]:
        return name
    raw = match[3]
    value = unescape(raw[1:-1] if raw[0] in "\"'" else raw)
    if low == "style":
        other = _IN_STYLE.sub("none", value)
    elif low in _LOOKS:
        other = value
    elif low in _ADDRESSES:
        other = words.address(value.strip())
    else:
        other = words.text(value)
    return f"{name}{match[2]}{raw}" if other == value else f'{name}{match[2]}"{escape(other)}"'

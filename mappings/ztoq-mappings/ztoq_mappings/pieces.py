"""Splits HTML into texts and tags, so that one can be changed without the other."""

from __future__ import annotations

import re

# a tag that is never closed ends at a quote that is never closed: so no character is read twice
_TAG = re.compile(r"""(<!--.*?(?:-->|\Z)|<[a-zA-Z/!?](?:"[^"]*"|'[^']*'|[^'">])*+>?)""", re.DOTALL)
_NAME = re.compile(r"<(/?[a-zA-Z][^\s/>]*)")


def pieces(html: str) -> list[str]:
    """Return text, tag, text, tag … text: at even places texts (perhaps ``""``), else tags.

    Comments count as tags. All pieces joined are ``html`` again.
    """
    return _TAG.split(html)


def tag_name(tag: str) -> str:
    """Return the name of a tag in lower case, ``/a`` for an end tag, ``""`` for a comment."""
    found = _NAME.match(tag)
    return found.group(1).lower() if found else ""

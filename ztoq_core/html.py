"""Reads HTML as people see it."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser

__all__ = ["plain_text"]

_BLOCK_NAMES = (
    "address article aside blockquote dd div dl dt figure footer form h1 h2 h3 h4 h5 h6 header hr"
    " li main nav ol p pre section table tr ul"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_CELLS = frozenset({"td", "th"})
_HIDDEN = frozenset({"script", "style"})
_BLANKS = re.compile(r"[ \t\r\n]+")
_BREAK = "\x1e"


def plain_text(html: str) -> str:
    """Return the words of a piece of HTML, a line for each block, row or line break.

    Lines have single blanks, none at their ends, and are never empty.
    """
    if "<" not in html and "&" not in html:
        return _BLANKS.sub(" ", html).strip(" ")
    # the parser refuses lone surrogates, which texts of a service may have
    node = LexborHTMLParser(html.encode("utf-8", "replace")).body
    parts: list[str] = []
    pre = 0
    # by hand, not by recursion or by changing the tree: texts nest as deep as they like
    while node is not None:
        tag = node.tag
        if tag == "-text":
            text = node.text_content or ""
            parts.append(text.replace("\n", _BREAK) if pre else text)
        elif tag == "br" or tag in _BLOCKS:
            parts.append(_BREAK)
            pre += tag == "pre"
        child = None if tag in _HIDDEN else node.child
        while child is None and node is not None:
            if tag in _BLOCKS:
                parts.append(_BREAK)
                pre -= tag == "pre"
            elif tag in _CELLS:
                parts.append(" ")
            child = node.next
            if child is None:
                node = node.parent
                tag = node.tag if node is not None else ""
                if tag == "body":
                    break
        node = child
    lines = "".join(parts).split(_BREAK)
    return "\n".join(line for each in lines if (line := _BLANKS.sub(" ", each).strip(" ")))

"""Cleans HTML and turns it into text."""

from __future__ import annotations

import re

import nh3
from selectolax.lexbor import LexborHTMLParser, LexborNode

__all__ = ["as_text", "clean"]

_CHANGED = (
    "script,style,br,td,th,address,article,aside,blockquote,dd,div,dl,dt,figure,footer,form,h1,h2"
    ",h3,h4,h5,h6,header,hr,li,main,nav,ol,p,pre,section,table,tr,ul"
)
_BREAK = "\x1e"
_BLANKS = re.compile(r"[ \t\r\n]+")


def clean(html: str) -> str:
    """Return the HTML without scripts, styles, event handlers and unknown tags."""
    return nh3.clean(html, link_rel=None)


def as_text(html: str) -> str:
    """Return the words of the HTML, a line for each block, row or line break."""
    tree = LexborHTMLParser(html)
    for node in tree.css(_CHANGED):
        if node.tag in {"script", "style"}:
            node.decompose()
        elif node.tag == "br":
            node.insert_before(_BREAK)
        elif node.tag in {"td", "th"}:
            node.insert_after(" ")
        else:
            if node.tag == "pre":
                _break_lines(node)
            node.insert_before(_BREAK)
            node.insert_after(_BREAK)
    body = tree.body
    lines = (body.text() if body else "").split(_BREAK)
    return "\n".join(line for each in lines if (line := _BLANKS.sub(" ", each).strip(" ")))


def _break_lines(node: LexborNode) -> None:
    """Have the line breaks of a preformatted text count."""
    for part in list(node.traverse(include_text=True)):
        if part.tag == "-text":
            part.replace_with((part.text_content or "").replace("\n", _BREAK))

"""Reads HTML as people see it, and tells tags from what only looks like one.

``<username>`` and ``List<String>`` look like tags: a browser hides them, and a server that cleans
HTML deletes them for good. What is a tag is decided here alone, for what is sent, what is compared
and what becomes plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

__all__ = ["escape_stray", "plain_text", "split_tags"]


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BLOCKS = _names(
    "address article aside blockquote dd div dl dt figure footer form h1 h2 h3 h4 h5 h6 header hr"
    " li main nav ol p pre section table tr ul"
)
_CELLS = frozenset({"td", "th"})
_HIDDEN = frozenset({"script", "style"})
_BLANKS = re.compile(r"[ \t\r\n]+")
_BREAK = "\x1e"
# tags that editors write; their end tags are optional or do not exist
_USUAL = _names(
    "a abbr acronym b big blockquote br caption center cite code col colgroup dd del dfn div dl dt"
    " em font h1 h2 h3 h4 h5 h6 hr i img input ins kbd li mark nobr ol p pre q s samp small span"
    " strike strong sub sup table tbody td tfoot th thead tr tt u ul var wbr"
)
# These are English words too: "<address>" is a tag only if "</address>" follows.
_PAIRED = _names(
    "address article aside audio bdi bdo body button data datalist details dialog fieldset"
    " figcaption figure footer form header hgroup html label legend main map menu meter nav"
    " noscript optgroup option output picture progress rp rt ruby search section select slot style"
    " summary time video"
)
_OFFICE = frozenset({"m", "o", "st1", "v", "w", "x"})  # prefixes in texts pasted from Office
_BARE = (  # attributes without a value
    "checked|compact|contenteditable|controls|disabled|download|hidden|itemscope|loop|multiple"
    "|muted|noshade|nowrap|open|readonly|required|reversed|selected"
)
# Possessive, so that no character is tried twice: the time is linear in the length of a text.
_TAG = re.compile(
    r"</?([a-z][a-z0-9]*+(?::[a-z0-9]++)?+)"
    rf"(?:[\s/]++(?:[^\s\"'<>/=]++\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'=<>`]++)|(?:{_BARE})\b)?+)*+"
    r"\s*+/?+>",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"<!--(?:-?>|.*?--!?>)", re.DOTALL)
_BARE_TAG = re.compile(r"</?([a-z][a-z0-9]*+)\s*+/?>", re.IGNORECASE)
"""A tag without attributes, as most are."""
_END = re.compile(r"</([a-z][a-z0-9]*)\s*>", re.IGNORECASE)


def plain_text(html: str) -> str:
    """Return the words of a text of a record, a line for each block, row or line break.

    Lines have single blanks, none at their ends, and are never empty. ``<username>`` is a word.
    """
    return page_text(escape_stray(html))


def page_text(html: str) -> str:
    """Return the words that a browser shows of a page, in lines as those of ``plain_text``."""
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


def escape_stray(html: str) -> str:
    """Return the HTML with ``&lt;`` for each ``<`` that begins neither a tag nor a comment.

    Escaping twice changes nothing more. The time is linear in the length of the text.
    """
    if "<" not in html:
        return html
    bare = _BARE_TAG.findall(html)
    if len(bare) == html.count("<") and _USUAL.issuperset(map(str.lower, bare)):
        return html
    return "".join(whole if tag else whole.replace("<", "&lt;") for whole, tag in split_tags(html))


def split_tags(html: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of the text with their names: tags, comments, and the text between.

    The name of a tag is in lower case, with a slash before it for an end tag. A text has the name
    ``""``, a comment ``!``.
    """
    ended = {name.lower() for name in _END.findall(html)}
    last_end = max(html.rfind("->"), html.rfind("--!>"))
    done = at = 0
    while (start := html.find("<", at)) >= 0:
        found = _TAG.match(html, start)
        name = found[1].lower() if found else ""
        if not _is_tag(name, ended):
            name = "!"
            found = _COMMENT.match(html, start) if start < last_end else None
        at = found.end() if found else start + 1
        if found:
            if done < start:
                yield html[done:start], ""
            yield found[0], f"/{name}" if html[start + 1] == "/" else name
            done = at
    if done < len(html):
        yield html[done:], ""


def _is_tag(name: str, ended: set[str]) -> bool:
    prefix, colon, _ = name.partition(":")
    return name in _USUAL or (prefix in _OFFICE if colon else name in _PAIRED and name in ended)

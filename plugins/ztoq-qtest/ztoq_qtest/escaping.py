"""Escapes what only looks like an HTML tag, so that a target that cleans HTML drops no words.

``<username>`` and ``List<String>`` look like tags: a browser hides them, and a server that cleans
HTML deletes them for good. Each text is escaped once, just before it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from ztoq_core.plugin import (
    Attachment,
    FieldDefinition,
    FieldType,
    FieldValue,
    Record,
    TestCase,
    with_texts,
)

__all__ = ["escape_stray", "escape_texts", "split_tags"]


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


# tags that editors write; their end tags are optional or do not exist
USUAL = _words(
    "a abbr acronym b big blockquote br caption center cite code col colgroup dd del dfn div dl dt"
    " em font h1 h2 h3 h4 h5 h6 hr i img input ins kbd li mark nobr ol p pre q s samp small span"
    " strike strong sub sup table tbody td tfoot th thead tr tt u ul var wbr"
)
# These are English words too: "<address>" is a tag only if "</address>" follows.
PAIRED = _words(
    "address article aside audio bdi bdo body button data datalist details dialog fieldset"
    " figcaption figure footer form header hgroup html label legend main map menu meter nav"
    " noscript optgroup option output picture progress rp rt ruby search section select slot style"
    " summary time video"
)
OFFICE = frozenset({"m", "o", "st1", "v", "w", "x"})  # prefixes in texts pasted from Office
BARE = (  # attributes without a value
    "checked|compact|contenteditable|controls|disabled|download|hidden|itemscope|loop|multiple"
    "|muted|noshade|nowrap|open|readonly|required|reversed|selected"
)
# Possessive, so that no character is tried twice: the time is linear in the length of a text.
TAG = re.compile(
    r"</?([a-z][a-z0-9]*+(?::[a-z0-9]++)?+)"
    rf"(?:[\s/]++(?:[^\s\"'<>/=]++\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'=<>`]++)|(?:{BARE})\b)?+)*+"
    r"\s*+/?+>",
    re.IGNORECASE,
)
COMMENT = re.compile(r"<!--(?:-?>|.*?--!?>)", re.DOTALL)
BARE_TAG = re.compile(r"</?([a-z][a-z0-9]*+)\s*+/?>", re.IGNORECASE)
"""A tag without attributes, as most are."""
END = re.compile(r"</([a-z][a-z0-9]*)\s*>", re.IGNORECASE)


def escape_texts(record: Record) -> Record:
    """Return the record with stray ``<`` escaped in all its HTML; plain texts stay as they are."""
    if isinstance(record, Attachment | FieldDefinition):
        return record
    made = with_texts(record, escape_stray)
    if (fields := _safe(record.fields)) != made.fields:
        made = attrs.evolve(made, fields=fields)
    if isinstance(record, TestCase) and isinstance(made, TestCase):
        of_steps = [_safe(step.fields) for step in record.steps]
        if of_steps != [step.fields for step in made.steps]:
            pairs = zip(made.steps, of_steps, strict=True)
            steps = tuple(attrs.evolve(step, fields=fields) for step, fields in pairs)
            made = attrs.evolve(made, steps=steps)
    return made


def _safe(fields: tuple[FieldValue, ...]) -> tuple[FieldValue, ...]:
    return tuple(
        attrs.evolve(each, value=escape_stray(each.value))
        if each.type is FieldType.RICH_TEXT and isinstance(each.value, str)
        else each
        for each in fields
    )


def escape_stray(html: str) -> str:
    """Return the HTML with ``&lt;`` for each ``<`` that begins neither a tag nor a comment.

    Escaping twice changes nothing more. The time is linear in the length of the text.
    """
    if "<" not in html:
        return html
    bare = BARE_TAG.findall(html)
    if len(bare) == html.count("<") and USUAL.issuperset(map(str.lower, bare)):
        return html
    return "".join(whole if tag else whole.replace("<", "&lt;") for whole, tag in split_tags(html))


def split_tags(html: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of the text with their names: tags, comments, and the text between.

    The name of a tag is in lower case, with a slash before it for an end tag. A text has the name
    ``""``, a comment ``!``.
    """
    ended = {name.lower() for name in END.findall(html)}
    last_end = max(html.rfind("->"), html.rfind("--!>"))
    done = at = 0
    while (start := html.find("<", at)) >= 0:
        found = TAG.match(html, start)
        name = found[1].lower() if found else ""
        if not _is_tag(name, ended):
            name = "!"
            found = COMMENT.match(html, start) if start < last_end else None
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
    return name in USUAL or (prefix in OFFICE if colon else name in PAIRED and name in ended)

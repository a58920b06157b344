"""Addresses in texts: the pictures that a text shows, and the ``ztoq:`` URLs of mapped texts.

Texts are changed in the one attribute that holds an address; all else stays as it is, byte for
byte. The engine finds pictures with it, mappings name them alike, sinks resolve addresses.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from html import escape, unescape
from typing import Any, TypeVar
from urllib.parse import unquote

import attrs

from ztoq_core.contracts import Links
from ztoq_core.records import (
    ADDRESS,
    Attachment,
    FieldValue,
    Folder,
    Kind,
    Record,
    Ref,
    Requirement,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestStep,
)

__all__ = [
    "HTML_TEXTS",
    "change_images",
    "image_src",
    "images_in",
    "ref_of",
    "resolve_addresses",
    "resolved",
    "texts_of",
    "with_texts",
]

R = TypeVar("R", bound=Record)

_IMAGE = re.compile("<img", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>][^\s>]*))?""")
_TAG = re.compile(
    r"""<!--(?:-?>|.*?(?:--!?>|\Z))|<(?P<slash>/?)(?P<name>[a-z][^\s/>]*)"""
    r"""(?:=\s*"[^"]*"|=\s*'[^']*'|[^>])*+(?P<end>>?)""",
    re.IGNORECASE | re.DOTALL,
)
"""A comment or a tag. Nothing is given back once it is read (possessive), and a tag that is never
closed takes all that follows, so the time is in proportion to the text."""
_OURS: Mapping[str, str] = {"a": "href", "img": "src"}
_RAW = {name: re.compile(rf"</{name}[\s/>]", re.IGNORECASE) for name in ("script", "style")}
"""Elements whose content is not read as HTML, and what ends them."""

HTML_TEXTS: Mapping[type, tuple[str, ...]] = {
    Folder: ("description",),
    Requirement: ("description",),
    TestCase: ("description", "precondition"),
    TestPlan: ("description", "note"),
    TestCycle: ("description",),
    TestLog: ("comment", "note"),
    TestStep: ("description", "data", "expected"),
    StepResult: ("description", "data", "expected", "actual"),
}
"""The attributes that are HTML by the word of ``ztoq_core.records``, besides values of fields."""


# ---------------------------------------------------------------------------------------- pictures


def image_src(src: str) -> str:
    """Return the form in which ``Image.src`` names the address of a picture.

    ``src`` is the value of the attribute, unescaped. A data URI is named by its digest alone
    (``data:#…``): it may hold megabytes, which the text has anyway.
    """
    bare = src.strip()
    if bare[:5].lower() != "data:":
        return bare
    whole = bare.encode("utf-8", "surrogatepass")
    return f"data:#{hashlib.sha1(whole, usedforsecurity=False).hexdigest()}"


def images_in(html: str) -> Iterator[str]:
    """Yield the addresses of the pictures that a text shows, unescaped, in order."""
    if _IMAGE.search(html):
        for tag in _tags(html):
            if tag.name == "img" and (found := tag.address(html)):
                yield found.value.strip()


def change_images(html: str, change: Callable[[str], str | None]) -> str:
    """Return the text with changed pictures.

    ``change`` gets the address of each (unescaped). It returns what replaces the whole tag, which
    begins with ``<`` or ``[``, or another address, or None to leave the picture as it is.
    """
    if not _IMAGE.search(html):
        return html
    edits: list[_Edit] = []
    for tag in _tags(html):
        found = tag.address(html) if tag.name == "img" else None
        if found is None:
            continue
        new = change(found.value.strip())
        if new is not None:
            whole = new.startswith(("<", "["))
            edits.append((tag.start, tag.end, new) if whole else found.edit(new))
    return _edited(html, edits)


# --------------------------------------------------------------------------------- ztoq: addresses


def ref_of(address: str) -> Ref | None:
    """Return the record that a ``ztoq:`` URL refers to, None for any other address."""
    if not address.startswith(ADDRESS):
        return None
    kind, slash, key = address.removeprefix(ADDRESS).partition("/")
    return Ref(Kind(kind), unquote(key)) if slash and kind in set(Kind) else None


def resolve_addresses(html: str, links: Links) -> tuple[str, tuple[Ref, ...]]:
    """Return the text with the target's own URLs instead of ``ztoq:`` ones, and what has none.

    A link to what is not in the target becomes its words, a picture a visible placeholder.
    """
    if ADDRESS not in html:
        return html, ()
    edits: list[_Edit] = []
    missing: dict[Ref, None] = {}
    open_links: list[bool] = []  # whether the tag is taken away
    for tag in _tags(html):
        if tag.closes:
            if open_links and open_links.pop():
                edits.append((tag.start, tag.end, ""))
            continue
        found = tag.address(html)
        ref = ref_of(found.value.strip()) if found else None
        written = links.get(ref) if ref else None
        unwrapped = ref is not None and not (written and written.url)
        if tag.name == "a":
            open_links.append(unwrapped)
        if found is None or ref is None:
            continue
        if written and written.url:
            edits.append(found.edit(written.url))
        else:
            missing[ref] = None
            edits.append((tag.start, tag.end, _stand_in(tag, html)))
    return _edited(html, edits), tuple(missing)


def resolved(record: R, links: Links) -> R:
    """Return the record with ``resolve_addresses`` applied to all its texts."""
    return with_texts(record, lambda text: resolve_addresses(text, links)[0])


def _stand_in(tag: _Tag, html: str) -> str:
    if tag.name == "a":
        return ""
    alt = next((each.value for each in tag.attributes(html) if each.name == "alt"), "")
    return f"<em>[Picture missing{escape(f': {alt.strip()}' if alt.strip() else '')}]</em>"


# -------------------------------------------------------------------------------- texts of records


def texts_of(record: Record) -> Iterator[str]:
    """Yield all texts of a record that are HTML, and the values of its fields that may be."""

    def see(text: str) -> str:
        found.append(text)
        return text

    found: list[str] = []
    with_texts(record, see)
    yield from found


def with_texts(record: R, change: Callable[[str], str]) -> R:
    """Return the record with each of these texts changed; the same object if none is."""
    changes = _changes(record, change)
    if isinstance(record, TestCase):
        changes |= _each(record.steps, "steps", change)
        if record.script and record.script.language == "plain":
            text = change(record.script.text)
            if text is not record.script.text:
                changes["script"] = attrs.evolve(record.script, text=text)
    elif isinstance(record, TestLog):
        changes |= _each(record.results, "results", change)
    return attrs.evolve(record, **changes) if changes else record


def _each(
    parts: tuple[TestStep, ...] | tuple[StepResult, ...], name: str, change: Callable[[str], str]
) -> dict[str, Any]:
    made = []
    for part in parts:
        changes = _changes(part, change)
        made.append(attrs.evolve(part, **changes) if changes else part)
    return {name: tuple(made)} if any(a is not b for a, b in zip(made, parts, strict=True)) else {}


def _changes(thing: object, change: Callable[[str], str]) -> dict[str, Any]:
    """Return the attributes of a record, step or result that ``change`` changes."""
    changes: dict[str, Any] = {}
    for name in HTML_TEXTS.get(type(thing), ()):
        old = getattr(thing, name)
        if old and (new := change(old)) is not old:
            changes[name] = new
    fields: tuple[FieldValue, ...] = getattr(thing, "fields", ())
    if fields and not isinstance(thing, Attachment):
        made = []
        for field in fields:
            value = field.value
            if isinstance(value, str) and (other := change(value)) is not value:
                made.append(attrs.evolve(field, value=other))
            else:
                made.append(field)
        if any(a is not b for a, b in zip(made, fields, strict=True)):
            changes["fields"] = tuple(made)
    return changes


# ------------------------------------------------------------------------------------------- tags

_Edit = tuple[int, int, str]


@attrs.frozen
class _Attribute:
    """An attribute with the place of its value, quotes included."""

    name: str
    value: str
    start: int
    end: int

    def edit(self, value: str) -> _Edit:
        return self.start, self.end, f'"{escape(value)}"'


@attrs.frozen
class _Tag:
    """A picture, or a start or end tag of a link, and its place in the text."""

    name: str
    start: int
    end: int
    closes: bool = False

    def attributes(self, html: str) -> Iterator[_Attribute]:
        place = self.start + 1 + len(self.name)
        for match in _ATTRIBUTE.finditer(html, place, self.end):
            if match[2] is not None:
                raw = match[2][1:-1] if match[2][0] in "\"'" else match[2]
                yield _Attribute(match[1].lower(), unescape(raw), match.start(2), match.end(2))

    def address(self, html: str) -> _Attribute | None:
        """Return the attribute that holds the address; of several the first counts (HTML)."""
        name = _OURS[self.name]
        return next((each for each in self.attributes(html) if each.name == name), None)


def _tags(html: str) -> Iterator[_Tag]:
    """Yield links and pictures; reads each character once, however broken the text is."""
    place = 0
    while match := _TAG.search(html, place):
        place = match.end()
        if not match["end"]:  # a comment, or a tag that is never closed
            continue
        name = match["name"].lower()
        if name in _OURS and not (match["slash"] and name == "img"):
            yield _Tag(name, match.start(), match.end(), closes=bool(match["slash"]))
        elif name in _RAW and not match["slash"]:
            closing = _RAW[name].search(html, place)
            place = closing.start() if closing else len(html)


def _edited(html: str, edits: list[_Edit]) -> str:
    if not edits:
        return html
    parts = []
    place = 0
    for start, end, new in edits:
        parts += [html[place:start], new]
        place = end
    return "".join((*parts, html[place:]))

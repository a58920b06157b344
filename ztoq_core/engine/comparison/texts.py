"""Reads an HTML text as a person sees it: words and their emphasis, lines, links and pictures.

The parser is the standard library's; mappings write HTML with lexbor, so a fault of theirs cannot
hide here. What is a tag, and what somebody typed in angle brackets, ``escape_stray`` decides for
sinks and for this module: where they disagree, each such text would differ for ever.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import NamedTuple

from ztoq_core.html import escape_stray


class Token(NamedTuple):
    """A word with its looks, a space, a line break, a picture, or the start of a cell, item …."""

    kind: str
    text: str = ""
    looks: frozenset[str] = frozenset()


Shape = tuple[Token, ...]
"""A text as tokens."""


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LINE = Token("line")
_SPACE = Token("space")
_EMPHASES = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underlined"),
    **dict.fromkeys(("s", "strike", "del"), "struck"),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), "code"),
    "sub": "sub",
    "sup": "sup",
}
_LINES = _names(
    "address article aside blockquote br center dd div dl dt figcaption figure footer form "
    "header hr main nav ol p pre section table tbody tfoot thead ul"
)
_PLACES = _names("h1 h2 h3 h4 h5 h6 hr li td th tr")
"""Elements whose number and order is part of the text: a cell that is gone moves the others."""
_ALONE = _names("br p")
"""End tags that count without a start. Browsers ignore all others, and targets drop them."""
_CODE = re.compile("(?:javascript|vbscript|data):", re.IGNORECASE)
"""Links that a browser runs instead of following them: targets drop their addresses, so they count
as no links on either side."""
_IGNORED = re.compile(r"[\x00-\x20]")  # by browsers, within a scheme
_HIDDEN = "style"
_EXCERPT = 60

Address = Callable[[str], str | None]
"""Returns the address that a text must show instead of one; None: a link to nothing."""


class _Reader(HTMLParser):
    def __init__(self, html: str, address: Address) -> None:
        super().__init__(convert_charrefs=True)
        self.tokens: list[Token] = []
        self._address = address
        self._open: list[tuple[str, str]] = []
        self._hidden = 0
        self._pre = 0
        self._blocks: Counter[str] = Counter()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag == _HIDDEN
        self._pre += tag == "pre"
        self._separate(tag)
        given = {name: value or "" for name, value in reversed(attrs)}
        if tag in _EMPHASES:
            self._open.append((tag, _EMPHASES[tag]))
        elif tag == "a":
            found = self._address(given.get("href", "").strip())
            leads = found and not _CODE.match(_IGNORED.sub("", found))
            self._open.append((tag, f"to {found}" if leads else ""))
        elif tag == "img":
            self._picture(given)

    def _picture(self, given: dict[str, str]) -> None:
        source = given.get("src", "").strip()
        found = self._address(source)
        if found is None:
            alt = given.get("alt", "").strip()
            self._open.append(("img", "italic"))
            self._words(f"[Picture missing: {alt}]" if alt else "[Picture missing]")
            self._open.pop()
        else:
            self.tokens.append(Token("picture", found))

    def handle_endtag(self, tag: str) -> None:
        if tag == _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag == "pre":
            self._pre = max(0, self._pre - 1)
        if self._blocks[tag] or tag in _ALONE:
            self._line()
        self._blocks[tag] = max(0, self._blocks[tag] - 1)
        for position in reversed(range(len(self._open))):
            if self._open[position][0] == tag:
                del self._open[position]
                break

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if not self._pre:
            self._words(data)
            return
        for number, line in enumerate(data.splitlines() or [""]):
            if number:
                self._line()
            self._words(line)

    def _separate(self, tag: str) -> None:
        if tag in _LINES or tag in _PLACES:
            self._line()
            self._blocks[tag] += 1
        if tag in _PLACES:
            self.tokens.append(Token(tag))

    def _line(self) -> None:
        while self.tokens and self.tokens[-1] == _SPACE:
            self.tokens.pop()
        if self.tokens and self.tokens[-1] != _LINE and self.tokens[-1] not in _STARTS:
            self.tokens.append(_LINE)

    def _words(self, text: str) -> None:
        looks = frozenset([look for _, look in self._open if look])
        if text[:1].isspace():
            self._space()
        first, *others = text.split() or [""]
        last = self.tokens[-1] if self.tokens else _SPACE
        if first and last.kind == "word" and last.looks == looks:
            self.tokens[-1] = Token("word", f"{last.text}{first}", looks)
        elif first:
            self.tokens.append(Token("word", first, looks))
        for word in others:
            self.tokens += (_SPACE, Token("word", word, looks))
        if text[-1:].isspace():
            self._space()

    def _space(self) -> None:
        if self.tokens and self.tokens[-1] not in _NO_SPACE_AFTER:
            self.tokens.append(_SPACE)


_STARTS = frozenset(Token(name) for name in _PLACES)
_NO_SPACE_AFTER = _STARTS | {_SPACE, _LINE}


def shape_of(html: str, address: Address = lambda given: given) -> Shape:
    """Return the text as tokens; ``address`` says what links and pictures must lead to."""
    if "<" not in html and "&" not in html:
        spaced = [token for word in html.split() for token in (_SPACE, Token("word", word))]
        return tuple(spaced[1:])
    tokens = _Reader(escape_stray(html), address).tokens
    while tokens and tokens[-1] in {_SPACE, _LINE}:
        tokens.pop()
    return tuple(tokens)


def has_rest(begins: Shape, whole: Shape) -> Shape | None:
    """Return what follows ``begins`` in ``whole``; None where it does not begin so."""
    if whole[: len(begins)] != begins:
        return None
    rest = whole[len(begins) :]
    return rest[1:] if rest[:1] in ((_LINE,), (_SPACE,)) else rest


def plain_words(shape: Shape) -> list[str]:
    """Return the words alone, as they are read; words that touch are one."""
    found: list[str] = []
    touching = False
    for token in shape:
        if token.kind == "word" and touching:
            found[-1] += token.text
        elif token.kind == "word":
            found.append(token.text)
        touching = token.kind == "word"
    return found


def excerpt(shape: Shape, other: Shape) -> str:
    """Return the words of ``shape`` from where it first differs from ``other``, quoted."""
    start = next(
        (n for n, pair in enumerate(zip(shape, other, strict=False)) if pair[0] != pair[1]),
        min(len(shape), len(other)),
    )
    return _quoted(shape[start:])


def _quoted(shape: Sequence[Token]) -> str:
    marks = {"space": " ", "line": " / "}
    parts = []
    for token in shape:
        looks = f" ({', '.join(sorted(token.looks))})" if token.looks else ""
        words = {"word": f"{token.text}{looks}", "picture": f"[picture {token.text}]", **marks}
        parts.append(words.get(token.kind, f" [{token.kind}] "))
    text = " ".join("".join(parts).split())
    return repr(text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…") if text else "nothing"

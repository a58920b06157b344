"""The query language of the search, as far as facts section 10 report it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import attrs

from ztoq_demo.qtest.fields import bad

# spaces around operators are required; values and names with spaces in single quotes
WORD = re.compile(r"\s*(?:'((?:[^']|'')*)'|(\()|(\))|([^\s()']+))")
OPERATORS = ("=", "!=", "<>", "<", ">", "<=", ">=", "in", "~", "!~", "is")
VALUE_FORM = "a value must be quoted with '"


@attrs.frozen
class Comparison:
    """A field, an operator and values (several for ``in``)."""

    field: str
    operator: str
    values: tuple[str, ...]


@attrs.frozen
class And:
    """All of them hold."""

    nodes: tuple[Node, ...]


@attrs.frozen
class Or:
    """One of them holds."""

    nodes: tuple[Node, ...]


Node = Comparison | And | Or
Joined = TypeVar("Joined", And, Or)


@attrs.frozen
class _Word:
    text: str
    quoted: bool

    def is_word(self, *words: str) -> bool:
        return not self.quoted and self.text.lower() in words


def _words(query: str) -> list[_Word]:
    found, place, query = [], 0, query.strip()
    while place < len(query):
        match = WORD.match(query, place)
        if match is None or not match.group().strip():
            raise bad("the query cannot be read: quotes")
        quoted = match.group(1)
        if quoted is not None:
            found.append(_Word(quoted.replace("''", "'"), quoted=True))
        else:
            found.append(_Word(match.group().strip(), quoted=False))
        place = match.end()
    return found


class _Parser:
    def __init__(self, words: list[_Word]) -> None:
        self.words = words
        self.place = 0

    def ended(self) -> bool:
        return self.place >= len(self.words)

    def next(self) -> _Word:
        if self.ended():
            raise bad("the query ends too early")
        self.place += 1
        return self.words[self.place - 1]

    def sees(self, *words: str) -> bool:
        return not self.ended() and self.words[self.place].is_word(*words)

    def joined(self, word: str, inner: Callable[[], Node], kind: type[Joined]) -> Node:
        nodes = [inner()]
        while self.sees(word):
            self.next()
            nodes.append(inner())
        return nodes[0] if len(nodes) == 1 else kind(tuple(nodes))

    def any_of(self) -> Node:
        return self.joined("or", self.all_of, Or)

    def all_of(self) -> Node:
        return self.joined("and", self.single, And)

    def single(self) -> Node:
        if self.sees("("):
            self.next()
            node = self.any_of()
            if not self.next().is_word(")"):
                raise bad("the query lacks a )")
            return node
        field, operator = self.next(), self.next()
        if operator.quoted or operator.text.lower() not in OPERATORS:
            raise bad(f"the query has no operator after {field.text!r}")
        name = operator.text.lower()
        if name == "in":
            return Comparison(field.text, name, self.several())
        return Comparison(field.text, name, (self.value(),))

    def value(self) -> str:
        word = self.next()
        if not word.quoted and (word.text.startswith('"') or word.is_word("(", ")")):
            raise bad(VALUE_FORM)
        return word.text

    def several(self) -> tuple[str, ...]:
        if not self.next().is_word("("):
            raise bad("in needs a list in parentheses")
        values = []
        while not self.sees(")"):
            word = self.next()
            if word.quoted:
                values.append(word.text)
            else:
                values.extend(part for part in word.text.split(",") if part)
        self.next()
        return tuple(values)


def parse(query: str) -> Node | None:
    """Return the condition of a query; None for an empty one, which all objects meet.

    Raises:
        Refusal: 400 for what cannot be read.
    """
    parser = _Parser(_words(query))
    if parser.ended():
        return None
    node = parser.any_of()
    if not parser.ended():
        raise bad(f"the query cannot be read after {parser.words[parser.place - 1].text!r}")
    return node

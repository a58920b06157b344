"""Finds what a table does not hold of a test case, by comparing it with what the rows give back.

So the rule is in one place, and holds for every property: what does not come back is noted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs

from ztoq_core.plugin import Note, NoteCode, TestCase, plain_text
from ztoq_files.note_codes import NO_COLUMN, TEXT_AS_PLAIN, TEXT_CLEANED, VALUE_AS_TEXT
from ztoq_files.table.layouts import Layout, value_text

_SENTENCES = {
    NO_COLUMN: "the table does not hold",
    TEXT_AS_PLAIN: "the table holds as plain text",
    TEXT_CLEANED: "the table holds with other characters",
    VALUE_AS_TEXT: "the table holds as text",
}
_ATTRIBUTES = ("status", "priority", "component", "owner", "project", "gone", "requirements")
"""What comes back as it was, or is lost."""


@attrs.frozen
class _Comparison:
    layout: Layout
    clean: Callable[[str], str]

    def text(self, sent: str, held: str) -> NoteCode | None:
        """Return what became of a rich text, None if it is as it was."""
        if sent == held:
            return None
        if (code := self.word(sent, held)) is not NO_COLUMN or self.layout.rich:
            return code
        code = self.word(plain_text(sent), plain_text(held))
        return code if code is NO_COLUMN else TEXT_AS_PLAIN

    def word(self, sent: str, held: str) -> NoteCode | None:
        """Return what became of a plain text."""
        if sent == held:
            return None
        cut = len(held) < len(sent) - sent.count("\r\n")
        return TEXT_CLEANED if held == self.clean(sent) and not cut else NO_COLUMN

    def all(
        self, case: TestCase, held: TestCase, path: Sequence[str]
    ) -> Iterator[tuple[str, NoteCode | None]]:
        yield "name", self.word(case.name, held.name)
        yield "description", self.text(case.description, held.description)
        yield "precondition", self.text(case.precondition, held.precondition)
        for name in _ATTRIBUTES:
            sent, there = getattr(case, name), getattr(held, name)
            yield name, self.word(sent, there) if isinstance(sent, str) else _same(sent, there)
        yield "labels", _same(case.labels, held.labels)
        yield "folder", _same(tuple(path), held.path)
        yield "created", _same(case.created, held.created)
        yield "estimated time", _same(case.estimated, held.estimated)
        yield "script", self._script(case, held)
        for link in case.links:
            yield f"link ({link.type})", None if link in held.links else NO_COLUMN
        yield from self._fields(case, held)
        yield from self._steps(case, held)

    def _script(self, case: TestCase, held: TestCase) -> NoteCode | None:
        if case.script is None or held.script is None:
            return _same(case.script, held.script)
        if case.script.language != held.script.language:
            return NO_COLUMN
        return self.word(case.script.text, held.script.text)

    def _fields(self, case: TestCase, held: TestCase) -> Iterator[tuple[str, NoteCode | None]]:
        there = {each.name: each.value for each in held.fields}
        for field in case.fields:
            if field.value in (None, "", ()):
                continue
            name = f"field {field.name!r}"
            value = there.pop(field.name, None)
            text = value_text(field.value)
            found = self.text(text, str(value)) if value is not None else NO_COLUMN
            if isinstance(field.value, tuple) and any("," in each for each in field.value):
                found = NO_COLUMN  # nobody can tell where one label ends
            yield name, found
            if found is not NO_COLUMN and not isinstance(field.value, str):
                yield name, VALUE_AS_TEXT

    def _steps(self, case: TestCase, held: TestCase) -> Iterator[tuple[str, NoteCode | None]]:
        if len(case.steps) != len(held.steps):
            yield "empty steps", NO_COLUMN
            return
        for sent, there in zip(case.steps, held.steps, strict=True):
            if sent.call:
                yield "called test cases of steps", NO_COLUMN
            if sent.fields:
                yield "fields of steps", NO_COLUMN
            if sent.data and not self.layout.steps[1]:
                both = f"{sent.description}<p>Test data: {sent.data}</p>"
                yield "test data of steps", self.text(both, there.description)
            elif sent.description or not sent.call:
                yield "steps", self.text(sent.description, there.description)
            if self.layout.steps[1]:
                yield "steps", self.text(sent.data, there.data)
            yield "steps", self.text(sent.expected, there.expected)


def losses(
    case: TestCase,
    held: TestCase,
    path: Sequence[str],
    layout: Layout,
    clean: Callable[[str], str],
) -> tuple[Note, ...]:
    """Return a note for each reason why ``held``, which the rows give back, is not the case.

    ``path`` is that of the case's folder, ``clean`` what a cell keeps of a text. What belongs to
    the engine is left aside: notes, pictures' files, ids and keys of steps, marks of the mapping.
    """
    found: dict[NoteCode, dict[str, None]] = {}
    for name, code in _Comparison(layout, clean).all(case, held, path):
        if code is not None:
            found.setdefault(code, {})[name] = None
    return tuple(
        code.note(f"{_SENTENCES[code]}: {', '.join(names)}") for code, names in found.items()
    )


def _same(sent: object, held: object) -> NoteCode | None:
    return None if sent == held else NO_COLUMN

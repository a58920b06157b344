"""The transformer ``users``: options, check and transform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from ztoq_core.plugin import (
    ConfigError,
    FieldType,
    FieldValue,
    Finding,
    Kind,
    Record,
    Schema,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    Transform,
    TransformContext,
    User,
    closest,
    folded,
)
from ztoq_mappings.note_codes import PERSON_DROPPED, PERSON_REPLACED, PERSON_UNKNOWN
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.users.table import read_table
from ztoq_mappings.walk import evolved, with_html

_PEOPLE: Mapping[type, tuple[str, ...]] = {
    TestCase: ("owner",),
    TestPlan: ("owner",),
    TestCycle: ("owner",),
    TestRun: ("assigned_to",),
    TestLog: ("executed_by", "assigned_to"),
}
"""The attributes with a person."""
_NAMED = 5
"""People in one finding, at most."""


@attrs.frozen(kw_only=True)
class Options:
    """The ``[[transform]]`` table with ``use = "users"``.

    ``table`` and the CSV ``file`` say who becomes whom. Others become their e-mail, else their
    name, where the source or a directory knows these. ``fallback`` is for the rest: ``keep`` leaves
    the source's id, ``drop`` leaves nobody, anything else names the replacement.
    """

    table: dict[str, str] = attrs.field(factory=dict)
    file: Path | None = None
    fallback: str = "keep"


class _People:
    """Maps people of the source to people of the target."""

    def __init__(self, options: Options, users: Iterable[User]) -> None:
        self._table = read_table(options.table, options.file)
        self._users: dict[str, User] = {}
        known = tuple(users)
        # an id is somebody's alone; names are not, so an earlier one is not written over
        for keys in ([u.id for u in known], [u.email for u in known], [u.name for u in known]):
            for key, user in zip(keys, known, strict=True):
                if key.strip():
                    self._users.setdefault(folded(key), user)

    def find(self, person: str) -> str | None:
        """Return the target's e-mail, login or name of a person, None if it is unknown."""
        user = self._users.get(folded(person))
        for key in (person, user.email, user.name) if user else (person,):
            if key and (target := self._table.get(folded(key))):
                return target
        return (user.email or user.name or None) if user else None

    @property
    def targets(self) -> tuple[str, ...]:
        """The people of the target in the table, each once."""
        return tuple(dict.fromkeys(self._table.values()))


def build(options: Options, context: TransformContext) -> Transform:
    """Return the transform.

    Raises:
        ConfigError: The table, its file or ``fallback`` cannot be used.
    """
    people = _People(options, context.source.users)
    fallback = _fallback(options)
    typed = {
        (field.kind, field.name) for field in context.source.fields if field.type is FieldType.USER
    }

    def transform(record: Record) -> Record:
        notes = NoteCollector(record.notes)

        def named(person: str) -> str:
            if not person.strip():
                return person
            return people.find(person) or _stand_in(person, fallback, notes)

        def field(value: FieldValue) -> FieldValue:
            if not _is_person(value, record.kind, typed):
                return value
            # several people in one field stay several
            new = (
                tuple(filter(None, map(named, value.value)))
                if isinstance(value.value, tuple)
                else named(str(value.value)) or None
            )
            return evolved(value, {"value": new})

        changed = evolved(
            with_html(record, lambda html: html, field),
            {name: named(getattr(record, name)) for name in _PEOPLE.get(type(record), ())},
        )
        return evolved(changed, {"notes": notes.notes()})

    return transform


def _is_person(value: FieldValue, kind: Kind, typed: set[tuple[Kind, str]]) -> bool:
    declared = value.type is FieldType.USER or (value.type is None and (kind, value.name) in typed)
    return declared and isinstance(value.value, str | tuple)


def _stand_in(person: str, fallback: str, notes: NoteCollector) -> str:
    if fallback == "keep":
        notes.add(
            PERSON_UNKNOWN,
            "a person of the source is unknown in the target; the source's id stays",
        )
        return person
    if fallback == "drop":
        notes.add(PERSON_DROPPED, "a person who is not mapped is left out (fallback)")
        return ""
    notes.add(PERSON_REPLACED, f"{fallback!r} replaces a person who is not mapped")
    return fallback


def _fallback(options: Options) -> str:
    fallback = options.fallback.strip()
    words = ("keep", "drop")
    if fallback in words:
        return fallback
    near = closest(fallback, words, 0.6)
    if near or not fallback:
        hint = f" (did you mean {near!r}?)" if near else ""
        raise ConfigError(
            f"users: fallback = {options.fallback!r} is not 'keep', 'drop' or a person{hint}"
        )
    return fallback


# ------------------------------------------------------------------------------------------ check


def check(options: Options, source: Schema, sink: Schema) -> tuple[Finding, ...]:
    """Report people of the source that have no counterpart in the target.

    Raises:
        ConfigError: As ``build``.
    """
    people = _People(options, source.users)
    fallback = _fallback(options)
    if not sink.users:
        text = "the target does not list its people; whether they are found is not checked"
        return (Finding(level="info", text=text),)
    known = {folded(key) for user in sink.users for key in (user.id, user.email, user.name) if key}
    findings: list[Finding] = []
    nobody = [user for user in source.users if people.find(user.id) is None]
    if nobody:
        findings.append(_finding("nothing maps", map(_shown, nobody), len(nobody), fallback))
    strange = [
        f"{_shown(user)} ({target})"
        for user in source.users
        if (target := people.find(user.id)) and folded(target) not in known
    ]
    if strange:
        findings.append(_finding("the target does not know", strange, len(strange), ""))
    own = (*people.targets, *(() if fallback in {"keep", "drop"} else (fallback,)))
    findings += (
        Finding(level="warning", text=f"users: nobody in the target is called {target!r}")
        for target in own
        if folded(target) not in known
    )
    return tuple(findings)


def _finding(what: str, people: Iterable[str], count: int, fallback: str) -> Finding:
    names = list(people)
    shown = ", ".join(names[:_NAMED]) + (" …" if count > _NAMED else "")
    then = f"; fallback = {fallback!r} applies" if fallback else ""
    return Finding(level="warning", text=f"{what} {count} of the source's people: {shown}{then}")


def _shown(user: User) -> str:
    return user.name or user.email or user.id

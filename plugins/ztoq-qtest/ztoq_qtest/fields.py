"""What the project's settings say: fields, allowed values, statuses, people. Each read once a run.

Ids are found by label or original name, never guessed: customers rename labels, and the numbers
differ from site to site.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from ztoq_core.plugin import AccessError, FieldValue, Kind, Level, Note, User
from ztoq_qtest.kinds import FIELD_OWNERS
from ztoq_qtest.project import FORBIDDEN, Project
from ztoq_qtest.values import (
    Field,
    clearing,
    encode,
    people_by_name,
    structure_choice,
    structure_field,
)

__all__ = ["FieldSet", "Settings", "Status", "fallbacks"]

LABEL_LENGTH = 100  # characters of a label (qTest help, field settings)


@attrs.frozen(kw_only=True)
class Status:
    """An execution status. Its id is none of the Status field's (facts, section 4)."""

    id: int
    name: str
    default: bool


_FOLDED = "\0"  # before names in lower case, which no label can begin with


def _names(fields: Sequence[Field]) -> Mapping[str, Field]:
    """Return fields by label, original name and both in lower case; the first of a name counts."""
    found: dict[str, Field] = {}
    for name in ("label", "original"):
        for field in fields:
            found.setdefault(getattr(field, name).strip(), field)
    for name in ("label", "original"):
        for field in fields:
            found.setdefault(_FOLDED + getattr(field, name).strip().casefold(), field)
    return found


@attrs.frozen(kw_only=True)
class FieldSet:
    """The fields of one object type; ``known`` False where the token may not list them."""

    fields: tuple[Field, ...] = ()
    known: bool = True

    @cached_property
    def _active(self) -> Mapping[str, Field]:
        return _names([each for each in self.fields if each.active])

    @cached_property
    def _all(self) -> Mapping[str, Field]:
        return _names(self.fields)

    def named(self, name: str, *, inactive: bool = False) -> Field | None:
        """Return the field by label, else by original name, else whatever the case.

        Active ones come first. A longer name is compared by the characters a label may have.
        """
        wanted = name.strip()[:LABEL_LENGTH].strip()
        for known in (self._active, self._all) if inactive else (self._active,):
            if found := known.get(wanted) or known.get(_FOLDED + wanted.casefold()):
                return found
        return None

    def by_id(self, number: int) -> Field | None:
        """Return the field with an id."""
        return next((each for each in self.fields if each.id == number), None)


@attrs.define(kw_only=True, eq=False)
class Settings:
    """Asks for the settings of a project.

    ``generation`` counts what this process changed in them, so that the run-long cache is asked
    for a new list; ``first`` are the ids of the fields when they were first listed.
    """

    project: Project
    generation: int = 0
    first: dict[str, frozenset[int]] = attrs.field(factory=dict)

    async def fields(self, type_: str) -> FieldSet:
        """Return the fields of an object type, inactive ones included."""
        name = f"qtest fields {self.project.config.project} {type_} {self.generation}"
        return await self.project.services.once(name, lambda: self.list_fields(type_))

    async def list_fields(self, type_: str) -> FieldSet:
        """Ask for the fields of an object type now."""
        try:
            raw = await self.project.get(f"settings/{type_}/fields", includeInactive="true")
        except AccessError as error:
            if error.status != FORBIDDEN:
                raise
            return FieldSet(known=False)
        fields = []
        for each in raw:
            field = structure_field(each)
            if field.id <= 0:
                continue  # computed by the server (facts, section 3)
            if each.get("constrained") and each.get("allowed_values") is None:
                path = f"settings/{type_}/fields/{field.id}/allowed-values"
                listed = [value async for value in self.project.pages(path, key="value")]
                field = attrs.evolve(field, choices=tuple(map(structure_choice, listed)))
            fields.append(field)
        self.first.setdefault(type_, frozenset(each.id for each in fields))
        return FieldSet(fields=tuple(fields))

    async def statuses(self) -> tuple[Status, ...]:
        """Return the active execution statuses."""

        async def ask() -> tuple[Status, ...]:
            return tuple(
                Status(
                    id=int(each["id"]),
                    name=str(each["name"]),
                    default=bool(each.get("is_default")),
                )
                for each in await self.project.get("test-runs/execution-statuses")
                if each.get("active") is not False
            )

        name = f"qtest statuses {self.project.config.project}"
        return await self.project.services.once(name, ask)

    async def users(self) -> tuple[User, ...]:
        """Return the active people of the project; nobody where the token may not list them."""

        async def ask() -> tuple[User, ...]:
            try:
                # the default of `inactive` differs between versions of the vendor's document
                found = await self.project.get("users", inactive="false")
            except AccessError as error:
                if error.status != FORBIDDEN:
                    raise
                return ()
            return tuple(_user(each) for each in found)

        return await self.project.services.once(f"qtest users {self.project.config.project}", ask)

    async def _people(self) -> Mapping[str, str]:
        async def ask() -> Mapping[str, str]:
            return people_by_name(await self.users())

        name = f"qtest people {self.project.config.project}"
        return await self.project.services.once(name, ask)

    async def properties(
        self, kind: Kind, values: Sequence[FieldValue], *, mark: str = "", clear: bool = False
    ) -> tuple[list[dict[str, Any]], list[FieldValue]]:
        """Return the properties that hold ``values`` (and the mark), and the values left over.

        ``clear``: what is empty is emptied, for objects that exist. Optional values without a
        place are dropped, since another field carries them.
        """
        known = await self.fields(FIELD_OWNERS[kind])
        people = await self._people() if known.known and values else {}
        key_field = self.project.config.key_field
        sent: dict[int, str] = {}
        rest: list[FieldValue] = []
        if mark and (field := known.named(key_field)):
            sent[field.id] = mark
        for value in values:
            if value.name == key_field:
                continue  # the mark says it
            field = known.named(value.name)
            travels, left = encode(field, value, people) if field else (None, value.value)
            if field and clear and value.value in (None, "", ()):
                travels = clearing(field)
            if field and travels is not None:
                sent.setdefault(field.id, travels)
            if left not in (None, "", ()) and not value.optional:
                rest.append(attrs.evolve(value, value=left))
        labels = {each.id: each.label for each in known.fields}
        return [
            {"field_id": number, "field_name": labels[number], "field_value": text}
            for number, text in sent.items()
        ], rest

    async def has_key_field(self, kind: Kind) -> bool:
        """Return whether objects of ``kind`` carry the source's key in a field."""
        fields = await self.fields(FIELD_OWNERS[kind])
        return fields.named(self.project.config.key_field) is not None


def _user(raw: Mapping[str, Any]) -> User:
    name = f"{raw.get('first_name') or ''} {raw.get('last_name') or ''}".strip()
    login = str(raw.get("username") or "")
    return User(id=str(raw["id"]), name=name or login, email=str(raw.get("email") or login))


def fallbacks(rest: Iterable[FieldValue], where: str) -> tuple[Note, ...]:
    """Return the notes on values without a field, one each; ``where`` is the text they stand in."""
    code = "field-as-text" if where else "field-in-store"
    place = f"it stands in the {where}" if where else "it is kept in the store"
    return tuple(
        Note(
            level=Level.FALLBACK,
            code=code,
            text=f"qTest has no field or value for {value.name!r}; {place}",
        )
        for value in rest
    )

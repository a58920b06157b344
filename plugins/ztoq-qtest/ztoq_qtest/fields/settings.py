"""What the project's settings say: fields, allowed values, statuses, people. Each read once a run.

Ids are found by label or original name, never guessed: customers rename labels, and the numbers
differ from site to site.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from ztoq_core.plugin import (
    AccessError,
    FieldType,
    FieldValue,
    Kind,
    Level,
    Note,
    RejectedError,
    User,
)
from ztoq_qtest.api.object_types import FIELD_OWNERS
from ztoq_qtest.api.project import FORBIDDEN, Project
from ztoq_qtest.fields.definitions_file import Raw, read_fields
from ztoq_qtest.fields.encoding import (
    Field,
    Sent,
    clearing,
    encode,
    people_by_name,
    person,
    structure_field,
)

__all__ = ["FieldSet", "Filled", "Settings", "Status", "fallbacks"]

LABEL_LENGTH = 100  # characters of a label (qTest help, field settings)


@attrs.frozen(kw_only=True)
class Status:
    """An execution status. Its id is none of the Status field's (facts, section 4)."""

    id: int
    name: str
    default: bool


_FOLDED = "\0"  # before names in lower case, which no label can begin with
_TOGETHER = "\1"  # before those without blanks


def _names(fields: Sequence[Field]) -> Mapping[str, Field]:
    """Return fields by label, original name and both in lower case; the first of a name counts."""
    found: dict[str, Field] = {}
    for name in ("label", "original"):
        for field in fields:
            found.setdefault(getattr(field, name).strip(), field)
    for name in ("label", "original"):
        for field in fields:
            found.setdefault(_FOLDED + getattr(field, name).strip().casefold(), field)
    for field in fields:
        if field.system:
            # original names are written together (seen: PlannedStartTestRun; guess: AssignedTo)
            found.setdefault(_TOGETHER + field.original.replace(" ", "").casefold(), field)
    return found


@attrs.frozen(kw_only=True)
class FieldSet:
    """The fields of one object type; ``known`` False where the token may not list them.

    ``live`` False: they are those of a file, and may not be changed.
    """

    fields: tuple[Field, ...] = ()
    known: bool = True
    live: bool = True

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
        folded = wanted.casefold()
        keys = (wanted, _FOLDED + folded, _TOGETHER + folded.replace(" ", ""))
        for known in (self._active, self._all) if inactive else (self._active,):
            for key in keys:
                if found := known.get(key):
                    return found
        return None

    def by_id(self, number: int) -> Field | None:
        """Return the field with an id."""
        return next((each for each in self.fields if each.id == number), None)


@attrs.frozen(kw_only=True)
class Filled:
    """The properties that hold values, the values left over, and what the held ones lost."""

    properties: list[dict[str, Any]]
    rest: list[FieldValue]
    changes: tuple[Note, ...] = ()

    def notes(self, where: str) -> tuple[Note, ...]:
        """Return what is to be noted; ``where`` is the text in which the rest stands."""
        return (*self.changes, *fallbacks(self.rest, where))


@attrs.define(kw_only=True, eq=False)
class Settings:
    """Asks for the settings of a project.

    ``generation`` counts what this process changed in them, so that the run-long cache is asked
    for a new list; ``first`` are the ids of the fields when they were first listed.
    ``step_fields`` is False once the site did not take fields of steps.
    """

    project: Project
    generation: int = 0
    step_fields: bool = True
    first: dict[str, frozenset[int]] = attrs.field(factory=dict)

    async def fields(self, type_: str) -> FieldSet:
        """Return the fields of an object type, inactive ones included."""
        name = f"qtest fields {self.project.config.project} {type_} {self.generation}"
        return await self.project.services.once(name, lambda: self.list_fields(type_))

    async def list_fields(self, type_: str) -> FieldSet:
        """Ask for the fields of an object type now; where that is forbidden, read them."""
        live = True
        try:
            raw = await self.raw_fields(type_)
        except (AccessError, RejectedError) as error:
            # where the client found that the token opens something else, a 403 is a rejection
            if error.status != FORBIDDEN:
                raise
            listed = await self.read_fields()
            if listed is None:
                return FieldSet(known=False)
            raw, live = listed.get(type_, ()), False
        # those with other ids are computed by the server (facts, section 3)
        fields = tuple(field for each in raw if (field := structure_field(each)).id > 0)
        self.first.setdefault(type_, frozenset(each.id for each in fields))
        return FieldSet(fields=fields, live=live)

    async def raw_fields(self, type_: str) -> Raw:
        """Return the fields of an object type as they come, with all their allowed values.

        Raises:
            AccessError: The token may not list them (status 403).
        """
        raw = []
        for each in await self.project.get(f"settings/{type_}/fields", includeInactive="true"):
            if each.get("constrained") and each.get("allowed_values") is None and each["id"] > 0:
                path = f"settings/{type_}/fields/{each['id']}/allowed-values"
                listed = [value async for value in self.project.pages(path, key="value")]
                each = {**each, "allowed_values": listed}  # noqa: PLW2901 - the same, completed
            raw.append(each)
        return raw

    async def read_fields(self) -> Mapping[str, Raw] | None:
        """Return the fields of the config's file; None where it names none.

        Raises:
            ConfigError: The file cannot be used.
        """
        config = self.project.config
        path = config.fields_file
        if path is None:
            return None
        name = f"qtest fields file {config.project}"
        return await self.project.services.once(name, lambda: read_fields(config, path))

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
            except (AccessError, RejectedError) as error:
                if error.status != FORBIDDEN:
                    raise
                return ()
            sign = await self._active_status(found)
            return tuple(_user(each, sign) for each in found)

        return await self.project.services.once(f"qtest users {self.project.config.project}", ask)

    async def _active_status(self, found: Sequence[Mapping[str, Any]]) -> object:
        """Return the status of an active user, None where the answer does not tell any apart.

        The document gives ``status`` numbers without their meaning. Who asks is active, so whoever
        has another status is not (guess): a server may have ignored the parameter.
        """
        if len({each["status"] for each in found if each.get("status") is not None}) < 2:  # noqa: PLR2004 - all are alike
            return None
        try:
            own = (await self.project.get("user-profiles/current")).get("user_id")
        except AccessError as error:
            if error.status != FORBIDDEN:
                raise
            return None
        except RejectedError:
            return None
        return next((each.get("status") for each in found if each.get("id") == own), None)

    async def people(self) -> Mapping[str, str]:
        """Return the ids of active people by what names them."""

        async def ask() -> Mapping[str, str]:
            return people_by_name(await self.users())

        name = f"qtest people {self.project.config.project}"
        return await self.project.services.once(name, ask)

    async def properties(
        self, kind: Kind, values: Sequence[FieldValue], *, mark: str = "", clear: bool = False
    ) -> Filled:
        """Return the properties that hold ``values`` (and the mark), and the values left over.

        ``clear``: what is empty is emptied, for objects that exist. Optional values without a
        place are dropped, since another field carries them. Of several values for one field the
        first counts; the others are left over.
        """
        known = await self.fields(FIELD_OWNERS[kind])
        people = await self.people() if known.known and values else {}
        key_field = self.project.config.key_field
        sent: dict[int, str] = {}
        rest: list[FieldValue] = []
        changes: list[Note] = []
        if mark and (field := known.named(key_field)):
            sent[field.id] = mark
        for value in values:
            if value.name == key_field:
                continue  # the mark says it
            field = known.named(value.name)
            got = encode(field, value, people) if field else Sent(left=value.value)
            travels, left = got.text, got.left
            if field and clear and value.value in (None, "", ()):
                travels = clearing(field)
            if field and travels is not None and sent.setdefault(field.id, travels) != travels:
                left = value.value
            elif got.loses and not value.optional:
                changes.append(_lossy(value, got.loses))
            if left in (None, "", ()):
                continue
            if field and field.type is FieldType.USER and value.type is FieldType.USER:
                self._note_person(value)
            if not value.optional:
                rest.append(attrs.evolve(value, value=left))
        labels = {each.id: each.label for each in known.fields}
        return Filled(
            properties=[
                {"field_id": number, "field_name": labels[number], "field_value": text}
                for number, text in sent.items()
            ],
            rest=rest,
            changes=tuple(changes),
        )

    def _note_person(self, value: FieldValue) -> None:
        """Count a person who is no member, once for all records."""
        text = f"{person(value)} is no active member of the qTest project; the name stands as text"
        self.project.services.note(Level.FALLBACK, "person-unknown", text)

    async def has_key_field(self, kind: Kind) -> bool:
        """Return whether objects of ``kind`` carry the source's key in a field."""
        fields = await self.fields(FIELD_OWNERS[kind])
        return fields.named(self.project.config.key_field) is not None


def _user(raw: Mapping[str, Any], active_status: object) -> User:
    name = f"{raw.get('first_name') or ''} {raw.get('last_name') or ''}".strip()
    login = str(raw.get("username") or "")
    return User(
        id=str(raw["id"]),
        name=name or login,
        email=str(raw.get("email") or login),
        active=active_status is None or raw.get("status") == active_status,
    )


def _lossy(value: FieldValue, why: str) -> Note:
    return Note(level=Level.CHANGE, code="field-lossy", text=f"{value.name!r}: {why}")


def fallbacks(rest: Iterable[FieldValue], where: str) -> tuple[Note, ...]:
    """Return the notes on values without a field, one each; ``where`` is the text they stand in.

    Objects without a text (suites and runs) have no place for them: these values are lost.
    """
    level, code = (Level.FALLBACK, "field-as-text") if where else (Level.LOSS, "field-lost")
    place = (
        f"it is in the {where}"
        if where
        else "nothing in qTest shows it; make the field and migrate again"
    )
    return tuple(
        Note(
            level=level,
            code=code,
            text=f"qTest has no field or value for {value.name!r}; {place}",
        )
        for value in rest
    )

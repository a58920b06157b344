"""Reads the project's settings, each once per run: fields, allowed values, statuses, people.

Ids are looked up by label or original name and never assumed: customers rename labels, and the
numbers differ from site to site.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from ztoq_core.plugin import (
    AccessError,
    FieldType,
    FieldValue,
    Kind,
    Note,
    RejectedError,
    User,
)
from ztoq_qtest.api.object_types import FIELD_OWNERS
from ztoq_qtest.api.project import FORBIDDEN, Project
from ztoq_qtest.fields.definitions_file import Raw, read_fields
from ztoq_qtest.fields.encoding import (
    Encoded,
    clearing_value,
    default_text,
    encode,
    index_people,
    person_text,
)
from ztoq_qtest.fields.field import Field, parse_field
from ztoq_qtest.note_codes import FIELD_AS_TEXT, FIELD_LOSSY, FIELD_LOST, PERSON_UNKNOWN

LABEL_LENGTH = 100  # characters of a label (qTest help, field settings)
READ_ONLY = frozenset({"shared", "projects shared to"})  # facts, section 3


@attrs.frozen(kw_only=True)
class Status:
    """An execution status. Its id is not one of the Status field's (facts, section 4)."""

    id: int
    name: str
    default: bool


_FOLDED = "\0"  # prefix of names in lower case; no label can begin with it
_JOINED = "\1"  # prefix of names in lower case without blanks


def _names(fields: Sequence[Field]) -> Mapping[str, Field]:
    """Return fields by label, original name and both in lower case; the first of a name wins."""
    found: dict[str, Field] = {}
    for name in ("label", "original"):
        for field in fields:
            found.setdefault(getattr(field, name).strip(), field)
    for name in ("label", "original"):
        for field in fields:
            found.setdefault(_FOLDED + getattr(field, name).strip().casefold(), field)
    for field in fields:
        if field.system:
            # original names have no blanks (seen: PlannedStartTestRun; guess: AssignedTo)
            found.setdefault(_JOINED + field.original.replace(" ", "").casefold(), field)
    return found


@attrs.frozen(kw_only=True)
class FieldSet:
    """The fields of one object type; ``known`` is False if the token may not list them.

    ``live`` is False if they come from a file; then ztoq cannot change them.
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

    @cached_property
    def _by_id(self) -> Mapping[int, Field]:
        return {each.id: each for each in reversed(self.fields)}

    def named(self, name: str, *, inactive: bool = False) -> Field | None:
        """Return the field by label, else by original name, else by either in any case.

        Active fields come first. Of a name only the characters that fit into a label count.
        """
        wanted = name.strip()[:LABEL_LENGTH].strip()
        folded = wanted.casefold()
        keys = (wanted, _FOLDED + folded, _JOINED + folded.replace(" ", ""))
        for known in (self._active, self._all) if inactive else (self._active,):
            for key in keys:
                if found := known.get(key):
                    return found
        return None

    def of_users(self, names: Iterable[str]) -> frozenset[str]:
        """Return those of the names that are of fields of users."""
        named = ((name, self.named(name)) for name in names)
        return frozenset(name for name, field in named if field and field.type is FieldType.USER)

    def by_id(self, number: int) -> Field | None:
        """Return the field with an id."""
        return self._by_id.get(number)


@attrs.frozen(kw_only=True)
class PropertyValues:
    """The properties to send, the values without a property, and notes on inexact ones.

    ``of_users`` are the names of those values in ``rest`` that name people who are not users of the
    project, so that their user fields cannot take them.
    """

    properties: list[dict[str, Any]]
    rest: list[FieldValue]
    changes: tuple[Note, ...] = ()
    of_users: frozenset[str] = frozenset()

    def notes(self, where: str) -> tuple[Note, ...]:
        """Return all notes; ``where`` names the text that holds ``rest``, ``""`` for none."""
        lost = [each for each in self.rest if not where and each.name in self.of_users]
        others = [each for each in self.rest if each not in lost]
        return (*self.changes, *map(_no_user, lost), *fallback_notes(others, where))


@attrs.define(kw_only=True, eq=False)
class Settings:
    """Reads the settings of a project.

    ``generation`` is part of the cache's keys and grows with each change of a type, so
    that all records after a change see a new list, also those that run at the same time. ``first``
    holds the ids of the fields when this process listed them first. ``step_fields`` becomes False
    once the site did not store fields of steps. ``activating`` is held while fields are activated.
    """

    project: Project
    generation: Counter[str] = attrs.field(factory=Counter)
    step_fields: bool = True
    first: dict[str, frozenset[int]] = attrs.field(factory=dict)
    activating: asyncio.Lock = attrs.field(factory=asyncio.Lock)

    async def fields(self, type_: str) -> FieldSet:
        """Return the fields of an object type, including inactive ones."""
        name = f"qtest fields {self.project.config.project} {type_} {self.generation[type_]}"
        return await self.project.services.once(name, lambda: self.list_fields(type_))

    async def list_fields(self, type_: str) -> FieldSet:
        """List the fields of an object type now; if that is forbidden, read them from the file."""
        live = True
        try:
            raw = await self.list_raw_fields(type_)
        except (AccessError, RejectedError) as error:
            # a 403 is a RejectedError if the client found that the token may read other things
            if error.status != FORBIDDEN:
                raise
            listed = await self.read_fields()
            if listed is None:
                return FieldSet(known=False)
            raw, live = listed.get(type_, ()), False
        # qTest computes fields with ids below 1 (facts, section 3)
        fields = tuple(field for each in raw if (field := parse_field(each)).id > 0)
        self.first.setdefault(type_, frozenset(each.id for each in fields))
        return FieldSet(fields=fields, live=live)

    async def list_raw_fields(self, type_: str) -> Raw:
        """Return the FieldResources of an object type with all their allowed values.

        Raises:
            AccessError: The token may not list them (status 403).
        """
        raw = []
        for each in await self.project.get(f"settings/{type_}/fields", includeInactive="true"):
            if each.get("constrained") and each.get("allowed_values") is None and each["id"] > 0:
                path = f"settings/{type_}/fields/{each['id']}/allowed-values"
                listed = [value async for value in self.project.pages(path, key="value")]
                raw.append({**each, "allowed_values": listed})
            else:
                raw.append(each)
        return raw

    async def read_fields(self) -> Mapping[str, Raw] | None:
        """Return the fields in the config's ``fields_file``, or None if it has none.

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
        """Return the active users of the project, or nobody if the token may not list them."""

        async def ask() -> tuple[User, ...]:
            try:
                # the default of `inactive` differs between versions of the vendor's document
                found = await self.project.get("users", inactive="false")
            except (AccessError, RejectedError) as error:
                if error.status != FORBIDDEN:
                    raise
                return ()
            active_status = await self._active_status(found)
            return tuple(_user(each, active_status) for each in found)

        return await self.project.services.once(f"qtest users {self.project.config.project}", ask)

    async def _active_status(self, found: Sequence[Mapping[str, Any]]) -> object:
        """Return the status of an active user, or None if all users have the same status.

        qTest may ignore the parameter ``inactive``, and the document lists ``status`` numbers
        without their meaning. Guess: ztoq's own user is active, so another status is not.
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
        """Return the ids of active users by id, e-mail and name."""

        async def ask() -> Mapping[str, str]:
            return index_people(await self.users())

        name = f"qtest people {self.project.config.project}"
        return await self.project.services.once(name, ask)

    async def encode_properties(
        self, kind: Kind, values: Sequence[FieldValue], *, mark: str = "", clear: bool = False
    ) -> PropertyValues:
        """Return the properties for ``values`` and the mark, and the values that have no property.

        ``clear``: an empty value empties the field of an existing object. Optional values that no
        field takes are dropped, since another field has them. Of several values for one field the
        first is sent; the others are left over.

        A new object, which has a mark and no ``clear``, also gets the defaults of the required
        fields that no value fills: nothing says that qTest sets them by itself.
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
                continue  # the mark sets this field
            field = known.named(value.name)
            encoded = encode(field, value, people) if field else Encoded(rest=value.value)
            text, left = encoded.text, encoded.rest
            if field and clear and value.value in (None, "", ()):
                text = clearing_value(field)
            if field and text is not None and sent.setdefault(field.id, text) != text:
                left = value.value
            elif encoded.loss and not value.optional:
                changes.append(_lossy(value, encoded.loss))
            if left in (None, "", ()):
                continue
            if field and field.type is FieldType.USER and value.type is FieldType.USER:
                self._note_person(value)
            if not value.optional:
                rest.append(attrs.evolve(value, value=left))
        sent = {**_required_defaults(kind, known, new=bool(mark) and not clear), **sent}
        return PropertyValues(
            properties=[
                {"field_id": field.id, "field_name": field.label, "field_value": sent[field.id]}
                for field in map(known.by_id, sent)
                if field
            ],
            rest=rest,
            changes=tuple(changes),
            of_users=known.of_users(each.name for each in rest),
        )

    def _note_person(self, value: FieldValue) -> None:
        """Note once per run that a person is not a member of the project."""
        text = f"{person_text(value)} is not an active user of the qTest project; kept as text"
        self.project.services.note(PERSON_UNKNOWN, text)

    async def has_key_field(self, kind: Kind) -> bool:
        """Return whether objects of ``kind`` carry the source's key in a field."""
        fields = await self.fields(FIELD_OWNERS[kind])
        return fields.named(self.project.config.key_field) is not None


def _required_defaults(kind: Kind, known: FieldSet, *, new: bool) -> dict[int, str]:
    """Return the default texts of required fields of a ``new`` object, by id.

    Left out are texts of system fields, which a request holds under keys of their own, and the
    status of a run, which its logs decide.
    """
    return {
        field.id: text
        for field in known.fields
        if new and field.required and field.active and (field.choices or not field.system)
        if not (field.system and _is_set_by_qtest(kind, field))
        if (text := default_text(field)) is not None
    }


def _is_set_by_qtest(kind: Kind, field: Field) -> bool:
    own = READ_ONLY | {"status"} if kind is Kind.TEST_RUN else READ_ONLY
    return bool(own & {field.label.casefold(), field.original.casefold()})


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
    return FIELD_LOSSY.note(f"{value.name!r}: {why}")


def _no_user(value: FieldValue) -> Note:
    people = value.value if isinstance(value.value, tuple) else (person_text(value),)
    return FIELD_LOST.note(
        f"{value.name!r} is lost: the field of that name takes users of the qTest project, and"
        f" {', '.join(people)} is none; add this user to the project, migrate again and repair"
    )


def fallback_notes(rest: Iterable[FieldValue], where: str) -> tuple[Note, ...]:
    """Return a note for each value without a field; ``where`` names the text that holds them.

    Suites and runs have no text, so ``where`` is empty and the values are lost.
    """
    code = FIELD_AS_TEXT if where else FIELD_LOST
    return tuple(
        code.note(f"qTest has no field or value for {value.name!r}; {_place(value, where)}")
        for value in rest
    )


def _place(value: FieldValue, where: str) -> str:
    if where:
        return f"it is in the {where}"
    missing = "the field or the value"
    if value.type is FieldType.USER:
        missing = f"the user {person_text(value)}, or a text field of that name,"
    return f"qTest does not show it; create {missing} and migrate again"

"""Creates fields and allowed values that the project lacks, and deletes those that ztoq made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ztoq_core.plugin import (
    AccessError,
    FieldDefinition,
    FieldType,
    Found,
    Kind,
    Links,
    RecordError,
    RejectedError,
    Skip,
    Written,
    folded,
)
from ztoq_qtest.api.object_types import FIELD_OWNERS, ObjectRef, object_ref
from ztoq_qtest.api.project import FORBIDDEN, MISSING, REFUSED, Project
from ztoq_qtest.fields.field import DATA_TYPES, Choice, Field, parse_choices
from ztoq_qtest.fields.settings import LABEL_LENGTH
from ztoq_qtest.note_codes import FIELD_REFUSED
from ztoq_qtest.write.save import Session, WriteRequest

NOT_ALLOWED = 405  # the contract's status for what cannot be deleted
VALUES_AT_ONCE = 100  # vendor's document, POST allowed-values
CHOICES = frozenset({FieldType.CHOICE, FieldType.MULTI_CHOICE})


async def write_field(
    session: Session, definition: FieldDefinition, request: WriteRequest
) -> Written:
    """Create a field that is missing, or add what an existing field lacks.

    It looks at a list that is younger than the last change of this process, so it can be repeated
    as a whole; fields that are new share one. It returns right after the field
    was created: so the store knows that the field is ztoq's, and a rollback deletes it, even if
    the program dies before ``finish_field`` completes it.

    Raises:
        AccessError: The user may not create fields, although the profile did not say so.
        Skip: qTest refuses to make the field; a project takes a limited number (qTest's help).
    """
    settings = session.settings
    type_ = _type_of(definition)
    known = await settings.fields(type_)
    if known.named(definition.name, inactive=True):
        known = await settings.list_fields(type_)  # as it is now: somebody may have changed it
    field = known.named(definition.name, inactive=True)
    if field is None:
        try:
            number = await _create(session, type_, definition)
        except RejectedError as error:
            if error.status == FORBIDDEN:
                text = f"{error}. Ask for the right to create fields, or set create_fields = false"
                raise AccessError(text, status=error.status) from error
            raise Skip(
                f"qTest refused to make the field {definition.name!r} ({error}), so its values are"
                " text, or lost in runs and suites. If there are too many fields, delete some in"
                " qTest, or map several to one; the next migration tries again",
                code=FIELD_REFUSED,
            ) from error
        finally:
            settings.generation[type_] += 1  # also after a lost answer: the field may exist
        return _as_owned(ObjectRef(type_, number).path)
    path = ObjectRef(type_, field.id).path
    if request.target_id == path:
        settings.generation[type_] += 1  # ``finish_field`` has to see it as it is now
        return _as_owned(path)
    try:
        made = await _complete(session, type_, field, definition)
    finally:
        settings.generation[type_] += 1
    before, _, added = (request.target_id or "").partition("#")
    numbers = [part for part in added.split(",") if part] if before == path else []
    return _as_owned(f"{path}#{','.join([*numbers, *map(str, made)])}")


async def finish_field(
    session: Session, definition: FieldDefinition, before: Written, _all_links: Links
) -> Written:
    """Activate the field that ztoq made, and add what did not fit into one request.

    Raises:
        RecordError: qTest does not list the field.
    """
    if "#" in before.target_id:
        return before
    target = object_ref(Kind.FIELD, before.target_id)
    # qTest's answer to the POST may leave out the values and whether the field is active.
    known = await session.settings.fields(target.type)
    field = known.by_id(target.id)
    if field is None:
        raise RecordError(f"{definition.ref}: qTest does not list the field that ztoq made")
    if field.active and field.type not in CHOICES:
        return before
    try:
        await _complete(session, target.type, field, definition)
        if field.type in CHOICES:
            await _add_variants(session, target.type, field.id, definition)
    finally:
        session.settings.generation[target.type] += 1
    return before


def _as_owned(target_id: str) -> Written:
    return Written(target_id=target_id, stamp=target_id)


async def _complete(
    session: Session, type_: str, field: Field, definition: FieldDefinition
) -> list[int]:
    """Activate a field and add the values that it lacks; return the ids of the added values."""
    if not field.active:
        await _activate(session, type_, field)
    if field.type not in CHOICES:
        return []
    return await _complete_values(session.project, type_, field, _values(definition))


def _type_of(definition: FieldDefinition) -> str:
    if definition.of not in FIELD_OWNERS:
        raise RecordError(
            f"{definition.ref}: qTest has no custom fields for objects of kind {definition.of}"
        )
    return FIELD_OWNERS[definition.of]


def _values(definition: FieldDefinition) -> tuple[str, ...]:
    if definition.type is FieldType.CHECKBOX:
        return ("Yes", "No")
    return tuple(dict.fromkeys(definition.values))


async def _create(session: Session, type_: str, definition: FieldDefinition) -> int:
    body: dict[str, Any] = {
        "label": definition.name.strip()[:LABEL_LENGTH].strip(),
        "data_type": DATA_TYPES[definition.type],
        "required": False,
        "is_active": True,
    }
    if definition.type is FieldType.MULTI_CHOICE:
        body["multiple"] = True  # types 8 and 17 need it (vendor's document)
    if definition.type in {*CHOICES, FieldType.CHECKBOX}:
        alike = {folded(label): label for label in reversed(_values(definition))}
        first = [label for label in _values(definition) if label in alike.values()]
        body["allowed_values"] = [
            {"label": label, "is_active": True} for label in first[:VALUES_AT_ONCE]
        ]
    path = f"settings/{type_}/fields"
    answer = await session.project.send("POST", path, body, ref=definition.ref)
    return int(answer.body["id"])


async def _activate(session: Session, type_: str, field: Field) -> None:
    # The document does not say whether a field that is left out keeps its state, so all custom
    # fields are sent with the state that they have. One at a time, each after a new list: else
    # one request would deactivate what another has just activated.
    async with session.settings.activating:
        known = await session.settings.list_fields(type_)
        body = [
            {"id": each.id, "label": each.label, "is_active": each.active or each.id == field.id}
            for each in known.fields
            if not each.system or each.id == field.id
        ]
        path = f"settings/{type_}/custom-fields/active"
        await session.project.send("POST", path, body, repeatable=True)


async def _complete_values(
    project: Project, type_: str, field: Field, labels: Sequence[str]
) -> list[int]:
    """Add the labels that the field lacks and activate the inactive ones; return the ids added.

    Raises:
        RecordError: qTest accepted a value, but does not list it afterwards.
    """
    path = f"settings/{type_}/fields/{field.id}/allowed-values"
    lacking: list[str] = []
    wanted: dict[str, str] = {}
    for label in labels:
        key = folded(label)
        if field.choice(label) or key in wanted:
            continue
        wanted[key] = label
        if inactive := _find_inactive(field, label):
            body = {"value": inactive.id, "label": inactive.label, "is_active": True}
            await project.send("PUT", f"{path}/{inactive.id}", body)
        else:
            lacking.append(label)
    before = {choice.id for choice in field.choices}
    for start in range(0, len(lacking), VALUES_AT_ONCE):
        batch = lacking[start : start + VALUES_AT_ONCE]
        values = [{"label": label, "is_active": True} for label in batch]
        await project.send("POST", path, values)
    if not wanted:
        return []
    # The answers need not name the values (vendor's document: 201 without a schema).
    listed = parse_choices([each async for each in project.pages(path, key="value")])
    active = {folded(choice.label) for choice in listed if choice.active}
    if missing := [label for key, label in wanted.items() if key not in active]:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise RecordError(
            f"qTest accepted the allowed value {missing[0]!r}{more} for the field {field.label!r},"
            " but does not list it as active; add it in qTest or migrate again"
        )
    return [
        choice.id for choice in listed if folded(choice.label) in wanted and choice.id not in before
    ]


async def _add_variants(
    session: Session, type_: str, number: int, definition: FieldDefinition
) -> None:
    """Add to a field that ztoq made the labels that differ from others only in case.

    Nothing says whether qTest accepts them. If it does not, records use the first such label.
    """
    first: dict[str, str] = {}
    variants = [
        label for label in _values(definition) if first.setdefault(folded(label), label) != label
    ]
    if not variants:
        return
    field = (await session.settings.list_fields(type_)).by_id(number)
    there = {choice.label for choice in field.choices} if field else set()
    for label in variants:
        if label not in there:
            body = [{"label": label, "is_active": True}]
            path = f"settings/{type_}/fields/{number}/allowed-values"
            await session.project.send("POST", path, body, accept={REFUSED}, ref=definition.ref)


def _find_inactive(field: Field, label: str) -> Choice | None:
    return next((each for each in field.choices if folded(each.label) == folded(label)), None)


async def find_field(session: Session, definition: FieldDefinition) -> list[Found]:
    """Return the field if ztoq made it, or if it already has everything that is wanted.

    Fields have no mark, so qTest cannot show who made one. ztoq made it if this process has seen
    the project without it. Otherwise it counts as somebody else's, and a rollback keeps it.
    """
    type_ = _type_of(definition)
    before = session.settings.first.get(type_)
    known = await session.settings.list_fields(type_)
    field = known.named(definition.name, inactive=True)
    if field is None:
        return []
    choices = _values(definition) if field.type in CHOICES else ()
    ours = before is not None and field.id not in before
    if not ours and not (field.active and all(field.choice(label) for label in choices)):
        return []
    session.settings.generation[type_] += 1
    return [Found(written=_as_owned(ObjectRef(type_, field.id).path + ("" if ours else "#")))]


async def delete_field(session: Session, target_id: str) -> None:
    """Delete a field that ztoq made, or the values that it added; nothing if they are gone.

    Raises:
        RejectedError: Objects that ztoq did not make use it (status 405), or qTest does not show
            whether any do.
    """
    target = object_ref(Kind.FIELD, target_id)
    path = f"settings/{target.type}/fields/{target.id}"
    _, added, numbers = target_id.partition("#")
    values = [part for part in numbers.split(",") if part]
    paths = [f"{path}/allowed-values/{n}" for n in values] if added else [path]
    there = await session.project.send("GET", path, accept={MISSING})
    if there.status == MISSING:
        return
    # Nobody sees the values of an inactive field, and the search does not know it.
    shown = there.body.get("is_active") is not False
    try:
        used = bool(paths and shown) and await _is_used(session, target, values)
    except RejectedError as error:
        # without its status: 404 would say that the field is gone
        raise RejectedError(f"qTest does not show what uses the field: {error}") from error
    if used:
        raise RejectedError(
            "objects that ztoq did not make use this field or its values", status=NOT_ALLOWED
        )
    try:
        for each in paths:
            await session.project.send("DELETE", each, accept={MISSING})
    finally:
        session.settings.generation[target.type] += 1


async def _is_used(session: Session, field: ObjectRef, values: Sequence[str]) -> bool:
    """Return whether an object has a value in the field (one of ``values``, if there are any).

    The search may still show objects that were just deleted, so each hit is read.
    """
    project = session.project
    body = {
        "object_type": field.type,
        "fields": ["id"],
        "query": f"'{field.id}' is 'not empty'",  # vendor's document: a field's id is its name
    }
    async for item in project.pages("search", search=body):
        held = await _read_values(project, ObjectRef(field.type, int(item["id"])), field.id)
        if held & set(values) if values else held:
            return True
    return False


async def _read_values(project: Project, target: ObjectRef, field: int) -> set[str]:
    """Return the values of one field of an object; none if the object does not exist."""
    there = await project.send("GET", target.path, accept={MISSING})
    if there.status == MISSING:
        return set()
    return {
        part
        for each in there.body.get("properties") or ()
        if each.get("field_id") == field
        for part in re.findall(r"[^\[\],]+", str(each.get("field_value") or ""))
    }

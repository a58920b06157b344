"""Makes fields and allowed values that the project lacks, and removes those that ztoq made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ztoq_core.plugin import (
    FieldDefinition,
    FieldType,
    Found,
    Kind,
    Links,
    RecordError,
    RejectedError,
    Written,
)
from ztoq_qtest.api.object_types import FIELD_OWNERS, Place, place_of
from ztoq_qtest.api.project import MISSING, REFUSED, Project
from ztoq_qtest.fields.encoding import DATA_TYPES, Choice, Field
from ztoq_qtest.fields.settings import LABEL_LENGTH, FieldSet
from ztoq_qtest.write.save import Desk, Job

__all__ = ["delete_field", "find_field", "finish_field", "write_field"]

SEARCHED = 100
NOT_ALLOWED = 405  # as the contract has it for what cannot be deleted
VALUES_AT_ONCE = 100  # vendor's document, POST allowed-values
CHOICES = frozenset({FieldType.CHOICE, FieldType.MULTI_CHOICE})


async def write_field(desk: Desk, definition: FieldDefinition, job: Job) -> Written:
    """Make a field that is missing; one that is there already is only completed.

    It looks first, so it may be repeated as a whole. What it made is told at once, by the id that
    the answer gives: so a rollback knows whose it is, whatever happens before ``finish_field``
    completes it.
    """
    settings = desk.settings
    type_ = _type_of(definition)
    known = await settings.list_fields(type_)
    field = known.named(definition.name, inactive=True)
    if field is None:
        try:
            number = await _create(desk, type_, definition)
        finally:
            settings.generation += 1  # after a lost answer, too: it may have been made
        return _owned(Place(type_, number).path)
    path = Place(type_, field.id).path
    if job.target_id == path:
        return _owned(path)
    try:
        made = await _completed(desk, type_, known, field, definition)
    finally:
        settings.generation += 1
    before, _, added = (job.target_id or "").partition("#")
    numbers = [part for part in added.split(",") if part] if before == path else []
    return _owned(f"{path}#{','.join([*numbers, *map(str, made)])}")


async def finish_field(
    desk: Desk, definition: FieldDefinition, before: Written, _links: Links
) -> Written:
    """Switch on the field that ztoq made, and add what one request did not take.

    Raises:
        RecordError: qTest does not list it.
    """
    if "#" in before.target_id:
        return before
    place = place_of(Kind.FIELD, before.target_id)
    # the answer to its making may leave out the values or whether the field is active
    known = await desk.settings.list_fields(place.type)
    field = known.by_id(place.id)
    if field is None:
        raise RecordError(f"{definition.ref}: qTest does not list the field that ztoq made")
    try:
        await _completed(desk, place.type, known, field, definition)
        if field.type in CHOICES:
            await _add_variants(desk, place.type, field.id, definition)
    finally:
        desk.settings.generation += 1
    return before


def _owned(target_id: str) -> Written:
    return Written(target_id=target_id, stamp=target_id)


async def _completed(
    desk: Desk, type_: str, known: FieldSet, field: Field, definition: FieldDefinition
) -> list[int]:
    """Switch a field on and give it the values that it lacks; return their ids."""
    if not field.active:
        await _activate(desk.project, type_, known, field)
    if field.type not in CHOICES:
        return []
    return await _complete(desk.project, type_, field, _values(definition))


def _type_of(definition: FieldDefinition) -> str:
    if definition.of not in FIELD_OWNERS:
        raise RecordError(f"{definition.ref}: objects of kind {definition.of} have no fields")
    return FIELD_OWNERS[definition.of]


def _values(definition: FieldDefinition) -> tuple[str, ...]:
    if definition.type is FieldType.CHECKBOX:
        return ("Yes", "No")
    return tuple(dict.fromkeys(definition.values))


async def _create(desk: Desk, type_: str, definition: FieldDefinition) -> int:
    body: dict[str, Any] = {
        "label": definition.name.strip()[:LABEL_LENGTH].strip(),
        "data_type": DATA_TYPES[definition.type],
        "required": False,
        "is_active": True,
    }
    if definition.type is FieldType.MULTI_CHOICE:
        body["multiple"] = True  # types 8 and 17 need it (vendor's document)
    if definition.type in {*CHOICES, FieldType.CHECKBOX}:
        alike = {label.strip().casefold(): label for label in reversed(_values(definition))}
        first = [label for label in _values(definition) if label in alike.values()]
        body["allowed_values"] = [
            {"label": label, "is_active": True} for label in first[:VALUES_AT_ONCE]
        ]
    path = f"settings/{type_}/fields"
    answer = await desk.project.send("POST", path, body, ref=definition.ref)
    return int(answer.body["id"])


async def _activate(project: Project, type_: str, known: FieldSet, field: Field) -> None:
    # The document does not say whether fields left out keep their state, so all custom ones go
    # along with the state that they have.
    body = [
        {"id": each.id, "label": each.label, "is_active": each.active or each.id == field.id}
        for each in known.fields
        if not each.system or each.id == field.id
    ]
    await project.send("POST", f"settings/{type_}/custom-fields/active", body, repeatable=True)


async def _complete(project: Project, type_: str, field: Field, labels: Sequence[str]) -> list[int]:
    """Add the labels that the field lacks and activate those it has; returns the ids added."""
    path = f"settings/{type_}/fields/{field.id}/allowed-values"
    lacking: list[str] = []
    alike: set[str] = set()
    for label in labels:
        folded = label.strip().casefold()
        if field.choice(label) or folded in alike:
            continue
        alike.add(folded)
        if asleep := _inactive(field, label):
            body = {"value": asleep.id, "label": asleep.label, "is_active": True}
            await project.send("PUT", f"{path}/{asleep.id}", body)
        else:
            lacking.append(label)
    before = {choice.id for choice in field.choices}
    for start in range(0, len(lacking), VALUES_AT_ONCE):
        batch = lacking[start : start + VALUES_AT_ONCE]
        body_ = [{"label": label, "is_active": True} for label in batch]
        await project.send("POST", path, body_)
    if not lacking:
        return []
    listed = [each async for each in project.pages(path, key="value")]
    wanted = set(lacking)
    return [
        int(each["value"])
        for each in listed
        if each.get("label") in wanted and int(each["value"]) not in before
    ]


async def _add_variants(desk: Desk, type_: str, number: int, definition: FieldDefinition) -> None:
    """Add to a field of one's own the labels that differ from others in case alone.

    No fact says whether qTest takes them. Where it does not, the others stand for them.
    """
    first: dict[str, str] = {}
    variants = [
        label
        for label in _values(definition)
        if first.setdefault(label.strip().casefold(), label) != label
    ]
    if not variants:
        return
    field = (await desk.settings.list_fields(type_)).by_id(number)
    there = {choice.label for choice in field.choices} if field else set()
    for label in variants:
        if label not in there:
            body = [{"label": label, "is_active": True}]
            path = f"settings/{type_}/fields/{number}/allowed-values"
            await desk.project.send("POST", path, body, accept={REFUSED}, ref=definition.ref)


def _inactive(field: Field, label: str) -> Choice | None:
    folded = label.strip().casefold()
    return next((c for c in field.choices if c.label.strip().casefold() == folded), None)


async def find_field(desk: Desk, definition: FieldDefinition) -> list[Found]:
    """Return the field where it is ztoq's, or holds all that the definition wants.

    Whose it is cannot be read: fields bear no mark. It is ztoq's where this process saw the
    project without it; else nothing of it is, so that a rollback takes nobody's field.
    """
    type_ = _type_of(definition)
    before = desk.settings.first.get(type_)
    known = await desk.settings.list_fields(type_)
    field = known.named(definition.name, inactive=True)
    if field is None:
        return []
    choices = _values(definition) if field.type in CHOICES else ()
    ours = before is not None and field.id not in before
    if not ours and not (field.active and all(field.choice(label) for label in choices)):
        return []
    desk.settings.generation += 1
    return [Found(written=_owned(Place(type_, field.id).path + ("" if ours else "#")))]


async def delete_field(desk: Desk, target_id: str) -> None:
    """Remove a field that ztoq made, or the values that it added; what is gone already is done.

    Raises:
        RejectedError: Objects of others use it (status 405), or that cannot be found out.
    """
    place = place_of(Kind.FIELD, target_id)
    path = f"settings/{place.type}/fields/{place.id}"
    _, added, numbers = target_id.partition("#")
    values = [part for part in numbers.split(",") if part]
    paths = [f"{path}/allowed-values/{n}" for n in values] if added else [path]
    there = await desk.project.send("GET", path, accept={MISSING})
    if there.status == MISSING:
        return
    # a field that is switched off shows its values to nobody, and no search knows it
    shown = there.body.get("is_active") is not False
    if paths and shown and await _used(desk, place, values):
        raise RejectedError(
            "objects that ztoq did not make use this field or its values", status=NOT_ALLOWED
        )
    try:
        for each in paths:
            await desk.project.send("DELETE", each, accept={MISSING})
    finally:
        desk.settings.generation += 1


async def _used(desk: Desk, field: Place, values: Sequence[str]) -> bool:
    """Whether an object still has a value in the field (one of ``values``, if any are named).

    A search may still show what was just removed, so each hit is read.
    """
    project = desk.project
    body = {
        "object_type": field.type,
        "fields": ["id"],
        "query": f"'{field.id}' is 'not empty'",  # vendor's document: a field's id is its name
    }
    page, whole = 1, True
    while whole:
        answer = await project.send(
            "POST", "search", body, params={"page": page, "pageSize": SEARCHED}, repeatable=True
        )
        found = answer.body["items"]
        for item in found:
            held = await _held(project, Place(field.type, int(item["id"])), field.id)
            if held & set(values) if values else held:
                return True
        page, whole = page + 1, len(found) >= SEARCHED
    return False


async def _held(project: Project, place: Place, field: int) -> set[str]:
    """Return the values of one field of an object; none where the object is not there."""
    there = await project.send("GET", place.path, accept={MISSING})
    if there.status == MISSING:
        return set()
    return {
        part
        for each in there.body.get("properties") or ()
        if each.get("field_id") == field
        for part in re.findall(r"[^\[\],]+", str(each.get("field_value") or ""))
    }

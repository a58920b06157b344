"""The values that each property may have, and the note on a value of another kind.

Values are read leniently (``values``), so that an odd one does not fail its record; a note says
what was lost by that. The tables list the properties that ``payloads`` reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ztoq_core.plugin import Note
from ztoq_zephyr.note_codes import VALUE_UNREADABLE
from ztoq_zephyr.values import id_of, instant, listed, mapped, part_after, seconds, text, whole

Checks = Mapping[str, Callable[[Any], bool]]
EXCERPT = 60


def _text(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(each is None or _text(each) for each in value)


def _duration(value: Any) -> bool:
    return not value or seconds(value) is not None


def _time(value: Any) -> bool:
    return not value or instant(value) is not None


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _number(value: Any) -> bool:
    return whole(value) is not None


def _object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _reference(value: Any) -> bool:
    """Return whether it refers to an object by number, or is empty."""
    return not value or id_of(value) is not None


def _cycle(value: Any) -> bool:
    return _reference(value) or bool(part_after(mapped(value).get("self"), "testcycles"))


def _person(value: Any) -> bool:
    return not value or (
        isinstance(value, Mapping) and (value.get("accountId") is None or _text(value["accountId"]))
    )


COMMON: Checks = {
    "name": _text,
    "status": _reference,
    "folder": _reference,
    "owner": _person,
    "customFields": _object,
    "links": _object,
}
CASE: Checks = {
    **COMMON,
    "objective": _text,
    "precondition": _text,
    "priority": _reference,
    "component": _reference,
    "labels": _texts,
    "createdOn": _time,
    "estimatedTime": _duration,
}
PLAN: Checks = {**COMMON, "objective": _text, "labels": _texts}
CYCLE: Checks = {
    **COMMON,
    "description": _text,
    "jiraProjectVersion": _reference,
    "plannedStartDate": _time,
    "plannedEndDate": _time,
}
EXECUTION: Checks = {
    "testExecutionStatus": _reference,
    "environment": _reference,
    "jiraProjectVersion": _reference,
    "testCycle": _cycle,
    "actualEndDate": _time,
    "executionTime": _duration,
    "estimatedTime": _duration,
    "executedById": _text,
    "assignedToId": _text,
    "comment": _text,
    "automated": _flag,
    "customFields": _object,
    "links": _object,
}
FOLDER: Checks = {"name": _text, "parentId": _number}
SCRIPT: Checks = {"text": _text}
STEP: Checks = {"inline": _object, "testCase": _object}
INLINE: Checks = {
    "description": _text,
    "testData": _text,
    "expectedResult": _text,
    "customFields": _object,
    "actualResult": _text,
    "testDataRowNumber": _number,
    "status": _reference,
}


def odd_values(value: Any, expected: Checks, where: str = "") -> tuple[Note, ...]:
    """Return a note for each property with a value of another kind than expected; null fits."""
    found = mapped(value)
    return tuple(
        [
            lost_value(f"{where}{name}", each)
            for name, fits in expected.items()
            if (each := found.get(name)) is not None and not fits(each)
        ]
    )


def odd_steps(values: Iterable[Any]) -> tuple[Note, ...]:
    """Return the notes on steps of a case or on results of an execution."""
    notes: list[Note] = []
    for place, value in enumerate(values, 1):
        where = f"step {place}: "
        if not isinstance(value, Mapping):
            notes.append(lost_value(f"step {place}", value))
        notes += odd_values(value, STEP, where)
        notes += odd_values(mapped(value).get("inline"), INLINE, where)
    return tuple(notes)


def odd_links(links: Any) -> tuple[Note, ...]:
    """Return a note for each link that has neither an issue nor an address."""
    known = (("issues", ("issueId", "target")), ("webLinks", ("url", "description")))
    return tuple(
        lost_value(f"a link of {name}", each)
        for name, useful in known
        for each in listed(mapped(links).get(name))
        if not any(text(mapped(each).get(property_)) for property_ in useful)
    )


def lost_value(what: str, value: Any) -> Note:
    """Return the note on a value that cannot be read."""
    shown = json.dumps(value)
    shown = shown if len(shown) <= EXCERPT else f"{shown[:EXCERPT]}…"
    return VALUE_UNREADABLE.note(f"{what} cannot be read: {shown}; it is kept in the store only")

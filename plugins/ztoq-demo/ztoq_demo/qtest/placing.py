"""What releases, builds, cycles, suites and runs share: parents, values, and their five routes."""

from __future__ import annotations

from typing import Any

from ztoq_testkit.simulate import Reply

from ztoq_demo.qtest import execution_views as views
from ztoq_demo.qtest import hierarchy
from ztoq_demo.qtest.fields import bad
from ztoq_demo.qtest.objects import Build, Cycle, Place, Release, Suite, Thing
from ztoq_demo.qtest.site import API, Call, Handler, Line
from ztoq_demo.qtest.texts import parse_time

FOLDERS: dict[str, type[Thing]] = {"release": Release, "test-cycle": Cycle}
HOLDERS: dict[str, type[Thing]] = FOLDERS | {"test-suite": Suite}


def common(call: Call, parent: Place) -> dict[str, Any]:
    """Return what every new object is made of."""
    return {
        "id": call.state.new_id(),
        "project": call.project().id,
        "parent": parent,
        "creator": call.user.id,
        "stranger": call.user is not call.site.user,
    }


def place_of(call: Call, kinds: dict[str, type[Thing]], body: dict[str, Any]) -> Place:
    """Return the parent; without one the root (guess)."""
    return call.parent(kinds, body) or ("root", call.project().id)


def values_of(call: Call, owner: str, body: dict[str, Any], *, new: bool = True) -> dict[int, str]:
    """Return the checked properties of a body, of a new object with the defaults."""
    fields, project = call.site.fields, call.project().id
    values = fields.checked(project, owner, body.get("properties"))
    return fields.completed(project, owner, values, body) if new else values


def refuse_reversed(call: Call, owner: str, values: dict[int, str]) -> None:
    """Refuse planned dates of which the end comes first (facts section 3: since Q3 2020)."""
    dates = {}
    for number, value in values.items():
        field = call.site.fields.table[number]
        for word in ("PlannedStart", "PlannedEnd"):
            if field.owner == owner and field.original_name.startswith(word):
                dates[word] = parse_time(value)
    start, end = dates.get("PlannedStart"), dates.get("PlannedEnd")
    if start is not None and end is not None and end < start:
        raise bad("The planned end date must not be before the planned start date.")


def number_of(body: dict[str, Any], key: str) -> int | None:
    """Return a number of a body."""
    value = body.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise bad(f"{key} must be a number")
    return value


def targets_of(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """Return the target release and build that a body names, if they exist."""
    found = {}
    for key, kind in (("target_release_id", Release), ("target_build_id", Build)):
        number = number_of(body, key)
        if number:
            found[key.removesuffix("_id")] = call.at(kind, number).id
    return found


def instant_of(body: dict[str, Any], key: str) -> int | None:
    """Return a time of a body in seconds since 1970."""
    text = body.get(key)
    if text is None:
        return None
    instant = parse_time(text)
    if instant is None:
        raise bad(f"{key} must be a date with its offset")
    return instant


def moved(call: Call, thing: Thing, kinds: dict[str, type[Thing]]) -> bool:
    """Move an object where the query names a parent; the body is then ignored."""
    if not {"parentId", "parentType"} & set(call.request.query):
        return False
    place = place_of(call, kinds, {})
    above = place
    while above[0] == Cycle.type:
        if above == thing.place:
            raise bad("a test cycle cannot lie in itself")
        above = call.at(Cycle, above[1]).parent
    call.state.move(thing, place)
    return True


def change(
    call: Call, thing: Thing, body: dict[str, Any], values: dict[int, str], **more: Any
) -> None:
    """Change an object: its name where one is given, the values of fields, and what is ``more``."""
    if body.get("name") is not None:
        thing.name = call.named(body)
    thing.properties |= values
    for key, value in more.items():
        setattr(thing, key, value)


def _reader(kind: type[Thing], name: str) -> Handler:
    return lambda call: Reply(200, views.show(call, call.thing(kind, name)))


def _deleter(kind: type[Thing], name: str, *, guarded: bool = False) -> Handler:
    """Return what deletes an object; cycles are guarded, the others take all with them (guess)."""

    def delete(call: Call) -> Reply:
        thing = call.thing(kind, name)
        if guarded:
            hierarchy.refuse_children(call, thing)
        hierarchy.delete(call.state, thing)
        return Reply(200, {"message": "Deleted"})

    return delete


def lines(  # noqa: PLR0913 - the five routes of a type
    kind: type[Thing],
    name: str,
    *,
    listed: Handler,
    create: Handler,
    update: Handler,
    read: Handler | None = None,
    guarded: bool = False,
) -> tuple[Line, ...]:
    """Return the five routes of a type; ``name`` is that of its id in the path."""
    every = f"{API}/{kind.type}"
    one = f"{every}/{{{name}}}"
    return (
        ("GET", every, listed),
        ("POST", every, create),
        ("GET", one, read or _reader(kind, name)),
        ("PUT", one, update),
        ("DELETE", one, _deleter(kind, name, guarded=guarded)),
    )

"""Answers that a stricter or another site may give: every variation that the documents allow.

The whole project is written, found, listed, read and looked at under each one, and must arrive
the same. Sources: the vendor's document (no property of an answer is required, and lists may have
any page size), and facts on captured answers (ids as strings, times with any offset).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from ztoq_testkit.simulate import Reply, Request

from ztoq_core.plugin import FieldDefinition, FieldType, Kind, RejectedError

Change = Callable[[Any], Any]
Vary = Callable[[Request, Reply], None]


def everywhere(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Vary:
    """Return what changes every object of every answer."""

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(each) for each in value]
        if isinstance(value, dict):
            return change({name: walk(each) for name, each in value.items()})
        return value

    def vary(_: Request, reply: Reply) -> None:
        if reply.status < 300:
            reply.body = walk(reply.body)

    return vary


def values(change: Change) -> Vary:
    return everywhere(lambda item: {name: change(each) for name, each in item.items()})


TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def other_time(text: str) -> Change:
    """Return what writes times in another form; ``{}`` in ``text`` is the time in UTC."""

    def write(value: Any) -> Any:
        if isinstance(value, str) and TIME.match(value):
            moment = datetime.fromisoformat(value).astimezone(UTC)
            return text.format(f"{moment:%Y-%m-%dT%H:%M:%S}")
        return value

    return write


def one_page() -> Vary:
    """Return what answers every page of a list with its first one, without a total."""
    first: dict[str, Any] = {}

    def vary(request: Request, reply: Reply) -> None:
        if reply.status < 300 and "page" in request.query:
            query = {name: each for name, each in request.query.items() if name != "page"}
            place = f"{request.method} {request.path} {query} {request.body!r}"
            if request.query["page"] == "1":
                first[place] = reply.body["items"] if isinstance(reply.body, dict) else reply.body
            reply.body = first[place]

    return vary


def small_pages(size: int, *, total: int | None = 0) -> Vary:
    """Return what serves pages of ``size``; ``total``: by how much it is wrong, None: no total."""
    whole: dict[str, list[Any]] = {}

    def vary(request: Request, reply: Reply) -> None:
        if reply.status >= 300 or "page" not in request.query:
            return
        body = reply.body
        items = body["items"] if isinstance(body, dict) else body
        query = {name: each for name, each in request.query.items() if name != "page"}
        place = f"{request.method} {request.path} {query} {request.body!r}"
        number = int(request.query["page"])
        if number == 1:
            whole[place] = items
        items = whole.get(place, [])[(number - 1) * size : number * size]
        if isinstance(body, dict):
            reply.body = {**body, "items": items, "page_size": size}
            if total is None:
                reply.body.pop("total", None)
            elif "total" in body:
                reply.body["total"] = body["total"] + total
        else:
            reply.body = items

    return vary


def statuses(request: Request, reply: Reply) -> None:
    if "/attachments/" not in request.path:  # of a file only 200 promises all of it
        reply.status = {200: 201, 201: 200}.get(reply.status, reply.status)


MADE = ("created", "modified")

VARIATIONS: dict[str, Vary] = {
    "more keys and nulls": everywhere(
        lambda item: {**item, "unheardOf": {"x": [1]}, "links": None, "web_url": None}
    ),
    "optional keys absent": everywhere(
        lambda item: {
            name: each
            for name, each in item.items()
            if name not in ("web_url", "links", "created_date", "last_modified_date", "order")
        }
    ),
    "numbers as texts": values(lambda each: str(each) if type(each) is int else each),
    "200 for 201 and the other way": statuses,
    "times with milliseconds": values(other_time("{}.123Z")),
    "times without a zone": values(other_time("{}")),
    "times with an offset without colon": values(other_time("{}+0000")),
    "pages of 1": small_pages(1),
    "pages of 2 and no total": small_pages(2, total=None),
    "the same page whatever is asked for": one_page(),
    "a total that is too large": small_pages(2, total=3),
    "a total that is too small": small_pages(2, total=-1),
}


async def arrived(opened: Any, project: Any, vary: Vary) -> dict[str, Any]:
    """Write the project, look at all of it in every way, and return what the site holds."""
    world = await opened(recorder=vary)
    sink = world.sink
    await sink.check()
    await sink.describe()
    await project.write_all(world)
    for record in project.in_order():
        at = world.written[record.ref]
        assert await sink.read(record.kind, at.target_id)
        assert await sink.current(record.kind, at.target_id)
        if record.kind is not Kind.ATTACHMENT:
            found = await sink.find(record, world.written)
            assert [each.written.target_id for each in found] == [at.target_id]
        await sink.children(record.kind, [at.target_id])
    for kind in Kind:
        owners = [
            (record, world.written[record.ref])
            for record in project.in_order()
            if record.kind in sink.listed_by_owner.get(kind, ())
        ]
        written = {at.target_id for ref, at in world.written.items() if ref.kind is kind}
        if kind is not Kind.FIELD:
            assert written <= await listed(sink.marks, kind, owners)
            assert written <= await listed(sink.read_list, kind, owners)
    assert world.simulator.server.errors == []
    return {name: _lasting(each) for name, each in world.dump().items()}


async def listed(read: Any, kind: Kind, owners: Any) -> set[str]:
    """Return the target ids on all pages."""
    found: set[str] = set()
    cursor: str | None = None
    for _ in range(20):
        page = await read(kind, owners, cursor)
        found |= {mark.target_id for mark in page.marks}
        cursor = page.cursor
        if cursor is None:
            return found
    raise AssertionError(f"the list of {kind} does not end")


def _lasting(value: Any) -> Any:
    """Return what a site holds, without the times at which it was made."""
    if isinstance(value, dict):
        return {name: _lasting(each) for name, each in value.items() if name not in MADE}
    return [_lasting(each) for each in value] if isinstance(value, list) else value


USUAL: dict[str, Any] = {}
"""What arrives where nothing varies, once it is known."""


@pytest.mark.parametrize("name", VARIATIONS)
async def test_the_project_arrives_the_same(opened: Any, project: Any, name: str) -> None:
    USUAL.update(USUAL or await arrived(opened, project, lambda _request, _reply: None))
    assert await arrived(opened, project, VARIATIONS[name]) == USUAL


# ---------------------------------------------------------------- lists that change or lie


@pytest.mark.parametrize("kind", [Kind.TEST_CASE, Kind.TEST_RUN])
async def test_what_is_deleted_while_a_list_is_read_hides_nothing(
    opened: Any, project: Any, kind: Kind
) -> None:
    first: list[str] = []

    def delete(request: Request, _: Reply) -> None:
        listed = request.method == "GET" and request.query.get("page") == "1"
        if first and listed and request.path.endswith(f"/{first[0].partition('/')[0]}"):
            world.simulator.by_hand("DELETE", first.pop())

    world = await opened(recorder=delete)
    await project.write_all(world)
    at = world.written[project.module.ref].target_id.partition("/")[2]
    case = world.written[project.called.ref]
    suite = world.written[project.cycle.ref].target_id
    if kind is Kind.TEST_CASE:
        path, body = "test-cases", {"name": "theirs", "properties": [], "parent_id": int(at)}
        record = attrs.evolve(project.called, key="SHOP-T9")
    else:
        path = f"test-runs?parentId={suite}&parentType=test-suite"
        body = {"name": "theirs", "properties": [], "test_case": {"id": int(case.target_id)}}
        record = attrs.evolve(project.run, key="SHOP-R1/SHOP-T2/Live")
    made = [world.simulator.by_hand("POST", path, body)["id"] for _ in range(99)]
    written = await world.write(record)  # the first of the second page
    first.append(f"{path.partition('?')[0]}/{made[0]}")
    (found,) = await world.sink.find(record, world.written)
    assert found.written.target_id == written.target_id
    assert not first


async def test_a_field_is_in_use_whatever_size_the_pages_of_the_search_have(opened: Any) -> None:
    world = await opened(recorder=small_pages(1))
    name = FieldDefinition(
        key="test_case/Tool", of=Kind.TEST_CASE, name="Tool", type=FieldType.TEXT
    )
    by_hand = world.simulator.by_hand
    body = {"label": "Browser", "data_type": 3, "allowed_values": [{"label": "Opera"}]}
    theirs = by_hand("POST", "settings/test-cases/fields", body)
    choice = attrs.evolve(name, name="Browser", type=FieldType.CHOICE, values=("Opera", "Chrome"))
    ours = await world.whole(choice)
    module = by_hand("POST", "modules", {"name": "theirs"})["id"]
    values = (theirs["allowed_values"][0]["value"], ours.target_id.partition("#")[2])
    for value in values:
        used = [{"field_id": theirs["id"], "field_value": str(value)}]
        body = {"name": "theirs", "parent_id": module, "properties": used}
        by_hand("POST", "test-cases", body)
    with pytest.raises(RejectedError, match="objects that ztoq did not make use"):
        await world.sink.delete(Kind.FIELD, ours.target_id)


@pytest.mark.parametrize("kind", [Kind.FOLDER, Kind.TEST_PLAN, Kind.TEST_CYCLE])
async def test_a_page_of_a_list_that_has_no_pages_is_not_taken_for_the_list(
    opened: Any, project: Any, kind: Kind
) -> None:
    def paged(request: Request, reply: Reply) -> None:
        if request.method == "GET" and request.path.endswith(("modules", "releases", "suites")):
            reply.body = {"page": 1, "page_size": 1, "total": 2, "items": reply.body[:1]}

    world = await opened(recorder=paged)
    await project.write_all(world)
    record = next(each for each in project.in_order() if each.kind is kind)
    with pytest.raises(RejectedError, match="instead of a list"):
        await world.sink.find(record, world.written)

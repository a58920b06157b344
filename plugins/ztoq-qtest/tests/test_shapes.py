"""The shapes of answers: true ones pass, others are refused, and no value reaches the code raw."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ztoq_qtest.api.answers import reader
from ztoq_qtest.api.object_types import ObjectRef
from ztoq_qtest.config import QtestConfig
from ztoq_qtest.fields.encoding import decode
from ztoq_qtest.fields.field import parse_field
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.objects.marks import find_keys
from ztoq_qtest.objects.stamps import as_written, drop_log_properties
from ztoq_testkit.simulate import Reply, Request

from tests.tables import examples
from ztoq_core.plugin import Secret

NONE: Any = [
    None,
    {"error": {"code": 500, "message": "no"}},
    "OK",
    5,
    [None],
    {"items": None},
    [[]],
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
CONFIG = QtestConfig(base_url="https://acme.example.com", project=1, token=Secret("x" * 9))
# whose body says nothing, or whose shape the document leaves open
UNREAD = ("allowed-values", "settings/integration")


@pytest.fixture
async def answers(opened: Any, project: Any) -> dict[tuple[str, str], Any]:
    """Return an answer of each endpoint that a project of all kinds asks."""
    found: dict[tuple[str, str], Any] = {}

    def keep(request: Request, reply: Reply) -> None:
        path = request.path.partition("/projects/")[2].partition("/")[2]
        if reply.status < 300 and reply.content is None and "/projects/" in request.path:
            found[request.method, path] = copy.deepcopy(reply.body)

    world = await opened(recorder=keep)
    await project.write_all(world)
    await world.sink.check()
    for record in project.in_order():
        await world.sink.find(record, world.written)
        await world.sink.current(record.kind, world.written[record.ref].target_id)
    return found


async def test_an_answer_of_another_shape_is_refused(answers: dict[tuple[str, str], Any]) -> None:
    assert len({path.split("/")[0] for _, path in answers}) > 10
    for (method, path), body in answers.items():
        if any(part in path for part in UNREAD):
            continue
        read = reader(method, path)
        read(body)
        for wrong in [*NONE, [body]]:
            if wrong is None and path.endswith("/approve"):
                continue  # an empty one is looked at: the case is read
            with pytest.raises(ValueError, match=r"instead of|without"):
                read(wrong)
        if method == "POST" and isinstance(body, dict) and "id" in body:
            numbers: tuple[Any, ...] = (None, "", 0, -1, [], {}, True, 1.5, 2**70)
            for number in numbers:
                with pytest.raises(ValueError, match="id"):
                    read({**body, "id": number})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where a value holds others."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    whole = copy.deepcopy(body)
    at = whole
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return whole


async def test_any_value_in_any_property_is_read_or_refused(
    answers: dict[tuple[str, str], Any],
) -> None:
    everywhere = [(at, path) for at, body in answers.items() for path in places(body)]

    @settings(max_examples=examples(5))
    @given(st.sampled_from(everywhere), JSON)
    def holds(where: Any, value: Any) -> None:
        (method, path), place = where
        body = changed(answers[method, path], place, value)
        try:
            read = reader(method, path)(body)
        except ValueError:
            return
        for each in read if isinstance(read, list) else [read]:
            used(path, each)

    holds()


def used(path: str, item: Any) -> None:
    """Do with an object what the connector does with answers."""
    if not isinstance(item, dict):
        return
    items = item.get("items", [item])
    type_ = next((part for part in reversed(path.split("/")) if not part.isdigit()), "")
    fields = FieldSet()
    for each in items:
        if type_ == "fields":
            fields = FieldSet(fields=(parse_field(each),))
            fields.named("Status")
        find_keys(type_, each, fields, CONFIG)
        for field in each.get("properties", ()):
            decode(fields.by_id(field["field_id"]), field)
        if "id" in each:
            as_written(
                ObjectRef(type_, each["id"]), str(each["id"]), drop_log_properties(each, fields)
            )


def test_a_wrong_value_is_named_by_its_place() -> None:
    page = {"items": [{"id": 1}, {"id": 2, "properties": [{"field_id": 1}, {"field_id": "x"}]}]}
    with pytest.raises(ValueError, match=r"items: \[1\]: properties: \[1\]: field_id: 'x' instead"):
        reader("GET", "test-runs")(page)
    with pytest.raises(ValueError, match=r"\[0\]: an object without 'id'"):
        reader("GET", "test-runs")({"items": [{"name": "x"}]})

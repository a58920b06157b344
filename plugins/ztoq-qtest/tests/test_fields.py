"""Fields and values are made where they are missing, and removed where they are ztoq's."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options
from ztoq_testkit.simulate import Faults

from ztoq_core.plugin import (
    AccessError,
    DoubtError,
    FieldDefinition,
    FieldType,
    FieldValue,
    Kind,
    RecordError,
)


def field(name: str, type_: FieldType, *values: str, of: Kind = Kind.TEST_CASE) -> FieldDefinition:
    return FieldDefinition(key=f"{of}/{name}", of=of, name=name, type=type_, values=values)


def shown(world: Any, label: str, owner: str = "test-cases") -> Any:
    return next(each for each in world.dump()["fields"][owner] if each["label"] == label)


def field_state(world: Any, label: str) -> Any:
    return next(each for each in world.simulator.site.fields.table.values() if each.label == label)


@pytest.mark.parametrize(
    ("type_", "value", "arrives"),
    [
        (FieldType.TEXT, "a <b>", "a <b>"),
        (FieldType.LONG_TEXT, "one\ntwo", "one\ntwo"),
        (FieldType.RICH_TEXT, "<p>rich</p>", "<p>rich</p>"),
        (FieldType.NUMBER, 12.5, "12.5"),
        (FieldType.NUMBER, 12.0, "12"),
        (FieldType.CHECKBOX, True, "Yes"),
        (FieldType.CHECKBOX, False, "No"),
        (FieldType.DATE, "2026-06-30T00:00:00Z", "2026-06-30T07:00:00+07:00"),
        (FieldType.DATETIME, "2026-06-30T10:11:12Z", "2026-06-30T17:11:12+07:00"),
        (FieldType.CHOICE, "Firefox", "Firefox"),
        (FieldType.MULTI_CHOICE, ("Chrome", "Firefox"), ["Chrome", "Firefox"]),
        (FieldType.USER, "alice@example.com", "Alice Tester"),
        (FieldType.URL, "https://example.com/?a=b", "https://example.com/?a=b"),
    ],
)
async def test_every_type_travels_and_comes_back(
    opened: Any, project: Any, type_: FieldType, value: Any, arrives: Any
) -> None:
    world = await opened()
    await world.write(project.module)
    await world.whole(field("Mine", type_, "Firefox", "Chrome"))
    held = FieldValue(name="Mine", value=value, type=type_)
    written = await world.write(attrs.evolve(project.called, fields=(held,)))
    assert written.notes == ()
    assert world.dump()["test_cases"][0]["properties"]["Mine"] == arrives
    read = await world.sink.read(Kind.TEST_CASE, written.target_id)
    (back,) = [each for each in read.fields if each.name == "Mine"]
    expected = {True: "Yes", False: "No"}.get(value, value) if value in (True, False) else value
    if type_ in {FieldType.DATE, FieldType.DATETIME, FieldType.USER}:
        expected = arrives
    assert back.value == expected


async def test_many_values_are_made_a_hundred_at_a_time(opened: Any) -> None:
    world = await opened()
    definition = field("Labels", FieldType.MULTI_CHOICE, *(f"label {n}" for n in range(250)))
    written = await world.whole(definition)
    assert shown(world, "Labels")["values"] == list(definition.values)
    assert "#" not in written.target_id
    schema = await world.sink.describe()
    spec = schema.field(Kind.TEST_CASE, "Labels")
    assert spec is not None
    assert len(spec.values) == 250


@pytest.mark.parametrize("folded", [False, True])
async def test_labels_that_differ_in_case_alone_are_made_where_qtest_takes_them(
    opened: Any, project: Any, *, folded: bool
) -> None:
    world = await opened(Options(folded_labels=folded))
    labels = ("Smoke", "smoke", *(f"label {n}" for n in range(120)), "LABEL 7", "SMOKE")
    definition = field("Labels", FieldType.MULTI_CHOICE, *labels)
    await world.whole(definition)
    made = set(shown(world, "Labels")["values"])
    assert set(labels) - made == ({"smoke", "LABEL 7", "SMOKE"} if folded else set())
    await world.write(project.module)
    value = FieldValue(name="Labels", value=("smoke", "label 1"), type=FieldType.MULTI_CHOICE)
    written = await world.write(attrs.evolve(project.called, fields=(value,)))
    arrived = world.dump()["test_cases"][0]["properties"]["Labels"]
    assert arrived == (["Smoke", "label 1"] if folded else ["smoke", "label 1"])
    assert [note.code for note in written.notes] == (["field-lossy"] if folded else [])


async def test_a_field_of_another_hand_gets_values_and_keeps_them_apart(opened: Any) -> None:
    world = await opened()
    body = {"label": "Browser", "data_type": 3, "allowed_values": [{"label": "Opera"}]}
    world.simulator.by_hand("POST", "settings/test-cases/fields", body)
    definition = field("Browser", FieldType.CHOICE, "opera", "Chrome")
    written = await world.whole(definition)
    assert shown(world, "Browser")["values"] == ["Opera", "Chrome"]
    assert written.target_id.partition("#")[2].isdigit()
    again = await world.whole(attrs.evolve(definition, values=("Chrome", "Edge")))
    assert len(again.target_id.split(",")) == 2
    await world.sink.delete(Kind.FIELD, again.target_id)
    await world.sink.delete(Kind.FIELD, again.target_id)
    assert shown(world, "Browser")["values"] == ["Opera"]


async def test_a_field_that_ztoq_made_goes_whole(opened: Any) -> None:
    world = await opened()
    written = await world.whole(field("Browser", FieldType.CHOICE, "Chrome"))
    await world.sink.delete(Kind.FIELD, written.target_id)
    labels = [each["label"] for each in world.dump()["fields"]["test-cases"]]
    assert "Browser" not in labels


async def test_who_may_not_create_fields_is_told_before_values_become_text(opened: Any) -> None:
    world = await opened()
    await world.sink.describe()
    world.simulator.options.fields_forbidden = True
    with pytest.raises(AccessError, match="create_fields"):
        await world.write(field("Browser", FieldType.TEXT))


async def test_an_inactive_field_and_value_are_activated(opened: Any) -> None:
    world = await opened()
    definition = field("Browser", FieldType.CHOICE, "Chrome", "Opera")
    await world.whole(definition)
    await world.whole(field("Other", FieldType.TEXT))
    inactive = field_state(world, "Browser")
    inactive.inactive_in.add(4242)
    next(iter(inactive.values.values())).active = False
    await world.whole(definition)
    assert not inactive.inactive_in
    assert all(value.active for value in inactive.values.values())
    assert not field_state(world, "Other").inactive_in


async def test_fields_that_are_activated_at_once_leave_each_other_active(opened: Any) -> None:
    world = await opened()
    definitions = [field(f"Field {n}", FieldType.TEXT) for n in range(5)]
    for definition in definitions:
        await world.write(definition)
        field_state(world, definition.name).inactive_in.add(4242)
    await asyncio.gather(*(world.finish(definition) for definition in definitions))
    assert not any(field_state(world, each.name).inactive_in for each in definitions)


@pytest.mark.parametrize(
    ("type_", "given", "sent"),
    [
        ({"data_type": 3, "allowed_values": [{"label": "A"}, {"label": "B"}]}, None, "B"),
        ({"data_type": 3, "allowed_values": [{"label": "A"}, {"label": "B"}]}, "A", "A"),
        ({"data_type": 17, "multiple": True, "allowed_values": [{"label": "B"}]}, None, "[B]"),
        ({"data_type": 1, "default_value": "x"}, None, "x"),
    ],
)
async def test_a_new_object_is_sent_with_the_defaults_of_required_fields(
    opened: Any, project: Any, type_: Any, given: str | None, sent: str
) -> None:
    """Nothing says that qTest itself fills a required field that a request leaves out."""
    bodies: list[Any] = []
    world = await opened(
        recorder=lambda request, _: (
            bodies.append((request.method, request.path, request.json()))
            if request.path.endswith("/test-cases") and request.method == "POST"
            else None
        )
    )
    body = {"label": "Team", "required": True, "is_active": True, **type_}
    world.simulator.by_hand("POST", "settings/test-cases/fields", body)
    state = field_state(world, "Team")
    for value in state.values.values():
        value.is_default = value.label == "B"
        sent = sent.replace(value.label, str(value.id))
    await world.write(project.module)
    fields = (FieldValue(name="Team", value=given),) if given else ()
    await world.write(attrs.evolve(project.called, fields=fields))
    properties = {each["field_id"]: each["field_value"] for each in bodies[-1][2]["properties"]}
    assert properties[state.id] == sent


async def test_a_field_that_was_made_is_told_before_it_is_listed(opened: Any) -> None:
    options = Options()
    world = await opened(options)
    definition = field("Browser", FieldType.CHOICE, *(f"browser {n}" for n in range(120)))
    written = await world.write(definition)
    options.fields_forbidden = True
    with pytest.raises(RecordError, match="does not list"):
        await world.finish(definition)
    options.fields_forbidden = False
    await world.sink.delete(Kind.FIELD, written.target_id)
    assert "Browser" not in {each["label"] for each in world.dump()["fields"]["test-cases"]}


async def test_a_field_whose_answer_was_lost_is_found_as_ztoqs_own(opened: Any) -> None:
    faults = Faults(plan=[None, "lost"])
    world = await opened(faults=faults)
    definition = field("Browser", FieldType.CHOICE, *(f"browser {n}" for n in range(120)))
    with pytest.raises(DoubtError):
        await world.write(definition)
    (found,) = await world.sink.find(definition, {})
    world.written[definition.ref] = found.written
    finished = await world.finish(definition)
    assert "#" not in finished.target_id
    assert shown(world, "Browser")["values"] == list(definition.values)


async def test_a_definition_is_found_where_it_is_complete(opened: Any) -> None:
    world = await opened()
    await world.sink.describe()
    definition = field("Browser", FieldType.CHOICE, "Chrome")
    assert await world.sink.find(definition, {}) == ()
    written = await world.whole(definition)
    (found,) = await world.sink.find(definition, {})
    assert found.written.target_id == written.target_id


async def test_a_field_of_another_hand_is_found_where_it_is_complete(opened: Any) -> None:
    world = await opened()
    body = {"label": "Browser", "data_type": 3, "allowed_values": [{"label": "Chrome"}]}
    world.simulator.by_hand("POST", "settings/test-cases/fields", body)
    definition = field("Browser", FieldType.CHOICE, "Chrome")
    await world.whole(definition)
    (found,) = await world.sink.find(definition, {})
    assert found.written.target_id.endswith("#")
    more = attrs.evolve(definition, values=("Chrome", "Edge"))
    assert await world.sink.find(more, {}) == ()


async def test_nobodys_field_is_taken_for_ours(opened: Any) -> None:
    world = await opened()
    world.simulator.by_hand("POST", "settings/test-cases/fields", {"label": "X", "data_type": 1})
    await world.sink.describe()
    (found,) = await world.sink.find(field("X", FieldType.TEXT), {})
    await world.sink.delete(Kind.FIELD, found.written.target_id)
    assert shown(world, "X")


async def test_labels_are_cut_where_qtest_cuts_them(opened: Any, project: Any) -> None:
    world = await opened()
    name = "x" * 120
    await world.write(project.module)
    await world.whole(field(name, FieldType.TEXT))
    value = FieldValue(name=name, value="here", type=FieldType.TEXT)
    written = await world.write(attrs.evolve(project.called, fields=(value,)))
    assert written.notes == ()


async def test_without_fields_every_value_is_readable_text(opened: Any, project: Any) -> None:
    world = await opened(Options(fields_forbidden=True))
    for record in (project.module, project.inner, project.requirement):
        await world.write(record)
    case = attrs.evolve(project.case, steps=())
    written = await world.write(case)
    assert {note.code for note in written.notes} == {"field-as-text"}
    text = world.dump()["test_cases"][0]["description"]
    for shown_value in ("Chrome, Firefox", "high", "alice@example.com", "A&amp;B"):
        assert f"<td>{shown_value}</td>" in text
    read = await world.sink.read(Kind.TEST_CASE, written.target_id)
    assert (read.key, read.description) == ("SHOP-T2", project.case.description)


async def test_parts_of_a_value_without_place_stand_as_text(opened: Any, project: Any) -> None:
    world = await opened()
    await world.write(project.module)
    await world.whole(field("Browser", FieldType.MULTI_CHOICE, "Chrome"))
    value = FieldValue(name="Browser", value=("Chrome", "Lynx"), type=FieldType.MULTI_CHOICE)
    written = await world.write(attrs.evolve(project.called, fields=(value,)))
    case = world.dump()["test_cases"][0]
    assert case["properties"]["Browser"] == ["Chrome"]
    assert "<th>Browser</th><td>Lynx</td>" in case["description"]
    assert len(written.notes) == 1


async def test_planned_dates_find_their_fields_under_any_label(opened: Any, project: Any) -> None:
    world = await opened()
    fields = world.simulator.site.fields
    fields.named(4242, "test-suites", "Planned Start Date").label = "Begin"
    for record in (project.cycles, project.plan):
        await world.write(record)
    begin = FieldValue(
        name="Planned Start Date", value="2024-03-04T00:00:00Z", type=FieldType.DATETIME
    )
    written = await world.write(attrs.evolve(project.cycle, fields=(begin,)))
    assert written.notes == ()
    held = world.dump()["test_suites"][0]["properties"]
    assert held["Begin"] == "2024-03-04T07:00:00+07:00"
    spec = (await world.sink.describe()).field(Kind.TEST_CYCLE, "Planned Start Date")
    assert spec is not None
    assert spec.name == "Begin"

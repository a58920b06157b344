"""People become users of the project where they are its members, and are counted where not."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options
from ztoq_testkit.simulate import Reply, Request

from ztoq_core.plugin import FieldDefinition, FieldType, FieldValue, Kind, Level

OWNER = FieldValue(
    name="Assigned To",
    value="alice@example.com",
    type=FieldType.USER,
    alternatives=("Alice Tester", "5b10a2"),
    optional=True,
)
DORA = attrs.evolve(OWNER, value="dora@example.com", alternatives=("Dora", "5b10a3"))


def unknown(world: Any) -> list[str]:
    return [
        note.text for note, ref in world.notes.kept if note.code == "person-unknown" and not ref
    ]


async def test_an_owner_who_is_a_member_is_assigned(opened: Any, project: Any) -> None:
    world = await opened()
    await world.write(project.module)
    written = await world.write(attrs.evolve(project.called, fields=(OWNER,)))
    assert world.dump()["test_cases"][0]["properties"]["Assigned To"] == "Alice Tester"
    assert written.notes == ()
    assert unknown(world) == []


async def test_one_who_is_none_is_counted_once_for_all_records(opened: Any, project: Any) -> None:
    world = await opened()
    await world.write(project.module)
    for key in ("SHOP-T7", "SHOP-T8"):
        written = await world.write(attrs.evolve(project.called, key=key, fields=(DORA,)))
        assert written.notes == ()
    (text,) = unknown(world)
    assert text.startswith("Dora (dora@example.com) is not an active user")
    assert all(note.level is Level.FALLBACK for note, _ in world.notes.kept)


async def test_a_renamed_assigned_to_is_found(opened: Any, project: Any) -> None:
    world = await opened()
    fields = world.simulator.site.fields
    fields.named(4242, "test-cases", "Assigned To").label = "Responsible"
    await world.write(project.module)
    await world.write(attrs.evolve(project.called, fields=(OWNER,)))
    assert world.dump()["test_cases"][0]["properties"]["Responsible"] == "Alice Tester"


@pytest.mark.parametrize("ignored", [False, True])
async def test_somebody_inactive_is_nobody(opened: Any, project: Any, *, ignored: bool) -> None:
    world = await opened(Options(inactive_users=ignored))
    await world.write(project.module)
    carol = attrs.evolve(OWNER, value="carol@example.com", alternatives=("Carol Gone",))
    await world.write(attrs.evolve(project.called, fields=(carol,)))
    assert "Assigned To" not in world.dump()["test_cases"][0]["properties"]
    assert len(unknown(world)) == 1
    assert [user.name for user in (await world.sink.describe()).users if not user.active] == (
        ["Carol Gone"] if ignored else []
    )


async def test_without_a_profile_all_who_are_listed_are_believed(opened: Any) -> None:
    def recorder(request: Request, reply: Reply) -> None:
        if request.path.endswith("user-profiles/current"):
            reply.status, reply.body = 403, {"message": "no"}

    world = await opened(Options(inactive_users=True), recorder=recorder)
    assert all(user.active for user in (await world.sink.describe()).users)


async def test_a_field_of_people_is_made_and_others_stand_beside(opened: Any, project: Any) -> None:
    world = await opened()
    definition = FieldDefinition(
        key="test_case/Reviewer", of=Kind.TEST_CASE, name="Reviewer", type=FieldType.USER
    )
    await world.write(definition)
    await world.write(project.module)
    by = attrs.evolve(OWNER, name="Reviewer", optional=False)
    await world.write(attrs.evolve(project.called, fields=(by,)))
    dora = attrs.evolve(by, value="dora@example.com", alternatives=("Dora", "5b10a3"))
    nobody = attrs.evolve(by, value="5b10a4", type=FieldType.TEXT, alternatives=())
    for number, value in enumerate((dora, nobody)):
        case = attrs.evolve(project.called, key=f"SHOP-T9{number}", fields=(value,))
        written = await world.write(case)
        assert [note.code for note in written.notes] == ["field-as-text"]
    first, second, third = world.dump()["test_cases"]
    assert first["properties"]["Reviewer"] == "Alice Tester"
    assert "<th>Reviewer</th><td>Dora (dora@example.com)</td>" in second["description"]
    assert "<th>Reviewer</th><td>5b10a4</td>" in third["description"]
    assert len(unknown(world)) == 1


async def test_in_a_text_a_person_has_name_and_address(opened: Any, project: Any) -> None:
    world = await opened()
    await world.write(
        FieldDefinition(key="test_case/R", of=Kind.TEST_CASE, name="R", type=FieldType.TEXT)
    )
    await world.write(project.module)
    by = attrs.evolve(OWNER, name="R", optional=False)
    await world.write(attrs.evolve(project.called, fields=(by,)))
    properties = world.dump()["test_cases"][0]["properties"]
    assert properties["R"] == "Alice Tester (alice@example.com)"


async def test_a_member_who_is_followed_by_somebody_else_stays_and_is_told(
    opened: Any, project: Any
) -> None:
    world = await opened()
    await world.write(project.module)
    await world.write(attrs.evolve(project.called, fields=(OWNER,)))
    written = await world.write(attrs.evolve(project.called, fields=(DORA,)))
    assert [note.code for note in written.notes] == ["person-stays"]
    assert world.dump()["test_cases"][0]["properties"]["Assigned To"] == "Alice Tester"

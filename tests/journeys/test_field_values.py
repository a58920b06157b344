"""Custom fields over several runs: values that come later, required fields, people, rollback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options, Simulator
from ztoq_qtest import open_qtest

from tests.journeys.between import Between, between
from tests.timed_store import TimedStore
from ztoq_core import engine
from ztoq_core.contracts import User
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.records import FieldType, FieldValue, Folder, Kind, Record, TestCase, TestCycle, Tree
from ztoq_core.services import Services
from ztoq_core.store import State

FOLDER = Folder(key="ACME-F1", name="Shop", tree=Tree.CASES)


def case(number: int, **more: Any) -> TestCase:
    key = f"ACME-T{number}"
    return TestCase(key=key, name=key, folder=FOLDER.ref, **more)


def with_browser(number: int, browser: str) -> TestCase:
    field = FieldValue(name="Browser", value=browser, type=FieldType.CHOICE)
    return case(number, fields=(field,))


def fields(sides: Between, owner: str = "test-cases") -> dict[str, list[str]]:
    return {each["label"]: each["values"] for each in sides.qtest.dump()["fields"][owner]}


async def test_values_that_come_later_are_added_and_removed_again(tmp_path: Path) -> None:
    many = [with_browser(n, f"Browser {n}") for n in range(1, 131)]
    async with between(tmp_path) as sides:
        before = fields(sides)
        assert (await sides.migrate([FOLDER, *many[:110]])).exit is Exit.OK
        assert len(fields(sides)["Browser"]) == 110

        assert (await sides.migrate([FOLDER, *many])).exit is Exit.OK

        assert len(fields(sides)["Browser"]) == 130
        assert sides.case("ACME-T130")["properties"]["Browser"] == "Browser 130"
        async with open_qtest(sides.config, Services(sink=sides.store.note)) as sink:
            with sides.store.run("rollback") as run:
                await engine.rollback(engine.Run(sides.store, run.id), sink)
        assert fields(sides) == before


def require(qtest: Simulator, **more: Any) -> None:
    body = {"label": "Area", "data_type": 1, "required": True, **more}
    qtest.by_hand("POST", "settings/test-cases/fields", body)


async def test_a_required_field_with_a_default_fills_itself(tmp_path: Path) -> None:
    async with between(
        tmp_path, prepare=lambda qtest: require(qtest, default_value="Shop")
    ) as sides:
        assert (await sides.migrate([FOLDER, case(1)])).exit is Exit.OK
        assert sides.case("ACME-T1")["properties"]["Area"] == "Shop"


async def test_a_required_field_without_one_is_told_before_anything_is_written(
    tmp_path: Path,
) -> None:
    filled = case(1, fields=(FieldValue(name="AREA", value="Shop", type=FieldType.TEXT),))
    async with between(tmp_path, prepare=require) as sides:
        with pytest.raises(ConfigError, match="the required field 'Area' has no value in 1"):
            await sides.migrate([FOLDER, filled, case(2)])
        assert sides.qtest.dump()["test_cases"] == []
        assert (await sides.migrate([FOLDER, filled])).exit is Exit.OK
        assert sides.case("ACME-T1")["properties"]["Area"] == "Shop"


async def test_people_become_users_where_they_are_members(tmp_path: Path) -> None:
    ids = {name: f"5b10a2844c20165700ede2{n:02x}" for n, name in enumerate(("alice", "dora", "x"))}
    users = [
        User(id=ids["alice"], name="Alice Tester", email="alice@example.com"),
        User(id=ids["dora"], name="Dora", email="dora@example.com"),
    ]
    records: list[Record] = [
        FOLDER,
        *(
            case(n, owner=account, fields=(FieldValue(name="Reviewer", value=account),))
            for n, account in enumerate(ids.values(), 1)
        ),
    ]
    async with between(tmp_path) as sides:
        assert (await sides.migrate(records, users=users)).exit is Exit.OK
        alice, dora, nobody = (sides.case(f"ACME-T{n}") for n in (1, 2, 3))
        assert alice["properties"]["Assigned To"] == "Alice Tester"
        assert alice["properties"]["Reviewer"] == "Alice Tester"
        assert alice["properties"]["Zephyr owner"] == "Alice Tester (alice@example.com)"
        assert "Assigned To" not in dora["properties"]
        assert dora["properties"]["Zephyr owner"] == "Dora (dora@example.com)"
        assert "<td>Dora (dora@example.com)</td>" in dora["description"]
        assert nobody["properties"]["Zephyr owner"] == ids["x"]
        assert f"<th>Reviewer</th><td>{ids['x']}</td>" in nobody["description"]
        assert sides.notes().count("person-unknown") == 1


async def test_ids_that_nobody_knows_make_no_field_of_users(tmp_path: Path) -> None:
    account = "5b10a2844c20165700ede21f"
    records = [FOLDER, case(1, owner=account, fields=(FieldValue(name="Reviewer", value=account),))]
    async with between(tmp_path) as sides:
        assert (await sides.migrate(records)).exit is Exit.OK
        made = next(
            field
            for field in sides.qtest.site.fields.table.values()
            if field.label == "Reviewer" and field.owner == "test-cases"
        )
        assert made.data_type == 1
        assert sides.case("ACME-T1")["properties"]["Reviewer"] == account
        assert sides.notes() == []


async def test_without_the_right_to_make_fields_all_stands_as_text(tmp_path: Path) -> None:
    options = Options(administrator=False)
    async with between(tmp_path, options, create_fields=False) as sides:
        ended = await sides.migrate([FOLDER, with_browser(1, "Chrome")], accept_missing_fields=True)
        assert ended.exit is Exit.OK
        assert "<th>Browser</th><td>Chrome</td>" in sides.case("ACME-T1")["description"]
        assert sides.states(Kind.FIELD) == {}


async def test_what_an_adopted_object_has_lost_is_noted_again(tmp_path: Path) -> None:
    """Without the notes of the first store its losses would be differences."""
    cycle = TestCycle(
        key="ACME-R1",
        name="Night 1",
        fields=(FieldValue(name="Browser", value="Chrome", type=FieldType.CHOICE),),
    )
    records = [FOLDER, with_browser(1, "Chrome"), cycle]
    async with between(tmp_path, create_fields=False) as sides:
        first = await sides.migrate(records, accept_missing_fields=True)
        noted = sorted(sides.notes())
        before = sides.qtest.dump()
        with TimedStore(f"sqlite:///{tmp_path}/new.db", files=tmp_path / "new") as store:
            again = attrs.evolve(sides, store=store)
            second = await again.migrate(records, accept_missing_fields=True)
            assert (second.exit, second.headline) == (first.exit, first.headline)
            assert sorted(again.notes()) == noted
            assert "field-lost" in noted
        assert sides.qtest.dump() == before


async def test_what_a_field_shows_is_no_difference_where_no_field_is_known(tmp_path: Path) -> None:
    """qTest fills the field with its default; the value is in the description."""
    sent = case(1, status="Deprecated", priority="Odd", fields=with_browser(1, "Chrome").fields)
    options = Options(fields_forbidden=True)
    async with between(tmp_path, options) as sides:
        ended = await sides.migrate([FOLDER, sent], accept_missing_fields=True)
        assert sides.case("ACME-T1")["properties"]["Status"] == "New"
        assert (ended.exit, ended.sentences) == (Exit.OK, ())


async def test_labels_that_qtest_shows_in_another_case_are_the_same_fields(tmp_path: Path) -> None:
    sent = case(1, fields=with_browser(1, "Chrome").fields)
    async with between(tmp_path) as sides:
        await sides.migrate([FOLDER, sent])
        for field in sides.qtest.site.fields.table.values():
            field.label = field.label.upper()
        again = await sides.migrate([FOLDER, sent])
        assert (again.exit, again.sentences) == (Exit.OK, ())


async def test_a_field_that_qtest_refuses_to_make_is_left_out_and_said(tmp_path: Path) -> None:
    """Its values become text, so no record failed, and a retry alone cannot help."""
    many = tuple(
        FieldValue(name=f"Field {n}", value="x", type=FieldType.TEXT, placed=True) for n in range(8)
    )
    sent = case(1, fields=many)
    async with between(tmp_path, Options(field_limit=5)) as sides:
        first = await sides.migrate([FOLDER, sent])
        assert (first.exit, first.next) == (Exit.OK, "")
        assert sides.states(Kind.FIELD) == {State.FINISHED: 5, State.SKIPPED: 4}
        codes = sides.notes()
        assert (codes.count("field-refused"), codes.count("field-as-text")) == (4, 4)
        assert any("4 field-refused" in line for line in first.warnings)
        assert "<th>Field 7</th><td>x</td>" in sides.case("ACME-T1")["description"]

        sides.qtest.options.field_limit = None
        again = await sides.migrate([FOLDER, sent])
        assert again.exit is Exit.OK
        assert sides.states(Kind.FIELD) == {State.FINISHED: 9}
        assert "field-refused" not in sides.notes()


async def test_a_cycles_person_who_is_no_member_is_lost_and_the_note_says_what_helps(
    tmp_path: Path,
) -> None:
    """A suite has no text, and a field of users takes members alone."""
    accounts = {"alice": "5b10a2844c20165700ede200", "dora": "5b10a2844c20165700ede201"}
    accounts["x"] = "5b10a2844c20165700ede202"  # nobody knows whose
    users = [
        User(id=accounts["alice"], name="Alice Tester", email="alice@example.com"),
        User(id=accounts["dora"], name="Dora", email="dora@example.com"),
    ]
    cycles = [
        TestCycle(
            key=f"ACME-R{n}", name="Night", fields=(FieldValue(name="Reviewer", value=account),)
        )
        for n, account in enumerate(accounts.values(), 1)
    ]
    async with between(tmp_path) as sides:
        first = await sides.migrate(cycles, users=users)
        assert (first.exit, first.next) == (Exit.LEFT, "ztoq report")
        said = [text for each in cycles for *_, text in sides.store.history.notes.now(each.ref)]
        assert said == [
            "'Reviewer' is lost: the field of that name takes users of the qTest project, and"
            f" {who} is none; add this user to the project, migrate again and repair"
            for who in ("Dora (dora@example.com)", accounts["x"])
        ]
        sides.qtest.site.add_user("Dora", "", "dora@example.com")
        again = await sides.migrate(cycles, users=users)
        found = [line for line in again.sentences if "test cycle" in line]
        assert found == [
            "test cycle ACME-R2: field 'Reviewer' is empty, sent 'dora@example.com'",
        ]

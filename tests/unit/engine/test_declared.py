"""What the transformers see: folders' names and declared fields, from the engine alone."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from ztoq_testkit.memory import MemorySource
from ztoq_testkit.project import PROJECT

from ztoq_core import engine
from ztoq_core.contracts import FieldSpec, Schema, Transform, User
from ztoq_core.errors import RecordError
from ztoq_core.records import FieldType, FieldValue, Folder, Kind, Record, Ref, TestCase, Tree
from ztoq_core.store import Store

CASE = Kind.TEST_CASE


class Describing(MemorySource):
    """Declares fields."""

    schema = Schema()

    async def describe(self) -> Schema:
        return self.schema


async def seen(store: Store, source: MemorySource) -> tuple[Schema, dict[str, Record]]:
    """Return the schema and the records that a transformer gets."""
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), source)
    schemas: list[Schema] = []
    records: dict[str, Record] = {}

    def build(schema: Schema) -> list[Transform]:
        schemas.append(schema)

        def keep(record: Record) -> Record:
            records[record.key] = record
            return record

        return [keep]

    await engine.transform(engine.Run(store), build)
    return schemas[0], records


def in_folder(key: str, parent: str = "", name: Any = "") -> Folder:
    ref = Ref(Kind.FOLDER, parent) if parent else None
    return Folder(key=key, name=name or key.lower(), tree=Tree.CASES, parent=ref)


def case(folder: str, *path: str) -> TestCase:
    return TestCase(key="ACME-T1", name="Log in", folder=Ref(Kind.FOLDER, folder), path=path)


@pytest.mark.parametrize(
    ("records", "paths"),
    [
        (
            [in_folder("A"), in_folder("B", "A"), case("B")],
            {"A": (), "B": ("a",), "ACME-T1": ("a", "b")},
        ),
        # a source that fills it, with an old name
        ([in_folder("A", name="new"), case("A", "old")], {"ACME-T1": ("new",)}),
        # a folder that no list holds has a stub
        ([case("A", "from the source")], {"ACME-T1": ("A",)}),
        # a folder that could not be read
        ([in_folder("A", name=3), case("A", "tag")], {"ACME-T1": ("tag",)}),
        # no folder: what the source says is all that there is
        ([attrs.evolve(case("A", "tag"), folder=None)], {"ACME-T1": ("tag",)}),
        # folders that lie in each other
        ([in_folder("A", "B"), in_folder("B", "A"), case("A")], {"ACME-T1": ("b", "a")}),
    ],
)
async def test_the_path_of_a_record_comes_from_its_folders(
    store: Store, records: list[Record], paths: dict[str, tuple[str, ...]]
) -> None:
    _, found = await seen(store, MemorySource(records))

    assert {key: found[key].path for key in paths} == paths


async def test_the_schema_has_the_paths_of_the_folders(store: Store) -> None:
    plan = Folder(key="P", name="Old", tree=Tree.PLANS)
    records = [in_folder("A"), in_folder("B", "A", "Pay"), in_folder("C", "GONE"), plan]
    schema, _ = await seen(store, MemorySource(records))
    assert schema.folders is not None
    assert set(schema.folders) == {
        (Tree.CASES, "a"),
        (Tree.CASES, "a/Pay"),
        (Tree.CASES, "GONE"),  # asked for by its key
        (Tree.CASES, "GONE/c"),
        (Tree.PLANS, "Old"),
    }


async def test_the_schema_begins_with_what_the_source_declares(store: Store) -> None:
    fields = (
        FieldValue(name="Area", value="API"),
        FieldValue(name="Browser", value="Opera"),
        FieldValue(name="Free", value=1),
    )
    source = Describing([TestCase(key="ACME-T1", name="Log in", fields=fields)])
    source.schema = Schema(
        fields=(
            FieldSpec(kind=CASE, name="Area", type=FieldType.TEXT, max_length=20),
            FieldSpec(kind=CASE, name="Browser", type=FieldType.CHOICE, values=("Lynx", "Edge")),
            FieldSpec(kind=CASE, name="priority", type=FieldType.CHOICE, system=True),
        ),
        step_fields=(FieldSpec(kind=CASE, name="Tool", type=FieldType.TEXT),),
        statuses=("Pass", "Fail"),
        users=(User(id="7", name="Seven"),),
    )

    schema, _ = await seen(store, source)

    known = {each.name: each for each in schema.fields}
    assert known["Area"] == source.schema.fields[0]
    assert known["Browser"].values == ("Lynx", "Edge", "Opera")
    assert known["Free"].type is FieldType.NUMBER
    assert set(known) == {"Area", "Browser", "Free"}
    assert [each.name for each in schema.step_fields] == ["Tool"]
    assert schema.statuses == ("Pass", "Fail")
    assert [each.name for each in schema.users] == ["Seven"]


async def test_a_source_that_cannot_describe_itself_is_not_read(store: Store) -> None:
    class Failing(MemorySource):
        async def describe(self) -> Schema:
            raise KeyError("fields")

    with pytest.raises(RecordError, match=r"failed in describe of its project: KeyError: 'fields'"):
        await seen(store, Failing(PROJECT))

"""What new records rely on in the target, after people renamed and deleted there."""

from __future__ import annotations

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.unit.engine.crashing import typed
from ztoq_core import engine
from ztoq_core.errors import ConfigError
from ztoq_core.records import FieldValue, Folder, Kind, Record, Ref, TestCase
from ztoq_core.store import Store

FOLDER = Ref(Kind.FOLDER, "ACME-F2")
FIELD = "test_case/Browser"
NEW = TestCase(
    key="ACME-T9",
    name="Sign out",
    folder=FOLDER,
    fields=(FieldValue(name="Browser", value="Firefox"),),
)


async def migrate(
    store: Store, sink: MemorySink, *new: Record, on_conflict: str = "keep-target"
) -> list[str]:
    """Migrate the project and new records; return the warnings."""
    said: list[str] = []

    def hear(event: engine.Event) -> None:
        if event.level == "warning":
            said.append(event.text)

    with store.run("migrate") as run:
        source = MemorySource((*PROJECT, *new), CONTENTS)
        await engine.extract(engine.Run(store, run.id, hear), source)
        await engine.transform(engine.Run(store, progress=hear), lambda _: [typed])
        await engine.load(
            engine.Run(store, run.id, hear, request_timeout=0.01), sink, on_conflict=on_conflict
        )
    return said


def number_of(sink: MemorySink, key: str) -> str:
    return next(number for number, each in sink.objects.items() if each.record.key == key)


async def test_a_renamed_folder_is_named_before_anything_lands_in_it(store: Store) -> None:
    sink = MemorySink()
    assert not await migrate(store, sink)
    held = sink.objects[number_of(sink, FOLDER.key)]
    assert isinstance(held.record, Folder)
    held.record = attrs.evolve(held.record, name="Old stuff")

    with pytest.raises(ConfigError, match="1 folder, plan or cycle that new records go into was"):
        await migrate(store, sink, NEW, on_conflict="fail")
    assert NEW.key not in set(sink.keys())
    said = await migrate(store, sink, NEW)

    assert [text for text in said if "folder ACME-F2 (M-" in text]
    assert NEW.key in set(sink.keys())
    assert not await migrate(store, sink, NEW)


async def test_a_deleted_folder_is_made_again_for_what_comes_later(store: Store) -> None:
    sink = MemorySink()
    await migrate(store, sink)
    before = number_of(sink, FOLDER.key)
    del sink.objects[before]

    said = await migrate(store, sink, NEW)

    assert "folder ACME-F2 is not in the target any more: it is created again" in said
    assert number_of(sink, FOLDER.key) != before
    case = sink.objects[number_of(sink, NEW.key)]
    written = case.links[FOLDER]
    assert written is not None
    assert written.target_id == number_of(sink, FOLDER.key)


async def test_a_deleted_field_is_made_again_for_what_comes_later(store: Store) -> None:
    sink = MemorySink()
    await migrate(store, sink)
    del sink.objects[number_of(sink, FIELD)]

    await migrate(store, sink, NEW)

    assert sink.keys() == sorted([*(record.key for record in PROJECT), NEW.key, FIELD])

"""A folder of records goes to qTest over HTTP and comes back, equal but for what the docs name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import ztoq_mappings
import ztoq_qtest
from ztoq_demo.qtest import Options, Simulator
from ztoq_files import jsonl
from ztoq_testkit import CONTENTS, PROJECT
from ztoq_testkit import lent as lent_to_tests

from tests.file_projects import read_project, write_project
from ztoq_core import engine
from ztoq_core.contracts import Secret
from ztoq_core.plugins import Plugins
from ztoq_core.records import (
    Attachment,
    FieldType,
    FieldValue,
    Kind,
    Link,
    LinkType,
    Record,
    Ref,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
)
from ztoq_core.services import Services
from ztoq_core.settings.config import from_tables
from ztoq_core.store import Store

PAGE = Path(__file__).parents[2] / "docs" / "files.md"
MORNING = datetime(2025, 3, 1, 8, tzinfo=UTC)
BOOKKEEPING = {"raw", "companions", "notes", "path", "images", "text_refs"}


def full(record: Record) -> Record:
    """Fill what the kit's project leaves empty."""
    if isinstance(record, TestCase):
        return attrs.evolve(
            record,
            description="<p>One <b>&amp;</b> all</p>",
            precondition="<p>A shop</p>",
            status="Approved",
            priority="High",
            component="Web",
            labels=("smoke",),
            owner="quinn",
            created=MORNING,
            estimated=90.0,
            links=(Link(type=LinkType.WEB, url="https://acme.example.com", text="Wiki"),),
            fields=(FieldValue(name="Browser", value="Firefox", type=FieldType.TEXT),),
        )
    if isinstance(record, TestPlan):
        return attrs.evolve(record, description="<p>Spring</p>", status="Done", owner="quinn")
    if isinstance(record, TestCycle):
        return attrs.evolve(
            record, description="<p>At night</p>", planned_start=MORNING, planned_end=MORNING
        )
    if isinstance(record, TestLog):
        return attrs.evolve(record, comment="<p>Fine</p>", duration=60.0, executed_by="quinn")
    if isinstance(record, Attachment):
        body = CONTENTS[record.locator]
        return attrs.evolve(
            record,
            size=len(body),
            sha256=sha256(body).hexdigest(),
            media_type="image/png" if record.name.endswith(".png") else "text/plain",
        )
    return record


async def there_and_back(folder: Path) -> tuple[Mapping[Ref, Record], Mapping[Ref, Record]]:
    """Return what a folder held, and what it holds after the way through qTest."""
    lent = lent_to_tests()
    first, second = (jsonl.JsonLinesConfig(path=folder / name) for name in ("first", "second"))
    async with jsonl.open_sink(first, lent) as made:
        await write_project(made, map(full, PROJECT), CONTENTS)
    qtest = Simulator(Options())
    async with qtest.serving() as base_url:
        tables = {
            "source": {"use": "jsonl", "path": str(folder / "first")},
            "sink": {
                "use": "qtest",
                "base_url": base_url,
                "project": qtest.options.project,
                "token": Secret(qtest.options.token),
                "create_fields": True,
                "search_lag": 0.0,
            },
        }
        config = from_tables(tables, Plugins(jsonl, ztoq_qtest, ztoq_mappings), folder)
        opened = Store(f"sqlite:///{folder}/m.db", files=folder / "files")
        with opened as store, store.run("migrate") as run:
            services = Services(sink=store.note, outage=5.0)
            read, write = config.source, config.sink
            async with (
                engine.open_side(read.plugin, read.settings, services) as source,
                engine.open_side(write.plugin, write.settings, services) as sink,
            ):
                await engine.extract(engine.Run(store, run.id), source)
                await engine.transform(engine.Run(store), config.build)
                await engine.load(engine.Run(store, run.id), sink)
                await engine.validate(engine.Run(store), sink)
                assert engine.outcome(store).outcome is engine.Outcome.PROVED
                await bring_back(store, sink, second)
    found = []
    for each in (first, second):
        async with jsonl.open_source(each, lent) as opened_again:
            found.append(await read_project(opened_again))
    return found[0], found[1]


async def bring_back(store: Store, qtest: Any, config: jsonl.JsonLinesConfig) -> None:
    """Write what qTest holds into a folder, each record under the key that it had."""
    keys: dict[Ref, str] = {}
    held: list[tuple[Record, Record]] = []
    for kind in Kind:
        for _, there in await store.target_index.objects(kind, 0, 1000):
            record = await qtest.read(kind, there.written.target_id)
            keys[Ref(kind, there.written.target_id)] = there.ref.key
            held.append((attrs.evolve(record, key=there.ref.key), there.record))
    records = [_placed(renamed(record, keys), sent) for record, sent in held]
    contents = {
        each.key: CONTENTS[each.locator] for each in PROJECT if isinstance(each, Attachment)
    }
    async with jsonl.open_sink(config, lent_to_tests()) as sink:
        await write_project(sink, records, contents)


def _placed(record: Record, sent: Record) -> Record:
    """Say what qTest tells only by where it lists an object: a file's owner, a log's case."""
    if isinstance(record, Attachment) and isinstance(sent, Attachment):
        return attrs.evolve(record, owner=sent.owner, locator=record.key)
    if isinstance(record, TestLog) and isinstance(sent, TestLog):
        return attrs.evolve(record, case=sent.case)
    return record


def renamed(record: Record, keys: Mapping[Ref, str]) -> Record:
    """Return a record whose references have the source's keys again."""

    def back(value: Any) -> Any:
        if isinstance(value, Ref):
            key = keys.get(value)  # None: the root of qTest's tree, which is no record
            return Ref(value.kind, key) if key else None
        if isinstance(value, tuple):
            return tuple(each for each in map(back, value) if each is not None)
        if attrs.has(type(value)):
            inner = {
                each.name: back(getattr(value, each.name))
                for each in attrs.fields(type(value))
                if each.init and each.name not in {"raw", "companions"}
            }
            return attrs.evolve(value, **inner)
        return value

    changed: Record = back(record)
    return changed


def without_ids(record: Record) -> Record:
    """Leave out the ids that qTest gave to steps and results."""
    if isinstance(record, TestCase):
        steps = tuple(attrs.evolve(each, source_id="") for each in record.steps)
        return attrs.evolve(record, steps=steps)
    if isinstance(record, TestLog):
        results = tuple(attrs.evolve(each, source_id="") for each in record.results)
        return attrs.evolve(record, results=results)
    return record


def differing(first: Record, second: Record) -> Iterator[str]:
    first, second = without_ids(first), without_ids(second)
    for name in (each.name for each in attrs.fields(type(first))):
        if name not in BOOKKEEPING and getattr(first, name) != getattr(second, name):
            yield name


def named() -> set[tuple[str, str]]:
    """Return the kinds and attributes that the page names."""
    _, _, part = PAGE.read_text("utf-8").partition("### By way of qTest\n")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", part.partition("\n## ")[0], re.MULTILINE)
    return {(kind, name) for kind, cell in rows for name in re.findall(r"`(\w+)`", cell)}


async def test_what_comes_back_is_equal_but_for_what_the_page_names(tmp_path: Path) -> None:
    first, second = await there_and_back(tmp_path)

    assert first.keys() == second.keys()
    found = {
        (ref.kind.value, name)
        for ref, record in first.items()
        for name in differing(record, second[ref])
    }
    assert found == named()

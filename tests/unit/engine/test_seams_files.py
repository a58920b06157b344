"""The seams between stages, for files: those of pictures, of steps, and those that are passed on.

What waits for a file is counted once, a file that may have been made stays in doubt, and a store
without its files is not called complete.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource, PowerCut
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.unit.engine.test_pictures import HOST, PNG, SHOT, Net, case, img, mapped, project
from tests.unit.engine.test_seams import SHOP, bring
from tests.unit.engine.test_stages import same
from ztoq_core import engine
from ztoq_core.contracts import Content, Download, Found, Links, Page, Written
from ztoq_core.errors import RetryableError
from ztoq_core.records import Attachment, Kind, Record, Ref, TestCase, TestStep
from ztoq_core.store import State, Store


def description(sink: MemorySink) -> str:
    return next(
        each.record.description
        for each in sink.objects.values()
        if isinstance(each.record, TestCase)
    )


async def test_a_passed_on_file_stays_in_doubt_without_the_source(tmp_path: Path) -> None:
    file = "ACME-T1#1"

    class Picky(MemorySink):
        """Finds files by their content; dies once one is made."""

        cut: str | None = file

        async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
            found = await super().find(record, links)
            if not isinstance(record, Attachment):
                return found
            return tuple(
                each
                for each in found
                if hashlib.sha256(self.objects[each.written.target_id].content).hexdigest()
                == record.sha256
            )

        async def write(
            self, record: Record, target_id: str | None, links: Links, content: Content | None
        ) -> Written:
            made = await super().write(record, target_id, links, content)
            if record.key == self.cut:
                raise PowerCut
            return made

    source, sink = MemorySource(PROJECT, CONTENTS), Picky()
    with Store(f"sqlite:///{tmp_path}/m.db") as store:

        async def load(source: MemorySource | None) -> None:
            with store.run("load") as run:
                await engine.load(
                    engine.Run(store, run.id, request_timeout=0.01), sink, source=source
                )

        with store.run("migrate") as run:
            await engine.extract(engine.Run(store, run.id), source, stream=True)
            await engine.transform(engine.Run(store), lambda _: [same])
        with pytest.raises((PowerCut, BaseExceptionGroup)):
            await load(source)
        sink.cut = None
        await load(None)

        await bring(store, sink, PROJECT)

    assert sink.keys().count(file) == 1


async def test_files_on_a_page_beside_pictures_are_kept(store: Store) -> None:
    folder = attrs.evolve(SHOP, description=img(SHOT))
    file = Attachment(key="F1#1", name="a.txt", owner=folder.ref, locator="log")

    class Whole(MemorySource):
        completes = frozenset({Kind.ATTACHMENT})

        async def fetch(self, kind: Kind, cursor: str | None) -> Page:
            del cursor
            return Page(records=(folder, file) if kind is Kind.FOLDER else (), cursor=None)

    source = Whole([folder, file], CONTENTS)
    with store.run("extract") as run:
        pictures = Net({SHOT: PNG}).gallery()
        await engine.extract(engine.Run(store, run.id), source, pictures=pictures)

    assert sum(store.reporting.counts()[Kind.ATTACHMENT].values()) == 2


async def test_a_file_that_was_written_is_never_called_refused(tmp_path: Path) -> None:
    @attrs.frozen
    class Body:
        body: bytes
        size: int
        media_type: str = ""

        async def chunks(self) -> AsyncIterator[bytes]:
            yield self.body

    class Source(MemorySource):
        """Opens with a size; what is read again is refused."""

        @asynccontextmanager
        async def open_file(self, attachment: Attachment) -> AsyncIterator[Download]:
            body = self.contents[attachment.locator]
            yield Body(body, len(body))

        async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
            raise RetryableError(f"the budget is used up before {attachment.key}")
            yield b""

    class Early(MemorySink):
        """Answers before the last byte was read, as servers may."""

        async def write(
            self,
            record: Record,
            target_id: str | None,
            links: Links,
            content: Content | None,
        ) -> Written:
            del content
            return await super().write(record, target_id, links, None)

    source, sink = Source(PROJECT, CONTENTS), Early()
    with Store(f"sqlite:///{tmp_path}/m.db") as store:

        async def migrate() -> None:
            with store.run("migrate") as run:
                await engine.extract(engine.Run(store, run.id), source, stream=True)
                await engine.transform(engine.Run(store), lambda _: [same])
                await engine.load(
                    engine.Run(store, run.id, request_timeout=0.01), sink, source=source
                )

        for _ in range(2):
            with pytest.raises(RetryableError):
                await migrate()

    assert len(sink.keys()) == len(set(sink.keys()))


async def test_a_rewritten_case_waits_for_both_files_of_its_steps(store: Store) -> None:
    owner = Ref(Kind.TEST_CASE, "T1")
    one = Attachment(key="T1/1#1", name="a.png", owner=owner, part="1", locator="basket")
    two = Attachment(key="T1/1#2", name="b.png", owner=owner, part="1", locator="log")

    def refer(record: Record) -> Record:
        if isinstance(record, TestCase):
            html = "".join(f'<img src="{file.ref.address}">' for file in (one, two))
            text = record.description + html
            return attrs.evolve(record, description=text, text_refs=(one.ref, two.ref))
        return record

    class Steps(MemorySink):
        """Loses the files of steps when a case is written again."""

        slow = False

        async def write(
            self, record: Record, target_id: str | None, links: Links, content: Content | None
        ) -> Written:
            if isinstance(record, TestCase) and target_id:
                files = [n for n, e in self.objects.items() if isinstance(e.record, Attachment)]
                for number in files:
                    del self.objects[number]
            if self.slow and record.ref == two.ref:
                await asyncio.sleep(0.3)
            return await super().write(record, target_id, links, content)

    sink = Steps()
    steps = (TestStep(key="1", description="x"),)
    for text in ("old", "new"):
        told = TestCase(key="T1", name="Case", folder=SHOP.ref, description=text, steps=steps)
        await bring(store, sink, [SHOP, told, one, two], change=refer)
        sink.slow = True

    assert "missing" not in description(sink)
    assert store.reporting.counts()[Kind.ATTACHMENT] == {State.FINISHED: 2}


async def test_a_rollback_puts_pictures_back(store: Store) -> None:
    other = f"{HOST}/stored-1602524700770-Other.png"
    sink = MemorySink()
    last = 0
    for src in (SHOT, other):
        pictures = Net({SHOT: PNG, other: PNG + b"x"}).gallery()
        last = await bring(store, sink, project(case(img(src))), change=mapped, pictures=pictures)
        assert "missing" not in description(sink)

    with store.run("rollback") as run:
        await engine.rollback(engine.Run(store, run.id), sink, of_run=last)

    assert "missing" not in description(sink)


async def test_a_quick_pass_that_leaves_files_makes_no_complete_store(tmp_path: Path) -> None:
    class Quick(MemorySource):
        async def changed_since(
            self,
            kind: Kind,
            since: datetime,
            cursor: str | None,
        ) -> Page:
            del since
            return await self.fetch(kind, cursor)

    owner = Ref(Kind.TEST_CASE, "ACME-T1")
    new = Attachment(key="ACME-T1#9", name="new.txt", owner=owner, locator="log")
    since = datetime(2025, 1, 1, tzinfo=UTC)
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        with store.run("extract") as run:
            await engine.extract(engine.Run(store, run.id), Quick(PROJECT, CONTENTS))
        assert not store.reporting.streamed

        source = Quick([*PROJECT, new], CONTENTS)
        with store.run("extract") as run:
            await engine.extract(engine.Run(store, run.id), source, stream=True, since=since)
        assert store.reporting.streamed


async def test_an_extraction_that_began_with_leaving_files_is_not_complete(tmp_path: Path) -> None:
    class Stopping(MemorySource):
        calm = False

        async def fetch(self, kind: Kind, cursor: str | None) -> Page:
            if kind is Kind.TEST_PLAN and not self.calm:
                raise RetryableError("out")
            return await super().fetch(kind, cursor)

    source = Stopping(PROJECT, CONTENTS)
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        with pytest.raises(RetryableError), store.run("extract") as run:
            await engine.extract(engine.Run(store, run.id), source, stream=True)

        source.calm = True
        with store.run("extract") as run:
            await engine.extract(engine.Run(store, run.id), source, stream=False)

        assert store.reporting.files().count == 2 or store.reporting.streamed

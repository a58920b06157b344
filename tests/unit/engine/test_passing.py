"""Files that the store does not hold are read at the source while they are written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.unit.engine.test_stages import same, source
from ztoq_core import engine
from ztoq_core.errors import RejectedError
from ztoq_core.records import Attachment, Kind
from ztoq_core.store import State, Store


async def streamed(store: Store, source: MemorySource, sink: MemorySink) -> None:
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), source, stream=True)
        await engine.transform(engine.Run(store), lambda _: [same])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink, source=source)


async def test_a_source_that_tells_no_sizes_has_its_files_kept_first(tmp_path: Path) -> None:
    sink = MemorySink()
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        await streamed(store, source(), sink)
        assert store.reporting.counts()[Kind.ATTACHMENT] == {State.FINISHED: 2}
        assert store.reporting.files().count == 2
    held = sorted(each.content for each in sink.objects.values() if each.content)
    assert held == sorted(CONTENTS.values())


async def test_without_the_source_a_file_fails_and_says_why(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        with store.run("migrate") as run:
            await engine.extract(engine.Run(store, run.id), source(), stream=True)
            await engine.transform(engine.Run(store), lambda _: [same])
            await engine.load(engine.Run(store, run.id, request_timeout=0.01), MemorySink())
        assert store.reporting.counts()[Kind.ATTACHMENT] == {State.FAILED: 2}
        problems = [each for each in store.reporting.problems() if each.kind is Kind.ATTACHMENT]
        assert {each.reason for each in problems} == {
            "The store does not hold the file's content; extract again"
        }


async def test_a_file_that_the_source_no_longer_gives_fails(tmp_path: Path) -> None:
    class Forgetful(MemorySource):
        async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
            if attachment.locator == "log":
                raise RejectedError("it is gone", status=404)
            async for chunk in super().download(attachment):
                yield chunk

    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        await streamed(store, Forgetful(PROJECT, CONTENTS), MemorySink())
        assert store.reporting.counts()[Kind.ATTACHMENT] == {State.FINISHED: 1, State.FAILED: 1}


async def test_what_an_earlier_store_passed_on_is_adopted_by_its_content(tmp_path: Path) -> None:
    sink, read = MemorySink(), source()
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        await streamed(store, read, sink)
    before = len(sink.objects)
    with Store(f"sqlite:///{tmp_path}/another.db") as store:
        await streamed(store, read, sink)
        assert store.reporting.counts()[Kind.ATTACHMENT] == {State.FINISHED: 2}
    assert len(sink.objects) == before

"""A new store takes over what an earlier one wrote, also where the target refuses a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.contracts import Found, Links, MarkPage, Owner
from ztoq_core.errors import ConfigError, Exit, RejectedError
from ztoq_core.records import Attachment, Kind, Record, Ref
from ztoq_core.store import Store

FORBIDDEN = RejectedError("GET things: 403 no right to see this", status=403)
OWNER = next(each for each in PROJECT if isinstance(each, Attachment)).owner


class Refusing(MemorySink):
    """Refuses to list one kind: as a whole, or under one owner, which shows nothing then."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: tuple[Kind, Ref | None] | None = None

    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        under = {record.ref for record, _ in owners}
        if self.hidden and kind is self.hidden[0] and (not under or self.hidden[1] in under):
            raise FORBIDDEN
        return await super().marks(kind, owners, cursor)

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        if self.hidden and isinstance(record, Attachment) and record.owner == self.hidden[1]:
            raise FORBIDDEN
        return await super().find(record, links)


async def load(path: Path, sink: MemorySink) -> engine.Verdict:
    with Store(f"sqlite:///{path}") as store, store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [lambda record: record])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)
        return engine.outcome(store, engine.Goal.LOAD)


async def test_a_list_that_is_refused_stops_before_anything_is_written_twice(
    tmp_path: Path,
) -> None:
    sink = Refusing()
    sink.hidden = Kind.TEST_CASE, None
    with pytest.raises(ConfigError, match=r"403 .* cannot see which test cases"):
        await load(tmp_path / "m.db", sink)
    assert not sink.objects


async def test_a_refused_list_of_what_nobody_writes_does_not_matter(tmp_path: Path) -> None:
    assert Kind.REQUIREMENT not in {each.kind for each in PROJECT}
    sink = Refusing()
    sink.hidden = Kind.REQUIREMENT, None
    assert (await load(tmp_path / "m.db", sink)).exit is Exit.OK


async def test_one_owners_refused_list_keeps_its_files_in_doubt_and_ends_nothing(
    tmp_path: Path,
) -> None:
    sink = Refusing()
    await load(tmp_path / "lost.db", sink)
    before = Counter(each.record.ref for each in sink.objects.values())
    sink.hidden = Kind.ATTACHMENT, OWNER
    verdict = await load(tmp_path / "new.db", sink)
    assert Counter(each.record.ref for each in sink.objects.values()) == before
    assert verdict.exit is Exit.LEFT
    sink.hidden = None
    assert (await load(tmp_path / "new.db", sink)).exit is Exit.OK
    assert Counter(each.record.ref for each in sink.objects.values()) == before

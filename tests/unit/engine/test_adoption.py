"""A new store takes over what an earlier one wrote, also where the target refuses a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.contracts import Found, Links, MarkPage, Owner, Written
from ztoq_core.errors import ConfigError, Exit, RejectedError
from ztoq_core.records import Attachment, Folder, Kind, Record, Ref, TestCase, Tree
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


async def load(
    path: Path,
    sink: MemorySink,
    records: Sequence[Record] = PROJECT,
    *,
    on_conflict: str = "keep-target",
    wait_s: float = 0.01,
) -> engine.Verdict:
    with Store(f"sqlite:///{path}") as store, store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(records, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [lambda record: record])
        settings = engine.Run(store, run.id, request_timeout=wait_s)
        await engine.load(settings, sink, on_conflict=on_conflict)
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


CASES = [each for each in PROJECT if each.kind is Kind.TEST_CASE]


class Hiccup(MemorySink):
    """Cannot look for the two test cases at first."""

    asked = 0

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        if record.kind is Kind.TEST_CASE:
            self.asked += 1
            if self.asked <= len(CASES):
                raise RejectedError("GET things: 500", status=500)
        return await super().find(record, links)


async def test_files_of_what_is_found_late_are_looked_for_too(tmp_path: Path) -> None:
    sink = MemorySink()
    await load(tmp_path / "old.db", sink)
    late = Hiccup()
    late.objects = sink.objects
    before = late.keys()
    verdict = await load(tmp_path / "new.db", late, wait_s=0.5)
    assert late.keys() == before
    assert verdict.exit is Exit.OK


class Placed(MemorySink):
    """Finds what it holds under the parent that a record names, as lists of children do."""

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        here = set(record.parents())
        return tuple(
            each
            for each in await super().find(record, links)
            if here == set(self.objects[each.written.target_id].record.parents())
        )


async def test_what_was_moved_while_no_store_knew_of_it_is_not_made_twice(tmp_path: Path) -> None:
    """A folder into another one, and a case into a folder that is new."""
    outer, inner = (Folder(key=f"ACME-F{n}", name="F", tree=Tree.CASES) for n in (1, 2))
    new = Folder(key="ACME-F3", name="New", tree=Tree.CASES)
    case = TestCase(key="ACME-T1", name="Pay", folder=inner.ref)
    within = TestCase(key="ACME-T2", name="Pay", folder=inner.ref)
    sink = Placed()
    await load(tmp_path / "old.db", sink, [outer, inner, case, within])
    before = sink.keys()
    inner = attrs.evolve(inner, parent=outer.ref)
    case = attrs.evolve(case, folder=new.ref)
    moved = [outer, inner, new, case, within]

    verdict = await load(tmp_path / "new.db", sink, moved)

    assert sink.keys() == sorted([*before, new.key])
    assert (verdict.exit, verdict.next) == (Exit.LEFT, "ztoq resolve")
    assert "in another place than the source" in verdict.sentences[0]
    verdict = await load(tmp_path / "new.db", sink, moved, on_conflict="overwrite")
    assert verdict.exit is Exit.OK
    held = {each.record.key: each.record.parents() for each in sink.objects.values()}
    assert (held[inner.key], held[case.key]) == ((outer.ref,), (new.ref,))


class Closed(Placed):
    """Refuses to show single objects, as long as it is ``closed``."""

    closed = False

    async def current(self, kind: Kind, target_id: str) -> Written | None:
        if self.closed:
            raise FORBIDDEN
        return await super().current(kind, target_id)


async def test_what_was_moved_and_cannot_be_read_stays_in_doubt_until_it_can(
    tmp_path: Path,
) -> None:
    """Neither does it end the load, nor is it taken for absent, now or with the next load."""
    one, other = (Folder(key=f"ACME-F{n}", name=f"F{n}", tree=Tree.CASES) for n in (1, 2))
    case = TestCase(key="ACME-T1", name="Pay", folder=one.ref)
    sink = Closed()
    await load(tmp_path / "old.db", sink, [one, other, case])
    before = sink.keys()
    moved = [one, other, attrs.evolve(case, folder=other.ref), TestCase(key="ACME-T2", name="Buy")]

    sink.closed = True
    for _ in range(2):
        verdict = await load(tmp_path / "new.db", sink, moved)
        assert sink.keys() == sorted([*before, "ACME-T2"])
        assert verdict.exit is Exit.LEFT
    sink.closed = False
    verdict = await load(tmp_path / "new.db", sink, moved)
    assert sink.keys() == sorted([*before, "ACME-T2"])
    assert (verdict.exit, verdict.next) == (Exit.LEFT, "ztoq resolve")

"""A list that the target refuses is reported as not checked; everything else is compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.contracts import MarkPage, Owner
from ztoq_core.engine.verdict.judgement import Outcome
from ztoq_core.errors import Exit, RejectedError
from ztoq_core.records import Attachment, Kind, Ref
from ztoq_core.store import Store

FORBIDDEN = RejectedError("GET things: 403 no right to see this", status=403)
BROKEN = RejectedError("GET things: 500 for ten minutes", status=500)
OWNER = next(each for each in PROJECT if isinstance(each, Attachment)).owner


class Refusing(MemorySink):
    """Fails to list one kind: as a whole, or under one owner."""

    def __init__(self, kind: Kind, owner: Ref | None, error: Exception) -> None:
        super().__init__()
        self.kind, self.owner, self.error = kind, owner, error
        self.hides = False

    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        under = {record.ref for record, _ in owners}
        if self.hides and kind is self.kind and (self.owner in under or not under):
            raise self.error
        return await super().marks(kind, owners, cursor)


async def migrate(store: Store, sink: Refusing) -> None:
    with store.run("migrate") as run:
        source = MemorySource(PROJECT, CONTENTS, page_size=2)
        await engine.extract(engine.Run(store, run.id), source)
        await engine.transform(engine.Run(store), lambda _: [lambda record: record])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)
    sink.hides = True


@pytest.mark.parametrize("error", [FORBIDDEN, BROKEN, TypeError("a fault of the plugin")], ids=repr)
@pytest.mark.parametrize(
    ("kind", "owner"), [(Kind.ATTACHMENT, OWNER), (Kind.TEST_CASE, None)], ids=["owner", "whole"]
)
async def test_a_refused_list_is_not_checked_and_ends_nothing(
    tmp_path: Path, kind: Kind, owner: Ref | None, error: Exception
) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        sink = Refusing(kind, owner, error)
        await migrate(store, sink)
        found = await engine.validate(engine.Run(store), sink)
        assert not found.findings
        assert all(row.source == row.target for row in found.rows)
        (why,) = found.unproved
        assert str(error) in why
        assert owner is None or f"of test case {owner.key} cannot be listed" in why
        verdict = engine.outcome(store, engine.Goal.VALIDATE)
        assert (verdict.outcome, verdict.exit) == (Outcome.NOT_PROVED, Exit.LEFT)


async def test_a_refused_list_of_what_nobody_sent_hides_nothing(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        sink = Refusing(Kind.REQUIREMENT, None, FORBIDDEN)
        await migrate(store, sink)
        found = await engine.validate(engine.Run(store), sink)
        assert not found.unproved
        assert engine.outcome(store, engine.Goal.VALIDATE).exit is Exit.OK


async def test_what_is_gone_is_missing_though_its_list_is_refused(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        sink = Refusing(Kind.TEST_CASE, None, FORBIDDEN)
        await migrate(store, sink)
        number, gone = next(
            (number, each.record)
            for number, each in sink.objects.items()
            if each.record.kind is Kind.TEST_CASE
        )
        del sink.objects[number]
        found = await engine.validate(engine.Run(store), sink)
        missing = {key for row in found.rows for key in row.missing}
        assert gone.key in missing
